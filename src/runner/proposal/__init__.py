"""From a table nobody has described to a commented experiment that runs.

It stands between pipeline and experiment in the import order: a proposal is written in the words of every room, so it
may look at all of their specs and craft (the casts, the split, the leakage check), and no room needs to know of it.
"""
