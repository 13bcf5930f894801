"""Sending records to the tracking server, without ever depending on it."""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from runner.core.digests import of_bytes, of_file
from runner.core.secrets import masked
from runner.core.workspace import Workspace
from runner.deployment.answerable import Answerable
from runner.deployment.mlflow_client import OFF, is_remote, tracking_uri
from runner.experiment.model import TrackingSpec

# Importing MLflow and making a local store are this machine's work, not a server's silence.
STARTUP_LIMIT_S = 120.0
LOCAL_LIMIT_S = 120.0


@dataclass(frozen=True)
class Registration:
    """A bundle to register, under a name and an alias, with who answers for it."""

    bundle: Path
    name: str
    alias: str
    answerable: Answerable


@dataclass(frozen=True)
class Sent:
    """records: digests delivered now; kept: still waiting; registered: the version, if one was registered or moved now."""

    records: tuple[str, ...]
    kept: int
    registered: str | None


def track(workspace: Workspace, tracking: TrackingSpec, say: Callable[[str], None], registration: Registration | None = None) -> Sent:
    """Send every record the server has not seen, and register a bundle; says once when that must wait.

    Costs nothing when there is nothing to send, and at most tracking.max_wait_s of waiting for a server that is silent.
    """
    if tracking.uri == OFF:
        return Sent((), 0, None)
    uri = tracking_uri(workspace.home, tracking.uri)
    order = _order(workspace, uri, registration)
    if not order["records"] and not order["register"]:
        return Sent((), 0, None)
    started = time.monotonic()
    if is_remote(uri) and not _answers(uri, tracking.max_wait_s / 2):
        return _told(_Talk((), None, "does not answer"), order, uri, say)
    left = max(0.1, tracking.max_wait_s - (time.monotonic() - started)) if is_remote(uri) else LOCAL_LIMIT_S
    return _told(_talk(order, left), order, uri, say)


def _order(workspace: Workspace, uri: str, registration: Registration | None) -> dict[str, Any]:
    seen = workspace.home / "tracked" / of_bytes(uri.encode())[:16]
    records = sorted((workspace.home / "records").glob("*.json"), key=lambda p: (p.stat().st_mtime_ns, p.name))
    return {
        "home": str(workspace.home.resolve()),
        "root": str(workspace.root.resolve()),
        "uri": uri,
        "markers": str(seen),
        "records": [str(p) for p in records if not (seen / p.stem).exists()],
        "register": _registration(seen, registration) if registration else None,
    }


def _registration(seen: Path, registration: Registration) -> dict[str, Any] | None:
    digest = of_file(registration.bundle / "manifest.json")
    marker = seen / f"registered-{registration.name}-{registration.alias}-{digest[:24]}"
    if marker.exists():
        return None
    return {
        "bundle": str(registration.bundle.resolve()),
        "name": registration.name,
        "alias": registration.alias,
        "answerable": registration.answerable.as_json(),
        "marker": str(marker),
    }


def _answers(uri: str, limit_s: float) -> bool:
    parts = urlsplit(uri)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((parts.hostname or "", port), timeout=limit_s):
            return True
    except OSError:
        return False


@dataclass(frozen=True)
class _Talk:
    sent: tuple[str, ...]
    registered: str | None
    trouble: str | None


def _talk(order: dict[str, Any], silence_s: float) -> _Talk:
    """Run the sender; it may take as long as it speaks, but not be silent for longer than silence_s in total."""
    environment = {**os.environ, "MLFLOW_TRACKING_URI": order["uri"], "PYTHONWARNINGS": "ignore"}
    child = subprocess.Popen(
        [sys.executable, "-m", "runner.pipeline.send"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )
    if child.stdin is None or child.stdout is None or child.stderr is None:
        raise RuntimeError("the sender was started without pipes")
    child.stdin.write(json.dumps(order).encode())
    child.stdin.close()
    lines, silent = _listen(child, silence_s)
    if silent:
        os.killpg(child.pid, signal.SIGKILL)
    code = child.wait()
    last = child.stderr.read().decode(errors="replace").strip().splitlines()[-1:]
    sent = tuple(line.split()[1] for line in lines if line.startswith("sent "))
    registered = next((line.split()[1] for line in lines if line.startswith("registered ")), None)
    trouble = "stopped answering" if silent else f"refused ({masked(last[0])[:200] if last else code})" if code else None
    return _Talk(sent, registered, trouble)


def _listen(child: subprocess.Popen[bytes], silence_s: float) -> tuple[list[str], bool]:
    """The lines until the child ends, and whether it fell silent."""
    if child.stdout is None:
        return [], False
    pending, limit = b"", STARTUP_LIMIT_S
    lines: list[str] = []
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            if not selector.select(limit):
                return lines, True
            chunk = os.read(child.stdout.fileno(), 65536)
            if not chunk:
                return lines, False
            pending += chunk
            *whole, pending = pending.split(b"\n")
            lines += [line.decode() for line in whole]
            if "ready" in lines:
                limit = silence_s


def _told(talk: _Talk, order: dict[str, Any], uri: str, say: Callable[[str], None]) -> Sent:
    kept = len(order["records"]) - len(talk.sent)
    if talk.trouble:
        waiting = f"{kept} record{'s' if kept != 1 else ''} kept" + (", registration too" if order["register"] and talk.registered is None else "")
        say(f"tracking server {masked(uri)} {talk.trouble}; {waiting}, send later with `python -m runner track`")
    return Sent(talk.sent, kept, talk.registered)
