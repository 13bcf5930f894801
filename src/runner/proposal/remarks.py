"""What is said beside the keys of the experiment's file, and at its top."""

from __future__ import annotations

from collections.abc import Iterator

from runner.core.faults import listed
from runner.proposal.found import Found
from runner.proposal.numbers import written
from runner.proposal.outcome import Outcome
from runner.proposal.values import MANY_ROWS
from runner.proposal.write import KeyPath, Remark

STEPS = {
    "target_encoding": "the mean outcome of each value, learned inside each fold",
    "frequency": "how common each value is, learned inside each fold",
    "history": "how often it was there before",
}


def head(found: Found) -> Iterator[str]:
    """The lines that open the file."""
    table, outcome = found.table, found.outcome
    size = f"{table.size[0]:,} rows x {table.size[1]} columns"
    yield f"Proposed by `python -m runner init` from {table.source.shown}, {size}. {target_told(outcome)}"
    if not found.questions:
        yield "It runs as it is. What no person has said is a guess to correct."
        return
    yield "It runs as it is. Everything here is a guess to correct; what only a person can answer is marked ASK and holds a"
    yield "placeholder: it may be explored, but an adopted run is refused while problem.open_questions has an entry."


def target_told(outcome: Outcome) -> str:
    """The outcome's labels with their shares, or its range."""
    name = outcome.column.name
    if outcome.task == "regression":
        facts = outcome.column.facts
        return f"{name} lies between {written(float(facts.low or 0))} and {written(float(facts.high or 0))}."  # type: ignore[arg-type]
    total = sum(outcome.labels.values())
    return f"{name}: {', '.join(f'{label} {n / total:.0%}' for label, n in sorted(outcome.labels.items(), key=lambda item: -item[1]))}."


def remarks_of(found: Found) -> Iterator[tuple[KeyPath, Remark]]:
    """Key path to remark."""
    asked, outcome, roles, table, split = found.asked, found.outcome, found.roles, found.table, found.split
    ask = found.questions
    yield ("defaults",), Remark(beside="quick shows whether there is anything to learn; standard and thorough search longer")
    if not asked.decision:
        yield ("problem", "decision"), Remark(beside="ASK: in the words of those who decide")
    if "owner" in ask:
        missing = " and ".join(word for word, given in (("owner", asked.owner), ("approvers", asked.approvers)) if not given)
        yield ("problem", "task"), Remark(above=(f"ASK: {missing} belong here, such as `owner: head of retention` and `approvers: [compliance officer]`",))
    if asked.positive is None and outcome.positive is not None:
        yield ("problem", "positive"), Remark(beside="the label that is looked for")
    if roles.key:
        yield ("problem", "key"), Remark(beside="names a row: copied to the scores, never a feature")
    if roles.time:
        others = [name for name in roles.times if name != roles.time]
        beside = f"taken for the moment of decision{f'; could be {listed(others)}' if others else ''}; without it the split is random"
        yield ("problem", "time"), Remark(beside=beside)
    yield ("problem", "open_questions"), Remark(beside="delete a line once the file answers it")
    if "payoff" in ask:
        yield ("problem", "payoff"), Remark(above=_payoff_told(outcome))
    yield ("problem", "policy"), Remark(beside="where only so many rows can be acted on: kind: top_k" if outcome.task == "binary" else "")
    if "criterion" in ask:
        yield ("problem", "criterion"), Remark(beside="ASK: always doing the same is the least that must be beaten")
    if roles.protected:
        yield (
            ("problem", "constraints", "protected"),
            Remark(
                above=("Told by their names: traits that law or policy may forbid to use. They are compared and never used; take out what may be used.",),
                beside="a limit: fairness: {max_action_gap: 0.2}" if outcome.task == "binary" else "",
            ),
        )
    yield ("problem", "feasibility"), Remark(beside="about half of what there is")
    yield from _data_remarks(found)
    yield from (((("features", "steps", name)), Remark(beside=told)) for name, step in found.recipe.steps.items() if (told := STEPS.get(step["kind"], "")))
    if found.recipe.drop:
        yield ("features", "drop"), Remark(above=tuple(f"{name}: {why}" for name, why in found.recipe.drop.items()))
    if table.rows.height >= MANY_ROWS:
        yield ("training",), Remark(beside="a light first look at a large table")
    if split.kind == "by_time":
        yield ("data", "split"), Remark(beside="the latest rows are the test; folds walk forward")
    if split.group:
        yield ("data", "split"), Remark(beside=f"rows of one {split.group} are alike: on one side all of them, or the model knows them already")


