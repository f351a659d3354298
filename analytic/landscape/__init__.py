"""Every stationary point of one model, and what is known about each."""
