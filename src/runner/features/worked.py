"""Worked examples of the kinds of step: rows in, columns out; `explain` shows them and the contract test works them out again.

One YAML file for each example, in `steps/examples/`, named as its kind (further ones of a kind `<kind>-<what>.yaml`):

    says: what the example shows, one line          # may be left out
    declared: {kind: frequency, columns: [city]}    # as under features.steps.*
    fit: {city: [Rome, Rome, Oslo, null]}           # the rows it is fitted on; left out: those of `rows`
    outcome: [1, 0, 1, 0]                           # their outcome, where the kind learns from it
    rows: {city: [Rome, Bern, null]}                # the rows it is applied to
    makes: {city_frequency: [0.5, 0.0, 0.25]}       # each column it adds, to six digits

Columns are lists of equal length with at least one value, typed by YAML: 1, 1.0, text, true, 2024-12-24, 2024-12-24 18:30:00,
lists and maps (structs). The contract test draws its random rows from between the least and the greatest value of each column.
Nothing here needs Polars, so that `explain` stays quick.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "steps" / "examples"

Columns = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class Worked:
    """An example of a kind; the fields are the keys of its file.

    name: of the file; taught: what it says of the rows it is fitted on, with their outcome; {} where it says nothing.
    """

    name: str
    declared: Mapping[str, Any]
    rows: Columns
    makes: Columns
    fit: Columns
    outcome: Sequence[float]
    taught: Columns
    says: str = ""

    @property
    def kind(self) -> str:
        return str(self.declared["kind"])

    @property
    def shown(self) -> str:
        """The declaration as one would write it."""
        return yaml.safe_dump(dict(self.declared), sort_keys=False, allow_unicode=True, default_flow_style=None, width=120).rstrip()


@cache
def worked(folder: Path = FOLDER) -> tuple[Worked, ...]:
    """Every example, by the name of its file."""
    return tuple(_read(path) for path in sorted(folder.glob("*.yaml"), key=lambda path: path.stem))


def of_kind(kind: str) -> list[Worked]:
    """The examples of one kind, the plain one first."""
    return [example for example in worked() if example.kind == kind]


def _read(path: Path) -> Worked:
    written = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - a safe loader, the quick one if there is one
    written["taught"] = {**written.get("fit", {}), **({"outcome": written["outcome"]} if "outcome" in written else {})}
    written.setdefault("fit", written["rows"])
    written.setdefault("outcome", [i % 2 for i in range(len(next(iter(written["fit"].values()))))])
    return Worked(path.stem, **written)
