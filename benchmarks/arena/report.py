"""What the results say: a page, the same as JSON, and the summary in docs/benchmarks.md."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from benchmarks.arena.cases import SHORT, Case
from benchmarks.arena.kept import Row, constants, results
from benchmarks.arena.measure import blocks, duel, normalised, over_tables, paired, ranks, score_of
from benchmarks.arena.run import BUSY, THREADS
from benchmarks.arena.systems import ROOT, RUNNER, SYSTEMS, System

RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- quality: written by `python -m benchmarks.quality report` -->", "<!-- end of quality -->"
LABELS = {system.name: system.label for system in SYSTEMS}
RATIOS = {"size, ratio": "model_bytes_ratio", "many rows, ratio": "seconds_per_1000_ratio", "one row, ratio": "row_seconds_ratio"}


def standing(rows: Sequence[Row], floor: dict[str, np.ndarray]) -> dict[str, Any]:
    """All that is said of one budget. rows: its results; floor: the constant's losses by table. Ranks are of systems that have all been through the
    same tables; runner is set against each peer on all tables that both have been through."""
    done = {(row["system"], row["table"]): row for row in rows}
    names = list(dict.fromkeys(row["table"] for row in rows))
    through = {s: [t for t in names if (s, t) in done] for s in LABELS if any(row["system"] == s for row in rows)}
    systems, tables = _ranked(through)
    tasks = {row["table"]: row["task"] for row in rows}
    bottom = {t: score_of(float(floor[t].mean()), tasks[t]) for t in names}
    scores = {t: {s: _score(done[s, t], bottom[t]) for s in through if (s, t) in done} for t in names}
    made: dict[str, Any] = {"systems": systems, "tables": tables, "partly": {s: len(t) for s, t in through.items() if s not in systems}}
    made |= {"incomplete": [t for t in names if t not in tables], "results": list(rows), "constant": {t: bottom[t] for t in names}, "scores": scores}
    peers = {s: [t for t in through[s] if t in through.get(RUNNER, ())] for s in through if s != RUNNER}
    made["duels"] = {s: _duel(s, met, scores, done, floor) | _ratios([(done[RUNNER, t], done[s, t]) for t in met]) for s, met in peers.items() if met}
    if not tables:
        return made
    values = np.array([[scores[t][s] for s in systems] for t in tables])
    rank, gain = ranks(values), normalised(values, np.array([bottom[t] for t in tables]))
    low, high = over_tables(rank)
    overall = [
        {"system": s, "rank": float(rank[:, i].mean()), "rank_low": float(low[i]), "rank_high": float(high[i])}
        | {"normalised": float(gain[:, i].mean()), **_cost([done[s, t] for t in tables])}
        for i, s in enumerate(systems)
    ]
    return made | {"overall": sorted(overall, key=lambda row: (row["rank"], -row["normalised"]))}


def _ranked(through: Mapping[str, Sequence[str]]) -> tuple[list[str], list[str]]:
    """The systems that are ranked, and the tables: as many systems on as many tables as possible, runner among them where it has results."""
    own = through.get(RUNNER)

    def met(system: str) -> list[str]:
        return [t for t in through[system] if own is None or t in own]

    sets = [(met(s), [o for o in through if set(met(s)) <= set(through[o])]) for s in through if s != RUNNER or len(through) == 1]
    tables, systems = max(sets, key=lambda pair: (len(pair[0]) * len(pair[1]), len(pair[0])), default=([], []))
    return (systems, tables) if tables else ([], [])


def _score(row: Row, floor: float) -> float:
    return float(row["score"]) if row["status"] == "ok" else float(floor)


def _duel(peer: str, tables: Sequence[str], scores: dict[str, dict[str, float]], done: Mapping[tuple[str, str], Row], floor: dict[str, np.ndarray]) -> Row:
    verdicts = {}
    for t in tables:
        ours, theirs = (_blocks(done[s, t], floor[t]) for s in (RUNNER, peer))
        if ours is not None and theirs is not None:
            verdicts[t] = paired(ours, theirs, len(floor[t]))[0]
    lower = {t: scores[t][RUNNER] <= scores[t][peer] for t in tables}
    behind = {t: {"runner": scores[t][RUNNER], "peer": scores[t][peer], "verdict": verdicts.get(t)} for t in tables if not lower[t]}
    return asdict(duel(verdicts, lower)) | {"behind": behind}


def _blocks(row: Row, floor: np.ndarray) -> np.ndarray | None:
    """Losses by block; those of the constant where a system failed."""
    if row["status"] != "ok":
        return blocks(floor)
    return None if row["blocks"] is None else np.array(row["blocks"])


def _ratios(pairs: Sequence[tuple[Row, Row]]) -> Row:
    """Medians over tables of what runner's model takes for each unit of the peer's; of times only where neither was disturbed."""
    good = [pair for pair in pairs if all(row["status"] == "ok" for row in pair)]
    calm = [pair for pair in good if not any(row.get("predict_busy") for row in pair)]
    of = {"model_bytes": good, "seconds_per_1000": calm, "row_seconds": calm}
    return {f"{name}_ratio": _median([ours[name] / theirs[name] for ours, theirs in those]) for name, those in of.items()}


def _cost(rows: Sequence[Row]) -> Row:
    """What a system took: of all its fits, and of those that came to predictions. Times are of idle results only."""
    good = [row for row in rows if row["status"] == "ok"]
    calm = [row for row in rows if not row["busy"]]
    asked = [row for row in good if not row.get("predict_busy")]
    return {
        "failures": len(rows) - len(good),
        "busy": len(rows) - len(calm),
        "fit_seconds": _median([row["fit_seconds"] for row in calm]),
        "overruns": sum(row["fit_seconds"] > 1.02 * row["budget"] + 5 for row in calm),
        "worst_overrun": max([row["overrun_seconds"] for row in calm], default=None),
        "peak_bytes": _median([row["peak_bytes"] for row in rows]),
        "model_bytes": _median([row["model_bytes"] for row in good]),
        "seconds_per_1000": _median([row["seconds_per_1000"] for row in asked]),
        "row_seconds": _median([row["row_seconds"] for row in asked]),
    }


def _median(values: Sequence[float]) -> float | None:
    return float(median(values)) if values else None


# ---- the page -------------------------------------------------------------------------------------------------------------


def _number(value: float | None, unit: float = 1.0, places: int = 1) -> str:
    return "" if value is None else f"{value / unit:,.{places}f}"


def _grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *("| " + " | ".join(row) + " |" for row in rows)]


def overall_lines(found: dict[str, Any]) -> list[str]:
    head = ["system", "mean rank (95%)", "normalised score", "failed", "fit, s", "over budget", "worst overrun, s"]
    head += ["peak memory, MB", "model, MB", "1,000 rows, ms", "one row, ms"]
    return _grid(
        head,
        [
            [
                LABELS[row["system"]],
                f"{row['rank']:.2f} ({row['rank_low']:.2f} to {row['rank_high']:.2f})",
                f"{row['normalised']:.3f}",
                str(row["failures"]),
                _number(row["fit_seconds"]),
                str(row["overruns"]),
                _number(row["worst_overrun"]),
                _number(row["peak_bytes"], 1000000.0, 0),
                _number(row["model_bytes"], 1000000.0, 2),
                _number(row["seconds_per_1000"], 0.001),
                _number(row["row_seconds"], 0.001, 2),
            ]
            for row in found["overall"]
        ],
    )


def duel_lines(found: dict[str, Any]) -> list[str]:
    return _grid(
        ["runner against", "tables", "wins", "ties", "losses", "wins and half of ties (95%)", "not surely worse", "score as low or lower", *RATIOS],
        [
            [
                LABELS[name],
                str(d["tables"]),
                *_verdicts(d),
                f"{d['lower_score']:.0%}",
                *(_number(d[name], places=2) for name in RATIOS.values()),
            ]
            for name, d in found["duels"].items()
        ],
    )


def _verdicts(d: Mapping[str, Any]) -> list[str]:
    if d["share"] is None:
        return [""] * 5
    known = [str(d[name]) for name in ("wins", "ties", "losses")]
    return [*known, f"{d['share']:.0%} ({d['low']:.0%} to {d['high']:.0%})", f"{d['at_least']:.0%}"]


def _unjudged(found: dict[str, Any]) -> list[str]:
    few = {LABELS[name]: d["tables"] - d["wins"] - d["ties"] - d["losses"] for name, d in found["duels"].items()}
    told = ", ".join(f"{label} on {n}" for label, n in few.items() if n)
    return [f"Of results that were made before losses were kept by row only the score is known; they count under the score alone: {told}.", ""] if told else []


def behind_lines(found: dict[str, Any]) -> list[str]:
    """Per peer the tables on which its score is lower, those that are surely so in bold."""
    told = []
    for name, d in found["duels"].items():
        bold = {t: f"**{t}**" if b["verdict"] == "loss" else t for t, b in d["behind"].items()}
        each = [f"{bold[t]} ({b['runner']:.5g}, {b['peer']:.5g})" for t, b in d["behind"].items()]
        told += [f"- {LABELS[name]}: {', '.join(each)}"] if each else []
    return ["Where runner's score (the first) is above a peer's; in bold where that is sure:", "", *told, ""] if told else []


def score_lines(found: dict[str, Any]) -> list[str]:
    """Each table's scores, the lowest in bold; a cross where a system failed, nothing where it was not run."""
    failed = {(row["system"], row["table"]) for row in found["results"] if row["status"] != "ok"}
    lines = []
    columns = [s for s in LABELS if s in found["systems"] or s in found["partly"]]
    for table in found["scores"]:
        scores, task = found["scores"][table], next(row for row in found["results"] if row["table"] == table)
        best = min(scores.values())
        shown = {s: scores.get(s) for s in columns}
        told = ["" if v is None else "x" if (s, table) in failed else f"**{v:.5g}**" if v == best else f"{v:.5g}" for s, v in shown.items()]
        lines.append([table, task["half"], task["task"], f"{task['train_rows']:,}", f"{found['constant'][table]:.5g}", *told])
    return _grid(["table", "half", "task", "rows", "constant", *(LABELS[s] for s in columns)], lines)


