"""One entry per mistake a person can make with data or config: one clear message, the right exit code, no traceback, nothing half-written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from tests.conftest import TINY, loans
from tests.faults.page import PAGE, entry_of, told

from runner.cli import main

Change = Callable[[Path], object]
RAW = "data/raw/loans.parquet"
CONF = "conf/experiment/tiny.yaml"
ASKED = "kind: sql, path: data/raw/asked.parquet"
TAKEN = '''\
from typing import ClassVar, Literal
from runner.extend import StepSpec, register

class OwnSpec(StepSpec):
    """A root."""

    learns: ClassVar[bool] = False
    kind: Literal["sql"]


@register("step", OwnSpec)
def fit(spec, given): ...
'''


@dataclass(frozen=True)
class Case:
    """name; what is done to the project; the exit code; words the message must hold; further overrides."""

    name: str
    change: Change
    code: int
    told: tuple[str, ...]
    words: tuple[str, ...] = ("+experiment=tiny",)


def rows(edit: Callable[[pl.DataFrame], pl.DataFrame]) -> Change:
    return lambda root: edit(loans()).write_parquet(root / RAW)


def conf(old: str, new: str) -> Change:
    def change(root: Path) -> None:
        text = (root / CONF).read_text()
        assert old in text
        (root / CONF).write_text(text.replace(old, new))

    return change


def csv(content: bytes) -> Change:
    def change(root: Path) -> None:
        (root / "data/raw/loans.csv").write_bytes(content)
        (root / CONF).write_text(TINY.replace("{kind: parquet, path: data/raw/loans.parquet}", "{kind: csv, path: data/raw/loans.csv}"))

    return change


def source(declared: str, content: bytes | None = None) -> Change:
    """The primary source as declared; content: of the file that it names."""

    def change(root: Path) -> None:
        conf("{kind: parquet, path: data/raw/loans.parquet}", f"{{{declared}}}")(root)
        if content is not None:
            (root / declared.partition("path: ")[2].partition(",")[0]).write_bytes(content)

    return change


def table() -> bytes:
    return loans().write_csv().encode()


def plugin(text: str, name: str = "own") -> Change:
    """A file in plugins/, which the experiment lists as plugins/own.py."""

    def change(root: Path) -> None:
        (root / "plugins").mkdir()
        (root / "plugins" / f"{name}.py").write_text(text)
        conf("name: tiny\n", "name: tiny\nplugins: [plugins/own.py]\n")(root)

    return change


def nothing(root: Path) -> None:
    return None


def edited(path: str, old: str, new: str) -> Change:
    return lambda root: (root / path).write_text((root / path).read_text().replace(old, new, 1))


def ledger(line: str) -> Change:
    return lambda root: ((root / "ledger").mkdir(), (root / "ledger/tiny.jsonl").write_text(f"{line}\n"))


def split(kind: str, keys: str) -> Change:
    """Another kind of split, with these keys."""

    def change(root: Path) -> None:
        conf("name: tiny\n", f"defaults:\n  - override /data/split: {kind}\n  - _self_\nname: tiny\n")(root)
        conf("split: {folds: 3}", f"split: {{{keys}}}")(root)

    return change


def label(text: str) -> Change:
    """A line of data.label."""
    return conf("  primary: loans\n", f"  primary: loans\n  label: {{{text}}}\n")


def verdicts(*lines: str) -> Change:
    """Reviewers' verdicts on labels, declared."""

    def change(root: Path) -> None:
        (root / "data/raw/verdicts.csv").write_text("\n".join(["row_id,verdict,new_label", *lines, ""]))
        label("corrections: data/raw/verdicts.csv")(root)

    return change


