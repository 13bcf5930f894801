"""The sealed test's ledger and the sign-offs at a revision, and what merging would add to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import yaml

from runner.core.faults import FaultsError
from runner.evaluation.ledger import parsed
from runner.pipeline.review.revision import Revision
from runner.pipeline.uses import declared_of
from runner.report.reading import text

Ledger = Sequence[Mapping[str, Any]]
State = Literal["spent", "next", "refused", "unknown"]


@dataclass(frozen=True)
class Uses:
    """seal: of the test that the head's declaration is judged on, empty where it cannot be told; used: declarations that have opened it;
    allowed: how many may; state: `spent` when this declaration is among them, `next` when running it opens the test once more,
    `refused` when none is left, `unknown`; number: its place in the ledger; added: uses of this seal that the base does not have yet;
    rewritten: why the ledger itself is not to be trusted.
    """

    seal: str
    used: int
    allowed: int
    state: State
    number: int | None
    added: int = 0
    rewritten: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def ledger_at(revision: Revision, name: str) -> list[dict[str, Any]]:
    """The entries of an experiment's ledger. Raises FaultsError when a line was changed; a torn last line does not count."""
    path = f"ledger/{name}.jsonl"
    return parsed(revision.read(path) or b"", f"{path} at {revision.label}")


def numbers_of(entries: Ledger, seal: str) -> dict[str, int]:
    """Declaration to the number of its use of a seal."""
    return {str(e.get("declared")): int(e.get("use") or 0) for e in entries if e.get("seal") == seal}


def uses(base: Revision, head: Revision, name: str, seal: str) -> Uses:
    """What the ledger at the head says of the head's declaration; seal: of the head's test, empty where it is not known."""
    entry = head.entries[name]
    allowed = int(entry["evaluation"].get("test_uses") or 0)
    try:
        entries: list[dict[str, Any]] = ledger_at(head, name)
    except FaultsError as error:
        return Uses(seal, 0, allowed, "unknown", None, 0, f"{error.faults[0].at} {error.faults[0].wrong}")
    sources = head.source_digests(name, guessed=True)
    experiment = head.experiment(name)
    declared = declared_of(experiment, sources) if sources is not None and experiment is not None else ""
    known = {str(e.get("declared")): str(e.get("seal")) for e in entries}
    seal = seal or known.get(declared, "")
    numbers = numbers_of(entries, seal)
    before, rewritten = _before(base, name, entries)
    added = len(numbers) - len(numbers_of(before, seal))
    if declared in numbers:
        return Uses(seal, len(numbers), allowed, "spent", numbers[declared], added, rewritten)
    if not seal or not declared:
        return Uses(seal, len(numbers), allowed, "unknown", None, added, rewritten)
    number = len(numbers) + 1
    return Uses(seal, len(numbers), allowed, "next" if number <= allowed else "refused", number, added, rewritten)


def _before(base: Revision, name: str, entries: Ledger) -> tuple[Ledger, str]:
    """The entries at the base, and what is wrong when they do not lead those of the head: a ledger only ever grows."""
    try:
        before = ledger_at(base, name)
    except FaultsError:
        return (), ""
    if list(entries[: len(before)]) == before:
        return before, ""
    return before, f"ledger/{name}.jsonl at the head does not go on from the one at `{base.label}`, where {len(before)} entries stood"


@dataclass(frozen=True)
class Signoffs:
    """bundle: what is to be signed, empty where it is not known; declared: approvers; given: approver to decision; others: signatures beside them."""

    bundle: str
    declared: tuple[str, ...]
    given: Mapping[str, str]
    others: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(who for who in self.declared if who not in self.given)

    def as_json(self) -> dict[str, Any]:
        return {"bundle": self.bundle, "declared": list(self.declared), "given": dict(self.given), "missing": list(self.missing), "others": list(self.others)}


def signoffs(revision: Revision, name: str, bundle: str) -> Signoffs:
    """Who is declared to approve, and what signoffs/NAME/BUNDLE.yaml holds at the revision."""
    declared = tuple(str(who) for who in revision.entries[name]["problem"].get("approvers") or ())
    signed = _entries(revision.read(f"signoffs/{name}/{bundle}.yaml")) if bundle else []
    given: dict[str, str] = {}
    others = []
    for signature in signed:
        role, decision = text(signature, "role") or text(signature, "name"), text(signature, "decision") or "signed"
        if role in declared:
            given[role] = decision
        else:
            others.append(f"{role}: {decision}")
    return Signoffs(bundle, declared, given, tuple(others))


def _entries(content: bytes | None) -> list[Mapping[str, Any]]:
    try:
        found = yaml.safe_load(content) if content else None
    except (yaml.YAMLError, UnicodeDecodeError):
        return []
    listed = found.get("entries", [found]) if isinstance(found, Mapping) else found
    return [entry for entry in listed if isinstance(entry, Mapping)] if isinstance(listed, list) else []
