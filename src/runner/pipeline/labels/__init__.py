"""Acts on labels: the review of those that are probably wrong, and the work of annotators."""
