"""The consequences in sentences that a product owner understands."""

from __future__ import annotations

from collections.abc import Sequence

from runner.pipeline.review.compare import Compared, word_of
from runner.pipeline.review.cost import Cost
from runner.pipeline.review.paired import Paired
from runner.pipeline.review.rerun import StageRun
from runner.pipeline.review.review import ExperimentReview, Review
from runner.pipeline.review.uses import Signoffs, Uses
from runner.report.headline import Tone
from runner.report.numbers import Interval, confidence, count, figure, in_money
from runner.report.words import listed, sentence, shorten, some, words

NAME = 60
NAMED = 6
TOLD = 3


def lead(review: Review) -> tuple[str, ...]:
    """The whole review in the sentences of one paragraph: what changes, what it costs, whether it earns more, whether a gate changes."""
    told = review.experiments
    total = len(told) + len(review.kept)
    if not told:
        same = "No adopted experiment changes: declarations, code, raw data and libraries that decide results are the same."
        return (same if total else "Nothing is adopted.",)
    if len(told) == 1:
        return tuple(filter(None, (*one(told[0]), _rest(len(review.kept)))))
    parts = [*_which(told, total), _costs(told), *_earnings([e for e in told if e.state in ("changed", "touched")])]
    moved = [f"{_name(e.name)}: {gates(e.compared)}" for e in told if _moves(e.compared)]
    judged = [e for e in told if _both(e)]
    parts += moved[:TOLD] or ["no gate changes" if len(judged) == len(told) else "where both sides were judged, no gate changes" if judged else ""]
    spend = sum(e.uses is not None and e.uses.state == "next" for e in told)
    parts += [f"running it opens {some(spend, 'sealed test')} once more"] if spend else []
    return tuple(map(sentence, filter(None, parts)))


def _which(told: Sequence[ExperimentReview], total: int) -> list[str]:
    """Who changes by declaration, and whom only code, data or libraries reach."""
    changed, touched = ([_name(e.name) for e in told if (e.state == "touched") == reached] for reached in (False, True))
    parts = [f"{len(changed)} of {some(total, 'experiment')} change{'s' if len(changed) == 1 else ''}: {listed(changed, NAMED)}"] if changed else []
    if touched:
        causes = _causes([run for e in told if e.state == "touched" for run in e.runs])
        head = "" if changed else "no declaration changes; "
        parts.append(f"{head}{causes}, which reaches {some(len(touched), 'experiment')} declared as before: {listed(touched, NAMED)}")
    return parts


def _earnings(told: Sequence[ExperimentReview]) -> list[str]:
    """The known ones each, the others together."""
    known = [e for e in told if e.paired.verdict != "unknown"]
    unknown = [e for e in told if e.paired.verdict == "unknown"]
    parts = [earns(e.paired, e.per_month, _name(e.name)) for e in known[:TOLD]]
    parts += [f"{some(len(known) - TOLD, 'more experiment')} below"] if len(known) > TOLD else []
    if len(unknown) == 1:
        parts.append(earns(unknown[0].paired, unknown[0].per_month, _name(unknown[0].name)))
    elif unknown:
        whys = {e.paired.why for e in unknown}
        why = f": {whys.pop()}" if len(whys) == 1 else ", each for a reason of its own"
        parts.append(f"whether {listed([_name(e.name) for e in unknown], NAMED)} earn more is not known{why}")
    return parts


def one(e: ExperimentReview) -> tuple[str, ...]:
    """The same for one experiment."""
    name = _name(e.name)
    if e.state == "removed":
        return (f"{name} is removed: no stage of it runs any more; its ledger, results and sign-offs stay in the history.",)
    cost = "; ".join(part for part in (reruns(e.runs), fits(e.cost)) if part)
    parts = [f"{name} {_what(e)}", cost, earns(e.paired, e.per_month), gates(e.compared)]
    parts += [opened(e.uses)] if e.uses else []
    parts += [unsigned(e.signoffs)] if e.signoffs else []
    return tuple(map(sentence, filter(None, parts)))


def _both(e: ExperimentReview) -> bool:
    return e.compared.before.is_there and e.compared.after.is_there


def _rest(number: int) -> str:
    return "The other experiment stays as it is." if number == 1 else f"The other {number} experiments stay as they are." if number else ""


def _name(name: str) -> str:
    """An experiment's name, set as code."""
    return f"`{shorten(name, NAME)}`"


def _what(e: ExperimentReview) -> str:
    if e.state == "added":
        return f"is new{f', with the content of the removed {_name(e.twin)}' if e.twin else ''}"
    if e.state == "changed":
        sections = list(dict.fromkeys(change.path[0] for change in e.changes))
        return f"changes in {some(len(e.changes), 'value')} of {listed(sections)}"
    return f"is declared as before, but {_causes(e.runs)}"


def _causes(runs: Sequence[StageRun]) -> str:
    causes = [name for name, has in (("code", "code"), ("raw data", "data"), ("libraries", "libraries")) if any(getattr(run, has) for run in runs)]
    return f"{listed(causes)} {'differs' if causes == ['code'] else 'differ'}"


def reruns(runs: Sequence[StageRun]) -> str:
    """Which stages run again."""
    sure, maybe = ([run.room for run in runs if run.status == status] for status in ("runs", "follows"))
    if not sure and not maybe:
        return "no stage runs again"
    if len(sure) == len(runs):
        return f"all {len(runs)} stages run{'' if any(run.first for run in runs) else ' again'}"
    follow = f", {listed(maybe, 7)} if {'its' if len(maybe) == 1 else 'their'} inputs change" if maybe else ""
    return f"{listed(sure, 7)} run{'s' if len(sure) == 1 else ''} again{follow}"


