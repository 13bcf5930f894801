"""The recipe: what is computed once, what is fitted inside each fold, and which columns the models see."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import polars as pl
from polars.exceptions import ColumnNotFoundError
from pydantic import TypeAdapter

from runner.bundle import recipe as fitted
from runner.core import expressions, plugins
from runner.core.faults import Fault, FaultsError, fault, listed, nearest
from runner.core.files import read_json, write_json
from runner.core.registry import Registered, part
from runner.core.seeds import seed_for
from runner.features.spec import FeaturesSpec
from runner.features.steps.fitting import FittedStep, Fitting, StepSpec

FILE = "recipe.json"
# Names that rows carry beside the contract's columns.
RESERVED = frozenset({"row_id"})
# What a kind of step may take, and how a message calls it.
TAKES: Mapping[str | None, tuple[Callable[[pl.DataType], bool], str]] = {
    None: (lambda dtype: True, "a column"),
    "numbers": (lambda dtype: dtype.is_numeric(), "a column of numbers"),
    "text": (lambda dtype: dtype == pl.String, "a column of text"),
}


@dataclass(frozen=True)
class Recipe:
    """A planned recipe.

    static: operations that learn nothing, applied once to all rows; learning: steps to fit inside each fold, in order;
    features: [{"name", "kind": numeric | categorical}] the models see, in order;
    origins: feature to the contract columns that a row's value is made of, makers: made column to its step, both filled by `plan`.
    """

    static: tuple[fitted.Operation, ...]
    learning: tuple[tuple[str, StepSpec], ...]
    features: tuple[Mapping[str, str], ...]
    origins: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    makers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FittedRecipe:
    """A recipe fitted on rows.

    operations: from contract columns to features, for rows it was not fitted on; own: the rows it was fitted on, with features;
    features: those of the recipe that no step dropped; dropped: the others, each with the reason.
    """

    operations: tuple[fitted.Operation, ...]
    own: pl.DataFrame
    features: tuple[Mapping[str, str], ...]
    dropped: Mapping[str, str]


def plan(spec: FeaturesSpec, rows: pl.DataFrame, outcome: np.ndarray, classes: Sequence[str], hidden: Sequence[str]) -> tuple[Recipe, pl.DataFrame]:
    """The recipe of a spec, and the rows with the static columns added.

    rows: train rows with contract columns; outcome, classes: as in Fitting; hidden: columns that are never features.
    Raises FaultsError with every step that names a missing column or holds a wrong expression.
    """
    static: list[fitted.Operation] = []
    learning: list[tuple[str, StepSpec]] = []
    faults: list[Fault] = []
    learned: set[str] = set()
    makers: dict[str, str] = {}
    unseen = [*spec.drop, *hidden]
    origins: dict[str, tuple[str, ...]] = {}
    sample = rows.head(1000)
    for name, step in spec.steps.items():
        found = _step_faults(name, step, sample.schema)
        if found:
            faults += found
            continue
        try:
            made = _fit_step(step, Fitting(name, sample, outcome[: sample.height], tuple(classes), 0, _names(_features(sample, unseen))))
        except FaultsError as error:
            faults += error.faults
            continue
        clashes = _clashes(name, step, made.adds, sample.columns, makers)
        if clashes:
            faults += clashes
            continue
        after = _with_own(made, sample)
        wrong = _made_faults(name, step, made, sample, after)
        if wrong:
            faults += wrong
            continue
        makers |= dict.fromkeys(made.adds, name)
        origins |= {c: tuple(sorted({o for r in _read_for(step, c) for o in origins.get(r, (r,))})) for c in made.adds}
        sample = after
        if not step.learns:
            unseen += made.drops
        if step.learns or (made.operations and _reads(step) & learned):
            learning.append((name, step))
            learned |= set(made.adds)
        else:
            static += made.operations
    faults += [
        Fault(f"features.drop.{c}", "not a contract column or a column that a step makes", hint=nearest(c, sample.columns))
        for c in spec.drop
        if c not in sample.columns
    ]
    if faults:
        raise FaultsError(faults)
    return Recipe(tuple(static), tuple(learning), tuple(_features(sample, unseen)), origins, makers), fitted.apply(static, rows)


def fit(recipe: Recipe, rows: pl.DataFrame, outcome: np.ndarray, classes: Sequence[str], seed: int) -> FittedRecipe:
    """Fit the learning steps on rows that have the static columns; each later step sees the earlier ones' own values."""
    operations = list(recipe.static)
    dropped: dict[str, str] = {}
    for name, step in recipe.learning:
        features = tuple(c for c in _names(recipe.features) if c in rows.columns and c not in dropped)
        made = _fit_step(step, Fitting(name, rows, outcome, tuple(classes), seed_for(seed, name), features))
        operations += made.operations
        rows = _with_own(made, rows)
        dropped |= made.drops
    return FittedRecipe(tuple(operations), rows, tuple(f for f in recipe.features if f["name"] not in dropped), dropped)


