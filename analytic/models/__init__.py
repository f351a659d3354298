"""The problem: features, the convention for the bias, symmetries, and the models that combine them."""