def by_customer(declared: str) -> Change:
    """Four loans a customer, all of them paid or none, and a split."""
    table = loans().sort("bad").with_columns(customer_id=pl.int_range(pl.len()) // 4 * 7919 % 100_003).sample(fraction=1, shuffle=True, seed=1)

    def change(root: Path) -> None:
        table.write_parquet(root / RAW)
        conf("  split: {folds: 3}\n", declared)(root)
        conf("    age: {type: int, min: 18, max: 99}\n", "    age: {type: int, min: 18, max: 99}\n    customer_id: {type: int}\n")(root)

    return change


def annotations(root: Path) -> None:
    """Two annotators in place of the outcome, one of whom has labels of its own and one who speaks twice."""
    said = pl.DataFrame({"age": [40, 41, 42, 42], "who": ["ann", "ann", "bo", "bo"], "says": ["yes", "yes", "0", "1"]})
    said.write_parquet(root / "data/raw/said.parquet")
    rows(lambda t: t.drop("bad"))(root)
    conf("    loans: {kind", "    said: {kind: parquet, path: data/raw/said.parquet}\n    loans: {kind")(root)
    label("annotations: {source: said, keys: {age: age}, annotator: who, label: says}")(root)


DATA = [
    Case("missing file", lambda r: (r / RAW).unlink(), 2, ("data.sources.loans.path", "there is no file data/raw/loans.parquet")),
    Case("a folder in its place", lambda r: ((r / RAW).unlink(), (r / RAW).mkdir()), 2, ("is a folder",)),
    Case("empty file", lambda r: (r / RAW).write_bytes(b""), 2, ("data/raw/loans.parquet", "empty")),
    Case("truncated Parquet", lambda r: (r / RAW).write_bytes((r / RAW).read_bytes()[:3000]), 2, ("data/raw/loans.parquet",)),
    Case("no Parquet at all", lambda r: (r / RAW).write_bytes(b"PAR1 is what I say"), 2, ("data/raw/loans.parquet",)),
    Case("no rows", rows(lambda t: t[:0]), 3, ("min rows", "100")),
    Case("one row", rows(lambda t: t[:1]), 3, ("min rows", "100")),
    Case("missing column", rows(lambda t: t.drop("income")), 2, ("income",)),
    Case("renamed column", rows(lambda t: t.rename({"income": "incme"})), 2, ("income", "incme")),
    Case("column in other case", rows(lambda t: t.rename({"income": "Income "})), 2, ("income", "Income")),
    Case("wrong type", rows(lambda t: t.with_columns(amount=pl.lit("a lot"))), 2, ("amount", "a lot", "float")),
    Case("all-null column", rows(lambda t: t.with_columns(amount=pl.lit(None, pl.Float64))), 3, ("amount",)),
    Case("constant target", rows(lambda t: t.with_columns(bad=pl.lit(0))), 3, ("positives", "0")),
    Case("all-null target", rows(lambda t: t.with_columns(bad=pl.lit(None, pl.Int64))), 3, ("positives",)),
    Case("unseen class", rows(lambda t: t.with_columns(bad=pl.col("bad") * 7)), 3, ("positives",)),
    Case("infinity everywhere", rows(lambda t: t.with_columns(amount=pl.lit(float("inf")))), 3, ("amount", "quarantine")),
    Case("too few positives", rows(lambda t: t.filter((pl.col("bad") == 0) | (pl.col("income") > 140))), 3, ("positives",)),
    Case(
        "duplicate keys", lambda r: (rows(lambda t: pl.concat([t, t]))(r), conf("  split: {", "  unique: [amount, income, age]\n  split: {")(r)), 3, ("unique",)
    ),
    Case(
        "a lookup that would multiply rows",
        conf("  primary: loans\n", "  primary: loans\n  joins:\n    homes: {kind: lookup, source: loans, keys: {home: home}, columns: {paid: amount}}\n"),
        2,
        ("data.joins.homes.keys", "more than one row", "history join"),
    ),
    Case("a value twice where it must be unique", conf("amount: {type: float,", "amount: {type: float, unique: true, on_fail: reject,"), 3, ("amount.unique",)),
    Case(
        "a rule of the table that does not hold",
        conf("  split: {", "  table_rules:\n    enough: {sql: COUNT(*) > 5000 AND AVG(amount) < 400}\n  split: {"),
        3,
        ("enough", "COUNT(*) > 5000"),
    ),
    Case(
        "a production sample that lacks a column",
        lambda r: (
            loans().drop("bad", "income").write_parquet(r / "data/raw/recent.parquet"),
            conf("  primary: loans\n", "    recent: {kind: parquet, path: data/raw/recent.parquet}\n  primary: loans\n  production: {source: recent}\n")(r),
        ),
        2,
        ("data.production (source 'recent')", "income"),
    ),
    Case("CSV in latin-1", csv(table().replace(b"other", "Zürich".encode("latin-1"))), 2, ("data/raw/loans.csv", "UTF-8")),
    Case("ragged CSV", csv(table() + b"1,2\n"), 2, ("data/raw/loans.csv", "line 902")),
    Case("CSV with NUL bytes", csv(table()[:300] + b"\x00" + table()[301:]), 2, ("data/raw/loans.csv",)),
    Case("CSV header twice", csv(table().replace(b"bad,amount,income,age,home", b"bad,amount,income,age,age", 1)), 2, ("age",)),
    Case("CSV with another separator", csv(loans().write_csv(separator=";").encode()), 2, ("data/raw/loans.csv", "separator: ';'")),
    Case("CSV in UTF-16", csv(table().decode().encode("utf-16")), 2, ("data/raw/loans.csv", "UTF-16", "iconv")),
    Case("empty CSV", csv(b""), 2, ("data/raw/loans.csv", "empty")),
    Case("CSV in another encoding than declared", source("kind: csv, path: data/raw/loans.csv, encoding: utf-16", b"bad,amount"), 2, ("not utf-16",)),
    Case("NDJSON with a broken line", source("kind: ndjson, path: data/raw/loans.ndjson", b'{"bad": 0}\n{"bad": '), 2, ("loans.ndjson: line 2 is no JSON",)),
    Case("no workbook", source("kind: excel, path: data/raw/loans.xlsx", b"bad,amount"), 2, ("cannot be read as a workbook",)),
    Case("no Delta table", source("kind: delta, path: data/raw"), 2, ("holds no Delta table",)),
    Case("a folder without Parquet", source("kind: parquet, path: conf"), 2, ("conf: is a folder that holds no .parquet file",)),
    Case("a pinned file that changed", source(f"kind: parquet, path: {RAW}, sha256: {'a' * 64}"), 2, ("is not the pinned version",)),
    Case("a database without its address", source(f"{ASKED}, uri_env: BANK_DATABASE, table: loans"), 2, ("BANK_DATABASE, which is not set",)),
    Case("a database that is not there", source(f"{ASKED}, database: data/raw/bank.sqlite, table: loans"), 2, ("no database data/raw/bank.sqlite",)),
    Case("a source of two databases", source(f"{ASKED}, uri_env: A, database: b, table: c"), 2, ("just one of uri_env and database",)),
    Case("a digest that is none", source(f"kind: parquet, path: {RAW}, sha256: abc"), 2, ("data.sources.loans.sha256", "a SHA-256: 64 digits and letters")),
    Case("an encoding that is none", source("kind: csv, path: data/raw/loans.csv, encoding: klingon"), 2, ("encoding 'klingon' is not known",)),
    Case("header only", csv(b"bad,amount,income,age,home\n"), 3, ("min rows",)),
    Case("verdicts that are wrong", verdicts("0,keep,", "1,kep,", "2,change,7", "0,drop,"), 2, ("row 2", "'kep'", "row 3", "'7'", "row 4", "row 1 already")),
    Case("a verdict about no row", verdicts("900,keep,"), 2, ("data.label.corrections", "row 1", "no row of the data has this row_id")),
    Case("no file of verdicts", label("corrections: data/raw/verdicts.csv"), 2, ("data.label.corrections", "data/raw/verdicts.csv")),
    Case("annotations that are wrong", annotations, 2, ("2 annotations of data/raw/said.parquet say 'yes'", "share row and annotator", "declare `at`")),
]
CONFIG = [
    Case("no experiment", nothing, 2, ("+experiment=", "tiny"), ("seed=1",)),
    Case("unknown experiment", nothing, 2, ("tinny", "did you mean 'tiny'?"), ("+experiment=tinny",)),
    Case("unknown option of a group", nothing, 2, ("training/tuning", "quick"), ("+experiment=tiny", "training/tuning=quik")),
    Case("unknown key in a file", conf("tuning: {trials: 2}", "tuning: {trails: 2}"), 2, ("training.tuning.trails", CONF, "trials")),
    Case("unknown key on the line", nothing, 2, ("training.tuning.trails", "trials"), ("+experiment=tiny", "training.tuning.trails=3")),
    Case("wrong value type", conf("window_rows: 100", "window_rows: many"), 2, ("monitoring.window_rows", CONF, "many")),
    Case("value out of range", nothing, 2, ("training.tuning.trials", "command line"), ("+experiment=tiny", "training.tuning.trials=0")),
    Case("a moment that is none", label("maturity: {after_days: 30, as_of: yesterday}"), 2, ("data.label.maturity.as_of", "'yesterday'", "2024-06-30")),
    Case("labels of a run never made", nothing, 2, ("reports/tiny/problem/problem.json", "has not been trained"), ("labels", "review", "+experiment=tiny")),
    Case("a search with too few fits", nothing, 2, ("3 fits are too few", "at least 36"), ("features", "auto", "+experiment=tiny", "--budget", "3", "-q")),
    Case(
        "a proposal over another",
        lambda r: (r / "conf" / "features" / "tiny_auto.yaml").write_text("steps: {}\n"),
        2,
        ("conf/features/tiny_auto.yaml", "--force replaces it"),
        ("features", "auto", "+experiment=tiny", "--write", "-q"),
    ),
    Case("unknown kind", conf("kind: target_encoding", "kind: target_encodin"), 2, ("features.steps.homes", "target_encoding")),
    Case(
        "SQL that does not parse",
        conf("income < 40" if "income < 40" in TINY else "age < 25", "age <"),
        2,
        ("problem.baselines.officer", "not a valid expression"),
    ),
    Case(
        "a window that sees the future",
        conf("amount / (income + 1)", "SUM(amount) OVER (PARTITION BY home)"),
        2,
        ("looks at other rows, also at later ones", "a `history` step sees earlier rows only: entity: [home]"),
    ),
    Case(
        "a distance over text",
        conf("    homes: {", "    trip: {kind: distance, distances: {km: {start: [age, home], end: [age, age]}}}\n    homes: {"),
        2,
        ("features.steps.trip.distances.km", "'home' is String", "a number of degrees"),
    ),
    Case("SQL naming a missing column", conf("amount / (income + 1)", "amount / (incone + 1)"), 2, ("incone", "did you mean 'income'?")),
    Case(
        "history over a missing column",
        conf(
            "  primary: loans\n",
            "  primary: loans\n  joins:\n    past:\n      {kind: history, source: loans, by: {home: home}, time: home, source_time: home,"
            " aggregates: {spent: {how: mean, of: amont}}}\n",
        ),
        2,
        ("data.joins.past.aggregates.spent.of", "did you mean 'amount'?"),
    ),
    Case(
        "a rule of the table without an aggregate",
        conf("  split: {", "  table_rules:\n    enough: {sql: amount > 50}\n  split: {"),
        2,
        ("data.table_rules.enough.sql", "gives a value a row"),
    ),
    Case("slice naming a missing column", conf("young: age < 30", "young: agee < 30"), 2, ("evaluation.slices.young", "did you mean 'age'?")),
    Case("payoff naming a missing column", conf("0.2 * amount", "0.2 * amont"), 2, ("problem.payoff.actions.lend", "did you mean 'amount'?")),
    Case("aggregate in a feature", conf("amount / (income + 1)", "amount / AVG(income)"), 2, ("features.steps.ratio",)),
    Case("an import path", conf("homes: {kind", "homes: {_target_: os.system, kind"), 2, ("_target_",)),
    Case("the environment in a stored section", conf("row: one loan", "row: ${oc.env:HOME}"), 2, ("problem.row", "resolver")),
    Case("a path out of the workspace", conf("data/raw/loans.parquet", "../../etc/passwd"), 2, ("leaves the workspace",)),
    Case("a production sample that is no source", conf("  primary: loans\n", "  primary: loans\n  production: {source: loan}\n"), 2, ("'loan'", "loans")),
    Case("a metric as criterion", conf("criterion: {", "criterion: {metric: auc, "), 2, ("business criterion",)),
    Case("a baseline that is not declared", conf("baseline: officer", "baseline: nobody"), 2, ("nobody", "officer")),
    Case("a tab in YAML", conf("  tuning:", "\ttuning:"), 2, (CONF,)),
    Case("a key twice", conf("seed:" if "seed:" in TINY else "evaluation:\n", "problem: {}\nevaluation:\n"), 2, (CONF, "twice")),
    Case("not UTF-8", lambda r: (r / CONF).write_bytes("name: tíny\n".encode("latin-1")), 2, (CONF, "UTF-8")),
    Case(
        "an ensemble of nothing",
        conf("tuning: {trials: 2}", "tuning: {trials: 2}\n  candidates: {all: {kind: ensemble}}\n  order: {candidates: [all, linear, lightgbm, catboost]}"),
        2,
        ("training.candidates.all", "a candidate before it"),
    ),
    Case(
        "segments of an unknown candidate",
        conf("tuning: {trials: 2}", "tuning: {trials: 2}\n  candidates: {homes: {kind: segments, by: home, of: lihgtgbm}}"),
        2,
        ("training.candidates.homes.of", "'lightgbm'"),
    ),
    Case(
        "segments by an unknown column",
        conf("tuning: {trials: 2}", "tuning: {trials: 2}\n  candidates: {homes: {kind: segments, by: house, of: lightgbm}}"),
        2,
        ("training.candidates.homes.by", "house"),
    ),
    Case(
        "segments by the outcome",
        conf("tuning: {trials: 2}", "tuning: {trials: 2}\n  candidates: {homes: {kind: segments, by: bad, of: lightgbm}}"),
        2,
        ("training.candidates.homes.by", "is the outcome itself"),
    ),
    Case("two mistakes at once", conf("trials: 2}", "trails: 2}\n  prefer: cheapest"), 2, ("training.tuning.trails", "training.prefer")),
    Case("a group that no column has", split("grouped", "group: incom"), 2, ("data.split.group", "did you mean 'income'?")),
    Case("a group that may be missing", split("grouped", "group: home"), 2, ("data.split.group", "'home' may be missing", "a group of its own")),
    Case(
        "starts of folds beside a share",
        split("by_time", "column: age, starts: [2024-01-01, 2024-03-01], test_share: 0.2, folds: 1"),
        2,
        ("data.split.test_share", "one of the two", "data/split=by_dates"),
    ),
    Case("a mistyped verb", nothing, 2, ("did you mean 'score'?",), ("scroe",)),
    Case("no such bundle", nothing, 2, ("models/none",), ("score", "--bundle", "models/none", "--input", RAW, "--output", "x.parquet")),
    Case("a stage that was never adopted", nothing, 2, ("nobody",), ("stage", "data", "nobody")),
    Case("a column known only afterwards", conf("income: {type: float,", "income: {type: float, available: after_event,"), 2, ("only after the event",)),
    Case("a protected column in a step", conf("constraints: {", "constraints: {protected: [home], "), 2, ("features.steps.homes", "is protected")),
    Case(
        "a history without time order",
        conf("    homes: {", "    past: {kind: history, entity: [home], time: age, aggregates: {seen: {how: count}}}\n    homes: {"),
        2,
        ("features.steps.past", "data/split=by_time"),
    ),
    Case(
        "a hand edit of params.yaml",
        edited("params.yaml", '"folds": 3', '"folds": 4'),
        2,
        ("tiny.data.split.folds", "python -m runner compose"),
        ("compose", "--check"),
    ),
    Case("twin jobs in a sweep", nothing, 2, ("is the same experiment",), ("-m", "+experiment=tiny", "training/tuning=quick,standard")),
]
PLUGINS = [
    Case("a plugin that is not there", plugin("", "one"), 2, ("plugins.0", "there is no file plugins/own.py", "plugins/one.py")),
    Case(
        "a plugin outside its folder",
        conf("name: tiny\n", "name: tiny\nplugins: [../own.py, acme.steps]\n"),
        2,
        ("plugins.0", "plugins.1", "not below plugins/"),
    ),
    Case("a plugin that is no Python", plugin("def broken(:\n"), 2, ("plugins/own.py, line 1", "SyntaxError")),
    Case("a plugin that fails", plugin("import math\n\nLIMIT = 1 / 0\n"), 2, ("plugins/own.py, line 3", "ZeroDivisionError", "`LIMIT = 1 / 0`")),
    Case("a plugin that registers nothing", plugin("LIMIT = 1\n"), 2, ("plugins/own.py registers nothing",)),
    Case("a plugin that takes a kind that is there", plugin(TAKEN), 2, ("plugins/own.py, line 11", "the step kind 'sql' is already registered")),
    Case("a kind whose plugin is not listed", conf("kind: target_encoding", "kind: tidy_home"), 2, ("unknown kind 'tidy_home'", "under `plugins`")),
]
CONTRACT = [
    Case(
        "a strict random split of customers",
        by_customer("  split: {folds: 3, strict: true}\n"),
        3,
        ("rows of one customer_id are alike", "override /data/split: grouped", "{group: customer_id}"),
    ),
    Case("a feature that knows the outcome", rows(lambda t: t.with_columns(income=pl.col("bad") * 50.0 + 1)), 3, ("leakage: income",)),
    Case(
        "a gain that is too small",
        nothing,
        3,
        ("Success criterion is not met",),
        ("+experiment=tiny", "training/model=linear", "problem.criterion.minimum_gain_per_row=100"),
    ),
    Case("a ledger changed by hand", ledger('{"use": 1}'), 2, ("ledger/tiny.jsonl:1", "changed by hand")),
]
CASES = {"Data": DATA, "Config and command line": CONFIG, "Plugins": PLUGINS, "The declared contract": CONTRACT}
TOLERATED: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "an extra column": lambda t: t.with_columns(extra=pl.lit("x")),
    "columns in another order": lambda t: t.select(reversed(t.columns)),
    "NaN for a missing number": lambda t: t.with_columns(income=pl.col("income").fill_null(float("nan"))),
    "whole numbers where fractions are declared": lambda t: t.with_columns(amount=pl.col("amount").round().cast(pl.Int32)),
    "an all-null nullable column": lambda t: t.with_columns(income=pl.lit(None, pl.Float64)),
}


