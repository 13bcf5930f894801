"""Candidates whose fits failed in their library, where the config lets a run go on without them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from runner.core.faults import Fault, RefusedError, counted
from runner.core.gates import Gate
from runner.training.ensemble.rungs import fitting
from runner.training.models.segments import SegmentsSpec
from runner.training.models.space import CandidateSpec
from runner.training.studies import Studies


def judged(studies: Studies, candidates: Mapping[str, CandidateSpec]) -> tuple[Gate, ...]:
    """A warning for each candidate whose study a failure ended, and for each that is made of one of which no trial is left.

    candidates: as declared, without the baselines.

    Raises RefusedError with every error where none that is fitted is left: what is never learned from the rows would ship unasked.
    """
    failed = dict(sorted(studies.engine.failures.items()))
    if failed and not any(name in studies.studied for name in fitting(candidates)):
        hint = "declare other candidates; on_failure: stop shows where in its library each one fails"
        raise RefusedError(Fault(f"training.candidates.{name}", failure["error"], "a fit that succeeds", hint) for name, failure in failed.items())
    found = [(name, _found(failure), _told(name, failure)) for name, failure in failed.items()]
    found += [
        (name, f"{of} failed", f"{name} is left out, as {of}, of which it is made, fails in its library") for name, of in bereft(candidates, studies, failed)
    ]
    return tuple(Gate(f"candidate: {name}", "training", "warned", "no fit fails", short, told) for name, short, told in found)


def bereft(candidates: Mapping[str, CandidateSpec], studies: Studies, without: Collection[str]) -> list[tuple[str, str]]:
    """Candidates made of a candidate of `without` that no trial is there of, each with that candidate."""
    return [(name, spec.of) for name, spec in candidates.items() if isinstance(spec, SegmentsSpec) and spec.of in without and spec.of not in studies.studied]


def _found(failure: Mapping[str, Any]) -> str:
    return f"trial {failure['trial']} failed on fold {failure['fold']}"


def _told(name: str, failure: Mapping[str, Any]) -> str:
    left = f"the study ends with the {counted(failure['trial'], 'trial')} before" if failure["trial"] else "it is left out"
    return f"{name} fails in its library, so {left}: {failure['error']}"
