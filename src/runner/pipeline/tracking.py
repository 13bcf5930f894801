"""Sending records to the tracking server, without ever depending on it."""

from __future__ import annotations

import http.client
import json
import os
import re
import selectors
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from runner.core.digests import of_bytes, of_file
from runner.core.secrets import masked
from runner.core.workspace import Workspace
from runner.deployment.answerable import Answerable
from runner.deployment.mlflow_client import OFF, is_remote, tracking_uri
from runner.experiment.model import TrackingSpec

# Importing MLflow and making a local store are this machine's work, not a server's silence.
STARTUP_LIMIT_S = 120.0
LOCAL_LIMIT_S = 120.0
PATIENCE = 0.8
ERROR_LINE = re.compile(r"[\w.]+(?:Error|Exception)\b")


@dataclass(frozen=True)
class Registration:
    """A bundle to register, under a name and an alias, with who answers for it."""

    bundle: Path
    name: str
    alias: str
    answerable: Answerable


@dataclass(frozen=True)
class Sent:
    """records: digests delivered; kept: still waiting; registered: how many bundles were registered or moved now; unregistered: how many wait."""

    records: tuple[str, ...] = ()
    kept: int = 0
    registered: int = 0
    unregistered: int = 0


def track(workspace: Workspace, tracking: TrackingSpec, say: Callable[[str], None], registrations: Sequence[Registration] = (), patient: bool = True) -> Sent:
    """Send every record the server has not seen, and register bundles; says once when that must wait.

    patient: wait for a server as long as it goes on answering. A run is not: whatever the server does, it costs
    tracking.max_wait_s at most, and what is not delivered by then goes on being sent while the run has ended.
    A server that answers nothing is not waited for beyond tracking.max_wait_s either way; nothing to send costs nothing.
    """
    if tracking.uri == OFF:
        return Sent()
    uri = tracking_uri(workspace.home, tracking.uri)
    order = _order(workspace, uri, registrations)
    if not order["records"] and not order["register"]:
        return Sent()
    started = time.monotonic()
    if is_remote(uri) and not _answers(uri, tracking.max_wait_s / 2):
        return _told(_Talk((), 0, "does not answer"), order, uri, say)
    if not is_remote(uri):
        return _told(_talk(order, LOCAL_LIMIT_S, None), order, uri, say)
    left = max(0.1, tracking.max_wait_s - (time.monotonic() - started))
    return _told(_talk(order, left, None if patient else left), order, uri, say)


def _order(workspace: Workspace, uri: str, registrations: Sequence[Registration]) -> dict[str, Any]:
    seen = workspace.home / "tracked" / of_bytes(uri.encode())[:16]
    records = sorted((workspace.home / "records").glob("*.json"), key=lambda p: (p.stat().st_mtime_ns, p.name))
    return {
        "home": str(workspace.home.resolve()),
        "root": str(workspace.root.resolve()),
        "uri": uri,
        "markers": str(seen),
        "lock": str(seen.with_name(f".{seen.name}.lock")),
        "records": [str(p) for p in records if not (seen / p.stem).exists()],
        "register": [asked for registration in registrations if (asked := _registration(seen, registration))],
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
    """Whether anything there speaks HTTP; what it says is not looked at."""
    parts = urlsplit(uri)
    address = parts._replace(netloc=parts.netloc.rpartition("@")[2], path=f"{parts.path.rstrip('/')}/health").geturl()
    try:
        with urlopen(address, timeout=limit_s):  # noqa: S310 - `is_remote` lets http and https through
            return True
    except HTTPError:
        return True
    except URLError as error:
        # Whether a certificate is to be trusted is for MLflow's own settings to say.
        return isinstance(error.reason, ssl.SSLCertVerificationError)
    except (OSError, http.client.HTTPException):
        return False


@dataclass(frozen=True)
class _Talk:
    sent: tuple[str, ...]
    registered: int
    trouble: str | None
    goes_on: bool = False


def _talk(order: dict[str, Any], silence_s: float, limit_s: float | None) -> _Talk:
    """Run the sender for as long as it speaks; after limit_s from now, if that is given, it goes on by itself."""
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
    # Another sender at work is waited for a little less long than the sender itself may be silent; or long, where nobody waits for the sender.
    child.stdin.write(json.dumps({**order, "patience_s": PATIENCE * silence_s if limit_s is None else LOCAL_LIMIT_S}).encode())
    child.stdin.close()
    lines, end = _listen(child, silence_s, limit_s)
    sent = tuple(line.split()[1] for line in lines if line.startswith("sent "))
    registered = sum(line.startswith("registered ") for line in lines)
    if end == "late":
        child.stdout.close()
        child.stderr.close()
        return _Talk(sent, registered, None, goes_on=True)
    silent = end == "silent"
    if silent:
        os.killpg(child.pid, signal.SIGKILL)
    code = child.wait()
    last = _last_error(child.stderr.read().decode(errors="replace"))
    trouble = "stopped answering" if silent else "is busy with what another process sends" if "busy" in lines else None
    if code and not silent:
        trouble = f"refused ({masked(last)[:200] or code})"
    return _Talk(sent, registered, trouble)


def _last_error(told: str) -> str:
    """The line of a traceback that names the error; the last line where none does."""
    lines = told.strip().splitlines()
    return next((line for line in reversed(lines) if ERROR_LINE.match(line)), lines[-1] if lines else "")


def _listen(child: subprocess.Popen[bytes], silence_s: float, limit_s: float | None) -> tuple[list[str], Literal["ended", "silent", "late"]]:
    """The lines until the child ends, falls silent, or has had its time."""
    if child.stdout is None:
        return [], "ended"
    pending, patience = b"", STARTUP_LIMIT_S
    ends = None if limit_s is None else time.monotonic() + limit_s
    lines: list[str] = []
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            left = patience if ends is None else max(0.0, ends - time.monotonic())
            if not selector.select(left):
                return lines, "silent" if ends is None else "late"
            chunk = os.read(child.stdout.fileno(), 65536)
            if not chunk:
                return lines, "ended"
            pending += chunk
            *whole, pending = pending.split(b"\n")
            lines += [line.decode() for line in whole]
            if "ready" in lines:
                patience = silence_s


def _told(talk: _Talk, order: dict[str, Any], uri: str, say: Callable[[str], None]) -> Sent:
    kept = len(order["records"]) - len(talk.sent)
    unregistered = len(order["register"]) - talk.registered
    if talk.goes_on:
        say(f"records are still being sent to {masked(uri)}; `python -m runner track` tells when they are all there")
    elif talk.trouble:
        waiting = f"{kept} record{'s' if kept != 1 else ''} kept" + (", registration too" if unregistered else "")
        say(f"tracking server {masked(uri)} {talk.trouble}; {waiting}, send later with `python -m runner track`")
    return Sent(talk.sent, kept, talk.registered, unregistered)
