"""Training by sampling, the independent witness: nothing here knows a formula for the expected loss."""
