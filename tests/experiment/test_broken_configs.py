"""What a hostile or tired person may write: one table of broken configs, each told with exit code 2, key path, place and the way out."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from runner.cli import main
from runner.core.workspace import Workspace
from runner.experiment.compose import compose

CONF = Path(__file__).parents[2] / "conf"
FILE = "conf/experiment/loans.yaml"
LINE = "command line"
LOANS = """\
# @package _global_
name: loans
problem:
  decision: Lend or not
  row: one loan
  task: binary
  target: bad
  positive: "1"
  key: [loan_id]
  time: asked_at
  payoff:
    unit: EUR
    rows_per_month: 1000
    actions:
      lend: {"0": 0.2 * amount, "1": -0.5 * amount}
      decline: {"0": "0", "1": "0"}
  policy:
    kind: threshold
    act: decline
    otherwise: lend
  baselines:
    officer: {sql: income < 1000}
  criterion:
    baseline: officer
    minimum_gain_per_row: 1.0
    confidence: 0.95
  constraints:
    max_latency_ms_p99: 50
    protected: [age]
    forbidden: [postcode]
    monotone: {income: -1}
    fairness: {max_action_gap: 0.3}
  feasibility:
    min_rows: 2000
    min_positives: 200
data:
  sources:
    loans: {kind: parquet, path: data/raw/loans.parquet}
    rates: {kind: csv, path: data/raw/rates.csv}
    regions: {kind: csv, path: data/raw/regions.csv}
  primary: loans
  joins:
    region: {kind: lookup, source: regions, keys: {postcode: code}, columns: {region: name}}
    rate: {kind: asof, source: rates, time: asked_at, source_time: day, columns: {rate: percent}}
  split:
    test_share: 0.25
    folds: 4
  unique: [loan_id]
  columns:
    loan_id: {type: int}
    asked_at: {type: datetime}
    bad: {type: int, min: 0, max: 1, on_fail: reject}
    amount: {type: float, min: 0}
    income: {type: float, nullable: true}
    age: {type: int}
    postcode: {type: string}
    region: {type: string, nullable: true}
    rate: {type: float, nullable: true}
    paid_back: {type: float, nullable: true, available: after_event}
  rules:
    sane: {sql: amount < 1000000}
features:
  drop: [rate]
  steps:
    ratio:
      kind: sql
      expressions:
        burden: amount / NULLIF(income, 0)
    regions: {kind: target_encoding, columns: [region]}
training:
  tuning:
    trials: 4
  adjust:
    lightgbm: {max_iterations: 200}
evaluation:
  test_uses: 5
  slices:
    young: age < 30
monitoring:
  window_rows: 500
