"""The content of data.json: where rows came from, where they went, and what is worth knowing of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runner.core.faults import counted
from runner.core.gates import Gate
from runner.data.assemble import Assembly
from runner.data.enforce import Enforced
from runner.data.judged import Placed
from runner.data.labels.findings import label_findings
from runner.data.load import Source
from runner.data.outcome import label_counts
from runner.data.quality import keys
from runner.data.quality.finding import Finding, Severity, ranked
from runner.data.quality.judge import judge
from runner.data.quality.look import Look
from runner.data.quality.summary import summary
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
    apart: Placed
    unused: list[str]


def findings(way: Journey, look: Look, is_full: bool = True) -> list[Finding]:
    """What is odd about the rows and their way. look: the training rows as they were looked at; is_full: with every check."""
    looked = judge(look) if is_full else []
    return [*looked, *keys.outcome(way.made.n_rows, way.n_without, look), *_on_the_way(way), *label_findings(way.made.label)]


def inventory(way: Journey, contract: Mapping[str, Any], look: Look, gates: list[Gate], found: list[Finding]) -> dict[str, Any]:
    """The whole of data.json. Values are described on training rows only: the test stays sealed.

    contract: as shipped; look: the training rows as they were looked at; found: all that is odd.
    """
    task = look.task
    return {
        "sources": {name: source.record(way.made.n_read[name]) for name, source in way.sources.items()},
        "counts": {
            "filtered_out": way.made.n_left_out,
            **(way.made.label or {}).get("left_out", {}),
            "without_outcome": way.n_without,
            "quarantined": way.enforced.bad.height,
            **way.apart.split["rows"],
            "left_out_by_split": sum(way.apart.split.get("left_out", {}).values()),
        },
        "joins": way.made.joins(),
        "label": way.made.label,
        "casts": dict(way.casts),
        "quarantine": way.enforced.quarantined,
        "warned": way.enforced.warned,
        "tolerated": way.enforced.tolerated,
        "split": way.apart.split,
        "gates": [gate.as_json() for gate in gates],
        "findings": [f.as_json() for f in ranked(found)],
        "dropped": contract["dropped"],
        "columns": summary(look),
        "order": contract["order"],
        "labels": _label_shares(way.apart, task),
        "target": task.target,
    }


def _on_the_way(way: Journey) -> list[Finding]:
    """What happened to the rows before the split."""
    found = [Finding("warned", f"rows set aside for {name}", f"{n:,} rows are in quarantine", n, "quarantined") for name, n in way.enforced.quarantined.items()]
    found += [Finding("warned", f"rows that break {name}", f"{n:,} rows are kept, as declared", n, "kept") for name, n in way.enforced.warned.items()]
    found += [Finding("warned", f"table rule {name} does not hold", "the run goes on, as declared", 0, "table") for name in way.enforced.broken_tables]
    for name, join in way.made.joins().items():
        found += _unmatched(name, join, way.made.n_read[join["source"]])
        if join["ties"]:
            told = f"{join['ties']:,} rows of {join['source']} share key and time with a later one, which is used"
            found.append(Finding("warned", f"ties in join {name}", told, join["ties"], "ties"))
    for name, source in way.sources.items():
        if errors := source.told.get("error_cells"):
            told = f"the sheet {errors['sheet']!r} has {counted(errors['cells'], 'cell')} with an error: {', '.join(errors['first'])}"
            more = errors["cells"] - len(errors["first"])
            told += f" and {more:,} more" if more else ""
            found.append(Finding("warned", f"error cells of {name} became missing values", told, errors["cells"], "error_cells", next="mend the formulas"))
    if way.unused:
        more = f" and {len(way.unused) - SHOWN_NAMES} more" if len(way.unused) > SHOWN_NAMES else ""
        found.append(Finding("info", "columns that the contract does not name", ", ".join(way.unused[:SHOWN_NAMES]) + more, 0, "unused"))
    return found


def _unmatched(name: str, join: Mapping[str, Any], n_source: int) -> list[Finding]:
    """Rows for which a join found nothing; that it found nothing at all is more than information."""
    if not join["unmatched"]:
        return []
    told = f"{counted(join['unmatched'], 'row')} found nothing in {join['source']} and got missing values"
    if not n_source:
        told += f"; {join['source']} has no rows"
    if near := join.get("near"):
        told += f"; {near:,} of them would find a row if case and spaces at the ends of the keys did not count"
    hint = "make the keys alike with `derive`, such as LOWER(TRIM(...))" if join.get("near") else ""
    severity: Severity = "info" if join["matched"] else "warned"
    return [Finding(severity, f"rows without a match in join {name}", told, join["unmatched"], "unmatched", next=hint)]


def _label_shares(apart: Placed, task: Task) -> dict[str, dict[str, Any]] | None:
    if task.labels is None:
        return None
    counts = label_counts(apart.train.select(task.target).collect(engine="streaming"), task) or {}
    n_rows = apart.split["rows"]["train"]
    return {label: {"rows": n, "share": n / n_rows if n_rows else None} for label, n in counts.items()}