def page(report: dict[str, Any]) -> str:
    """The whole page."""
    lines = ["# Quality on public tables", "", "`python -m benchmarks.quality report` writes this page; [how it is measured](../../docs/benchmarks.md).", ""]
    lines += [f"{THREADS} threads. Log loss of classes, RMSE of numbers: lower is better. A system that failed, or was killed, counts as the constant.", ""]
    for budget, parts in report["budgets"].items():
        for part, found in parts.items():
            lines += [f"## {budget} s, {part} tables: {len(found['tables'])}", ""]
            if not found["tables"]:
                lines += ["No table has been through two systems yet.", ""]
                continue
            lines += [*overall_lines(found), "", *([*duel_lines(found), "", *_unjudged(found)] if found["duels"] else [""])]
            if part == "all":
                lines += [*behind_lines(found), *score_lines(found), ""]
                lines += [f"Not in the ranks, since a system is missing: {', '.join(found['incomplete'])}.", ""] if found["incomplete"] else []
                lines += _failures(found)
    lines += ["## Versions", "", *(f"- {LABELS[name]}: {', '.join(sorted(said))}" for name, said in report["versions"].items()), ""]
    lines += [f"- {LABELS[name]} was not run: {why.splitlines()[-1]}" for name, why in report["not_installed"].items()]
    return "\n".join(lines).rstrip() + "\n"


