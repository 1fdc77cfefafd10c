module other.base
