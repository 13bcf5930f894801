"""How the outcome is made, when it is final, who says so, and which outcomes are probably wrong."""
