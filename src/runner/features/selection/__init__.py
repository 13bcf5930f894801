"""Which features earn their keep, net of what they cost, and how sure that is."""
