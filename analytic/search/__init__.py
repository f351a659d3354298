"""The search for minima of larger models: descents from many starts, merged, verified and counted."""
