"""Machine code that XLA has compiled ahead of time: loading it compiles nothing."""
