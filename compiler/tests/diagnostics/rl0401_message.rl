input { usage.output : tokens after response }
rule api { deny "took {usage.output}" }
