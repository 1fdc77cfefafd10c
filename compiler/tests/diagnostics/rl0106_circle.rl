input { n : int }
fn even(n: int) -> bool = odd(n - 1)
fn odd(n: int) -> bool = even(n - 1)
rule api { if even(n) then deny }
