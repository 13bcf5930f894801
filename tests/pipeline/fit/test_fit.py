"""A table is fitted as it comes: every column that can be used is, the model scores rows of the same raw form, and what is written repeats it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.conftest import loans

import runner
from runner.cli import main
from runner.core.digests import of_tree
from runner.core.expressions import parse
from runner.core.faults import FaultsError, RefusedError
from runner.core.progress import Silent
from runner.core.registry import part
from runner.core.workspace import Workspace
from runner.experiment.compose import compose
from runner.pipeline import setup
from runner.pipeline.execute import run_stage
from runner.pipeline.fit.fitted import Fitted
from runner.pipeline.fit.place import Place
from runner.pipeline.fit.run import ROOMS
from runner.pipeline.run import Run
from runner.pipeline.stages import stage_of
from runner.proposal.plain.found import _as_moment

LITTLE = 0.001  # work: the first trial of the cheapest candidates
N = 240


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    """A model of the lending table."""
    return runner.fit(loans(400), target="bad", work=LITTLE, output=tmp_path_factory.mktemp("fit") / "model")


def test_a_frame_in_a_model_out(fitted: Fitted, tmp_path: Path) -> None:
    rows = loans(50, seed=1)
    predicted, shares = fitted.predict(rows.drop("bad")), fitted.predict_proba(rows)
    assert predicted.dtype == pl.Int64 and set(predicted) <= {0, 1}
    assert shares.columns == ["0", "1"] and np.allclose(shares.sum_horizontal().to_numpy(), 1.0)
    assert fitted.score(rows)["flags"].list.len().sum() == 0
    board = fitted.leaderboard()
    assert board["ships"].to_list()[0] and "constant" in board["candidate"].to_list()
    assert sorted(path.name for path in fitted.save(tmp_path / "kept").iterdir()) == ["bundle", "experiment.yaml", "leaderboard.json"]
    assert fitted.predict(rows.to_pandas()).equals(predicted)
    with pytest.raises(FaultsError, match="lacks the columns home"):
        fitted.predict(rows.drop("home"))


def test_only_baselines_and_what_ships_are_refitted(fitted: Fitted) -> None:
    board = fitted.leaderboard()
    ships = board["candidate"][0]
    assert set(board.filter(pl.col("megabytes").is_not_null())["candidate"]) == {"constant", ships}
    assert board.height > 2


def test_what_would_be_too_large_ships_smaller_or_gives_way(fitted: Fitted, tmp_path: Path) -> None:
    whole = fitted.leaderboard()["megabytes"][0]
    limit = round(whole * 0.8, 4)
    small = runner.fit(loans(400), target="bad", work=LITTLE, max_size_mb=limit, output=tmp_path / "model").leaderboard()
    assert small["megabytes"][0] <= limit < whole
    assert small.height == fitted.leaderboard().height


def test_the_written_experiment_gives_the_same_bytes_in_a_workspace(fitted: Fitted, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    setup.conf_only(tmp_path)
    shutil.copytree(fitted.path / ".runner" / "work" / "data", tmp_path / "data")
    (tmp_path / "conf" / "experiment").mkdir()
    (tmp_path / "conf" / "experiment" / "fit.yaml").write_text(fitted.experiment)
    again = Run.of(workspace, compose(workspace, ["+experiment=fit"]), 1, Silent())
    for room in ROOMS:
        run_stage(again, stage_of(room))
    ships = fitted.leaderboard()["candidate"][0]
    assert of_tree(again.folders.models / "candidates" / ships) == of_tree(fitted.path / "bundle")


def test_what_is_written_explores_and_is_not_adopted_as_it_stands(
    fitted: Fitted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    setup.conf_only(tmp_path)
    (tmp_path / "conf" / "experiment").mkdir()
    (tmp_path / "conf" / "experiment" / "fit.yaml").write_text(fitted.experiment)
    monkeypatch.chdir(tmp_path)
    assert main(["compose", "fit"]) == 2
    told = capsys.readouterr().err
    assert "fit: data.split.test_share: is 0: an adopted experiment is judged on a sealed test" in told
    assert "fit: features.leakage.suspected: is warns" in told


def odd() -> pl.DataFrame:
    """Columns as people have them, of which some tell the outcome."""
    draw = np.random.default_rng(0)
    told = draw.normal(size=N)
    return pl.DataFrame(
        {
            "told by": told,
            'a "quoted" name': draw.normal(size=N),
            "größe": ["u", "v", None] * (N // 3),
            "decision": np.where(np.arange(N) % 5 == 0, np.inf, told),
            "row_id": np.arange(N),
            "${x}": told,
            "written": [f"{1 + i % 28:02d}/{1 + i % 12:02d}/20{10 + i % 10}" for i in range(N)],
            "iso": [f"20{10 + i % 10}-{1 + i % 12:02d}-{1 + i % 28:02d}" for i in range(N)],
            "zoned": pl.Series([1_600_000_000 + i * 3600 for i in range(N)]).cast(pl.Datetime("ms", "Europe/Berlin")),
            "price": [f"€ {1000 + i:,}" for i in range(N)],
            "unknown": ["?" if i % 11 == 0 else str(i) for i in range(N)],
            "code": [f"k{i}" for i in range(N)],
            "town": [f"g{i % 80}" for i in range(N)],
            "yes": (told > 0.5).tolist(),
            "nothing": pl.Series([None] * N),
            "same": [1] * N,
            "list": [[1, 2]] * N,
            "kind": pl.Series(["a", "b", "c"] * (N // 3)).cast(pl.Categorical),
            "huge": pl.Series(np.arange(N).astype(np.uint64) + 2**63),
            "said": [f"the {'good' if v > 0 else 'bad'} thing number {i} of many" for i, v in enumerate(told)],
        },
        strict=False,
    )


def targets() -> Mapping[str, tuple[pl.Series, str]]:
    """Outcome to its task."""
    told = odd()["told by"].to_numpy()
    late = [None if i % 9 == 0 else int(v > 0) for i, v in enumerate(told)]
    steps = [None if i % 7 == 0 else float(v) for i, v in enumerate(np.digitize(told, [-0.5, 0.5]))]
    return {
        "whole numbers with gaps, one of them once": (pl.Series([9.0, *steps[1:]]), "multiclass"),
        "true or false, some missing": (pl.Series([None if v is None else bool(v) for v in late]), "binary"),
        "a number with outliers": (pl.Series(np.where(np.arange(N) % 50 == 0, 1e30, told)), "regression"),
    }


@pytest.mark.parametrize("name", targets())
def test_odd_tables_give_a_model(name: str) -> None:
    outcome, task = targets()[name]
    table = odd().with_columns(outcome.alias("y y"))
    model = runner.fit(table, target="y y", work=LITTLE)
    assert model.task == task
    predicted = model.predict(table.drop("y y"))
    assert predicted.len() == N and predicted.null_count() == 0
    if task == "binary":
        assert predicted.dtype == pl.Boolean
    if task == "multiclass":
        assert (predicted.cast(pl.Float64) == table["y y"]).drop_nulls().mean() > 0.7


REFUSED: Mapping[str, tuple[dict[str, Any], dict[str, Any], type[FaultsError], str]] = {
    "five rows": ({"n": 5}, {}, RefusedError, "5 rows: too few"),
    "one label": ({"y": "a"}, {}, FaultsError, "has one value in every row, 'a'"),
    "no outcome at all": ({"y": None}, {}, FaultsError, "empty: no row has a value"),
    "another target": ({}, {"target": "yy"}, FaultsError, "did you mean 'y'"),
    "no such time": ({}, {"time_column": "z"}, FaultsError, "--time-column: there is no column 'z'"),
    "groups of one": ({}, {"group_column": "same"}, FaultsError, "--group-column: 'same'"),
    "a number of minutes": ({}, {"minutes": -1}, FaultsError, "minutes: is -1"),
    "an unknown option": ({}, {"time_colum": "z"}, FaultsError, "did you mean 'time_column'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_fitted_is_told(name: str, tmp_path: Path) -> None:
    made, said, kind, told = REFUSED[name]
    n = made.get("n", 60)
    outcome = [made["y"]] * n if "y" in made else ["a", "b"] * (n // 2) + ["a"] * (n % 2)
    table = pl.DataFrame({"x": range(n), "same": [1] * n, "y": pl.Series(outcome, dtype=pl.String)})
    asked: dict[str, Any] = {"target": "y", "work": LITTLE, "output": tmp_path / "model", **said}
    with pytest.raises(kind, match=told):
        runner.fit(table, **asked)
    assert not (tmp_path / "model").exists()


def test_a_target_is_refused_whose_squares_no_number_holds_and_one_with_an_odd_value_far_off_is_not(tmp_path: Path) -> None:
    table = pl.DataFrame({"x": np.arange(60.0), "y": np.arange(60.0)})
    with pytest.raises(RefusedError, match=r"values up to 5.9e\+201, whose squares no number holds"):
        runner.fit(table.with_columns(y=pl.col("y") * 1e200), target="y", work=LITTLE)
    far = table.with_columns(y=pl.when(pl.col("x") == 7).then(1e30).otherwise("y"))
    assert runner.fit(far, target="y", work=LITTLE).predict(far).is_finite().all()


def test_the_verb_writes_holds_back_and_takes_nothing_away(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loans(300).write_csv(tmp_path / "loans.csv")
    call = ["fit", "--data", str(tmp_path / "loans.csv"), "--target", "bad", "--output", str(tmp_path / "model"), "--work", str(LITTLE)]
    assert main([*call, "--test-share", "0.2", "--json", "--report"]) == 0
    assert "Not refitted, so not weighed" in (tmp_path / "model" / "report.html").read_text()
    told = json.loads(capsys.readouterr().out)
    assert told["task"] == "binary" and told["held_back"]["rows"] == 60
    scores = tmp_path / "scores.csv"
    assert main(["score", "--bundle", told["files"]["bundle"], "--input", str(tmp_path / "loans.csv"), "--output", str(scores), "-q"]) == 0
    assert pl.read_csv(scores).height == 300
    assert main(call) == 2
    assert "holds a finished fit already" in capsys.readouterr().err
    (tmp_path / "model" / "mine.txt").write_text("")
    assert main([*call, "--force"]) == 2
    assert "holds other files, such as mine.txt" in capsys.readouterr().err


def test_a_library_that_fails_costs_its_candidate_and_not_the_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    loans(300).write_csv(tmp_path / "loans.csv")
    failing = {"lightgbm"}

    def broken(family: Any, kind: str) -> Any:
        def fit(spec: Any, given: Any) -> Any:
            raise OSError("no GPU like this one")

        return fit if kind in failing else part(family, kind)

    monkeypatch.setattr("runner.training.engine.part", broken)
    call = ["fit", "--data", str(tmp_path / "loans.csv"), "--target", "bad", "--work", "0.5", "--output"]
    assert main([*call, str(tmp_path / "model"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert "lightgbm fails in its library, so it is left out: OSError: no GPU like this one" in told["notes"]
    assert "lightgbm" not in {candidate["candidate"] for candidate in told["candidates"]} and told["ships"] != "constant"
    failing |= {"linear", "catboost", "mlp", "extra_trees", "forest", "additive"}
    assert main([*call, str(tmp_path / "none")]) == 3
    refused = capsys.readouterr().err
    assert "training.candidates.lightgbm" in refused and "training.candidates.linear" in refused and "no GPU" in refused and "Traceback" not in refused


def test_folds_keep_to_time_and_groups(tmp_path: Path) -> None:
    table = loans(200).with_columns(pl.int_range(pl.len()).alias("step"), (pl.int_range(pl.len()) // 10).alias("person"))
    model = runner.fit(table, target="bad", time_column="step", group_column="person", work=LITTLE)
    assert "by_time_and_group" in model.experiment and "step_order" in model.experiment
    assert model.predict(table.drop("bad")).len() == 200


def test_in_time_order_models_see_how_far_along_a_row_is_and_scores_stay_as_they_are() -> None:
    """The outcome's share rises with time: what is predicted for later rows is nearer to the latest share than to that of all rows."""
    n = 2000
    draw = np.random.default_rng(3)
    day = np.sort(draw.integers(0, 1000, n))
    bad = draw.random(n) < np.where(day < 700, 0.1, 0.6)
    table = pl.DataFrame({"day": pl.Series(day).cast(pl.Int32).cast(pl.Date), "noise": draw.normal(size=n), "bad": bad.astype(int)})
    model = runner.fit(table, target="bad", time_column="day", work=0.3)
    assert "day_days: EXTRACT(epoch FROM CAST(day AS TIMESTAMP)) / 86400.0" in model.experiment and 'calibration: {kind: "none"}' in model.experiment
    later = pl.DataFrame({"day": pl.Series([1001, 1010]).cast(pl.Int32).cast(pl.Date), "noise": [0.0, 0.5]})
    assert model.predict_proba(later)["1"].min() > 0.4 > bad.mean()  # type: ignore[operator]
    assert "calibration" not in runner.fit(table.drop("day"), target="bad", work=0.05).experiment


