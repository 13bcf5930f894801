"""`check` tells before a run what is wrong, whether there is enough, what it costs and what is re-used."""

from __future__ import annotations

import json
import resource
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from tests.conftest import command, loans

from runner.cli import main
from runner.core.progress import Silent
from runner.core.workspace import Workspace
from runner.experiment.compose import compose
from runner.pipeline.check.cost import OVERHEAD_S, cost
from runner.pipeline.check.inventory import take
from runner.pipeline.run import Run
from runner.training.stage import _left_out

RAW = "data/raw/loans.parquet"


@pytest.fixture
def called(tiny: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Call the command line in the tiny project; gives exit code and all that was printed."""
    monkeypatch.chdir(tiny)

    def call(*words: str) -> tuple[int, str]:
        code = main(words)
        told = capfd.readouterr()
        return code, told.out + told.err

    return call


def test_a_sound_experiment_is_told_with_work_and_time(called: Callable[..., tuple[int, str]]) -> None:
    code, told = called("check", "+experiment=tiny")
    assert code == 0, told
    assert "✓ reachable" in told
    assert "900" in told
    assert "linear 2 x 3" in told
    assert "21 fits" in told
    assert "on this machine, from a probe" in told
    assert "nothing is stored" in told


def test_a_check_writes_nothing_outside_the_private_folder(called: Callable[..., tuple[int, str]], tiny: Path) -> None:
    before = {p for p in tiny.rglob("*") if ".runner" not in p.parts}
    assert called("check", "+experiment=tiny")[0] == 0
    assert {p for p in tiny.rglob("*") if ".runner" not in p.parts} == before
    assert not [p for p in (tiny / ".runner").iterdir() if p.name.startswith(("probe-", "foresee-"))]


def test_after_a_run_everything_is_re_used_until_something_changes(tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(shutil.copytree(tiny_run, tmp_path / "project"))
    monkeypatch.chdir(root)
    outcomes = {stage["room"]: stage["outcome"] for stage in foreseen(root, "+experiment=tiny")}
    assert set(outcomes.values()) == {"re-used"}
    changed = {stage["room"]: stage["outcome"] for stage in foreseen(root, "+experiment=tiny", "training.tuning.trials=3")}
    assert [changed[room] for room in ("problem", "data", "features")] == ["re-used"] * 3
    assert changed["training"] == changed["monitoring"] == "computed"


def test_nothing_is_probed_where_everything_is_re_used(finished: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(finished)
    assert main(["check", "+experiment=tiny"]) == 0
    assert "time: not estimated, training is re-used: nothing is fitted" in capfd.readouterr().out


def test_a_probe_is_short_and_its_prediction_near_what_a_run_takes(tiny_run: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(tiny_run, tmp_path / "project"))
    measured = json.loads((root / "reports/tiny/training/measurements.json").read_text())["fitting_seconds"]
    run = Run.of(Workspace(root), compose(Workspace(root), ["+experiment=tiny"]), 1, Silent())
    primary = next(iter(take(run.workspace, run.experiment).sources))
    before = time.process_time()
    told = cost(run, primary, probe=True)
    assert time.process_time() - before < 10.0
    assert told.minutes is not None
    fitting = 60 * told.minutes - OVERHEAD_S
    # Clocks of a busy machine differ by more than the prediction does.
    assert fitting < 5 * sum(measured.values()) + 2.0


def test_a_fit_that_the_probe_ends_early_is_taken_to_go_on(tiny_run: Path) -> None:
    boosted = compose(Workspace(tiny_run), ["+experiment=tiny", "training.adjust.lightgbm.max_iterations=5000"]).training.candidates["lightgbm"]
    assert _left_out(boosted, 499, 500) == 10.0
    assert _left_out(boosted, 80, 500) == 1.0, "it stopped by itself"


def foreseen(root: Path, *overrides: str) -> list[dict[str, str]]:
    done = command(root, "check", "--json", "--no-probe", *overrides)
    assert done.returncode == 0, done.stderr
    (experiment,) = json.loads(done.stdout)["experiments"]
    stages: list[dict[str, str]] = experiment["stages"]
    return stages


def test_a_missing_column_is_told_with_what_cannot_be_built(called: Callable[..., tuple[int, str]], tiny: Path) -> None:
    loans().drop("income").write_parquet(tiny / RAW)
    code, told = called("check", "+experiment=tiny")
    assert code == 2
    assert "2 features (income, burden) cannot be built" in told
    loans().rename({"age": "agee"}).write_parquet(tiny / RAW)
    code, told = called("inventory", "+experiment=tiny")
    assert code == 2
    assert "1 feature (age), 1 baseline (officer) and 1 slice (young) cannot be built" in " ".join(told.split())
    assert "did you mean 'agee'?" in told


def test_a_missing_source_is_told_and_costs_no_traceback(called: Callable[..., tuple[int, str]], tiny: Path) -> None:
    (tiny / RAW).unlink()
    code, told = called("check", "+experiment=tiny")
    assert code == 2
    assert "✗ missing" in told
    assert "Traceback" not in told
    assert "time: not estimated, the primary source cannot be read" in told


def test_too_little_data_is_refused_before_anything_is_computed(called: Callable[..., tuple[int, str]], tiny: Path) -> None:
    loans(50).write_parquet(tiny / RAW)
    code, told = called("check", "+experiment=tiny")
    assert code == 3
    assert "✗ failed" in told
    assert "50 rows in the primary source" in told


def test_without_data_only_config_is_looked_at(called: Callable[..., tuple[int, str]], tiny: Path) -> None:
    (tiny / RAW).unlink()
    code, told = called("check", "--no-data")
    assert code == 0, told
    assert "config and expressions are right" in told


def test_without_data_a_stale_params_file_is_a_fault(called: Callable[..., tuple[int, str]], tiny: Path) -> None:
    path = tiny / "conf/experiment/tiny.yaml"
    path.write_text(path.read_text().replace("age < 30", "age < 31"))
    code, told = called("check", "--no-data", "-q")
    assert code == 2
    assert "python -m runner compose" in told


def test_the_faults_of_all_experiments_are_told_at_once(called: Callable[..., tuple[int, str]], tiny: Path) -> None:
    text = (tiny / "conf/experiment/tiny.yaml").read_text()
    (tiny / "conf/experiment/other.yaml").write_text(text.replace("name: tiny", "name: other").replace("age < 30", "agee < 30"))
    (tiny / "conf/experiment/third.yaml").write_text(text.replace("name: tiny", "name: third").replace("trials: 2", "trails: 2"))
    code, told = called("check")
    assert code == 2
    assert "other.yaml" in told
    assert "third.yaml" in told


def test_checking_without_data_is_quick(tiny: Path) -> None:
    def seconds() -> float:
        """Processor time: what other processes do to the clock is not ours."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert command(tiny, "check", "--no-data", "-q").returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(seconds() for _ in range(3)) < 3.0


def test_an_inventory_shows_types_and_first_rows_on_demand(called: Callable[..., tuple[int, str]]) -> None:
    code, told = called("inventory", "+experiment=tiny", "--sample")
    assert code == 0
    assert "Float64" in told
    assert "'own'" in told or "'rent'" in told


@pytest.mark.parametrize("words", [("+experiment=tiny", "+profile=quick"), ("+profile=quick", "+experiment=tiny")])
def test_a_profile_sets_budgets_wherever_it_stands(tiny: Path, words: tuple[str, ...]) -> None:
    experiment = compose(Workspace(tiny), words)
    assert experiment.training.tuning.trials == 1
    assert experiment.evaluation.bootstrap_draws == 1000
    assert experiment.monitoring.rehearsal_windows == 40


def test_a_value_on_the_line_beats_the_profile(tiny: Path) -> None:
    experiment = compose(Workspace(tiny), ["training.tuning.trials=5", "+profile=thorough", "+experiment=tiny"])
    assert experiment.training.tuning.trials == 5
    assert experiment.training.tuning.lag == 4


def test_profiles_order_the_budgets(tiny: Path) -> None:
    made = [compose(Workspace(tiny), ["+experiment=tiny", f"+profile={name}"]) for name in ("quick", "standard", "thorough")]
    for budget in ("training.tuning.trials", "training.bootstrap_draws", "evaluation.bootstrap_draws", "monitoring.rehearsal_windows"):
        values = [value_at(e, budget) for e in made]
        assert values == sorted(set(values)), budget


def value_at(experiment: object, path: str) -> int:
    for name in path.split("."):
        experiment = getattr(experiment, name)
    assert isinstance(experiment, int)
    return experiment


def test_a_csv_source_is_probed_too(called: Callable[..., tuple[int, str]], tiny: Path) -> None:
    path = tiny / "conf/experiment/tiny.yaml"
    path.write_text(path.read_text().replace("{kind: parquet, path: data/raw/loans.parquet}", "{kind: csv, path: data/raw/loans.csv, separator: ;}"))
    frame: pl.DataFrame = loans()
    frame.write_csv(tiny / "data/raw/loans.csv", separator=";")
    code, told = called("check", "+experiment=tiny")
    assert code == 0, told
    assert "from a probe" in told
