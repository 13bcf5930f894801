"""The content of data.json: where rows came from, where they went, and what is worth knowing of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runner.core.gates import Gate
from runner.data import findings
from runner.data.assemble import Assembly
from runner.data.enforce import Enforced
from runner.data.findings import Finding
from runner.data.judged import Placed
from runner.data.load import Source
from runner.data.outcome import label_counts
from runner.problem.task import Task

SHOWN_NAMES = 20


@dataclass(frozen=True)
class Journey:
    """The rows' way through the room. casts: column to 'from TYPE'; n_without: rows without an outcome;
    unused: columns of the primary source that nothing reads."""

    sources: Mapping[str, Source]
    made: Assembly
    casts: Mapping[str, str]
    n_without: int
    enforced: Enforced
    placed: Placed
    unused: list[str]


def inventory(way: Journey, contract: Mapping[str, Any], task: Task, gates: list[Gate], dropped: list[Finding]) -> dict[str, Any]:
    """The whole of data.json. Values are described on training rows only: the test stays sealed.

    contract: as shipped; dropped: why columns are left out of the features.
    """
    train, test = way.placed.train.collect(), way.placed.test.collect()
    found = [
        *dropped,
        *findings.quality(train, contract),
        *findings.repeated_keys(train, test, task),
        *findings.outcome(way.made.n_rows, way.n_without, test, train, task),
        *_on_the_way(way),
    ]
    return {
        "sources": {name: _source(source, way.made.n_read[name]) for name, source in way.sources.items()},
        "counts": {
            "filtered_out": way.made.n_left_out,
            "without_outcome": way.n_without,
            "quarantined": way.enforced.bad.height,
            **way.placed.split["rows"],
        },
        "joins": way.made.joins(),
        "casts": dict(way.casts),
        "quarantine": way.enforced.quarantined,
        "warned": way.enforced.warned,
        "tolerated": way.enforced.tolerated,
        "split": way.placed.split,
        "gates": [gate.as_json() for gate in gates],
        "findings": [f.as_json() for f in sorted(found, key=lambda f: (findings.SEVERITIES.index(f.severity), f.what))],
        "dropped": contract["dropped"],
        "columns": findings.summary(train, contract, frozenset(task.key)),
        "order": contract["order"],
        "labels": _label_shares(way.placed, task),
        "target": task.target,
    }


def _source(source: Source, n_rows: int) -> dict[str, Any]:
    size = source.stamp[0]
    return {
        "path": source.shown,
        "kind": source.kind,
        "sha256": source.sha256,
        "bytes": size,
        "rows": n_rows,
        "columns": len(source.schema),
    }


def _on_the_way(way: Journey) -> list[Finding]:
    """What happened to the rows before the split."""
    found = [Finding("warned", f"rows set aside for {name}", f"{n:,} rows are in quarantine", n) for name, n in way.enforced.quarantined.items()]
    found += [Finding("warned", f"rows that break {name}", f"{n:,} rows are kept, as declared", n) for name, n in way.enforced.warned.items()]
    found += [Finding("warned", f"table rule {name} does not hold", "the run goes on, as declared", 0) for name in way.enforced.broken_tables]
    for name, join in way.made.joins().items():
        if join["unmatched"]:
            told = f"{join['unmatched']:,} rows found nothing in {join['source']} and got missing values"
            found.append(Finding("info", f"rows without a match in join {name}", told, join["unmatched"]))
        if join["ties"]:
            told = f"{join['ties']:,} rows of {join['source']} share key and time with a later one, which is used"
            found.append(Finding("warned", f"ties in join {name}", told, join["ties"]))
    if way.unused:
        more = f" and {len(way.unused) - SHOWN_NAMES} more" if len(way.unused) > SHOWN_NAMES else ""
        found.append(Finding("info", "columns that the contract does not name", ", ".join(way.unused[:SHOWN_NAMES]) + more, 0))
    return found


def _label_shares(placed: Placed, task: Task) -> dict[str, dict[str, Any]] | None:
    counts = label_counts(placed.train.select(task.target).collect(engine="streaming"), task)
    if counts is None:
        return None
    n_rows = placed.split["rows"]["train"]
    return {label: {"rows": n, "share": n / n_rows if n_rows else None} for label, n in counts.items()}
