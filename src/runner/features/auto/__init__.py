"""Features proposed for you: candidate features are screened, refitted and kept only where they help again and again."""