def fits(cost: Cost) -> str:
    """What that costs, relative to the base: clocks differ between machines, counts do not."""
    if cost.after is None:
        return ""
    if cost.before is None:
        return some(cost.after, "fit")
    if not cost.new:
        return "no model is fitted again"
    ratio = cost.ratio or 0.0
    same = "as many fits as before" if cost.before == cost.after else f"about {figure(ratio, 2)} times the fits"
    return f"{same} ({count(cost.before)} before, {count(cost.after)} now{f', {count(cost.new)} of them new' if cost.new < cost.after else ''})"


def _costs(told: Sequence[ExperimentReview]) -> str:
    before, after = sum(e.cost.before or 0 for e in told), sum(e.cost.after or 0 for e in told)
    new = sum(e.cost.new for e in told)
    if not new:
        return "no model is fitted again"
    return f"the fits go from {count(before)} to {count(after)}, at most {count(new)} of them new"


def earns(paired: Paired, per_month: float | None, subject: str = "it") -> str:
    """Whether the head earns more."""
    if paired.gain is None or paired.verdict == "unknown":
        return f"whether {subject} earns more is not known: {paired.why or (paired.gain.why if paired.gain else 'no interval')}"
    if paired.verdict == "same":
        return f"{subject} decides every row as before, out of fold, so it earns the same"
    money, over = in_money(paired.gain, per_month)
    told = money.turned() if paired.verdict == "less" else money
    value, low, high = told.rounded()
    between = f"(between {low} and {high}{_level(money)})"
    if paired.verdict == "unsure":
        return f"out of fold {subject} earns neither surely more nor surely less: {value} {money.unit} {over} {between}"
    return f"out of fold {subject} surely earns {value} {money.unit} {over} {paired.verdict} {between}"


def _level(money: Interval) -> str:
    return f" at {confidence(money.confidence)} confidence" if money.confidence else ""


def _moves(compared: Compared) -> bool:
    return (
        compared.before.is_there
        and compared.after.is_there
        and (compared.before.verdict != compared.after.verdict or any(gate.moved for gate in compared.gates))
    )


def gates(compared: Compared) -> str:
    """What becomes of the verdict and its gates; empty where a side has none to compare with."""
    before, after = word_of(compared.before.verdict), word_of(compared.after.verdict)
    if not compared.after.is_there:
        return ""
    if not compared.before.is_there:
        return f"the verdict is {after}"
    verdict = f"the verdict stays {after}" if before == after else f"the verdict goes from {before} to {after}"
    moved = [f"{words(gate.name)} {gate.before or 'not judged'} to {gate.after or 'not judged'}" for gate in compared.gates if gate.moved]
    return f"{verdict}, {f'gates change: {listed(moved, TOLD)}' if moved else 'no gate changes'}"


def opened(uses: Uses) -> str:
    """What it means for the sealed test."""
    if uses.state == "spent":
        fresh = f", {some(uses.added, 'use')} more than at the base" if uses.added else ""
        return f"its declaration has opened the sealed test already, as use {uses.number} of {uses.allowed}{fresh}"
    if uses.state == "next":
        return f"running it opens the sealed test once more, use {uses.number} of {uses.allowed}"
    if uses.state == "refused":
        return f"all {uses.allowed} uses of the sealed test are spent, so running it is refused"
    return "which test it would open is known once the data stage ran" if not uses.rewritten else "the ledger of test uses is not to be trusted"


def unsigned(found: Signoffs) -> str:
    """Whose sign-off is missing before the bundle can be promoted."""
    refused = [who for who, decision in found.given.items() if decision.startswith(("reject", "refus", "no"))]
    if refused:
        return f"{listed([shorten(who, NAME) for who in refused])} did not sign"
    if not found.bundle or not found.declared:
        return ""
    if not found.missing:
        return "every declared approver has signed"
    return f"{some(len(found.missing), 'sign-off')} {'is' if len(found.missing) == 1 else 'are'} missing"


def judgement(review: Review) -> tuple[str, Tone]:
    """One word and its colour for the whole: what a reviewer must look at first."""
    told = review.experiments
    if review.stale:
        return "STALE", "bad"
    if any(e.uses and e.uses.rewritten for e in told):
        return "LEDGER CHANGED", "bad"
    if any(e.uses and e.uses.state == "refused" for e in told):
        return "TEST SPENT", "bad"
    if any(fails_anew(e.compared) for e in told):
        return "GATE FAILS", "bad"
    found = {e.paired.verdict for e in told if e.state in ("changed", "touched")}
    for verdict, word, tone in _JUDGED:
        if verdict in found:
            return word, tone
    return ("CHANGES", "mute") if told else ("NO CHANGE", "mute")


_JUDGED: tuple[tuple[str, str, Tone], ...] = (
    ("less", "EARNS LESS", "warn"),
    ("unknown", "NOT JUDGED", "mute"),
    ("more", "EARNS MORE", "good"),
    ("unsure", "NO SURE GAIN", "warn"),
    ("same", "EARNS THE SAME", "mute"),
)


def fails_anew(compared: Compared) -> bool:
    """Whether a gate that stood at the base fails at the head."""
    after = compared.after
    if after.is_there and after.verdict != "go" and compared.before.verdict == "go":
        return True
    return any(gate.after == "failed" and gate.before not in ("failed", "") for gate in compared.gates)
