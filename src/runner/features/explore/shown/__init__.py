"""The exploration as people read it: the strongest as pictures whose titles say the finding, everything else on demand."""
