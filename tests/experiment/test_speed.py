"""Composing and checking stays quick; limits are processor time and far above what a quiet machine needs."""

from __future__ import annotations

from pathlib import Path

from benchmarks.config import long_experiment, project, timed

from runner.experiment import params
from runner.experiment.compose import compose

# Beside other work a processor runs at half its speed, and less.
SLACK = 3.0


def test_an_experiment_of_300_lines_and_many_of_them_are_checked_quickly(tmp_path: Path) -> None:
    assert len(long_experiment("e").splitlines()) >= 300
    names = [f"e{n:02d}" for n in range(20)]
    workspace = project(tmp_path / "project", names)
    compose(workspace, ["+experiment=credit_risk"])
    _, _, alone = timed(lambda: compose(workspace, ["+experiment=e00"]))
    assert alone < 0.7 * SLACK
    experiments, _, together = timed(lambda: params.compose_all(workspace))
    assert together < 60 / 500 * len(names) * SLACK
    params.write(workspace, experiments)
    _, _, one = timed(lambda: params.from_params(workspace, "e11"))
    assert one < 0.1 * SLACK


def test_one_entry_is_read_without_the_others(tmp_path: Path) -> None:
    workspace = project(tmp_path / "project", ["first", "second", "third"])
    experiments = params.compose_all(workspace)
    params.write(workspace, experiments)
    for experiment in experiments:
        assert params.read(workspace, experiment.name) == params.read_all(workspace)[experiment.name]
        assert params.is_adopted(workspace, experiment)
    assert params.read(workspace, "fourth") is None
    # What lies elsewhere in the file is another entry's trouble.
    path = workspace.root / "params.yaml"
    path.write_text(path.read_text().replace('"third":', '"third": [', 1))
    assert params.is_adopted(workspace, experiments[0])
