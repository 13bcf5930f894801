"""Features proposed for you: candidate features are screened, refitted and kept only where they help again and again."""

BUDGET = 300  # fits of the quick model, unless another number is asked for
