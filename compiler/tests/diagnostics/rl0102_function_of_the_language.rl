fn lower(n: int) -> int = n
