"""Room 7: the reference profile, alarms within a declared false-alarm budget, their rehearsal."""
