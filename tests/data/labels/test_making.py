"""Making the outcome slice by slice gives what making it at once gives."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.core.faults import FaultsError
from runner.data.labels import making
from runner.data.labels.annotations import gather
from runner.data.labels.consensus import consensus_of
from runner.data.labels.corrections import read_corrections
from runner.data.labels.making import Agreed, Ready, Tally
from runner.data.labels.maturity import Maturity
from runner.data.labels.spec import AnnotationsSpec, LabelSpec
from runner.problem.task import Task

N = 40
TASK = Task("binary", "y", "a row", "1", ("0", "1"), key=("id",))
TYPES = {"y": "int", "id": "int", "at": "datetime"}
SAID = AnnotationsSpec(source="said", keys={"id": "id"}, annotator="who", label="says")


def rows() -> pl.DataFrame:
    times = pl.datetime_range(datetime(2020, 1, 1), datetime(2020, 2, 9), "1d", eager=True)
    return pl.DataFrame({"id": range(N), "at": times, "spot": pl.int_range(N, dtype=pl.UInt64, eager=True)})


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Ready:
    """Annotations by three, a maturity, and three verdicts."""
    said = pl.DataFrame([{"id": i, "who": who, "says": int(i % 3 == 0 and who != "c")} for i in range(0, N, 2) for who in "abc"])
    annotated = gather(SAID, said, TASK, "int", "said")
    path = tmp_path_factory.mktemp("verdicts") / "verdicts.csv"
    path.write_text("id,verdict,new_label\n2,change,1\n4,keep,\n8,drop,\n")
    corrections = read_corrections(path, "verdicts.csv", ("id",), TYPES, TASK)
    maturity = Maturity("at", 5, datetime(2020, 2, 9), declared=True)
    return Ready(LabelSpec(annotations=SAID), TASK, TYPES, maturity, Agreed(SAID, annotated, consensus_of(annotated)), corrections)


def made(ready: Ready, slices: list[pl.DataFrame]) -> tuple[pl.DataFrame, Tally]:
    parts, tallies = [], []
    for part in slices:
        labelled, tally = making.apply(part, ready, "spot")
        kept, tally = making.settle(labelled, tally)
        parts.append(kept)
        tallies.append(tally)
    total = tallies[0]
    for tally in tallies[1:]:
        total = total + tally
    return pl.concat(parts), total


@settings(max_examples=25)
@given(st.sets(st.integers(1, N - 1), max_size=6))
def test_slices_make_what_the_whole_makes(ready: Ready, cuts: set[int]) -> None:
    ends = [0, *sorted(cuts), N]
    sliced, tally = made(ready, [rows()[a:b] for a, b in pairwise(ends)])
    whole, at_once = made(ready, [rows()])
    assert sliced.equals(whole)
    assert making.told(ready, tally) == making.told(ready, at_once)


def test_each_part_does_what_it_declares(ready: Ready) -> None:
    whole, tally = made(ready, [rows()])
    label = dict(whole.select("id", "y").iter_rows())
    assert label[6] == "1"
    assert label[10] == "0"
    assert label[1] is None, "nobody annotated it"
    assert label[2] == "1", "the reviewer changed it"
    assert 8 not in label
    assert max(label) == 34
    assert tally.out == {"dropped": 1, "immature": 5}


def test_a_verdict_that_meets_two_slices_is_a_fault(ready: Ready) -> None:
    _, tally = made(ready, [rows(), rows()[2:3]])
    with pytest.raises(FaultsError, match="2 rows of the data have this id"):
        making.told(ready, tally)


def test_nothing_declared_changes_nothing(tmp_path: Path) -> None:
    labelled, tally = making.apply(rows(), None, "spot")
    kept, tally = making.settle(labelled, tally)
    assert kept.equals(rows())
    assert making.told(None, tally) is None
