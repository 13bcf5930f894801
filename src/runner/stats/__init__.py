"""Intervals and paired comparisons that hold what they promise."""