def _failures(found: dict[str, Any]) -> list[str]:
    told = [f"- {LABELS[row['system']]} on {row['table']}: {row['error']}" for row in found["results"] if row["status"] != "ok"]
    busy = sum(row["busy"] for row in found["results"])
    about = "their times are left out above, and their scores are of less work"
    said = f"{busy} of {len(found['results'])} fits ran while others used more than {BUSY} cores: {about}."
    return [*(["Failures:", "", *told, ""] if told else ["No failure.", ""]), *([said, ""] if busy else [])]


def summary(report: dict[str, Any]) -> str:
    """The part of docs/benchmarks.md."""
    lines: list[str] = []
    for budget, parts in report["budgets"].items():
        found = parts["all"]
        if found["tables"]:
            few = " (the short list)" if set(found["tables"]) == SHORT else ""
            lines += [f"### {budget} seconds, {len(found['tables'])} tables{few}", "", *overall_lines(found), ""]
            lines += [*duel_lines(found), "", *_unjudged(found), *behind_lines(found)] if found["duels"] else []
    return "\n".join(lines or ["No results yet.", ""])


def into_page(text: str, made: str) -> str:
    """The page with the part between the marks replaced. Raises ValueError without marks."""
    before, mark, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise ValueError(f"{PAGE.name} has no marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{made.rstrip()}\n\n{END}{after}"


def gather(budgets: Sequence[float], systems: Sequence[System], cases: Sequence[Case], page: Path = RESULTS / "quality.json") -> dict[str, Any]:
    """Everything that the page says, from the results that are there. page: what the last one was written from."""
    floor = constants(cases)
    report: dict[str, Any] = {"threads": THREADS, "budgets": {}, "versions": {}}
    for budget in budgets:
        rows = results(budget, systems, cases, page)
        if not rows:
            continue
        parts = {"all": rows, **{half: [row for row in rows if row["half"] == half] for half in ("design", "check")}}
        report["budgets"][f"{budget:g}"] = {name: standing(part, floor) for name, part in parts.items() if part}
        for name in ("design", "check"):
            # They stand under `all` already.
            report["budgets"][f"{budget:g}"].get(name, {}).pop("results", None)
        for row in rows:
            report["versions"].setdefault(row["system"], set()).add(row["version"])
    report["not_installed"] = {s.name: s.missing for s in systems if s.missing and s.name not in report["versions"]}
    return report


def write(report: dict[str, Any], results: Path = RESULTS, docs: Path = PAGE) -> None:
    """quality.md, quality.json, and the summary in the docs."""
    (results / "quality.md").write_text(page(report))
    (results / "quality.json").write_text(json.dumps(report, indent=1, default=sorted) + "\n")
    docs.write_text(into_page(docs.read_text(), summary(report)))
