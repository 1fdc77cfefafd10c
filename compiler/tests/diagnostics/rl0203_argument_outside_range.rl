input { n : int }
fn f(n: int in 1..9) -> int = 100 / n
rule api { if f(n) == 1 then deny }
