"""What is known of an entity strictly before a row's time: the fitted form of a `history` step, and the store that events update."""