def _payoff_told(outcome: Outcome) -> tuple[str, ...]:
    if outcome.task == "binary":
        return ("ASK: placeholders, in points. Acting on every row earns about nothing, so what a model earns is what it knows.",)
    if outcome.task == "multiclass":
        return ("ASK: placeholders, in points. A row that is treated as what it is counts one.",)
    return ("ASK: a placeholder, in points. Every unit of error costs one, above as below.",)


def _data_remarks(found: Found) -> Iterator[tuple[KeyPath, Remark]]:
    table, outcome, roles = found.table, found.outcome, found.roles
    source = table.source
    if source.note:
        yield ("data", "sources", source.name), Remark(above=(source.note,))
    for column in table.columns.values():
        if column.reading.note and column.reading.sql is not None:
            ask = " ASK: day first or month first?" if column.reading.ask else ""
            yield ("data", "sources", source.name, "derive", column.name), Remark(beside=f"{column.reading.note}{ask}")
    yield ("data", "sources", source.name, "derive"), Remark(beside="a batch to score brings these columns made in the same way")
    if outcome.filter:
        aside = [f"{outcome.n_missing:,} rows have no outcome"] * (outcome.n_missing > 0) + [f"{outcome.n_rare:,} have a rare label"] * (outcome.n_rare > 0)
        yield ("data", "filter"), Remark(beside=" and ".join(aside))
    above = [f"left out: {name.strip() or '(no name)'}, {why}" for name, why in table.left_out.items()]
    if table.n_repeated:
        above.append(f"{table.n_repeated:,} rows repeat another one in everything: copies in training and test flatter a model")
    above += _entities_told(found)
    if roles.doubtful and "availability" in found.questions:
        above.append(f"ASK: is one of these known only after the event? Then add `available: after_event`: {', '.join(roles.doubtful)}")
    yield ("data", "columns"), Remark(above=tuple(above))
    for name in table.columns:
        told = _column_told(name, found)
        if told:
            yield ("data", "columns", name), Remark(beside=told)
    yield ("data", "rules"), Remark(beside="these dates never stand the other way round here; they warn")
    yield ("data", "table_rules"), Remark(beside="half and twice of what is here; they warn, `on_fail: reject` would stop a run")
    if roles.n_repeated_keys:
        yield ("data", "unique"), Remark(beside=f"{roles.n_repeated_keys:,} rows repeat a {roles.key}; the later ones are set aside")


def _entities_told(found: Found) -> list[str]:
    told = []
    for name in found.roles.entities:
        facts = found.table.columns[name].facts
        if facts.distinct < facts.known and found.split.kind != "by_time" and name != found.split.group:
            told.append(f"{name} stands in {facts.known / facts.distinct:.1f} rows on average: a random split may put one {name} on both sides, which flatters")
    return told


def _column_told(name: str, found: Found) -> str:
    roles = found.roles
    if name in roles.after:
        said = "" if name in [c.name for c in map(found.table.of_raw, found.asked.after_event) if c] else "ASK: "
        return f"{said}{roles.after[name]}"
    parts = []
    if name in roles.sentinels:
        parts.append(f"{', '.join(map(str, roles.sentinels[name]))} stands for 'unknown'")
    return "; ".join(parts)
