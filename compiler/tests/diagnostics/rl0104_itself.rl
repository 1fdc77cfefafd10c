module platform.base
use platform.base
