"""A review as a document: chapters of parts, which Markdown and HTML show each in its own way."""

from __future__ import annotations

from dataclasses import dataclass

from runner.pipeline.review import sections
from runner.pipeline.review.compare import word_of
from runner.pipeline.review.review import ExperimentReview, Review
from runner.pipeline.review.summary import judgement, lead, one
from runner.report.headline import Tone
from runner.report.numbers import count, figure
from runner.report.parts import Cell, Chapter, Part, Section, Table, plain, table
from runner.report.words import listed, sentence, shorten, some

STATES = {"added": "new", "removed": "removed", "changed": "config changes", "touched": "config as before"}
PAYOFF = {"more": "surely more", "less": "surely less", "same": "the same", "unsure": "no sure difference", "unknown": "not known"}


@dataclass(frozen=True)
class Document:
    """word, tone: what to look at first; lead: the sentences of the one paragraph; alerts: what is wrong whatever the
    models do; overview: one line an experiment; chapters: one an experiment; notes: what applies to all.
    """

    base: str
    head: str
    word: str
    tone: Tone
    lead: tuple[str, ...]
    alerts: tuple[str, ...]
    overview: tuple[Table, ...]
    chapters: tuple[Chapter, ...]
    notes: tuple[str, ...]


def document(review: Review) -> Document:
    """Everything that a review found, in words."""
    word, tone = judgement(review)
    kept = (f"Unchanged: {listed([f'`{shorten(name, 60)}`' for name in review.kept], 12)}.",) if review.kept else ()
    notes = (*(sentence(note) for note in review.notes), *kept)
    # A single experiment's sentences are the lead already.
    chapters = tuple(_chapter(e, " ".join(one(e)) if len(review.experiments) > 1 else "") for e in review.experiments)
    return Document(review.base, review.head, word, tone, lead(review), _alerts(review), _overview(review), chapters, notes)


def _alerts(review: Review) -> tuple[str, ...]:
    """What a reviewer must not miss: the declarations below may not be what conf/ says, or a ledger was rewritten."""
    stale: tuple[str, ...] = ()
    if review.stale:
        more = f"; and {some(len(review.stale) - 1, 'more finding')}" if len(review.stale) > 1 else ""
        stale = (
            f"params.yaml at `{review.head}` is not what conf/ composes to, so what is reviewed here is not what conf/ declares. "
            f"Run `python -m runner compose` and commit it. {shorten(review.stale[0])}{more}",
        )
    return (*stale, *(sentence(e.uses.rewritten) for e in review.experiments if e.uses and e.uses.rewritten))


def _overview(review: Review) -> tuple[Table, ...]:
    if len(review.experiments) < 2:
        return ()
    return table(("Experiment", "Config", "Stages that run", "Fits", "Payoff out of fold", "Verdict", "Test use"), map(_line, review.experiments))


def _line(e: ExperimentReview) -> tuple[Cell, ...]:
    config = some(len(e.changes), "value") if e.changes else STATES[e.state]
    runs = [sum(run.status == status for run in e.runs) for status in ("runs", "follows")]
    stages = " + ".join(part for part in (str(runs[0]) if runs[0] else "", f"{runs[1]} following" if runs[1] else "") if part) or "none"
    ratio = f", {figure(e.cost.ratio, 2)} times" if e.cost.ratio not in (None, 1.0) else ""
    fits = "–" if e.cost.after is None else f"{count(e.cost.after)}{ratio}"
    before, after = (word_of(side.verdict) for side in (e.compared.before, e.compared.after))
    verdict = after if before == after or not before else f"{before} to {after or 'not judged'}"
    use = "–" if e.uses is None or e.uses.number is None else f"{e.uses.number} of {e.uses.allowed}"
    payoff = PAYOFF[e.paired.verdict] if e.state in ("changed", "touched") else "–"
    return tuple(map(plain, (shorten(e.name, 60), config, stages, fits, payoff, verdict or "not judged", use)))


def _chapter(e: ExperimentReview, told: str) -> Chapter:
    titled: tuple[tuple[str, tuple[Part, ...]], ...] = (
        ("Config", sections.config(e)),
        ("Stages that run and what they cost", sections.stages(e)),
        ("Payoff", sections.payoff(e)),
        ("Gates and constraints", sections.gates(e)),
        ("Ladder", sections.ladder(e)),
        ("Slices", sections.slices(e)),
        ("Calibration", sections.calibration(e)),
        ("Data contract and data version", sections.data(e)),
        ("Uses of the sealed test", sections.uses(e)),
        ("Sign-offs", sections.signoffs(e)),
    )
    return Chapter(e.name, STATES[e.state], told, tuple(Section(title, parts) for title, parts in titled if parts))
