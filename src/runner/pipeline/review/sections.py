"""The sections of an experiment's chapter, each from what was found; one without findings is empty."""

from __future__ import annotations

from collections.abc import Sequence

from runner.experiment.diff import Change
from runner.pipeline.review.compare import Gates, Judged, Rungs, word_of
from runner.pipeline.review.cost import Cost
from runner.pipeline.review.rerun import StageRun
from runner.pipeline.review.review import ExperimentReview
from runner.pipeline.review.summary import earns, fits, opened, unsigned
from runner.pipeline.review.values import LONGEST, NOT_SET, is_long, outline, remark, sides
from runner.report.headline import SYMBOLS, TONES, found_told, limit_told
from runner.report.numbers import Interval, count, figure, percent
from runner.report.parts import DIGEST_SHOWN, Cell, Code, Part, Text, Tone, code, folded, plain, spanned, table
from runner.report.words import listed, sentence, shorten, some, words

BASE, HEAD = "Base", "Head"
RUNS = {"runs": "● runs", "follows": "◌ if its inputs change", "kept": "– re-used"}
NAMED = 3


def config(e: ExperimentReview) -> tuple[Part, ...]:
    """Every value that differs; long ones whole, behind a title."""
    if e.state == "added":
        return (Text("The whole experiment is new; its declaration stands in params.yaml."),)
    whole = tuple(part for change in e.changes if is_long(change) for part in folded(f"{shorten(change.at, LONGEST)}, whole", _both(change.old, change.new)))
    return (*_changes("Key", e.changes), *whole)


def _changes(name: str, found: Sequence[Change]) -> tuple[Part, ...]:
    """A table of changed values; what the values do not say themselves has a column of its own, where there is any."""
    remarks = [remark(change) for change in found]
    head = (name, BASE, HEAD, *(["Remark"] if any(remarks) else []))
    rows = [(code(change.at), *map(_value, sides(change)), plain(told_))[: len(head)] for change, told_ in zip(found, remarks, strict=True)]
    return table(head, rows, stacked=True)


def _value(text: str) -> Cell:
    return plain(text, "mute") if text == NOT_SET else code(shorten(text, LONGEST))


def _both(old: object, new: object) -> tuple[Code, ...]:
    return tuple(Code(outline(value), title) for value, title in ((old, BASE), (new, HEAD)) if value is not None)


def stages(e: ExperimentReview) -> tuple[Part, ...]:
    """The seven stages, why each runs, and what that costs."""
    if e.state == "removed":
        return ()
    rows = [(plain(run.room, "key"), plain(RUNS[run.status], "" if run.status == "runs" else "mute"), plain(_why(run))) for run in e.runs]
    guessed = f"Neither Git nor DVC keeps {listed(e.untracked, NAMED)} on both sides: taken as it is now, and whether it changed cannot be told."
    untracked = (Text(f"{guessed} `dvc add` gives it a history.", "warn"),) if e.untracked else ()
    return (*table(("Stage", "Runs", "Why"), rows), *untracked, *_cost(e.cost))


def _why(run: StageRun) -> str:
    if run.first:
        return "new"
    reasons = [f"declares {_some(run.sections)}"] if run.sections else []
    reasons += [f"code: {_some(run.code)}"] if run.code else []
    reasons += [f"raw data: {_some(run.data)}"] if run.data else []
    reasons += [f"libraries: {_some(run.libraries)}"] if run.libraries else []
    reasons += [f"reads what {listed(run.after, len(run.after))} write{'s' if len(run.after) == 1 else ''}"] if run.after else []
    return "; ".join(reasons)


def _some(names: Sequence[str]) -> str:
    return listed([shorten(name, LONGEST) for name in names], NAMED)


