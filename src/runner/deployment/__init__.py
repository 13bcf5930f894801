"""Room 6: the gate, the bundle that ships, the registry."""
