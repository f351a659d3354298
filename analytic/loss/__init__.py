"""The expected loss: generated formulas, on arrays, in exact and symbolic arithmetic, and its variance."""