def _names(features: Iterable[Mapping[str, str]]) -> tuple[str, ...]:
    return tuple(feature["name"] for feature in features)


def _fit_step(step: StepSpec, given: Fitting) -> FittedStep:
    """Fit one step; a plugin's step sees the columns that it says it reads, and no others."""
    is_own = not plugins.behind(step)
    reads = step.columns_read
    seen = given if is_own or not reads else replace(given, rows=given.rows.select(reads))
    try:
        made: FittedStep = part("step", step.kind)(step, seen)
    except ColumnNotFoundError as error:
        if is_own:
            raise
        wrong = f"the kind {step.kind!r} reads more than its `reads()` names: {str(error).splitlines()[0]}"
        raise fault(f"features.steps.{given.step}", wrong, f"the columns {listed(reads)}", "mend the plugin that registers it") from None
    return made


def _made_faults(name: str, step: StepSpec, made: FittedStep, before: pl.DataFrame, after: pl.DataFrame) -> list[Fault]:
    """What a plugin's step must not do to the rows; this package's own steps are held to it by their tests."""
    if not plugins.behind(step):
        return []
    at, mend = f"features.steps.{name}", "mend the plugin that registers it"
    new = [c for c in after.columns if c not in before.columns]
    found = []
    if after.height != before.height:
        found.append(Fault(at, f"the kind {step.kind!r} makes {after.height:,} rows of {before.height:,}", "one row for each row", mend))
    elif not set(before.columns) <= set(after.columns) or not before.equals(after.select(before.columns)):
        found.append(Fault(at, f"the kind {step.kind!r} changes columns that are there already", "new columns, and no others touched", mend))
    if set(made.adds) != set(new):
        found.append(Fault(at, f"the kind {step.kind!r} adds the columns {listed(new)}", f"those it says it adds: {listed(made.adds)}", mend))
    return found


