"""What this machine offers; never a reason for another result."""

from __future__ import annotations

import os
import time
from math import ceil, inf
from pathlib import Path

STAT = Path("/proc/self/stat")
UPTIME = Path("/proc/uptime")
QUOTA = Path("/sys/fs/cgroup/cpu.max")
STARTED_AT = 19  # place of the start, in ticks since the machine's, behind the name in brackets


def cores() -> int:
    """Processors this process may use: a container with a share of a large machine has no more than its share."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    return max(1, ceil(min(there, _quota())))


def _quota() -> float:
    """Processors' time a unit of time that the control group (version 2) may use; without end where nothing limits it."""
    try:
        quota, period = QUOTA.read_text(encoding="utf-8").split()
        return int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return inf


def process_age() -> float:
    """Seconds since this process began, its interpreter's own start included; 0 where the system does not tell."""
    try:
        ticks = int(STAT.read_text(encoding="utf-8").rpartition(")")[2].split()[STARTED_AT])
        up = float(UPTIME.read_text(encoding="utf-8").split()[0])
    except (OSError, ValueError, IndexError):
        return 0.0
    return max(0.0, up - ticks / os.sysconf("SC_CLK_TCK"))


def process_start() -> float:
    """When this process began, on `time.monotonic()`."""
    return time.monotonic() - process_age()
