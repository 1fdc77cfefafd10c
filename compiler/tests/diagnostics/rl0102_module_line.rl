module platform.base
module base
