input { n : int }
fn f(n: int) -> int = f(n - 1)
rule api { if f(n) == 1 then deny }