"""
PAST = "    past: {kind: history, source: loans, by: {age: age}, time: asked_at, source_time: asked_at, aggregates: {AGGREGATES}}\n"
BY_TIME = "data/split=by_time"
TOP_K = "{kind: top_k, act: decline, otherwise: lend, capacity: {rows: 5, of_rows: 100}}"
POLICY = "\n    kind: threshold\n    act: decline\n    otherwise: lend\n"

DOUBLES = "".join(f"    a{n}: ${{evaluation.slices.a{n - 1}}}${{evaluation.slices.a{n - 1}}}\n" for n in range(1, 31))
Told = tuple[str, ...]


@dataclass(frozen=True)
class Broken:
    """old becomes new in the experiment. at: the key path to mend; place: a text of the line to mend, or `LINE`, or a file and line as they are told;
    told: what the message must hold; overrides: further words on the command line."""

    name: str
    old: str
    new: str
    at: str
    place: str
    told: Told
    overrides: tuple[str, ...] = ()


def on_the_line(name: str, *overrides: str, at: str, told: Told) -> Broken:
    return Broken(name, "", "", at, LINE, told, overrides)


KEYS = [
    Broken("a room misspelt", "\nmonitoring:", "\nmonitorin:", "monitorin", "monitorin:", ("unknown key", "did you mean 'monitoring'?")),
    Broken("a key in another room", "  test_uses: 5\n", "  trials: 5\n", "evaluation.trials", "trials: 5", ("unknown key 'trials'",)),
    Broken(
        "a key of a step",
        "kind: target_encoding,",
        "kind: target_encoding, smooting: 3,",
        "features.steps.regions.smooting",
        "regions: {kind: t",
        ("'smoothing'?",),
    ),
    Broken("a key of a column", "age: {type: int}", "age: {typ: int}", "data.columns.age.typ", "age: {typ", ("did you mean 'type'?",)),
    Broken("a key of a source", "path: data/raw/rates.csv", "path: data/raw/rates.csv, sep: ;", "data.sources.rates.sep", "rates: {kind: csv", ("separator",)),
    Broken("a key of a join", "source: regions,", "source: regions, key: x,", "data.joins.region.key", "region: {kind", ("did you mean 'keys'?",)),
    Broken("a key of a capacity", POLICY, f" {TOP_K.replace('of_rows', 'of_row')}\n", "problem.policy.capacity.of_row", "policy:", ("'of_rows'?",)),
    Broken("a key of fairness", "max_action_gap", "max_gap", "problem.constraints.fairness.max_gap", "fairness:", ("max_action_gap",)),
    Broken(
        "a key of a candidate", "{max_iterations: 200}", "{max_iteration: 200}", "training.adjust.lightgbm.max_iteration", "lightgbm:", ("'max_iterations'?",)
    ),
    Broken("a candidate nobody knows", "lightgbm: {max", "lightgmb: {max", "training.adjust", "adjust:", ("'lightgmb', which is no candidate", "'lightgbm'?")),
    Broken("a look-alike letter", "  row: one", "  rоw: one", "problem.rоw", "rоw: one", ("unknown key", "did you mean 'row'?")),
    Broken("a key with a space", "  positive:", '  "positive ": "1"\n  positive:', "problem.positive ", '"positive "', ("did you mean 'positive'?",)),
    Broken(
        "a key with dots", "  row: one loan", "  payoff.unit: EUR\n  row: one loan", 'problem."payoff.unit"', "payoff.unit: EUR", ("unknown key 'payoff.unit'",)
    ),
    Broken("an emoji as a key", "  row: one", "  🐢: 1\n  row: one", "problem.🐢", "🐢", ("unknown key",)),
    Broken("a key of the language", "  row: one", "  __proto__: 1\n  row: one", "problem.__proto__", "__proto__", ("unknown key",)),
    Broken("Hydra's own settings", "evaluation:", "hydra: {run: {dir: /tmp}}\nevaluation:", "hydra", "hydra:", ("unknown key 'hydra'",)),
    Broken(
        "a section that is null",
        "  criterion:\n    baseline: officer\n    minimum_gain_per_row: 1.0\n    confidence: 0.95\n",
        "  criterion: null\n",
        "problem.criterion",
        "criterion:",
        ("a section",),
    ),
    Broken("a map that is a list", "    young: age < 30\n", "    - age < 30\n", "evaluation.slices", "slices:", ("a section",)),
    Broken("a column that is a word", "age: {type: int}", "age: int", "data.columns.age", "age: int", ('found "int"', "a section with the keys")),
]
VALUES = [
    Broken(
        "a percentage as confidence",
        "confidence: 0.95",
        "confidence: 95",
        "problem.criterion.confidence",
        "confidence: 95",
        ("found 95", "95% is written 0.95"),
    ),
    Broken("a percentage as share", "test_share: 0.25", "test_share: 20", "data.split.test_share", "test_share", ("20% is written 0.2",)),
    Broken(
        "a percentage as gap", "max_action_gap: 0.3", "max_action_gap: 30", "problem.constraints.fairness.max_action_gap", "fairness:", ("30% is written 0.3",)
    ),
    Broken(
        "a unit in a number",
        "max_latency_ms_p99: 50",
        "max_latency_ms_p99: 50ms",
        "problem.constraints.max_latency_ms_p99",
        "50ms",
        ('found "50ms"', "in milliseconds"),
    ),
    Broken("a thousand with a comma", "min_rows: 2000", 'min_rows: "2,000"', "problem.feasibility.min_rows", "min_rows", ('found "2,000"', "integer")),
    Broken("a decimal comma", "test_share: 0.25", "test_share: 0,25", "data.split.test_share", "test_share", ('found "0,25"', "number")),
    Broken("a fraction of a fold", "folds: 4", "folds: 4.5", "data.split.folds", "folds", ("found 4.5", "integer")),
    Broken("a number in powers", "trials: 4", "trials: 1e3", "training.tuning.trials", "trials", ("integer",)),
    Broken("infinity", "minimum_gain_per_row: 1.0", "minimum_gain_per_row: .inf", "problem.criterion.minimum_gain_per_row", "minimum_gain", ("finite number",)),
    Broken("not a number", "min: 0}", "min: .nan}", "data.columns.amount.min", "amount: {type", ("finite number",)),
    Broken("a time as text", "row: one loan", "row: 12:30", "problem.row", "row:", ("12:30 is read as 750", '"12:30"')),
    Broken("an octal as text", "row: one loan", "row: 010", "problem.row", "row:", ("010 is read as 8",)),
    Broken("a power as text", "row: one loan", "row: 1e3", "problem.row", "row:", ("1e3 is read as 1000.0",)),
    Broken("off as an address", "evaluation:", "tracking: {uri: off}\nevaluation:", "tracking.uri", "tracking:", ("off is read as false", '"off"')),
    Broken("a label without quotes", 'positive: "1"', "positive: 1", "problem.positive", "positive", ('put it in quotes: "1"',)),
    Broken("a price without quotes", '"0": "0"', '"0": 0', "problem.payoff.actions.decline.0", "decline:", ('put it in quotes: "0"',)),
    Broken("a sentence that is empty", "decision: Lend or not", 'decision: ""', "problem.decision", "decision:", ("at least 1 character",)),
    Broken("an address that is none", "evaluation:", "tracking: {uri: localhost:5000}\nevaluation:", "tracking.uri", "tracking:", ("http://HOST:PORT",)),
    Broken(
        "limits the wrong way",
        "{type: float, min: 0}",
        "{type: float, min: 5, max: 1}",
        "data.columns.amount.min",
        "amount:",
        ("min 5 is above max 1", "expected: at most 1"),
    ),
    Broken("a limit of a date", "{type: datetime}", "{type: datetime, min: 3}", "data.columns.asked_at.min", "asked_at:", ("are for int and float",)),
    Broken(
        "a pattern that is none",
        "postcode: {type: string}",
        'postcode: {type: string, pattern: "["}',
        "data.columns.postcode.pattern",
        "postcode: {",
        ("regular expression",),
    ),
    Broken("a direction that is none", "{income: -1}", "{income: down}", "problem.constraints.monotone.income", "monotone:", ('found "down"', "-1 or 1")),
]
ROLES = [
    Broken("no trials", "trials: 4", "trials: 0", "training.tuning.trials", "trials:", ("found 0", "at least 1")),
    Broken(
        "more fits than time",
        "    trials: 4\n",
        "    trials: 9000\n  safety_stop_minutes: 0.5\n",
        "training.tuning.trials",
        "trials:",
        ("9,000 trials", "fires first"),
    ),
    Broken("too few draws", "test_uses: 5", "test_uses: 5000", "evaluation.bootstrap_draws", "", ("cannot show a tail", "at least 200,000")),
    Broken(
        "too few draws of a ladder",
        "training:",
        "training:\n  confidence: 0.9999",
        "training.bootstrap_draws",
        "training:",
        ("at least 20,000", "training.confidence"),
    ),
    Broken(
        "patience beyond the end",
        "{max_iterations: 200}",
        "{patience: 2000}",
        "training.adjust.lightgbm.patience",
        "lightgbm:",
        ("no fit could stop early", "at most 1000"),
    ),
    Broken(
        "an end before patience",
        "{max_iterations: 200}",
        "{max_iterations: 10}",
        "training.adjust.lightgbm.max_iterations",
        "lightgbm:",
        ("at least 30, the patience",),
    ),
    Broken(
        "more positives than rows",
        "min_positives: 200",
        "min_positives: 3000",
        "problem.feasibility.min_positives",
        "min_positives",
        ("cannot be among 2,000 rows",),
    ),
    Broken(
        "more folds than rows",
        "min_rows: 2000\n    min_positives: 200",
        "min_rows: 5\n    min_positives: 2",
        "data.split.folds",
        "folds: 4",
        ("4 folds cannot be made of 3 training rows",),
    ),
    Broken(
        "groups larger than all",
        "{max_action_gap: 0.3}",
        "{max_action_gap: 0.3, min_group_rows: 5000}",
        "problem.constraints.fairness.min_group_rows",
        "fairness:",
        ("5,000 rows",),
    ),
    Broken(
        "windows beyond a year",
        "window_rows: 500",
        "window_rows: 50000",
        "monitoring.window_rows",
        "window_rows",
        ("more than a year brings", "at most 12,000"),
    ),
    Broken(
        "more alarms than windows",
        "window_rows: 500",
        "window_rows: 500\n  false_alarms_per_year: 99",
        "monitoring.false_alarms_per_year",
        "false_alarms",
        ("52 windows",),
    ),
    Broken(
        "losses of no slices",
        "  slices:\n    young: age < 30\n",
        "  max_slice_loss_per_row: 1.0\n",
        "evaluation.max_slice_loss_per_row",
        "max_slice_loss",
        ("none is declared",),
    ),
    Broken(
        "a champion by itself",
        "evaluation:",
        "deployment: {alias: champion}\nevaluation:",
        "deployment.alias",
        "deployment:",
        ("promotion is an act of people",),
    ),
    Broken("an alias that is taken", "evaluation:", "deployment: {alias: latest}\nevaluation:", "deployment.alias", "deployment:", ("cannot be an alias",)),
    Broken("a model with slashes", "evaluation:", "deployment: {register_as: a/b}\nevaluation:", "deployment.register_as", "deployment:", ("without slashes",)),
    Broken(
        "a metric as criterion",
        "baseline: officer",
        "metric: auc",
        "problem.criterion.metric",
        "metric: auc",
        ("not a business criterion", "minimum_gain_per_row: 0.5"),
    ),
    Broken(
        "a score beside a baseline",
        "confidence: 0.95",
        "log_loss: 0.3",
        "problem.criterion.log_loss",
        "log_loss",
        ("not a business criterion", "problem.payoff"),
    ),
    Broken(
        "a criterion of one word",
        "  criterion:\n    baseline: officer\n    minimum_gain_per_row: 1.0\n    confidence: 0.95\n",
        "  criterion: F1\n",
        "problem.criterion",
        "criterion:",
        ("F1 is a score of models",),
    ),
    Broken(
        "a baseline nobody declared",
        "baseline: officer",
        "baseline: oficer",
        "problem.criterion.baseline",
        "baseline: oficer",
        ("baselines are constant, officer",),
    ),
    Broken("a baseline called constant", "officer: {sql", "constant: {sql", "problem.baselines.constant", "constant: {sql", ("taken by the constant rung",)),
    Broken(
        "a threshold of no label",
        "    otherwise: lend\n",
        "    otherwise: lend\n    label: worse\n",
        "problem.policy.label",
        "label: worse",
        ("not a label that payoff.actions prices",),
    ),
    Broken("an action nobody prices", "act: decline", "act: refuse", "problem.policy.act", "act:", ("names the action 'refuse'",)),
    Broken("a capacity left out", POLICY, " {kind: top_k, act: decline, otherwise: lend}\n", "problem.policy.capacity", "policy:", ("is missing",)),
    Broken("a capacity of nothing", POLICY, f" {TOP_K.replace('rows: 5', 'rows: 0')}\n", "problem.policy.capacity.rows", "policy:", ("at least 1",)),
    Broken(
        "a capacity beyond all",
        POLICY,
        f" {TOP_K.replace('rows: 5', 'rows: 500')}\n",
        "problem.policy.capacity.rows",
        "policy:",
        ("more than of_rows", "expected: at most 100"),
    ),
    Broken(
        "a capacity of no span", POLICY, f" {TOP_K.replace(', of_rows: 100', '')}\n", "problem.policy.capacity", "policy:", ("exactly one of of_rows and per",)
    ),
    Broken("a regression by actions", "task: binary", "task: regression", "problem.payoff.sql", "payoff:", ("is needed for regression",)),
    Broken(
        "labels that are no numbers",
        '"1": -0.5 * amount}\n      decline: {"0": "0", "1": "0"}',
        '"one": -0.5 * amount}\n      decline: {"0": "0", "one": "0"}',
        "problem.positive",
        "positive",
        ("is not a label",),
    ),
    Broken("labels beyond the limits", "max: 1,", "max: 0,", "problem.payoff.actions", "actions:", ("prices the labels 1", "does not allow")),
    Broken("labels as fractions", "bad: {type: int, min: 0, max: 1,", "bad: {type: float,", "data.columns.bad.type", "bad: {type", ("int, string or bool",)),
    Broken("fairness of nobody", "    protected: [age]\n", "", "problem.constraints.fairness", "fairness:", ("protected",)),
    Broken("a target that is protected", "protected: [age]", "protected: [age, bad]", "problem.constraints.protected", "protected:", ("names the target",)),
    Broken("a column named twice", "key: [loan_id]", "key: [loan_id, loan_id]", "problem.key", "key:", ("names 'loan_id' twice",)),
    Broken("a target that is the key", "key: [loan_id]", "key: [bad]", "problem.target", "target:", ("also a key",)),
    Broken("a key of the output", "key: [loan_id]", "key: [decision]", "problem.key", "key:", ("'decision' is",)),
    Broken(
        "a protected column in a step",
        "burden: amount /",
        "burden: age * amount /",
        "features.steps.ratio.expressions.burden",
        "burden:",
        ("reads 'age', which is protected",),
    ),
    Broken(
        "a forbidden column in a step", "columns: [region]", "columns: [postcode]", "features.steps.regions.columns", "regions: {kind: t", ("is forbidden",)
    ),
    Broken("the future in a step", "burden: amount /", "burden: paid_back /", "features.steps.ratio.expressions.burden", "burden:", ("known only after",)),
    Broken("the outcome in a step", "columns: [region]", "columns: [bad]", "features.steps.regions.columns", "regions: {kind: t", ("the outcome itself",)),
    Broken("monotone in a protected column", "{income: -1}", "{age: -1}", "problem.constraints.monotone.age", "monotone:", ("it is protected",)),
    Broken("monotone in a dropped column", "{income: -1}", "{rate: -1}", "problem.constraints.monotone.rate", "monotone:", ("it is dropped",)),
    Broken("monotone in a category", "{income: -1}", "{region: 1}", "problem.constraints.monotone.region", "monotone:", ("no direction",)),
    Broken("monotone in nothing", "{income: -1}", "{incom: 1}", "problem.constraints.monotone.incom", "monotone:", ("did you mean 'income'?",)),
    Broken(
        "one column of two steps",
        "  steps:",
        "  steps:\n    again: {kind: sql, expressions: {burden: amount}}",
        "features.steps.ratio.expressions.burden",
        "burden: amount /",
        ("by the step 'again' already",),
    ),
    Broken(
        "a leak nobody has",
        "features:",
        "features:\n  leakage: {accept: {burdn: {reason: looked into it, by: Ann}}}",
        "features.leakage.accept.burdn",
        "leakage:",
        ("'burden'?",),
    ),
]
DATA = [
    Broken("a primary that is no source", "primary: loans", "primary: loan", "data.primary", "primary:", ("sources are ['loans', 'rates', 'regions']",)),
    Broken(
        "a join with nothing",
        "source: regions",
        "source: region",
        "data.joins.region.source",
        "region: {kind",
        ("names the source 'region'", "did you mean 'regions'?"),
    ),
    Broken(
        "an as-of join without time",
        "time: asked_at, source_time: day, ",
        "source_time: day, ",
        "data.joins.rate.time",
        "rate: {kind",
        ("is missing", "Time column of the rows"),
    ),
    Broken(
        "two joins, one column", "{rate: percent}", "{region: percent}", "data.joins.rate.columns.region", "rate: {kind", ("made by the join 'region' already",)
    ),
    Broken(
        "a join of a later one",
        "keys: {postcode: code}",
        "keys: {rate: code}",
        "data.joins.region.keys.rate",
        "region: {kind",
        ("the join 'rate', which comes later",),
    ),
    Broken(
        "a history that reads what a later join makes",
        "  split:\n    test_share",
        "    past: {kind: history, source: loans, by: {later: a}, time: asked_at, source_time: asked_at, aggregates: {n: {how: count}}}\n"
        "    last: {kind: lookup, source: regions, keys: {postcode: code}, columns: {later: name}}\n  split:\n    test_share",
        "data.joins.past.by.later",
        "past: {kind: history",
        ("made by the join 'last', which comes later",),
    ),
    Broken(
        "a history that makes a column of another join",
        "  split:\n    test_share",
        PAST.replace("{AGGREGATES}", "{rate: {how: count}}") + "  split:\n    test_share",
        "data.joins.past.aggregates.rate",
        "past: {kind: history",
        ("made by the join 'rate' already",),
    ),
    Broken(
        "a mean of nothing",
        "  split:\n    test_share",
        PAST.replace("{AGGREGATES}", "{n: {how: mean}}") + "  split:\n    test_share",
        "data.joins.past.aggregates.n.of",
        "past: {kind: history",
        ("mean needs a value",),
    ),
    Broken(
        "a history of no expression",
        "  split:\n    test_share",
        PAST.replace("{AGGREGATES}", "{n: {how: mean, of: amount +}}") + "  split:\n    test_share",
        "data.joins.past.aggregates.n.of",
        "past: {kind: history",
        ("is not a valid expression",),
    ),
    Broken(
        "a rule of the table over one row",
        "  rules:\n",
        "  table_rules:\n    enough: {sql: amount > 5}\n  rules:\n",
        "data.table_rules.enough.sql",
        "enough: {sql",
        ("gives a value a row",),
    ),
    Broken(
        "a rule of the table over a missing column",
        "  rules:\n",
        "  table_rules:\n    enough: {sql: AVG(amuont) > 5}\n  rules:\n",
        "data.table_rules.enough.sql",
        "enough: {sql",
        ("'amuont'", "did you mean 'amount'?"),
    ),
    Broken(
        "an age of a number",
        "age: {type: int}",
        "age: {type: int, max_age_hours: 3}",
        "data.columns.age.max_age_hours",
        "age: {type",
        ("date and datetime columns",),
    ),
    Broken(
        "a share that softens nothing",
        "age: {type: int}",
        "age: {type: int, on_fail: warn, tolerated_share: 0.1}",
        "data.columns.age",
        "age: {type",
        ("only counts",),
    ),
    Broken("a day that is none", "  primary: loans", "  primary: loans\n  as_of: soon", "data.as_of", "as_of: soon", ("no day or moment",)),
    Broken("a join of itself", "keys: {postcode: code}", "keys: {region: code}", "data.joins.region.keys.region", "region: {kind", ("made by itself",)),
    Broken(
        "an outcome made twice",
        "  unique:",
        "  label: {sql: amount > 1}\n  derive: {bad: amount}\n  unique:",
        "data.label",
        "label:",
        ("data.derive makes too",),
    ),
    Broken("a split without its column", "data:", "data:", "data.split.column", "split:", ("is missing",), (BY_TIME,)),
    Broken("a split by text", "folds: 4", "folds: 4\n    column: postcode", "data.split.column", "column: postcode", ("declared as string",), (BY_TIME,)),
    Broken(
        "a split by what may lack",
        "{type: datetime}",
        "{type: datetime, nullable: true}",
        "data.split.column",
        LINE,
        ("may be missing",),
        (BY_TIME, "+data.split.column=asked_at"),
    ),
    Broken(
        "a history over random folds",
        "  drop:",
        "  drop:",
        "features.steps.past",
        LINE,
        ("data/split=by_time",),
        ("+features.steps.past={kind:history,entity:[region],time:asked_at,aggregates:{n:{how:count}}}",),
    ),
    Broken(
        "a path upwards", "data/raw/loans.parquet", "../loans.parquet", "data.sources.loans.path", "loans: {kind", ("leaves the workspace", "external: true")
    ),
    Broken("a path of its own", "data/raw/loans.parquet", "/etc/passwd", "data.sources.loans.path", "loans: {kind", ("leaves the workspace", "external: true")),
    Broken("a path of somebody", "data/raw/loans.parquet", "~/loans.parquet", "data.sources.loans.path", "loans: {kind", ("without ~",)),
    Broken("a path of a share", "data/raw/loans.parquet", "'\\\\\\\\server\\\\loans.parquet'", "data.sources.loans.path", "loans: {kind", ("backslash",)),
    Broken("a path with a NUL", "data/raw/loans.parquet", '"data\\0"', "data.sources.loans.path", "loans: {kind", ("NUL",)),
    Broken("a path without end", "data/raw/loans.parquet", "a" * 5000, "data.sources.loans.path", "loans: {kind", ("cannot be looked up",)),
    Broken(
        "outside but relative",
        "path: data/raw/loans.parquet",
        "external: true, path: data/raw/loans.parquet",
        "data.sources.loans.path",
        "loans: {kind",
        ("is relative", "absolute"),
    ),
    Broken(
        "a name that stands for several columns",
        "age: {type: int}",
        "'*': {type: int}",
        "data.columns.*",
        "'*': {type",
        ("read as several columns at once", "rename the column"),
    ),
    Broken(
        "a column that is ours", "age: {type: int}", "row_id: {type: int}", "data.columns.row_id", "row_id: {type", ("row_id is the name of our own column",)
    ),
]
SQL = [
    Broken(
        "a payoff of nothing",
        "0.2 * amount",
        "0.2 * amonut",
        "problem.payoff.actions.lend.0",
        "lend:",
        ("'amonut' that is not there at character 7", "'amount'?"),
    ),
    Broken("a payoff of the future", "0.2 * amount", "0.2 * paid_back", "problem.payoff.actions.lend.0", "lend:", ("reads 'paid_back'",)),
    Broken("a payoff of text", "0.2 * amount", "postcode", "problem.payoff.actions.lend.0", "lend:", ("gives String", "a number")),
    Broken("a payoff over zero", "0.2 * amount", "amount / 0", "problem.payoff.actions.lend.0", "lend:", ("divides by zero", "at character 8", "NULLIF")),
    Broken("a payoff of today", "0.2 * amount", "EXTRACT(year FROM NOW())", "problem.payoff.actions.lend.0", "lend:", ("reads the clock",)),
    Broken("a slice of numbers", "young: age < 30", "young: age + 30", "evaluation.slices.young", "young:", ("gives Int64", "TRUE or FALSE")),
    Broken(
        "a slice with a typing error",
        "young: age < 30",
        "young: age < 30 AN bad",
        "evaluation.slices.young",
        "young:",
        ("not a valid expression", "at character"),
    ),
    Broken("a rule of averages", "amount < 1000000", "amount < AVG(amount)", "data.rules.sane.sql", "sane:", ("aggregates over rows", "at character 10")),
    Broken(
        "a baseline of all rows",
        "income < 1000",
        "RANK() OVER (ORDER BY income) < 10",
        "problem.baselines.officer.sql",
        "officer:",
        ("looks at other rows", "history"),
    ),
    Broken(
        "a baseline that queries",
        "income < 1000",
        "income < (SELECT 1)",
        "problem.baselines.officer.sql",
        "officer:",
        ("a statement", "SELECT at character 11"),
    ),
    Broken(
        "a feature of an unknown function",
        "amount / NULLIF",
        "amount / NULIF",
        "features.steps.ratio.expressions.burden",
        "burden:",
        ("unsupported function 'nulif'",),
    ),
    Broken(
        "a feature that can fail",
        "amount / NULLIF(income, 0)",
        "CAST(region AS BIGINT)",
        "features.steps.ratio.expressions.burden",
        "burden:",
        ("fails on some values", "TRY_CAST"),
    ),
    Broken(
        "a feature of two types",
        "amount / NULLIF(income, 0)",
        "amount + region",
        "features.steps.ratio.expressions.burden",
        "burden:",
        ("it calculates with a number and text",),
    ),
    Broken(
        "a reason that says nothing",
        "features:",
        "features:\n  leakage: {accept: {burden: {reason: ok, by: Ann}}}",
        "features.leakage.accept.burden.reason",
        "leakage:",
        ("at least 10 characters",),
    ),
    Broken("a filter that is cut", "  unique:", "  filter: amount >\n  unique:", "data.filter", "filter:", ("expected an expression at the end",)),
    Broken("a label of many rows", "  unique:", "  label: {sql: MAX(amount) > 1}\n  unique:", "data.label.sql", "label:", ("aggregates over rows",)),
    Broken("an expression without end", "age < 30", " OR ".join(["age < 30"] * 300), "evaluation.slices.young", "young:", ("299 ANDs and ORs", "at most 100")),
]
CODE = [
    Broken("code in a step", "kind: sql", "_target_: os.system", "features.steps.ratio._target_", "_target_", ("would run code",)),
    Broken("code in a list", "key: [loan_id]", "key: [{_target_: os.system}]", "problem.key.0._target_", "key:", ("would run code",)),
    Broken("code at the top", "evaluation:", "_target_: os.system\nevaluation:", "_target_", "_target_", ("would run code",)),
    Broken("code that is called later", "  row: one loan", "  row: {_partial_: true}", "problem.row._partial_", "row:", ("would run code",)),
    on_the_line("code on the line", "++problem.policy._target_=os.system", at="problem.policy._target_", told=("would run code",)),
    on_the_line(
        "code deep in a value",
        "+features.steps.x={kind:sql,expressions:{a:{_target_:os.system}}}",
        at="features.steps.x.expressions.a._target_",
        told=("would run code",),
    ),
    on_the_line("Hydra's launcher", "+hydra.launcher._target_=os.system", at="hydra.launcher._target_", told=("a setting of Hydra itself",)),
    on_the_line("Hydra's search path", "hydra.searchpath=[pkg://antigravity]", at="hydra.searchpath", told=("a setting of Hydra itself",)),
    Broken("the environment", "row: one loan", "row: ${oc.env:HOME}", "problem.row", "row:", ("calls a resolver", "under tracking only")),
    Broken("the environment in a list", "key: [loan_id]", 'key: ["${oc.env:HOME}"]', "problem.key.0", "key:", ("calls a resolver",)),
    Broken("the clock", "row: one loan", "row: ${now:%Y}", "problem.row", "row:", ("calls a resolver",)),
    Broken(
        "another resolver for tracking", "evaluation:", "tracking: {uri: '${oc.decode:x}'}\nevaluation:", "tracking.uri", "tracking:", ("calls a resolver",)
    ),
    Broken("a name put together", "row: one loan", "row: ${problem.${name}}", "problem.row", "row:", ("puts the name of a key together",)),
    Broken("a lookup of itself", "row: one loan", "row: a ${problem.row}", "problem.row", "row:", ("refers to itself: problem.row > problem.row",)),
    Broken("a circle of lookups", "row: one loan", "row: ${problem.owner}\n  owner: ${problem.row}", "problem.owner", "owner:", ("refers to itself",)),
    Broken(
        "a lookup that doubles",
        "  slices:\n",
        f"  slices:\n    a0: xx\n{DOUBLES}",
        "evaluation.slices.a30",
        "a30:",
        ("lookups and", "characters"),
    ),
    Broken("a circle of sections", "  slices:\n", "  slices:\n    whole: ${evaluation.slices}\n", "evaluation.slices.whole", "whole:", ("refers to itself",)),
    Broken("a lookup of nothing", "row: one loan", "row: ${problem.decsion}", "problem.row", "row:", ("'problem.decsion', which is not set", "'decision'?")),
    Broken("a lookup of a secret", "row: one loan", "row: ${tracking.uri}", "problem.row", "row:", ("never stored",)),
    Broken("a lookup never closed", "row: one loan", "row: ${problem.decision", "problem.row", "row:", ("${problem.decision",)),
    Broken("a value left open", "row: one loan", "row: ???", "problem.row", "row:", ("left open",)),
    Broken(
        "a password",
        "evaluation:",
        "tracking: {uri: 'http://ann:s3cret@mlflow.example'}\nevaluation:",
        "tracking.uri",
        "tracking:",
        ("${oc.env:NAME}", "holds a password"),
    ),
    on_the_line("a password on the line", "tracking.uri=http://ann:s3cret@mlflow.example", at="tracking.uri", told=("holds a password",)),
]
NAMES = [
    Broken("a name with a dot", "name: loans", "name: lo.ans", "name", "name:", ("cannot name an experiment",)),
    Broken("a name of another", "name: loans", "name: credit_risk", "name", "name:", ("in the experiment 'loans'",)),
    Broken("a name with an emoji", "name: loans", "name: 🐢", "name", "name:", ("cannot name an experiment",)),
    Broken("a reserved name", "name: loans", "name: raw", "name", "name:", ("cannot name an experiment", "none of experiments")),
    Broken("a name of the language", "name: loans", "name: __proto__", "name", "name:", ("cannot name an experiment",)),
    Broken("a number as a name", "name: loans", "name: 12", "name", "name:", ("found 12", "quotes")),
    Broken("no name", "name: loans\n", "", "name", FILE, ("is missing", "name: loans")),
    Broken(
        "an option nobody has", "name: loans", "defaults: [override /training/tuning: quik]\nname: loans", "training/tuning", "quik", ("did you mean 'quick'?",)
    ),
    Broken(
        "a group nobody has",
        "name: loans",
        "defaults: [override /training/tunning: quick]\nname: loans",
        "training/tunning",
        "tunning",
        ("'training/tuning'?",),
    ),
    Broken(
        "a base nobody has",
        "name: loans",
        "defaults: [lones, _self_]\nname: loans",
        "experiment",
        "lones",
        ("there is no experiment 'lones'", "did you mean 'loans'?"),
    ),
    Broken(
        "a base outside",
        "name: loans",
        "defaults: [../../../secrets, _self_]\nname: loans",
        "conf/experiment/../../../secrets.yaml",
        "",
        ("leads out of the workspace",),
    ),
    Broken(
        "Hydra in a defaults list",
        "name: loans",
        "defaults: [override /hydra/launcher: joblib]\nname: loans",
        "hydra/launcher",
        "hydra/launcher",
        ("nothing chooses",),
    ),
    on_the_line("a choice of two", "+experiment=credit_risk", at="experiment", told=("is chosen twice",)),
    on_the_line("a value without end", "problem.row=" + "x" * 20_000, at="problem.row", told=("20,012 characters", "at most 10,000")),
    on_the_line("a value without bottom", "problem.row=" + "[" * 200 + "]" * 200, at="problem.row", told=("nested too deeply",)),
    on_the_line("no override at all", "seed", at="seed", told=("has no =",)),
    on_the_line("an override of a typing error", "training.tuning.trils=3", at="training.tuning.trils", told=("did you mean 'trials'?",)),
]
TABLE = [*KEYS, *VALUES, *ROLES, *DATA, *SQL, *CODE, *NAMES]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("loans")
    shutil.copytree(CONF, root / "conf")
    (root / FILE).write_text(LOANS)
    (root.parent / "secrets.yaml").write_text("name: outside\n")
    return root


@pytest.fixture
def folder(template: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project, with the experiment as it should be; a test may break that file only."""
    (template / FILE).write_text(LOANS)
    monkeypatch.chdir(template)
    monkeypatch.setenv("COLUMNS", "200")
    return template


