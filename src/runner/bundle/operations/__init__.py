"""What fitted steps do to rows beside SQL and look-ups; importing this registers their readers."""

from runner.bundle import textual
from runner.bundle.operations import categories, curves, linear, ngrams

__all__ = ["categories", "curves", "linear", "ngrams", "textual"]
