"""Class imbalance: what it means, and what is done about it before the fits."""
