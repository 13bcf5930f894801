"""The model card: one page for those who answer for the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.core.gates import SHARE, SURELY, SURELY_AT_LEAST

Json = Mapping[str, Any]


def text(problem: Json, verdict: Json, metrics: Json, split: Json, chosen: Json, experiment: str) -> str:
    """Markdown. chosen: the rung of ladder.json that ships, {} after a refusal."""
    parts = [f"# Model card: {experiment}", _head(problem, verdict)]
    if chosen:
        parts += [_model(chosen, split), _results(metrics, problem), _limits(metrics, verdict)]
    parts.append(_gates(verdict))
    parts.append(_use(problem, experiment))
    return "\n\n".join(parts) + "\n"


def _head(problem: Json, verdict: Json) -> str:
    use = f", use {verdict['use']['number']} of {verdict['use']['allowed']} of this test" if verdict["use"] else ""
    where = "the sealed test" if verdict["on"] == "test" else "out-of-fold predictions (exploring)"
    return "\n".join(
        [
            f"- **Decision**: {problem['decision']}",
            f"- **One row**: {problem['row']}",
            f"- **Owner**: {problem['owner'] or 'not declared'}; approvers: {', '.join(problem['approvers']) or 'none declared'}",
            f"- **Verdict**: {verdict['verdict'].replace('_', ' ')}, judged on {where}{use}",
        ]
    )


def _model(chosen: Json, split: Json) -> str:
    times = split.get("time_ranges")
    lines = [
        "## Model and data",
        f"- Rung `{chosen['name']}` of kind {chosen['kind']}, after {chosen['trials']} trials: {chosen['reason']}.",
        f"- Trained on {split['rows']['train']:,} rows, {split['rows']['test']:,} rows sealed for the test ({split['kind']} split).",
        f"- Seal `{split['seal'][:16]}`.",
    ]
    if times:
        lines.append(f"- Time ranges: {', '.join(f'{part} {span}' for part, span in times.items())}.")
    return "\n".join(lines)


def _told(interval: Json) -> str:
    if interval.get("low") is None:
        return f"unknown ({interval.get('why', 'no interval')})"
    return f"{interval['value']:.4g} ({interval['low']:.4g} to {interval['high']:.4g} at {interval['confidence']:.4g} confidence) {interval['unit']}".rstrip()


def _results(metrics: Json, problem: Json) -> str:
    lines = ["## What it earns", f"- Payoff: {_told(metrics['payoff'])}"]
    lines += [f"- Gain over {name}: {_told(gain)}" for name, gain in metrics["gain"].items()]
    lines += [f"- {name}: {_told(score)}" for name, score in metrics["scores"].items()]
    least = f"{problem['criterion']['minimum_gain_per_row']:g} {problem['payoff']['unit']} per row"
    lines.append(f"- Success criterion: at least {least} over {problem['criterion']['baseline']}.")
    return "\n".join(lines)


def _limits(metrics: Json, verdict: Json) -> str:
    lines = ["## Where it does worse or is unknown"]
    for name, report in metrics["slices"].items():
        if report["status"] in ("worse", "unknown"):
            lines.append(f"- {name} (`{report['sql']}`), {report['rows']:,} rows: {report['status']}{', ' + report['why'] if 'why' in report else ''}")
    lines += [f"- {gate['name']}: {gate['evidence']}" for gate in verdict["gates"] if gate["status"] in ("warned", "unknown")]
    return "\n".join(lines if len(lines) > 1 else [*lines, "- Nothing declared is surely worse than the baseline."])


def _gates(verdict: Json) -> str:
    rows = [f"| {' | '.join(map(_cell, (g['name'], g['room'], g['status'], *_measured(g))))} |" for g in verdict["gates"]]
    return "\n".join(["## Gates", "| gate | room | status | limit | found |", "|---|---|---|---|---|", *rows])


def _measured(gate: Json) -> tuple[str, str]:
    """Limit and found with their unit, as people read them."""
    # A verdict of an older version names neither unit nor bound.
    of, bound = gate.get("unit", ""), gate.get("bound", "")
    unit = f" {of}" if of not in ("", SHARE) else ""
    sure = f"{SURELY_AT_LEAST} " if bound.startswith(SURELY) else ""
    pairs = ((gate["limit"], f"{bound} " if bound else ""), (gate["found"], sure))
    limit, found = ("" if v is None else v if isinstance(v, str) else f"{before}{_number(v, of)}{unit}" for v, before in pairs)
    return limit, found


def _number(value: float, unit: str) -> str:
    return f"{value:.4g}" if unit != SHARE else f"{value:.1%}" if isinstance(value, float) else str(value)


def _cell(value: Any) -> str:
    return "" if value is None else str(value).replace("|", "\\|").replace("\n", " ")


def _use(problem: Json, experiment: str) -> str:
    return "\n".join(
        [
            "## Use",
            f"- Intended for: {problem['decision']}. Rows of another kind than '{problem['row']}' are outside it.",
            f"- Score a batch: `python -m runner score --bundle models/{experiment}/bundle --input new.parquet --output scored.parquet`",
            f"- Watch it: `python -m runner monitor --bundle models/{experiment}/bundle --input batch.parquet`",
            f"- Roll back: `python -m runner registry rollback {experiment}`",
        ]
    )
