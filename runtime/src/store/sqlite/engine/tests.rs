//! Faults that only show from inside.