def test_a_finished_fit_goes_on_with_more_time_and_one_that_was_killed_at_the_very_end_with_as_much(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loans(300).write_csv(tmp_path / "loans.csv")
    place = Place(tmp_path / "model")
    call = ["fit", "--data", str(tmp_path / "loans.csv"), "--target", "bad", "--output", str(place.root), "--json"]
    assert main([*call, "--work", "0.5"]) == 0
    first, fits = json.loads(capsys.readouterr().out), of_tree(place.workspace.root / ".runner" / "fits")
    assert main([*call, "--work", "0.5"]) == 2
    assert "more --minutes" in capsys.readouterr().err
    before = of_tree(place.root / "bundle")
    asked = place.root / ".runner" / "fit.json"
    asked.write_text(json.dumps({**json.loads(asked.read_text()), "ended": None}))
    shutil.copytree(place.root / "bundle", place.root / ".writing-bundle-0f0f0f0f")
    assert main([*call, "--work", "0.5"]) == 0
    assert not list(place.root.glob(".writing-*"))
    assert json.loads(capsys.readouterr().out)["continued"] and of_tree(place.root / "bundle") == before
    assert of_tree(place.workspace.root / ".runner" / "fits") == fits, "nothing is fitted again"
    assert main([*call, "--work", "3"]) == 0
    more = json.loads(capsys.readouterr().out)
    trials = [sum(candidate["trials"] for candidate in found["candidates"]) for found in (first, more)]
    assert trials[1] > trials[0]
    assert main([*call, "--work", "3", "--test-share", "0.2"]) == 2, "a finished fit that was asked for something else stays"
    assert main([*call, "--minutes", "6"]) == 2, "minutes are not more than work, nor less"
    kept = of_tree(place.root / "bundle")
    assert main([*[said.replace("bad", "worse") for said in call], "--force"]) == 2
    assert of_tree(place.root / "bundle") == kept, "what cannot be fitted replaces nothing"


@pytest.mark.parametrize("more", [[], ["--force"]], ids=["plain", "forced"])
def test_one_fit_runs_in_a_folder_at_a_time_and_is_not_disturbed(more: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loans(300).write_csv(tmp_path / "loans.csv")
    place = Place(tmp_path / "model")
    with place.held():
        (place.root / ".runner" / "work").mkdir()
        assert main(["fit", "--data", str(tmp_path / "loans.csv"), "--target", "bad", "--output", str(place.root), *more]) == 2
        assert "another fit is running" in capsys.readouterr().err
        assert (place.root / ".runner" / "work").is_dir()


@pytest.mark.parametrize(
    "kept",
    [
        pl.Series([0, 2147, 2148, 4000, 5000], dtype=pl.Int32),
        pl.Series([0, 7, 8, 32_000, 32_767], dtype=pl.Int16),
        pl.Series([1_700_000_000_000 + 1000 * i for i in range(5)]),
        pl.Series([1_700_000_000_000_000_000 + 1_000_000 * i for i in range(5)]),
        pl.Series([20240131115959, 20240131120000, 20240131120001, 20240201000000, 20250101000000]),
        pl.Series([1.0, 2.0, 2.5, 1e13, 3e14]),
        pl.Series([-3.5, -1.0, 0.0, 1e-3, 1.0]),
        pl.Series([-1e300, 0.0, 2e299, 3e299, 1e300]),
    ],
    ids=lambda kept: f"{kept.dtype}, up to {kept[-1]:g}",
)
def test_a_number_that_orders_the_rows_is_a_moment_in_the_same_order_whatever_its_type_and_size(kept: pl.Series) -> None:
    made = pl.DataFrame({"t": kept}).select(parse(_as_moment('"t"', kept)).alias("moment"))["moment"]
    assert made.is_sorted() and made.n_unique() == 5 and made.dtype == pl.Datetime("us")
    assert made.max().year < 3000  # type: ignore[union-attr]


def test_the_package_stays_light() -> None:
    code = "import sys, runner; assert callable(runner.fit); print([m for m in ('polars', 'pydantic', 'numpy') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
