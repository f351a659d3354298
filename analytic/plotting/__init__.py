"""Pictures of what the others computed, on the `ax` they are given."""
