"""Libraries that only some kinds of source need."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from runner.data.unreadable import UnreadableError

EXTRA = "sources"


def needed(module: str) -> Any:
    """Import a library of the extra `sources`. Raises UnreadableError that names the extra where it is not installed."""
    try:
        return import_module(module)
    except ImportError:
        library = module.partition(".")[0].replace("_", "-")
        raise UnreadableError(f"needs {library}, which is not installed", f"the extra `{EXTRA}`", f"pip install 'runner[{EXTRA}]'") from None
