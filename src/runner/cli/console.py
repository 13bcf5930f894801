"""Where tables are printed: as wide as the terminal, or of a fixed width in a pipe."""

from __future__ import annotations

from rich.console import Console


def console(pipe_width: int, highlight: bool = False) -> Console:
    """Standard output for tables. pipe_width: columns where there is no terminal; highlight: whether numbers and the like get colours."""
    found = Console(highlight=highlight)
    return found if found.is_terminal else Console(highlight=highlight, width=pipe_width)
