"""The format of what ships, and the only path from rows to scores."""
