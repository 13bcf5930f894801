"""Rungs made of other rungs, how each rung is fitted for shipping, and what each costs to run."""
