"""Room 5: the sealed test, in business value, with a verdict."""