@pytest.mark.parametrize("case", [case for cases in CASES.values() for case in cases], ids=lambda c: c.name.replace(" ", "_"))
def test_a_mistake_gets_one_clear_message(case: Case, tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    case.change(tiny)
    monkeypatch.chdir(tiny)
    code = main([*case.words])
    out, err = capsys.readouterr()
    assert code == case.code, out + err
    for word in case.told:
        assert word in out + err
    assert told(case.code, out, err, tiny) == entry_of(PAGE.read_text(encoding="utf-8"), case.name), "write the page again with `python -m scripts.faults_page`"
    assert "Traceback" not in err
    assert not list(tiny.rglob(".writing-*"))
    if case.code == 2:
        assert not (tiny / "reports" / "tiny" / "evaluation").exists()
    assert not (tiny / "models" / "tiny" / "bundle").exists()


@pytest.mark.parametrize("name", TOLERATED)
def test_what_changes_nothing_is_tolerated(name: str, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    TOLERATED[name](loans()).write_parquet(tiny / RAW)
    monkeypatch.chdir(tiny)
    assert main(["-q", "+experiment=tiny"]) in (0, 3)
    assert (tiny / "reports/tiny/evaluation/verdict.json").exists()


def test_the_page_names_every_case() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for case in (case for cases in CASES.values() for case in cases):
        assert entry_of(page, case.name), f"{case.name}: write the page again with `python -m scripts.faults_page`"
    for name in TOLERATED:
        assert f"- {name}\n" in page
