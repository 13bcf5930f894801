"""The page: verdict first, then seven chapters; one file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runner.core.files import write_text
from runner.core.workspace import RunFolders
from runner.report.headline import Headline, headline
from runner.report.numbers import Interval, confidence, count, in_money, told
from runner.report.parts import Cell, Chapter, Facts, code, digest, facts, plain
from runner.report.reading import Record, amount, at, has_shipped, load, record, text
from runner.report.words import clean, words

DEEPEST = 4
MEASURED = {
    "latency_ms.limit_ms": ("time allowed for a row", "ms"),
    "latency_ms.p50": ("time to score a usual row", "ms"),
    "latency_ms.p99": ("time that 99 of 100 rows keep to", "ms"),
    "latency_ms.rounds": ("rounds of timing", ""),
    "latency_ms.rows": ("rows timed one by one", ""),
}


def render(folders: RunFolders, experiment: str, adopted: bool, chapters: Sequence[Chapter]) -> Path:
    """Write report.html from the chapters and the verdict, whole or not at all; returns its path.

    Raises FaultsError (2) when a file of the run is damaged.
    """
    target = folders.reports / "report.html"
    write_text(target, page(folders, experiment, adopted, chapters))
    return target


def page(folders: RunFolders, experiment: str, adopted: bool, chapters: Sequence[Chapter]) -> str:
    """The whole report as HTML."""
    problem = load(folders.reports / "problem" / "problem.json")
    top = headline(folders, experiment, adopted)
    template = templates().get_template("page.html")
    html: str = template.render(
        experiment=words(experiment),
        top=top,
        decision=" · ".join(part for part in (text(problem, "decision"), text(problem, "owner")) if part),
        tiles=_tiles(folders, problem, top),
        chapters=[(number, chapter, _state(folders, chapter)) for number, chapter in enumerate(chapters, 1)],
        measured=_measured(folders, chapters),
        imprint=_imprint(folders, experiment, adopted),
    )
    return html


def templates() -> Any:
    """The package's templates, with every value that they show made harmless."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    def safe(value: Any) -> Any:
        # Every value that reaches the page: nothing in it may act, whatever the data holds.
        return value if isinstance(value, Markup) else clean(value)

    found = Environment(
        loader=PackageLoader("runner.report"),
        autoescape=True,
        finalize=safe,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["drawn"] = Markup  # only for what report.plots drew
    found.filters["coded"] = coded
    found.filters["block"] = block
    return found


def coded(text: str) -> Any:
    """A sentence as harmless HTML; what stands between two backticks is code.

    >>> print(coded("run `a < b` & see"))
    run <code>a &lt; b</code> &amp; see
    """
    from markupsafe import Markup, escape

    parts = [escape(clean(part)) for part in text.split("`")]
    if len(parts) % 2 == 0:
        # One mark is without its other half: it is a sign like any other.
        parts[-2:] = [parts[-2] + "`" + parts[-1]]
    return Markup("").join(Markup("<code>{}</code>").format(part) if n % 2 else part for n, part in enumerate(parts))


def block(text: str) -> Any:
    """Lines to copy as harmless HTML: they stay lines.

    >>> print(block("data:\\n  <b>: 1"))
    data:
      &lt;b&gt;: 1
    """
    from markupsafe import Markup, escape

    return Markup("\n").join(escape(clean(line)) for line in text.split("\n"))


def _tiles(folders: RunFolders, problem: Record, top: Headline) -> tuple[tuple[str, str, str], ...]:
    """Up to four figures: name, value, and what belongs to it."""
    metrics = load(folders.reports / "evaluation" / "metrics.json")
    report = load(folders.reports / "evaluation" / "evaluation.json")
    month = amount(problem, "payoff", "rows_per_month")
    baseline = text(problem, "criterion", "baseline")
    found = [
        _tile(f"Gain over {words(baseline)}", Interval.of(at(metrics, "gain", baseline)), month),
        _tile("Payoff of the model", Interval.of(at(metrics, "payoff")), month),
    ]
    if text(report, "chosen"):
        rows = amount(metrics, "rows")
        found.append(("Model", words(text(report, "chosen")), "" if rows is None else f"judged on {count(rows)} rows"))
    if top.gates:
        passed = sum(gate.status == "passed" for gate in top.gates)
        found.append(("Gates passed", f"{passed} of {len(top.gates)}", _others(top)))
    return tuple(tile for tile in found if tile is not None)


def _tile(name: str, found: Interval | None, month: float | None) -> tuple[str, str, str] | None:
    if found is None:
        return None
    money, over = in_money(found, month)
    value, low, high = money.rounded()
    sure = f"{low} to {high}{f' at {confidence(found.confidence)} confidence' if found.confidence else ''}" if low and high else found.why
    return name, f"{value} {money.unit}", f"{over}; {sure}"


def _others(top: Headline) -> str:
    counts = {status: sum(gate.status == status for gate in top.gates) for status in ("warned", "failed", "unknown")}
    return ", ".join(f"{n} {status}" for status, n in counts.items() if n) or "none warned or failed"


def _state(folders: RunFolders, chapter: Chapter) -> str:
    """How the room ended: passed, warned, refused or withheld; evaluation as its gates say."""
    gate = load(folders.reports / chapter.room / "gate.json")
    statuses = {text(g, "status") for g in at(gate, "gates") or []}
    if chapter.missing or text(gate, "status") in ("refused", "withheld"):
        return "failed" if text(gate, "status") == "refused" else "unknown"
    return "failed" if "failed" in statuses else "warned" if "warned" in statuses else "passed"


def _measured(folders: RunFolders, chapters: Sequence[Chapter]) -> tuple[Facts, ...]:
    return tuple(part for c in chapters for part in facts(_flat(load(folders.reports / c.room / "measurements.json")), c.room))


def _flat(found: Record, above: tuple[str, ...] = ()) -> list[tuple[str, Cell]]:
    lines: list[tuple[str, Cell]] = []
    for name in sorted(found):
        value, path = found[name], (*above, name)
        if isinstance(value, dict) and len(path) < DEEPEST:
            lines += _flat(value, path)
        else:
            label, unit = _measured_as(path)
            lines.append((label, Cell(f"{told(value)} {unit}".rstrip(), "number")))
    return lines


def _measured_as(path: Sequence[str]) -> tuple[str, str]:
    """A measurement's name and unit for people; one that no room here takes keeps its own words."""
    if (known := MEASURED.get(".".join(path))) is not None:
        return known
    if path[0] == "fitting_seconds":
        return f"time to fit {words(' '.join(path[1:]))}, all folds together", "s"
    return ", ".join(map(words, path)), ""


def _imprint(folders: RunFolders, experiment: str, adopted: bool) -> tuple[Facts, ...]:
    """The identity of the run: seal, use of the test, digests."""
    split = load(folders.data / "split.json")
    chosen = text(load(folders.models / "ladder.json"), "chosen")
    deployed = load(folders.reports / "deployment" / "deployment.json") if has_shipped(folders) else {}
    manifest = load(folders.models / "candidates" / chosen / "manifest.json") if chosen else {}
    made_from = record(deployed, "made_from") or record(manifest, "made_from")
    use = record(load(folders.reports / "evaluation" / "verdict.json"), "use")
    opened = f"use {told(use.get('number'))} of {told(use.get('allowed'))}" if use else "not opened" if adopted else "closed while exploring"
    items = [
        ("experiment", code(experiment)),
        ("seal of the test", digest(text(split, "seal"))),
        ("test", plain(opened)),
        ("bundle", digest(text(deployed, "bundle"))),
        *((f"made from {name}", digest(str(value))) for name, value in sorted(made_from.items())),
    ]
    return facts(items)