def _cost(cost: Cost) -> tuple[Part, ...]:
    lines: list[Part] = [Text(sentence(f"Predicted cost, an estimate: {fits(cost)}"))]
    if cost.new and cost.before is not None:
        lines.append(
            Text(
                "Counted are trials x folds of each candidate. Where the private folder .runner of a run of the base is kept, only the new ones are made.",
                "mute",
            )
        )
    if cost.heavier and cost.new:
        lines.append(Text(sentence(f"one fit of {_some(cost.heavier)} may take longer or shorter, for its settings differ")))
    if cost.minutes is not None:
        before, new = cost.minutes
        lines.append(
            Text(f"Clocked on the machine of a former run: {figure(before)} minutes of fitting at the base, so about {figure(new)} minutes for the new fits.")
        )
    return tuple(lines)


def payoff(e: ExperimentReview) -> tuple[Part, ...]:
    """Whether it earns more: paired out of fold; beside it what each side's own judgement says."""
    before, after = e.compared.before, e.compared.after
    missing = tuple(Text(sentence(why), "warn") for why in e.missing)
    if not before.is_there and not after.is_there:
        return missing
    verdict = e.paired.verdict
    tone: Tone = "good" if verdict == "more" else "bad" if verdict == "less" else ""
    said = (Text(sentence(earns(e.paired, e.per_month)), tone),) if e.state != "removed" else ()
    basis = (
        (Text(f"Paired over {count(e.paired.rows)} rows, each decided out of fold on both sides, without the sealed test.", "mute"),) if e.paired.gain else ()
    )
    note = (Text(sentence(e.paired.note), "warn"),) if e.paired.note else ()
    unit = next((found.unit for side in (after, before) if (found := side.payoff or side.out_of_fold)), "")
    rows = [(plain(name, "key"), left, right) for name, left, right in _judgements(before, after)]
    on_test = "test" in (before.on, after.on)
    read = "Figures on the sealed test are each side's own, not paired; each holds for all uses that its seal allows." if on_test else ""
    return (*said, *basis, *note, *table((f"In {unit}" if unit else "Figure", BASE, HEAD), rows, note=read), *missing)


def _judgements(before: Judged, after: Judged) -> list[tuple[str, Cell, Cell]]:
    on = "on the sealed test" if "test" in (before.on, after.on) else "as judged"
    over = words(after.baseline or before.baseline)
    baseline = f"Gain over {over}, {on}" if not before.baseline or not after.baseline or before.baseline == after.baseline else f"Gain over the baseline, {on}"
    lines: list[tuple[str, Cell, Cell]] = [
        ("Model", _figure(words(before.chosen)), _figure(words(after.chosen))),
        ("Payoff out of fold", _span(before.out_of_fold), _span(after.out_of_fold)),
        (f"Payoff {on}", _span(before.payoff), _span(after.payoff)),
        (baseline, _span(before.gain), _span(after.gain)),
    ]
    return [(name, left, right) for name, left, right in lines if {left.text, right.text} != {NOT_SET}]


def _span(found: Interval | None) -> Cell:
    return _figure("") if found is None else spanned(found)


def _figure(text: str) -> Cell:
    """A figure, or a word that stands in a column of figures."""
    return Cell(text or NOT_SET, "number", "" if text else "mute")


def gates(e: ExperimentReview) -> tuple[Part, ...]:
    """The verdict, the gates whose status moves, and those that fail or warn at the head."""
    before, after = e.compared.before, e.compared.after
    if not before.is_there and not after.is_there:
        return ()
    both = before.is_there and after.is_there
    shown = [gate for gate in e.compared.gates if ((gate.moved or gate.has_other_limit) and both) or (gate.after or gate.before) in ("failed", "warned")]
    as_before = len(e.compared.gates) - len(shown)
    words_of = [word_of(side.verdict) or "not judged" for side in (before, after)]
    verdict = f"Verdict: {words_of[0] if words_of[0] == words_of[1] else ' to '.join(words_of)}."
    kept = f"{some(as_before, 'gate')} as before" if both else f"{as_before} passed or unknown"
    rest = f" {sentence(kept)}" if as_before else ""
    rows = [
        (
            plain(f"{words(g.name)} ({g.room})", "key"),
            _status(g.before, found_told(g.found_before, g.unit, g.bound)),
            _status(g.after, found_told(g.found_after, g.unit, g.bound)),
            plain(_limit(g)),
            plain(shorten(g.evidence)),
        )
        for g in sorted(shown, key=_urgency)
    ]
    return (Text(f"{verdict}{rest}"), *table(("Gate", BASE, HEAD, "Limit", "Evidence"), rows, stacked=True))


