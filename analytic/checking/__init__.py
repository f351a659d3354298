"""Trained weights, as users have them, against the theory."""
