"""The verb `labels`: from suspicious labels to a reviewer's file and back, agreement, and what to label next."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from runner.cli import main
from runner.core.files import write_parquet

RAW = "data/raw/loans.parquet"
CONF = "conf/experiment/tiny.yaml"
FILE = "reports/tiny/data/label_review.csv"
Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Calls runner in a folder: code, out, err."""

    def call(root: Path, *words: str) -> tuple[int, str, str]:
        monkeypatch.chdir(root)
        code = main([*words])
        told = capsys.readouterr()
        return code, told.out, told.err

    return call


@pytest.fixture
def clouded(finished: Path) -> Path:
    """The finished project as if its models were nearly sure of each label, and 5% of the labels had been written down wrong."""
    raw = pl.read_parquet(finished / RAW)
    train = pl.read_parquet(finished / "data/tiny/train.parquet")
    draw = np.random.default_rng(1)
    bad = pl.Series(draw.random(raw.height) < 0.05)
    oof = pl.read_parquet(finished / "models/tiny/oof.parquet")
    truth = raw["bad"][oof["row_id"]]
    # As a model that has learned from such labels: one in twenty bears the other label, whatever it says.
    p = truth.cast(pl.Float64) * 0.9 + 0.05 + pl.Series(draw.uniform(-0.01, 0.01, len(truth)))
    write_parquet(finished / "models/tiny/oof.parquet", oof.with_columns(p.alias("p_1"), (1 - p).alias("p_0")))
    wrong = raw.with_columns(bad=pl.when(bad).then(1 - pl.col("bad")).otherwise(pl.col("bad")))
    write_parquet(finished / RAW, wrong)
    write_parquet(finished / "data/tiny/train.parquet", train.with_columns(bad=wrong["bad"][train["row_id"]].cast(pl.String)))
    (finished / "planted.json").write_text(json.dumps([i for i in range(raw.height) if bad[i]]))
    return finished


def planted(root: Path) -> set[int]:
    """Rows of the primary source with a wrong label."""
    return set(json.loads((root / "planted.json").read_text()))


def declare(root: Path, text: str) -> None:
    """Put lines into the data section of the experiment."""
    path = root / CONF
    path.write_text(path.read_text().replace("  primary: loans\n", f"  primary: loans\n{text}"))


def test_suspicious_labels_go_to_a_reviewer_and_come_back(clouded: Path, say: Say) -> None:
    code, out, _ = say(clouded, "labels", "review", "+experiment=tiny")
    assert code == 0
    assert "the test stays sealed" in out
    assert "labels that are probably wrong" in out
    listed = pl.read_csv(clouded / FILE)
    train = set(pl.read_parquet(clouded / "data/tiny/train.parquet")["row_id"])
    assert set(listed["row_id"]) <= train, "no row of the test is shown"
    assert listed["expected_payoff"].is_sorted(descending=True)
    likely = set(listed.filter(pl.col("probability_wrong") > 0.5)["row_id"])
    assert likely <= planted(clouded)
    there = planted(clouded) & train
    assert len(likely) > 0.5 * len(there)
    assert len(set(listed["row_id"]) & there) > 0.9 * len(there)
    assert listed["verdict"].null_count() == listed.height

    reviewed = listed.head(12).with_columns(verdict=pl.Series(["change"] * 8 + ["keep", "drop", None, None]), reviewer=pl.lit("Ada"))
    reviewed.write_csv(clouded / "data/raw/tiny_corrections.csv")
    declare(clouded, "  label: {corrections: data/raw/tiny_corrections.csv}\n")
    for words in (("compose",), ("stage", "problem", "tiny", "-q"), ("stage", "data", "tiny", "-q")):
        assert say(clouded, *words)[0] == 0
    report = json.loads((clouded / "reports/tiny/data/data.json").read_text())
    told = report["label"]["corrections"]
    assert [told[name] for name in ("changed", "kept", "dropped", "not_reviewed")] == [8, 1, 1, 2]
    rows = pl.concat([pl.read_parquet(clouded / "data/tiny" / name) for name in ("train.parquet", "sealed_test.parquet")])
    was = dict(reviewed.select("row_id", "new_label").head(8).iter_rows())
    assert all(str(label) == rows.filter(pl.col("row_id") == key)["bad"].item() for key, label in was.items())
    assert reviewed["row_id"][9] not in rows["row_id"]


def test_a_reviewers_work_is_never_written_over(clouded: Path, say: Say) -> None:
    say(clouded, "labels", "review", "+experiment=tiny", "--top", "5")
    assert say(clouded, "labels", "review", "+experiment=tiny", "--top", "5")[0] == 0, "without verdicts it may be made again"
    pl.read_csv(clouded / FILE).with_columns(verdict=pl.lit("keep")).write_csv(clouded / FILE, separator=";")
    code, _, err = say(clouded, "labels", "review", "+experiment=tiny")
    assert code == 2
    assert "holds 5 verdicts already" in err
    assert say(clouded, "labels", "review", "+experiment=tiny", "--output", "other.csv")[0] == 0
    (clouded / "notes.csv").write_text("what,ever\n1,2\n")
    code, _, err = say(clouded, "labels", "review", "+experiment=tiny", "--output", "notes.csv")
    assert code == 2
    assert "is no review of labels" in err


def test_what_was_reviewed_is_not_listed_again(clouded: Path, say: Say) -> None:
    say(clouded, "labels", "review", "+experiment=tiny")
    first = pl.read_csv(clouded / FILE)
    first.head(3).with_columns(verdict=pl.lit("keep")).write_csv(clouded / "data/raw/v.csv")
    declare(clouded, "  label: {corrections: data/raw/v.csv}\n")
    # The results are those of the run before; only the list is made anew.
    say(clouded, "compose")
    code, out, _ = say(clouded, "labels", "review", "+experiment=tiny", "--json", "--output", "again.csv")
    assert code == 0
    told = json.loads(out)
    assert told["reviewed"] == 3
    assert set(pl.read_csv(clouded / "again.csv")["row_id"]) == set(first["row_id"][3:])


