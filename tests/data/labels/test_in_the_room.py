"""The data room makes the outcome: final ones only, as annotators agree, as reviewers corrected it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from runner.core.faults import FaultsError
from runner.core.files import write_json
from runner.core.stage import Given
from runner.data import stage
from runner.data.spec import DataSpec
from runner.problem.task import Task

FILES = {
    "train": "train.parquet",
    "sealed_test": "sealed_test.parquet",
    "split": "split.json",
    "folds": "folds.parquet",
    "contract": "contract.json",
    "quarantine": "quarantine.parquet",
    "data_report": "data.json",
}
N = 200
COLUMNS: dict[str, Any] = {"status": {"type": "string"}, "id": {"type": "int"}, "amount": {"type": "int"}, "day": {"type": "date"}}
TASK = Task("binary", "status", "a loan", "bad", ("bad", "good"), key=("id",), time="day", min_rows=50, min_positives=5)


class Made:
    """What the room wrote."""

    def __init__(self, folder: Path) -> None:
        self.report = json.loads((folder / FILES["data_report"]).read_text())
        self.rows = pl.concat([pl.read_parquet(folder / FILES[name]) for name in ("train", "sealed_test")]).sort("row_id")
        self.seal = json.loads((folder / FILES["split"]).read_text())["seal"]

    @property
    def label(self) -> dict[str, Any]:
        return self.report["label"]

    def status(self, key: int) -> str:
        return self.rows.filter(pl.col("id") == key)["status"].item()

    def finding(self, what: str) -> dict[str, Any]:
        return next(f for f in self.report["findings"] if f["what"] == what)


Room = Callable[..., Made]


def loans() -> pl.DataFrame:
    """A loan a day, every fourth one bad."""
    return pl.DataFrame(
        {
            "id": range(1000, 1000 + N),
            "amount": [100 + i for i in range(N)],
            "day": [date(2020, 1, 1) + timedelta(days=i) for i in range(N)],
            "status": ["bad" if i % 4 == 0 else "good" for i in range(N)],
        }
    )


@pytest.fixture
def room(tmp_path: Path) -> Room:
    """Runs the room: room(label, rows, corrections or other tables...)."""

    def run(label: dict[str, Any] | None, rows: pl.DataFrame | None = None, task: Task = TASK, verdicts: str = "", **tables: pl.DataFrame) -> Made:
        raw = tmp_path / "data/raw"
        raw.mkdir(parents=True, exist_ok=True)
        for name, table in {"loans": loans() if rows is None else rows, **tables}.items():
            table.write_parquet(raw / f"{name}.parquet")
        if verdicts:
            (raw / "verdicts.csv").write_text(verdicts)
        sources = {name: {"kind": "parquet", "path": f"data/raw/{name}.parquet"} for name in ("loans", *tables)}
        declared = {"sources": sources, "primary": "loans", "columns": COLUMNS, "split": {"kind": "stratified", "folds": 2}, "label": label}
        write_json(tmp_path / "task.json", task.as_json())
        out = tmp_path / "out"
        given = Given({"task": tmp_path / "task.json"}, "loans", 1, tmp_path, tmp_path / ".runner")
        stage.run(DataSpec.model_validate(declared), given, {name: out / file for name, file in FILES.items()})
        return Made(out)

    return run


def corrected(*lines: str) -> dict[str, Any]:
    return {"label": {"corrections": "data/raw/verdicts.csv"}, "verdicts": "\n".join(["id,given_label,verdict,new_label,reviewer", *lines, ""])}


# ---- maturity ----------------------------------------------------------------------------------------------------------


def test_an_outcome_that_is_not_final_yet_is_left_out_and_counted(room: Room) -> None:
    made = room({"maturity": {"after_days": 30.0, "as_of": "2020-06-30"}})
    assert made.rows["day"].max() == date(2020, 5, 31), "30 days before the look-up is final just then"
    left_out = {"filtered_out": 0, "immature": 48, "undated": 0, "dropped": 0, "without_outcome": 0, "quarantined": 0, "left_out_by_split": 0}
    assert made.report["counts"] == left_out | {part: made.report["counts"][part] for part in ("train", "test")}
    assert sum(made.report["counts"].values()) == N
    assert made.label["maturity"] == {
        "since": "day",
        "after_days": 30.0,
        "as_of": "2020-06-30T00:00:00Z",
        "as_of_from": "declared",
        "final_until": "2020-05-31T00:00:00Z",
        "far_ahead": False,
    }
    assert "48 rows are later than" in made.finding("rows too young for a final outcome")["evidence"]


def test_the_look_up_is_the_newest_time_of_the_data_never_the_clock(room: Room) -> None:
    made = room({"maturity": {"after_days": 10.0}})
    newest = loans()["day"].max()
    assert made.label["maturity"]["as_of"].startswith(str(newest))
    assert made.label["maturity"]["as_of_from"] == "newest"
    assert made.report["counts"]["immature"] == 10


def test_a_lonely_newest_time_is_suspicious(room: Room) -> None:
    last = pl.when(pl.col("id") == 1000).then(date(2031, 1, 1)).otherwise(pl.col("day"))
    made = room({"maturity": {"after_days": 30.0}}, loans().with_columns(day=last))
    assert made.report["counts"]["immature"] == 1
    assert made.finding("the moment of the look-up may be wrong")["severity"] == "warned"


def test_a_row_without_a_time_is_never_final(room: Room) -> None:
    rows = loans().with_columns(day=pl.when(pl.col("id") > 1002).then(pl.col("day")))
    made = room({"maturity": {"after_days": 1.0, "as_of": "2021-01-01"}}, rows)
    assert made.report["counts"]["undated"] == 3
    assert made.finding("rows without a time")["rows"] == 3


@pytest.mark.parametrize(
    ("maturity", "told"),
    [({"after_days": 1.0, "since": "dya"}, "did you mean 'day'?"), ({"after_days": 1.0, "since": "amount"}, "a date or datetime column")],
)
def test_maturity_needs_a_time(room: Room, maturity: dict[str, Any], told: str) -> None:
    with pytest.raises(FaultsError, match=r"data\.label\.maturity\.since") as error:
        room({"maturity": maturity})
    assert told in str(error.value)


# ---- corrections -------------------------------------------------------------------------------------------------------


def test_verdicts_change_keep_and_drop_labels(room: Room) -> None:
    made = room(**corrected("1000,bad,change,good,Ada", "1001,good,keep,,Ada", "1002,good,drop,,Bo", "1003,good,,bad,"))
    assert made.status(1000) == "good"
    assert made.status(1001) == "good"
    assert 1002 not in made.rows["id"]
    assert made.status(1003) == "good", "no verdict, no change"
    told = made.label["corrections"]
    assert {name: told[name] for name in ("changed", "kept", "dropped", "not_reviewed", "changed_already")} == {
        "changed": 1,
        "kept": 1,
        "dropped": 1,
        "not_reviewed": 1,
        "changed_already": 0,
    }
    assert told["reviewers"] == {"Ada": 2, "Bo": 1}
    assert len(told["sha256"]) == 64
    assert made.report["counts"]["dropped"] == 1
    assert "1 changed, 1 kept, 1 dropped; 1 in data/raw/verdicts.csv without a verdict yet" in made.finding("labels were reviewed")["evidence"]


def test_a_label_that_was_changed_in_the_source_too_is_counted_as_such(room: Room) -> None:
    rows = loans().with_columns(status=pl.when(pl.col("id") == 1000).then(pl.lit("good")).otherwise(pl.col("status")))
    assert room(rows=rows, **corrected("1000,bad,change,good,Ada")).label["corrections"]["changed_already"] == 1


def test_everything_wrong_with_verdicts_is_told_at_once(room: Room) -> None:
    lines = ("1000,bad,chnage,good,", "1001,good,change,ugly,", "1002,good,change,,", "1003,good,keep,,", "1003,good,drop,,", "x,good,keep,,")
    with pytest.raises(FaultsError) as error:
        room(**corrected(*lines))
    told = [(fault.at.rsplit(", ", 1)[1], fault.wrong) for fault in error.value.faults]
    assert told == [
        ("row 1", "the verdict 'chnage' is not known"),
        ("row 2", "new_label 'ugly' is no outcome"),
        ("row 3", "new_label is empty, and the verdict is change"),
        ("row 5", "id stands in row 4 already"),
        ("row 6", "id is empty or of another type"),
    ]
    assert "did you mean 'change'?" in str(error.value)


def test_wrong_verdicts_are_told_with_those_that_do_not_fit_the_rows(room: Room) -> None:
    lines = ("9,bad,keep,,", "1000,bad,chnage,good,", "1001,bad,keep,,", "1002,bad,change,ugly,", "8,good,kep,,")
    with pytest.raises(FaultsError) as error:
        room(**corrected(*lines))
    told = [(fault.at.rsplit(", ", 1)[1], fault.wrong) for fault in error.value.faults]
    assert told == [
        ("row 1", "no row of the data has this id"),
        ("row 2", "the verdict 'chnage' is not known"),
        ("row 3", "the row has another label than the one that was reviewed"),
        ("row 4", "new_label 'ugly' is no outcome"),
        ("row 4", "the row has another label than the one that was reviewed"),
        ("row 5", "the verdict 'kep' is not known"),
        ("row 5", "no row of the data has this id"),
    ]


def test_wrong_verdicts_are_told_though_the_contract_refuses_the_rows(room: Room) -> None:
    with pytest.raises(FaultsError, match="the verdict 'kep' is not known") as error:
        room(rows=loans().with_columns(amount=pl.lit("much")), **corrected("1000,bad,kep,,"))
    assert error.value.exit_code == 2


def test_verdicts_without_the_label_that_was_reviewed_are_said_to_be_unchecked(room: Room) -> None:
    made = room({"corrections": "data/raw/verdicts.csv"}, verdicts="id,verdict,new_label\n1000,change,good\n1001,keep,\n")
    found = made.finding("verdicts that cannot be held against the data")
    assert (found["severity"], found["rows"]) == ("warned", 2)
    assert "2 of 2 verdicts in data/raw/verdicts.csv do not say in given_label" in found["evidence"]


def test_a_verdict_must_find_the_row_that_was_reviewed(room: Room) -> None:
    with pytest.raises(FaultsError) as error:
        room(**corrected("9,bad,keep,,", "1001,bad,keep,,"))
    assert [fault.wrong for fault in error.value.faults] == [
        "no row of the data has this id",
        "the row has another label than the one that was reviewed",
    ]
    with pytest.raises(FaultsError, match="2 rows of the data have this id"):
        room(rows=pl.concat([loans(), loans()[:1]]), **corrected("1000,bad,keep,,"))


def test_without_a_key_rows_are_named_by_their_position(room: Room) -> None:
    task = Task("binary", "status", "a loan", "bad", ("bad", "good"), min_rows=50, min_positives=5)
    made = room({"corrections": "data/raw/verdicts.csv"}, task=task, verdicts="row_id;verdict;new_label\r\n4;change;good\r\n")
    assert made.status(1004) == "good", "and a spreadsheet may save with its own separator"


@pytest.mark.parametrize(
    ("kind", "values", "new"), [("int", [0, 1], "1.0"), ("bool", [False, True], "TRUE")], ids=["a number by a spreadsheet", "a boolean by a spreadsheet"]
)
def test_labels_of_every_type_are_corrected(room: Room, kind: str, values: list[Any], new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COLUMNS, "status", {"type": kind})
    labels = tuple(str(v).lower() for v in values)
    rows = loans().with_columns(status=pl.Series([values[i % 4 == 0] for i in range(N)]))
    task = Task("binary", "status", "a loan", labels[1], labels, key=("id",), min_rows=50, min_positives=5)
    made = room(rows=rows, task=task, **corrected(f"1001,{labels[0]},change,{new},"))
    assert made.status(1001) == labels[1]


def test_numbers_are_corrected_too(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COLUMNS, "status", {"type": "float"})
    rows = loans().with_columns(status=pl.col("amount") / 3)
    task = Task("regression", "status", "a loan", key=("id",), min_rows=50)
    given = rows["status"][0]
    assert room(rows=rows, task=task, **corrected(f"1000,{given},change,12.5,")).status(1000) == 12.5
    with pytest.raises(FaultsError, match="a number of the type float"):
        room(rows=rows, task=task, **corrected(f"1000,{given},change,a lot,"))


def test_a_corrected_test_label_makes_another_seal(room: Room) -> None:
    """The review lists training rows only; who corrects rows of the test by hand changes what was sealed."""
    every_bad_one = [f"{key},,change,good," for key in range(1000, 1080, 4)]
    assert room(None).seal != room(**corrected(*every_bad_one)).seal


# ---- annotations -------------------------------------------------------------------------------------------------------


def annotations(rows: pl.DataFrame, skip: int = 0) -> pl.DataFrame:
    """Three annotators: two who are right but for one slip, one who always says good."""
    said = [
        {"loan": key, "who": who, "says": "good" if who == "cleo" else truth if (key, who) != (1004, "bo") else "good"}
        for key, truth in rows.select("id", "status").iter_rows()
        for who in ("ann", "bo", "cleo")
        if key >= 1000 + skip
    ]
    return pl.DataFrame(said)


AGREED = {"annotations": {"source": "said", "keys": {"id": "loan"}, "annotator": "who", "label": "says"}}


def test_the_consensus_of_annotators_is_the_outcome(room: Room) -> None:
    rows = loans()
    made = room(AGREED, rows.drop("status"), said=annotations(rows, skip=20))
    assert made.report["counts"]["without_outcome"] == 20, "rows that nobody annotated have no outcome"
    assert made.rows["status"].to_list() == rows["status"].to_list()[20:]
    told = made.label["annotations"]
    assert (told["items"], told["annotations"], told["rows"]) == (180, 540, 180)
    assert [one["annotator"] for one in told["annotators"]][-1] == "cleo", "one who always says the same tells nothing"
    assert made.finding("annotators whose labels tell nothing")["rows"] == 180
    assert made.finding("annotators disagree")["severity"] == "serious"


def test_the_order_of_annotations_changes_nothing(room: Room) -> None:
    rows = loans()
    said = annotations(rows)
    first = room(AGREED, rows.drop("status"), said=said).report["label"]
    assert room(AGREED, rows.drop("status"), said=said.sample(fraction=1.0, shuffle=True, seed=3)).report["label"] == first


def test_annotations_that_cannot_be_used_are_told_at_once(room: Room) -> None:
    rows = loans()
    wrong = pl.DataFrame({"loan": [1000, None], "who": ["ann", "ann"], "says": ["god", "good"]}, schema={"loan": pl.Int64, "who": pl.String, "says": pl.String})
    said = pl.concat([annotations(rows), wrong, annotations(rows)[5:6]])
    with pytest.raises(FaultsError) as error:
        room(AGREED, rows.drop("status"), said=said)
    assert [(fault.at, fault.wrong) for fault in error.value.faults] == [
        ("data.label.annotations.keys", "1 annotation of data/raw/said.parquet without loan"),
        ("data.label.annotations.label", "1 annotation of data/raw/said.parquet says 'god'"),
        ("data.label.annotations", "4 annotations of data/raw/said.parquet share row and annotator"),
    ]
    assert "did you mean 'good'?" in str(error.value)


def test_of_two_labels_by_one_annotator_the_later_counts(room: Room) -> None:
    rows = loans()
    said = pl.concat(
        [
            annotations(rows).filter(pl.col("who") != "cleo").with_columns(at=date(2021, 1, 1)),
            pl.DataFrame([{"loan": 1001, "who": who, "says": "bad", "at": date(2021, 1, 2)} for who in ("ann", "bo")]),
        ]
    )
    made = room({"annotations": AGREED["annotations"] | {"at": "at"}}, rows.drop("status"), said=said)
    assert made.status(1001) == "bad"


def test_a_consensus_below_the_declared_probability_is_none(room: Room) -> None:
    rows = loans()
    made = room({"annotations": AGREED["annotations"] | {"min_probability": 0.999999}}, rows.drop("status"), said=annotations(rows))
    assert made.report["counts"]["without_outcome"] > 0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"source": "sayd"}, "did you mean 'said'?"),
        ({"keys": {"idd": "loan"}}, "did you mean 'id'?"),
        ({"annotator": "whom"}, "did you mean 'who'?"),
        ({"keys": {"status_code": "loan"}}, "column is missing"),
        ({"keys": {"day": "loan"}}, "keys of one type"),
    ],
)
def test_annotations_must_fit_the_sources(room: Room, change: dict[str, Any], told: str) -> None:
    rows = loans()
    with pytest.raises((FaultsError, ValueError)) as error:
        room({"annotations": AGREED["annotations"] | change}, rows.drop("status"), said=annotations(rows))
    assert told in str(error.value)
