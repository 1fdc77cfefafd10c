input { user : key }
rule api { limit 4 in flight per user for at most 1 min overshoot 5% }