def test_the_experiment_that_is_broken_below_is_right(folder: Path) -> None:
    assert compose(Workspace(folder), ["+experiment=loans"]).name == "loans"


def test_the_table_is_long_and_without_doubles() -> None:
    assert len(TABLE) >= 70
    assert len({case.name for case in TABLE}) == len({(case.old, case.new, case.overrides) for case in TABLE}) == len(TABLE)


@pytest.mark.parametrize("case", TABLE, ids=lambda case: case.name.replace(" ", "_"))
def test_a_broken_config_is_told_with_place_and_way_out(case: Broken, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = LOANS.replace(case.old, case.new, 1) if case.old else LOANS
    assert case.overrides or text != LOANS
    (folder / FILE).write_text(text)
    code = main(["+experiment=loans", *case.overrides])
    out, err = capsys.readouterr()
    assert code == 2, out + err
    assert "Traceback" not in err
    assert "s3cret" not in out + err
    told = [block for block in _blocks(err) if block.startswith((f"{case.at} (", f"{case.at}: "))]
    assert told, err
    if case.place:
        blamed = _place(case, text)
        assert f"({blamed})" in told[0].splitlines()[0], told[0]
    for words in case.told:
        assert words in "\n".join(told), err
    assert len(err) < 8000
    assert not any((folder / name).exists() for name in ("runs", "reports", "models", "data"))


def _place(case: Broken, text: str) -> str:
    if case.place in (LINE, FILE):
        return case.place
    return f"{FILE}:{next(n for n, line in enumerate(text.splitlines(), 1) if case.place in line)}"


def _blocks(err: str) -> list[str]:
    """The message, one fault each; what goes on is indented."""
    blocks: list[str] = []
    for line in err.splitlines()[1:]:
        if line.startswith("    ") and blocks:
            blocks[-1] += f"\n{line}"
        else:
            blocks.append(line)
    return blocks


MISTAKES = {
    "problem.rows": ("  row: one", "  rows: one"),
    "problem.criterion.confidence": ("confidence: 0.95", "confidence: 95"),
    "problem.constraints.fairness.max_action_gap": ("max_action_gap: 0.3", "max_action_gap: 30"),
    "problem.policy.kind": ("kind: threshold", "kind: treshold"),
    "data.sources.rates.pth": ("path: data/raw/rates.csv", "pth: data/raw/rates.csv"),
    "data.columns.age.type": ("age: {type: int}", "age: {type: integer}"),
    "data.split.folds": ("folds: 4", "folds: many"),
    "features.steps.regions.columns": ("columns: [region]", "columns: region"),
    "training.tuning.trials": ("trials: 4", "trials: 0"),
    "evaluation.slice": ("  slices:", "  slice:"),
    "monitoring.window_rows": ("window_rows: 500", "window_rows: 5"),
    "problem.owner": ("task: binary", "task: binary\n  owner: ${oc.env:USER}"),
}
LATER_MISTAKES = {
    "problem.payoff.actions.lend.0": ("0.2 * amount", "0.2 * amonut"),
    "problem.constraints.monotone.rate": ("{income: -1}", "{rate: -1}"),
    "problem.constraints.protected": ("protected: [age]", "protected: [agee]"),
    "data.joins.rate.columns.region": ("{rate: percent}", "{region: percent}"),
    "data.rules.sane.sql": ("amount < 1000000", "AVG(amount) > 1"),
    "data.sources.loans.path": ("data/raw/loans.parquet", "/etc/passwd"),
    "features.steps.ratio.expressions.burden": ("amount / NULLIF(income, 0)", "paid_back"),
    "training.adjust.lightgbm.max_iterations": ("{max_iterations: 200}", "{max_iterations: 5}"),
    "evaluation.slices.young": ("young: age < 30", "young: age"),
    "monitoring.window_rows": ("window_rows: 500", "window_rows: 50000"),
}


@pytest.mark.parametrize("mistakes", [MISTAKES, LATER_MISTAKES], ids=["of form", "between rooms"])
def test_all_mistakes_of_a_file_are_told_at_once(mistakes: dict[str, tuple[str, str]], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = LOANS
    for old, new in mistakes.values():
        assert old in text
        text = text.replace(old, new, 1)
    (folder / FILE).write_text(text)
    assert main(["+experiment=loans", "seed=-1", "training.confidence=2"] if mistakes is MISTAKES else ["+experiment=loans"]) == 2
    err = capsys.readouterr().err
    missing = [at for at in mistakes if f"\n{at} ({FILE}:" not in err]
    assert not missing, err
    if mistakes is MISTAKES:
        assert "seed (command line): found -1" in err
        assert "training.confidence (command line): found 2" in err


HEAD = b"# @package _global_\n"
BOMB = b"a: &a [1,1,1,1,1,1,1,1,1]\n" + b"".join(b"%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n" % (c, c, *[c - 1] * 9) for c in range(98, 108))
# What stands in the experiment's file, the place that is told, and words of the message.
CONTENT: dict[str, tuple[bytes, str, str]] = {
    "nothing": (b"", f"{FILE}:1", "make # @package _global_ the first line"),
    "no header": (LOANS.encode().removeprefix(HEAD), f"{FILE}:1", "goes into the key `experiment`"),
    "a header too late": (b"name: loans\n" + HEAD + b"seed: 3\n", f"{FILE}:1", "make # @package _global_ the first line"),
    "another header": (LOANS.encode().replace(b"_global_", b"problem"), f"{FILE}:1", "goes into the key `problem`"),
    "a header with more": (LOANS.encode().replace(b"_global_", b"_global_ please"), f"{FILE}:1", "has the directive"),
    "a byte order mark": (b"\xef\xbb\xbf" + LOANS.encode(), f"{FILE}:1", "byte order mark"),
    "UTF-16": (LOANS.encode("utf-16"), f"{FILE}:1", "not UTF-8"),
    "Latin-1": (HEAD + "name: caf\xe9\n".encode("latin-1"), f"{FILE}:2", "not UTF-8 (byte 0xe9)"),
    "NUL signs": (HEAD + b"name: \x00\n", FILE, "control character"),
    "tabs": (HEAD + b"problem:\n\trow: x\n", f"{FILE}:3", "spaces for indentation"),
    "a list": (b"- a\n", f"{FILE}:1", "is not a mapping"),
    "a sentence": (b"hello\n", f"{FILE}:1", "is not a mapping"),
    "two documents": (HEAD + b"name: loans\n---\nname: b\n", f"{FILE}:3", "second document"),
    "a key twice": (LOANS.replace("  row: one loan", "  row: one loan\n  row: two").encode(), f"{FILE}:6", "set twice"),
    "a section twice": (LOANS.encode() + b"problem: {}\n", f"{FILE}:81", "it stands in line 3 already"),
    "a truth as a key": (LOANS.replace('lend: {"0"', "lend: {no").encode(), f"{FILE}:15", "YAML reads the key no as false"),
    "a list as a key": (HEAD + b"? [a, b]\n: 1\n", f"{FILE}:2", "a list or a section"),
    "an object": (HEAD + b"name: !!python/object/apply:os.system [ls]\n", f"{FILE}:2", "never code"),
    "a path object": (HEAD + b"name: !!python/object/apply:pathlib.Path [a]\n", f"{FILE}:2", "never code"),
    "a set": (HEAD + b"name: !!set {a}\n", f"{FILE}:2", "!!set"),
    "an unknown alias": (HEAD + b"name: *x\n", f"{FILE}:2", "undefined alias"),
    "a list that holds itself": (HEAD + b"name: &a [1, *a]\n", FILE, "holds itself"),
    "a merge of itself": (HEAD + b"problem: &a {<<: *a}\n", FILE, "holds itself"),
    "aliases upon aliases": (HEAD + BOMB, FILE, "aliases"),
    "merges upon merges": (HEAD + b"a: &a {x: 1}\n" + b"".join(b"%c: &%c {l: *%c, r: *%c}\n" % (c, c, c - 1, c - 1) for c in range(98, 123)), FILE, "aliases"),
    "ten megabytes": (HEAD + b"name: " + b"y" * 10_000_000, FILE, "at most 1,000,000"),
    "200 levels": (HEAD + b"name: " + b"[" * 200 + b"]" * 200 + b"\n", FILE, "at most 100 levels"),
    "20,000 levels": (HEAD + b"name: " + b"[" * 20_000 + b"]" * 20_000 + b"\n", FILE, "at most 100 levels"),
    "20,000 open levels": (HEAD + b"name: " + b"{a: " * 20_000, FILE, "nested too deeply"),
    "a text never closed": (HEAD + b"name: 'loans\n", FILE, "not valid YAML"),
    "a colon in a text": (HEAD + b"name: a: b\n", f"{FILE}:2", "put text that holds a colon in quotes"),
    "a defaults list that is a word": (HEAD + b"defaults: base\nname: loans\n", f"{FILE}:2", "the defaults are no list"),
    "a defaults list of sections": (HEAD + b"defaults: [{training/tuning: {a: b}}]\nname: loans\n", f"{FILE}:2", "no entry of a defaults list"),
    "a defaults list of the environment": (HEAD + b"defaults: ['${oc.env:HOME}']\nname: loans\n", f"{FILE}:2", "calls a resolver"),
}


@pytest.mark.parametrize("case", CONTENT, ids=lambda case: case.replace(" ", "_"))
def test_a_file_that_is_no_config_is_told(case: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content, place, words = CONTENT[case]
    (folder / FILE).write_bytes(content)
    assert main(["+experiment=loans"]) == 2
    err = capsys.readouterr().err
    assert "Traceback" not in err
    assert place in err
    assert words in err
    assert len(err) < 4000


def test_line_ends_of_another_system_change_nothing(folder: Path) -> None:
    before = compose(Workspace(folder), ["+experiment=loans"])
    (folder / FILE).write_bytes(LOANS.replace("\n", "\r\n").encode())
    assert compose(Workspace(folder), ["+experiment=loans"]).digest == before.digest


def _folder(path: Path) -> None:
    path.mkdir()


def _link_to_nothing(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere.yaml")


def _link_out(path: Path) -> None:
    path.symlink_to(path.parents[3] / "secrets.yaml")


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _unreadable(path: Path) -> None:
    path.write_text(LOANS)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_folder, "is a folder"),
        (_link_to_nothing, "is a link to nothing"),
        (_link_out, "leads out of the workspace"),
        (_pipe, "is no plain file"),
        (_unreadable, "cannot be read: Permission denied"),
    ],
    ids=["a folder", "a link to nothing", "a link out", "a pipe", "unreadable"],
)
def test_something_else_in_place_of_a_file_is_told(make: Callable[[Path], None], words: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "conf/experiment/other.yaml"
    make(path)
    try:
        assert main(["+experiment=other"]) == 2
        assert f"conf/experiment/other.yaml: {words}" in capsys.readouterr().err
        # What nobody chose is nobody's trouble.
        assert compose(Workspace(folder), ["+experiment=loans"]).name == "loans"
    finally:
        path.rmdir() if path.is_dir() else path.unlink()


def test_a_project_without_config_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "conf").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(["+experiment=loans"]) == 2
    assert "conf/config.yaml" in capsys.readouterr().err


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a machine on which runner has run before: its modules are compiled."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"PYTHONPYCACHEPREFIX": str(tmp_path_factory.mktemp("pyc"))}
    subprocess.run([sys.executable, "-m", "runner", "seed=1"], env=environment, cwd=CONF.parent, capture_output=True, check=False, timeout=200)
    return environment


# The peak of the process itself; what getrusage tells includes the parent's before the program was loaded.
WITH_PEAK = """\
import sys
from runner.cli import main
code = main(sys.argv[1:])
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
sys.exit(code)
"""
PROCESSES = {
    "a typing error": LOANS.replace("  row: one", "  rows: one").encode(),
    "a wrong column": LOANS.replace("0.2 * amount", "0.2 * amonut").encode(),
    "aliases upon aliases": HEAD + BOMB,
    "lookups upon lookups": LOANS.replace("  slices:\n", f"  slices:\n    a0: xx\n{DOUBLES}").encode(),
    "ten megabytes": HEAD + b"name: " + b"y" * 10_000_000,
    "20,000 levels": HEAD + b"name: " + b"[" * 20_000 + b"]" * 20_000 + b"\n",
    "an expression without end": LOANS.replace("age < 30", " AND ".join(["age < 30"] * 2000)).encode(),
    "3,000 expressions": LOANS.replace("    young:", "".join(f"    s{n}: amuont > {n}\n" for n in range(3000)) + "    young:").encode(),
}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read off /proc")
@pytest.mark.parametrize("case", PROCESSES, ids=lambda case: case.replace(" ", "_"))
def test_a_broken_config_costs_little_as_a_whole_process(case: str, folder: Path, compiled: dict[str, str]) -> None:
    (folder / FILE).write_bytes(PROCESSES[case])
    child = subprocess.Popen([sys.executable, "-c", WITH_PEAK, "+experiment=loans"], env=compiled, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stderr is not None
    assert child.stdout is not None
    err = child.stderr.read().decode()
    peak_kb = int(child.stdout.read().split()[-1])
    _, status, used = os.wait4(child.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 2, err
    assert "Traceback" not in err
    # Processor time, since other work of the machine says nothing about this; it runs at half speed beside such work.
    assert used.ru_utime + used.ru_stime < 4.0
    assert peak_kb < 200_000
