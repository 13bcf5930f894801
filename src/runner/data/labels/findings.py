"""What is worth knowing of how the outcome was made: findings of the data room, before any model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from runner.data.quality.finding import Finding

TENTATIVE, GOOD = 0.667, 0.8
"""Krippendorff (2004), Reliability in content analysis, section 5: below the first nothing should be concluded, above the second is good."""
NO_BETTER = 0.02
MANY_IMMATURE = 0.5


def label_findings(told: Mapping[str, Any] | None) -> list[Finding]:
    """Findings from the `label` entry of data.json."""
    if told is None:
        return []
    return [*_maturity(told), *_annotations(told.get("annotations") or {}), *_corrections(told.get("corrections") or {})]


def _maturity(told: Mapping[str, Any]) -> list[Finding]:
    maturity, left_out = told.get("maturity"), told["left_out"]
    if not maturity:
        return []
    found = []
    young, since, as_of, days = left_out["immature"], maturity["since"], maturity["as_of"], f"{maturity['after_days']:g} days"
    if young:
        text = f"{young:,} rows are later than {maturity['final_until']}: an outcome is final {days} after {since}, and was looked up {as_of}"
        found.append(Finding("info", "rows too young for a final outcome", text, young))
    if maturity["far_ahead"]:
        text = f"only {young:,} rows lie in the last {days} before the newest {since}, {as_of}; a single wrong time makes all look final"
        found.append(Finding("warned", "the moment of the look-up may be wrong", f"{text}: declare data.label.maturity.as_of", young))
    if left_out["undated"]:
        text = f"{left_out['undated']:,} rows have no {since}, so nothing tells whether their outcome is final"
        found.append(Finding("warned", "rows without a time", text, left_out["undated"]))
    return found


def _annotations(told: Mapping[str, Any]) -> list[Finding]:
    if not told:
        return []
    found = []
    alpha = told["alpha"]
    if alpha["value"] is None:
        found.append(Finding("warned", "agreement of the annotators is unknown", alpha["why"], told["items"]))
    elif alpha["value"] < GOOD:
        severity: Literal["serious", "warned"] = "serious" if alpha["value"] < TENTATIVE else "warned"
        span = "" if alpha["low"] is None else f" ({alpha['low']:.2f} to {alpha['high']:.2f}, {alpha['confidence']:.0%})"
        text = f"Krippendorff's alpha {alpha['value']:.2f}{span} on {told['items_with_two']:,} rows; 0.8 is good, below 0.667 nothing should be concluded"
        found.append(Finding(severity, "annotators disagree", text, told["items_with_two"]))
    empty = [one for one in told["annotators"] if one["information"] < NO_BETTER]
    if empty:
        names = ", ".join(one["annotator"] for one in empty[:5])
        found.append(
            Finding("warned", "annotators whose labels tell nothing", f"{names}: less than {NO_BETTER} bits a label", sum(one["labels"] for one in empty))
        )
    if not told["converged"]:
        found.append(Finding("warned", "the consensus did not settle", f"after {told['iterations']:,} rounds", told["items"]))
    return found


def _corrections(told: Mapping[str, Any]) -> list[Finding]:
    if not told:
        return []
    parts = {"changed": "changed", "changed_already": "found changed already", "kept": "kept", "dropped": "dropped"}
    text = ", ".join(f"{told[name]:,} {word}" for name, word in parts.items() if told[name])
    n = sum(told[name] for name in parts)
    waiting = f"; {told['not_reviewed']:,} in {told['path']} without a verdict yet" if told["not_reviewed"] else ""
    found = [Finding("info", "labels were reviewed", (text or "no verdicts yet") + waiting, n)]
    if unchecked := told.get("unchecked", 0):
        of = f"{unchecked:,} of {n:,} verdicts in {told['path']}"
        why = f"{of} do not say in given_label which label was reviewed, so nothing tells whether it has changed since"
        hint = "keep the column given_label of the review file"
        found.append(Finding("warned", "verdicts that cannot be held against the data", why, unchecked, next=hint))
    return found
