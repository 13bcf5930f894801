"""Acme's own parts keep what every part of their family keeps, and do what Acme wants of them."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from runner.extend import Given, Predicted, write_json
from runner.testing import CandidateContract, MetricContract, SourceContract, StepContract, plugin, rows

ROOT = Path(__file__).parent.parent
bayes, checks, circle, routing, separation = (plugin(f"plugins/{name}.py", ROOT) for name in ("gaussian_bayes", "checks", "on_a_circle", "routing_log", "separation"))
HOURS = {"hour": {"type": "int", "min": 0, "max": 23, "nullable": True}, "depot": {"type": "string", "allowed": ["north", "harbour"]}}


class TestOnACircle(StepContract):
    spec = circle.OnACircleSpec(kind="on_a_circle", columns=["hour"], period=24)

    def rows(self, n: int, seed: int) -> pl.DataFrame:
        return rows(HOURS, n, seed)

    def test_midnight_is_as_near_to_eleven_as_to_one(self) -> None:
        clock = pl.DataFrame({"hour": [23, 0, 1, 12]})
        (project,) = self.fit(clock).operations
        at = project.apply(clock).select("hour_sin", "hour_cos").to_numpy()
        before, after, noon = (float(np.linalg.norm(at[1] - at[i])) for i in (0, 2, 3))
        assert before == pytest.approx(after)
        assert noon == pytest.approx(2.0)


class TestGaussianBayes(CandidateContract):
    spec = bayes.GaussianBayesSpec(kind="gaussian_bayes")

    def test_is_sure_where_the_classes_lie_apart(self) -> None:
        given = self.given()
        low, high = given.train.values[:, 0] < 2, given.train.values[:, 0] > 8
        assert (given.train.outcome[low].mean(), given.train.outcome[high].mean()) == pytest.approx((0.0, 1.0), abs=0.35)
        shares = self.fit(given).model.predict_matrix(given.train.values)[:, 1]
        assert shares[low].mean() < 0.3
        assert shares[high].mean() > 0.7


class TestGaussianBayesOfThreeClasses(CandidateContract):
    spec = bayes.GaussianBayesSpec(kind="gaussian_bayes")
    task, n_classes = "multiclass", 3


class TestRoutingLog(SourceContract):
    spec = routing.RoutingLogSpec(kind="routing_log", path="data/raw/x.ndjson")
    suffix = ".ndjson"

    def write(self, rows: pl.DataFrame, path: Path) -> None:
        rows.write_ndjson(path)

    def test_a_fraction_in_the_last_line_loses_nothing(self, tmp_path: Path) -> None:
        path = tmp_path / "late.ndjson"
        path.write_text("\n".join([json.dumps({"km": n}) for n in range(2000)] + [json.dumps({"km": 0.5})]) + "\n")
        assert self.read(path)["km"].sort()[1] == 0.5


class TestSeparation(MetricContract):
    spec = separation.SeparationSpec(kind="separation")

    @pytest.mark.parametrize(("scores", "gap"), [([0.1, 0.2, 0.8, 0.9], 1.0), ([0.5, 0.5, 0.5, 0.5], 0.0), ([0.1, 0.8, 0.2, 0.9], 0.5)])
    def test_is_the_largest_gap(self, scores: list[float], gap: float) -> None:
        p = np.array(scores)
        predicted = Predicted("binary", np.array([0, 0, 1, 1]), np.column_stack([1 - p, p]), ("no", "yes"), 1)
        assert self.value(predicted) == pytest.approx(gap)


def given(tmp_path: Path, **files: Path) -> Given:
    return Given(files=files, experiment="deliveries", seed=1, root=tmp_path, home=tmp_path)


@pytest.mark.parametrize(("least", "status"), [(2, "passed"), (3, "failed")])
def test_every_depot_needs_its_rows(least: int, status: str, tmp_path: Path) -> None:
    pl.DataFrame({"depot": ["north"] * 5 + ["harbour"] * 2}).write_parquet(tmp_path / "train.parquet")
    spec = checks.EveryGroupSpec(kind="every_group", column="depot", min_rows=least)
    (gate,) = checks.every_group(spec, given(tmp_path, train=tmp_path / "train.parquet"), tmp_path)
    assert (gate.status, gate.found) == (status, 2)
    assert (tmp_path / "groups.csv").read_text() == "depot,rows\nharbour,2\nnorth,5\n"


@pytest.mark.parametrize(("low", "status"), [(0.4, "passed"), (0.1, "failed"), (None, "failed")])
def test_a_score_must_reach_its_floor(low: float | None, status: str, tmp_path: Path) -> None:
    write_json(tmp_path / "metrics.json", {"scores": {"separation": {"value": 0.5, "low": low}}})
    spec = checks.ScoreFloorSpec(kind="score_floor", score="separation", floor=0.2)
    (gate,) = checks.score_floor(spec, given(tmp_path, metrics=tmp_path / "metrics.json"), tmp_path)
    assert gate.status == status
    absent = checks.ScoreFloorSpec(kind="score_floor", score="separatoin", floor=0.2)
    assert checks.score_floor(absent, given(tmp_path, metrics=tmp_path / "metrics.json"), tmp_path)[0].status == "failed"