def _limit(gate: Gates) -> str:
    before, after = (limit_told(limit, gate.unit, gate.bound) for limit in (gate.limit_before, gate.limit_after))
    return f"{before or 'none'} to {after or 'none'}" if gate.has_other_limit else after or before


def _urgency(gate: Gates) -> tuple[bool, bool]:
    return gate.after != "failed", not gate.moved


def _status(status: str, found: str) -> Cell:
    if not status:
        return plain("not judged", "mute")
    return plain(f"{SYMBOLS.get(status, '?')} {status}{f', {shorten(found, LONGEST)}' if found else ''}", TONES.get(status, "mute"))


def ladder(e: ExperimentReview) -> tuple[Part, ...]:
    """Every rung out of fold; open when another one ships."""
    rungs = e.compared.rungs
    if not rungs:
        return ()
    rows = [(plain(words(rung.name), "key"), _rung(rung.before, rung.chosen_before), _rung(rung.after, rung.chosen_after)) for rung in rungs]
    unit = next((found.unit for rung in rungs if (found := rung.after or rung.before)), "")
    shown = table(("Rung", BASE, HEAD), rows, note=f"Payoff out of fold in {unit}; ✓ marks what ships.")
    was, now = (_chosen(rungs, before) for before in (True, False))
    if was and now and was != now:
        return (Text(f"What ships changes from {words(was)} to {words(now)}."), *shown)
    return folded(f"{some(len(rungs), 'rung')}; {words(now or was)} ships{' as before' if was and now else ''}", shown)


def _rung(found: Interval | None, chosen: bool) -> Cell:
    return _figure("") if found is None else Cell(f"{'✓ ' if chosen else ''}{found.span()}", "number", "key" if chosen else "")


def _chosen(rungs: Sequence[Rungs], before: bool) -> str:
    return next((rung.name for rung in rungs if (rung.chosen_before if before else rung.chosen_after)), "")


def slices(e: ExperimentReview) -> tuple[Part, ...]:
    """The gain over the baseline in every slice; open when one fares otherwise."""
    found = e.compared.slices
    if not found:
        return ()
    both = e.compared.before.is_there and e.compared.after.is_there
    moved = [s for s in found if s.status_before != s.status_after and both]
    rows = [
        (
            plain(words(s.name), "key"),
            code(shorten(s.sql, LONGEST)),
            plain(NOT_SET if s.rows is None else count(s.rows)),
            _slice(s.before, s.status_before),
            _slice(s.after, s.status_after),
        )
        for s in (*moved, *(s for s in found if s not in moved))
    ]
    unit = next((gain.unit for s in found if (gain := s.after or s.before)), "")
    note = f"Gain over the baseline{f' in {unit}' if unit else ''}, as each side was judged."
    shown = table(("Slice", "Rows where", "Rows", BASE, HEAD), rows, note=note, stacked=True)
    if moved:
        names = _some([words(s.name) for s in moved])
        return (Text(sentence(f"{len(moved)} of {some(len(found), 'slice')} differ{'s' if len(moved) == 1 else ''}: {names}")), *shown)
    return folded(f"{some(len(found), 'slice')}{', each as before' if both else ''}", shown)


def _slice(found: Interval | None, status: str) -> Cell:
    tone: Tone = "good" if status == "better" else "bad" if status == "worse" else "mute"
    return plain(NOT_SET, "mute") if not status else plain(f"{f'{found.span()}, ' if found else ''}{status}", tone)


