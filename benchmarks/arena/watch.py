"""A command that is watched: wall clock, memory of all its processes, what others used of the machine meanwhile; ended when it overruns."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

EVERY = 0.5
"""Seconds between two looks at the processes."""


@dataclass(frozen=True)
class Watched:
    """seconds: by the wall clock, from before the start to after the end; others: cores that other processes kept busy, on average."""

    seconds: float
    code: int
    killed: bool
    peak_bytes: int
    others: float
    load_before: float
    load_after: float


class _Tree:
    """A process and all that it starts, also what leaves its group."""

    def __init__(self, pid: int) -> None:
        self.root = psutil.Process(pid)
        self.seen: dict[tuple[int, float], psutil.Process] = {}
        self.cpu: dict[tuple[int, float], float] = {}
        self.peak = 0

    def look(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in [self.root, *self.root.children(recursive=True)]:
                self.seen.setdefault((process.pid, process.create_time()), process)
        alive, resident = [], 0
        for key, process in self.seen.items():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied, ProcessLookupError):
                if process.is_running():
                    spent = process.cpu_times()
                    self.cpu[key] = spent.user + spent.system
                    resident += process.memory_info().rss
                    alive.append(process)
        # Shares of pages are slow to add up, and never more than what is resident: only a possible new peak is looked at.
        if resident > self.peak:
            self.peak = max(self.peak, sum(map(_memory, alive)))

    def end(self) -> None:
        """End what is still there; only processes that were seen below the root, by their own ids."""
        for process in self.seen.values():
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.is_running() and process.pid != os.getpid():
                    process.kill()


def _memory(process: psutil.Process) -> int:
    """Bytes of a process, pages that it shares counted by its share (PSS), where the system tells."""
    try:
        for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    with contextlib.suppress(psutil.NoSuchProcess):
        return int(process.memory_info().rss)
    return 0


def _busy() -> float:
    spent = psutil.cpu_times()
    return float(sum(spent) - spent.idle - getattr(spent, "iowait", 0.0) - getattr(spent, "guest", 0.0) - getattr(spent, "guest_nice", 0.0))


def watched(command: list[str], limit: float, log: Path, env: dict[str, str], cwd: Path) -> Watched:
    """Run a command for at most `limit` seconds; its words go to the log. Its whole group is killed when it takes longer."""
    load_before, busy_before, own_before = os.getloadavg()[0], _busy(), sum(os.times()[2:4])
    start = time.perf_counter()
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=env, cwd=cwd, start_new_session=True)
        tree, ended = _Tree(process.pid), threading.Event()

        def watch() -> None:
            while not ended.wait(EVERY):
                tree.look()

        looking = threading.Thread(target=watch, daemon=True)
        tree.look()
        looking.start()
        killed = False
        try:
            process.wait(limit)
        except subprocess.TimeoutExpired:
            killed = True
        finally:
            seconds = time.perf_counter() - start
            ended.set()
            looking.join()
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            tree.end()
            process.wait()
    own = max(sum(os.times()[2:4]) - own_before, sum(tree.cpu.values()))
    others = max(0.0, (_busy() - busy_before - own) / max(seconds, 0.1))
    return Watched(seconds, process.returncode, killed, tree.peak, others, load_before, os.getloadavg()[0])