def _with_own(made: FittedStep, rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(made.own.get_columns()) if made.own is not None else fitted.apply(made.operations, rows)


def save(recipe: Recipe, folder: Path) -> None:
    """Write the planned recipe into a folder."""
    write_json(
        folder / FILE,
        {
            "static": fitted.dump(recipe.static, folder),
            "learning": [{"name": n, "spec": s.model_dump(mode="json")} for n, s in recipe.learning],
            "features": [dict(f) for f in recipe.features],
        },
    )


def load(folder: Path) -> Recipe:
    """Read what save wrote."""
    written: dict[str, Any] = read_json(folder / FILE)
    step: TypeAdapter[Any] = TypeAdapter(Annotated[StepSpec, Registered("step")])
    learning = tuple((item["name"], step.validate_json(json.dumps(item["spec"]))) for item in written["learning"])
    return Recipe(tuple(fitted.parse(written["static"], folder)), learning, tuple(written["features"]))


def outcome_columns(target: pl.Series, task: str, labels: Sequence[str] | None, positive: str | None) -> tuple[np.ndarray, list[str]]:
    """(n, k) Float64 outcome of a Fitting and its class names."""
    if task == "regression":
        return target.cast(pl.Float64).to_numpy().reshape(-1, 1), [""]
    if task == "binary":
        return (target == positive).to_numpy().astype(float).reshape(-1, 1), [""]
    named = list(labels or [])
    return np.column_stack([(target == label).to_numpy().astype(float) for label in named]), named


def _step_faults(name: str, step: StepSpec, schema: Mapping[str, pl.DataType]) -> list[Fault]:
    at = f"features.steps.{name}"
    columns = [c for named in step.reads().values() for c in named]
    faults = [
        Fault(at, f"names a column {c!r} that is not there", "a contract column or one an earlier step makes", nearest(c, schema))
        for c in columns
        if c not in schema
    ]
    faults += _type_faults(at, step, schema)
    if hasattr(step, "expressions"):
        faults += expressions.check(step.expressions, schema, f"{at}.expressions", total=True)[0]
    if hasattr(step, "aggregates"):
        given = {n: a.of for n, a in step.aggregates.items() if a.of}
        wrong, types = expressions.check(given, schema, f"{at}.aggregates", total=True)
        faults += wrong
        faults += [
            Fault(f"{at}.aggregates.{n}", f"{given[n]} is {t}", "a number, or true or false", "count rows of a category by CASE WHEN ... THEN 1 END")
            for n, t in types.items()
            if not (t.is_numeric() or t in (pl.Boolean, pl.Null))
        ]
    arrival = getattr(step, "arrival", None)
    if arrival and (arrival not in schema or not schema[arrival].is_temporal()):
        found = f"{arrival!r} is {schema[arrival]}" if arrival in schema else f"names a column {arrival!r} that is not there"
        hint = "declare its type in data.columns" if arrival in schema else nearest(arrival, schema)
        faults.append(Fault(f"{at}.arrival", found, "a date or datetime column", hint))
    faults += [Fault(".".join((at, *said.path)), said.wrong, said.expected, said.hint) for said in step.complaints(schema)]
    return faults


def _type_faults(at: str, step: StepSpec, schema: Mapping[str, pl.DataType]) -> list[Fault]:
    """Columns that are not of the type that the kind takes."""
    fits, expected = TAKES[step.takes]
    return [
        Fault(f"{at}.{key}", f"{column!r} is {schema[column]}", expected, f"the kind {step.kind!r} works on {step.takes}")
        for key, columns in step.reads().items()
        if key in ("column", "columns")
        for column in columns
        if column in schema and not fits(schema[column])
    ]


def _clashes(name: str, step: StepSpec, adds: Sequence[str], known: Sequence[str], makers: Mapping[str, str]) -> list[Fault]:
    """Faults of columns that a step would write over: a step adds columns, it changes none. makers: column to the step that made it."""
    faults = []
    for column in adds:
        is_reserved = column in RESERVED or column.startswith(fitted.HIDDEN)
        if column in known or is_reserved or list(adds).count(column) > 1:
            family = next((f".{family}.{column}" for family in ("expressions", "aggregates") if column in getattr(step, family, {})), "")
            owner = f"is made by the step {makers[column]!r} already" if column in makers else "is in the contract already"
            owner = "is a name that rows have of their own" if is_reserved else owner if column in known else "is made twice by this step"
            faults.append(Fault(f"features.steps.{name}{family}", f"a column {column!r} {owner}", "a new name", "a step adds columns, it changes none"))
    return faults


def _reads(step: StepSpec) -> set[str]:
    columns = set(step.columns_read)
    for sql in getattr(step, "expressions", {}).values():
        columns |= set(expressions.parse(sql).meta.root_names())
    return columns


def _read_for(step: StepSpec, column: str) -> set[str]:
    """What one made column reads of its row: an expression its own columns, all else what the step reads."""
    sql = getattr(step, "expressions", {}).get(column)
    return _reads(step) if sql is None else set(expressions.parse(sql).meta.root_names())


def _features(sample: pl.DataFrame, hidden: Sequence[str]) -> list[dict[str, str]]:
    features = []
    for name, dtype in sample.schema.items():
        if name in hidden or name.startswith(fitted.HIDDEN) or not (dtype.is_numeric() or dtype in (pl.Boolean, pl.String)):
            continue
        features.append({"name": name, "kind": "categorical" if dtype == pl.String else "numeric"})
    return features
