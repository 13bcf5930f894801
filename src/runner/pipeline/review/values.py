"""Declared values as a reviewer reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from runner.experiment.diff import Change, same
from runner.report.numbers import number

LONGEST = 120
LIST_SHOWN = 5
NOT_SET = "–"


def brief(value: Any) -> str:
    """A value on one line, whole.

    >>> brief("age < 30"), brief(2.0), brief(None), brief(["a", 1]), brief({"kind": "sql", "on": None, "by": {"x": True}})
    ('age < 30', '2', '–', '[a, 1]', '{kind: sql, by: {x: true}}')
    """
    if value is None:
        return NOT_SET
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {brief(below)}" for key, below in value.items() if not same(below, None)) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(brief, value))}]"
    if isinstance(value, float) and value.is_integer() and number(value) is not None:
        return str(int(value))
    return value if isinstance(value, str) else json.dumps(value)


def outline(value: Any) -> str:
    """A value over as many lines as it has parts; what is not set is left out.

    >>> print(outline({"kind": "sql", "expressions": {"a": "x + 1"}, "drop": []}))
    kind: sql
    expressions:
      a: x + 1
    """
    return "\n".join(_lines(value, "")) if isinstance(value, (Mapping, list)) else brief(value)


def _lines(value: Any, indent: str) -> Iterator[str]:
    items = value.items() if isinstance(value, Mapping) else ((None, item) for item in value)
    for key, below in items:
        head = f"{indent}{key}:" if key is not None else f"{indent}-"
        if same(below, None) and key is not None:
            continue
        if isinstance(below, Mapping) and below:
            yield head
            yield from _lines(below, f"{indent}  ")
        else:
            yield f"{head} {brief(below)}"


def sides(change: Change) -> tuple[str, str]:
    """Both values of a change, short where a list is long: only what comes and goes."""
    old, new = change.old, change.new
    if change.kind == "changed" and isinstance(old, list) and isinstance(new, list) and max(len(old), len(new)) > LIST_SHOWN:
        gone, come = [v for v in old if not any(same(v, w) for w in new)], [v for v in new if not any(same(v, w) for w in old)]
        return f"{len(old)} values{f', among them {brief(gone)}' if gone else ''}", f"{len(new)} values{f', now with {brief(come)}' if come else ''}"
    before, after = (NOT_SET if same(value, None) else brief(value) for value in (old, new))
    return before, after


def remark(change: Change) -> str:
    """What the two values alone do not say."""
    if change.kind == "reordered":
        return "order changed"
    if change.kind != "changed":
        return f"{change.kind}{f', {change.place}' if change.place else ''}"
    if isinstance(change.old, str) and isinstance(change.new, str) and change.old.split() == change.new.split():
        return "only spacing differs"
    return ""


def is_long(change: Change) -> bool:
    """Whether a value is too long for a table, so that it is shown whole below."""
    return any(len(text) > LONGEST or "\n" in text for text in (brief(change.old), brief(change.new)))
