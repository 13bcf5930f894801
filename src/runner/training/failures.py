"""Candidates whose fits failed in their library, where the config lets a run go on without them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runner.core.faults import Fault, RefusedError, counted
from runner.core.gates import Gate
from runner.training.studies import Studies

Failures = Mapping[str, Sequence[Mapping[str, Any]]]
"""Candidate to its fits that failed: settings, fold, and the library's error."""


def judged(failed: Failures, studies: Studies, declared: Sequence[str]) -> tuple[Gate, ...]:
    """A warning for each candidate with a fit that failed. declared: candidates that are fitted.

    Raises RefusedError with every error where none of them is left: what is never learned from the rows would ship unasked.
    """
    if failed and not any(name in studies.studied for name in declared):
        hint = "declare other candidates; on_failure: stop shows where in its library each one fails"
        raise RefusedError(Fault(f"training.candidates.{name}", fits[0]["error"], "a fit that succeeds", hint) for name, fits in failed.items())
    return tuple(Gate(f"candidate: {name}", "training", "warned", "no fit fails", _found(fits), _told(name, fits, studies)) for name, fits in failed.items())


def _found(fits: Sequence[Mapping[str, Any]]) -> str:
    return f"{counted(len(fits), 'fit')} failed"


def _told(name: str, fits: Sequence[Mapping[str, Any]], studies: Studies) -> str:
    trials = len(studies.studied[name].trials) if name in studies.studied else 0
    left = f"the study ends with the {counted(trials, 'trial')} before" if trials else "it is left out"
    return f"{name} fails in its library, so {left}: {fits[0]['error']}"
