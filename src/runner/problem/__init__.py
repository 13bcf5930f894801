"""Room 1: the decision, what it is worth, and whether it can be learned at all."""
