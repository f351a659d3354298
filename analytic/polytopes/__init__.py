"""What a weight matrix is made of: feature dimensionality, groups of features, and the names of their shapes."""
