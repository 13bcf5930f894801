"""From a table to a model in the time that is given: what `python -m runner fit` and `runner.fit` do."""
