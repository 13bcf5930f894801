"""Candidates whose fits failed in their library, where the config lets a run go on without them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runner.core.faults import Fault, RefusedError, counted
from runner.core.gates import Gate
from runner.training.studies import Studies


def judged(studies: Studies, declared: Sequence[str]) -> tuple[Gate, ...]:
    """A warning for each candidate whose study a failure ended. declared: candidates that are fitted.

    Raises RefusedError with every error where none of them is left: what is never learned from the rows would ship unasked.
    """
    failed = dict(sorted(studies.engine.failures.items()))
    if failed and not any(name in studies.studied for name in declared):
        hint = "declare other candidates; on_failure: stop shows where in its library each one fails"
        raise RefusedError(Fault(f"training.candidates.{name}", failure["error"], "a fit that succeeds", hint) for name, failure in failed.items())
    return tuple(Gate(f"candidate: {name}", "training", "warned", "no fit fails", _found(f), _told(name, f)) for name, f in failed.items())


def _found(failure: Mapping[str, Any]) -> str:
    return f"trial {failure['trial']} failed on fold {failure['fold']}"


def _told(name: str, failure: Mapping[str, Any]) -> str:
    left = f"the study ends with the {counted(failure['trial'], 'trial')} before" if failure["trial"] else "it is left out"
    return f"{name} fails in its library, so {left}: {failure['error']}"
