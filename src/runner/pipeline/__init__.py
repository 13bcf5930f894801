"""The stages as a table, the runner that caches them, sweeps, and the acts at a run's end."""