def test_money_and_groups_are_part_of_the_findings(clouded: Path, say: Say) -> None:
    told = json.loads(say(clouded, "labels", "review", "+experiment=tiny", "--json")[1])
    finding = told["findings"][0]
    assert finding["severity"] == "serious"
    assert finding["money"]["unit"] == "EUR"
    assert finding["money"]["value"] == pytest.approx(told["payoff"])
    # A column with too few candidates in each of its groups is not compared.
    assert {"age", "home"} <= {one["column"] for one in told["relations"]} <= {"amount", "income", "age", "home"}
    assert told["candidates"] == finding["rows"]


def test_text_in_the_file_cannot_run_as_a_formula(clouded: Path, say: Say) -> None:
    train = pl.read_parquet(clouded / "data/tiny/train.parquet").with_columns(home=pl.lit("=1+1"))
    write_parquet(clouded / "data/tiny/train.parquet", train)
    path = clouded / CONF
    path.write_text(path.read_text().replace('  positive: "1"\n', '  positive: "1"\n  key: [home, age]\n'))
    say(clouded, "compose")
    assert say(clouded, "labels", "review", "+experiment=tiny")[0] == 0
    assert set(pl.read_csv(clouded / FILE)["home"]) == {"'=1+1"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("review", "+experiment=tiny"), "the experiment has not been trained"),
        (("review", "+experiment=tiny", "--top", "0"), "a whole number from 1"),
        (("agreement", "+experiment=tiny"), "tiny declares no annotations"),
        (("next", "+experiment=tiny"), "tiny declares no annotations"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_message(tiny: Path, say: Say, words: tuple[str, ...], told: str) -> None:
    code, _, err = say(tiny, "labels", *words)
    assert code == 2
    assert told in err


# ---- annotators --------------------------------------------------------------------------------------------------------

SAID = """\
  label:
    annotations: {source: said, keys: {id: id}, annotator: who, label: says}
"""


def annotated(root: Path) -> Path:
    """The tiny project with three annotators in place of its outcome: two careful ones and one who guesses; a third of the rows have no label."""
    raw = pl.read_parquet(root / RAW).with_row_index("id").with_columns(pl.col("id").cast(pl.Int64))
    draw = np.random.default_rng(4)
    said = []
    for key, truth in raw.select("id", "bad").iter_rows():
        if key % 3:
            for who, right in (("ann", 0.95), ("bo", 0.9), ("guess", 0.5)):
                said.append({"id": key, "who": who, "says": truth if draw.random() < right else 1 - truth})
    pl.DataFrame(said).write_parquet(root / "data/raw/said.parquet")
    raw.drop("bad").write_parquet(root / RAW)
    path = root / CONF
    text = path.read_text().replace("    loans: {kind", "    said: {kind: parquet, path: data/raw/said.parquet}\n    loans: {kind")
    text = text.replace('  positive: "1"\n', '  positive: "1"\n  key: [id]\n').replace("  columns:\n    bad", "  columns:\n    id: {type: int}\n    bad")
    path.write_text(text)
    declare(root, SAID)
    return root


def test_agreement_is_told_before_anything_is_run(tiny: Path, say: Say) -> None:
    root = annotated(tiny)
    code, out, _ = say(root, "labels", "agreement", "+experiment=tiny")
    assert code == 0
    assert "600 rows" in out
    assert "Krippendorff's alpha" in out
    told: dict[str, Any] = json.loads(say(root, "labels", "agreement", "+experiment=tiny", "--json")[1])
    assert [one["annotator"] for one in told["annotators"]][-1] == "guess"
    assert told["alpha"]["low"] < told["alpha"]["value"] < told["alpha"]["high"]


def test_the_work_list_is_ranked_by_what_a_label_is_expected_to_earn(tiny: Path, say: Say) -> None:
    root = annotated(tiny)
    code, out, _ = say(root, "labels", "next", "+experiment=tiny", "--top", "900", "--json")
    assert code == 0
    told = json.loads(out)
    assert told["model"] is None
    assert told["considered"] == 900
    worth = [row["payoff_expected"] for row in told["rows"]]
    assert worth == sorted(worth, reverse=True)
    by_labels = {n: [row["payoff_expected"] for row in told["rows"] if row["labels"] == n] for n in (0, 3)}
    assert np.mean(by_labels[0]) > np.mean(by_labels[3]), "a row without a label is worth more than one with three"
    raw = dict(pl.read_parquet(root / RAW).select("id", "amount").iter_rows())
    top = [raw[int(row["id"])] for row in told["rows"][:50]]
    assert np.mean(top) > np.mean(list(raw.values())), "much money first"
    assert say(root, "labels", "next", "+experiment=tiny")[0] == 0


def test_after_a_run_the_model_joins_in_and_the_test_is_left_out(finished: Path, say: Say) -> None:
    root = annotated(finished)
    for words in (("compose",), ("stage", "problem", "tiny", "-q"), ("stage", "data", "tiny", "-q")):
        assert say(root, *words)[0] == 0
    code, out, _ = say(root, "labels", "next", "+experiment=tiny", "--top", "900", "--json")
    assert code == 0
    told = json.loads(out)
    assert told["model"] in {"linear", "lightgbm", "catboost"}
    assert told["sealed"] == 120, "a fifth of the 600 annotated rows"
    assert told["considered"] == 780
