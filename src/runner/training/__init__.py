"""Room 4: the ladder of candidates, from the simplest baseline upward."""
