input { model : string  usage.model : string after response }
rule api { let same = model == usage.model }
