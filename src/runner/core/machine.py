"""What this machine offers; never a reason for another result."""

from __future__ import annotations

import os


def cores() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
