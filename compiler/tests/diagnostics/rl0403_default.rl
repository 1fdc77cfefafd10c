input { a : int  b : int = a }