def calibration(e: ExperimentReview) -> tuple[Part, ...]:
    """How far predictions are from what came true, and promises from what was earned."""
    sides_ = (e.compared.before, e.compared.after)
    lines: list[tuple[Cell, ...]] = []
    if any(side.calibration_error is not None for side in sides_):
        shares = (_figure("" if side.calibration_error is None else percent(side.calibration_error)) for side in sides_)
        lines.append((plain("Predicted and observed shares differ on average by", "key"), *shares))
    if any(side.expected is not None for side in sides_):
        lines.append((plain("Payoff that the model expected, per row", "key"), *(_figure("" if s.expected is None else figure(s.expected)) for s in sides_)))
        lines.append((plain("Payoff that it earned, per row", "key"), *(_span(side.payoff) for side in sides_)))
    return table(("Measure", BASE, HEAD), lines)


def data(e: ExperimentReview) -> tuple[Part, ...]:
    """The version of each raw source, what became of the rows, and what differs in the resolved contract."""
    compared, both = e.compared, e.compared.before.is_there and e.compared.after.is_there
    rows: list[tuple[Cell, ...]] = [
        (plain(words(s.name), "key"), _version(s.rows_before, s.digest_before), _version(s.rows_after, s.digest_after))
        for s in compared.sources
        if s.digest_before != s.digest_after or not both
    ]
    rows += [
        (plain(words(name), "key"), *(plain(NOT_SET if n is None else f"{count(n)} rows") for n in pair))
        for name, pair in compared.counts.items()
        if pair[0] != pair[1]
    ]
    parts = (*table(("What", BASE, HEAD), rows), *_changes("Contract", compared.contract))
    if not both:
        return parts
    seals = (compared.before.seal, compared.after.seal)
    seal = (
        ()
        if seals[0] == seals[1]
        else (Text("Another sealed test is set apart: uses of the former one do not count against it, and figures on the two are of other rows.", "warn"),)
    )
    if not parts and not seal:
        return (Text("The same raw data, rows, contract and sealed test as before.", "mute"),) if compared.sources else ()
    same = () if any(s.digest_before != s.digest_after for s in compared.sources) else (Text("The raw data are the same.", "mute"),)
    return (*seal, *parts, *same)


def _version(rows: float | None, digest: str) -> Cell:
    return plain(NOT_SET, "mute") if not digest else Cell(f"{count(rows or 0)} rows, {digest[:DIGEST_SHOWN]}", "code", title=digest)


def uses(e: ExperimentReview) -> tuple[Part, ...]:
    """The state of the ledger, and whether merging opens the sealed test once more."""
    if e.uses is None:
        return ()
    found = e.uses
    tone: Tone = "bad" if found.state == "refused" or found.rewritten else "warn" if found.state == "next" else ""
    spent = f"{found.used} of {found.allowed} uses of this seal are in the ledger at the head" if found.seal else f"a seal allows {some(found.allowed, 'use')}"
    broken = (Text(sentence(found.rewritten), "bad"),) if found.rewritten else ()
    return (*broken, Text(f"{sentence(opened(found))} {sentence(spent)}", tone))


def signoffs(e: ExperimentReview) -> tuple[Part, ...]:
    """Who has to approve the bundle that would ship, and who has."""
    found = e.signoffs
    if found is None or not (found.declared or found.others):
        return ()
    rows = [(plain(shorten(who, LONGEST), "key"), plain(shorten(found.given.get(who, "missing"), LONGEST))) for who in found.declared]
    rows += [(plain(shorten(other, LONGEST)), plain("not among the declared approvers", "mute")) for other in found.others]
    bundle = found.bundle[:DIGEST_SHOWN]
    fresh = bool(found.bundle) and found.bundle != e.compared.before.bundle and e.compared.before.is_there
    told_ = f"For bundle {bundle}{', which differs from the one of the base, so that earlier sign-offs do not count' if fresh else ''}." if bundle else ""
    why = told_ or "No bundle ships at the head yet, so there is nothing to sign."
    done = f" {sentence(unsigned(found))}" if bundle and unsigned(found) else ""
    return (Text(f"{why}{done}"), *table(("Approver", "Decision"), rows))
