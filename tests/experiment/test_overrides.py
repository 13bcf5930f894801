"""A person's mistakes on the command line, and what overrides may do."""

from __future__ import annotations

import pytest

from runner.core.faults import FaultsError
from runner.core.workspace import Workspace
from runner.experiment.compose import compose

NAMES = "bank_campaign, credit_risk, customer_churn, flight_delay, hotel_price, small"
SMALL = "+experiment=small"

# Overrides, key path, and what the message must hold.
MISTAKES = [
    ([], "experiment", ("no experiment is chosen", NAMES)),
    (["seed=3"], "experiment", ("no experiment is chosen", NAMES)),
    (["+experiment=smal"], "experiment", ("there is no experiment 'smal'", NAMES, "did you mean 'small'?")),
    (["experiment=small"], "experiment", ("expected: +experiment=small",)),
    ([SMALL, "+experiment=credit_risk"], "experiment", ("is chosen twice",)),
    (["+experiment="], "experiment", (NAMES,)),
    (["+experiment=null"], "experiment", ("names no option", NAMES)),
    ([SMALL, "training/tuning=quik"], "training/tuning", ("no training/tuning 'quik'", "quick, standard, thorough", "did you mean 'quick'?")),
    ([SMALL, "training/tunning=quick"], "training/tunning", ("no config group", "did you mean 'training/tuning'?")),
    ([SMALL, "+training/model=linear"], "training/model", ("chosen already", "without the +", "full, ladder, linear, readable, trees")),
    ([SMALL, "training.tuning.trails=3"], "training.tuning.trails", ("unknown key 'trails'", "lag, prune, storage, trials", "did you mean 'trials'?")),
    ([SMALL, "trainig.tuning.trials=3"], "trainig", ("unknown key 'trainig'", "did you mean 'training'?")),
    ([SMALL, "data.columns.amont.type=int"], "data.columns.amont", ("did you mean 'amount'?",)),
    ([SMALL, "evaluation.latency_rows=50"], "evaluation.latency_rows", ("expected: +evaluation.latency_rows=50",)),
    ([SMALL, "++training.trails=3"], "training.trails", ("unknown key 'trails'",)),
    ([SMALL, "+seed=3"], "seed", ("is set already",)),
    ([SMALL, "seed=1,2"], "seed", ("gives several values", "-m runs them")),
    ([SMALL, "seed=range(1,3)"], "seed", ("gives several values",)),
    ([SMALL, "seed=x"], "seed", ('found "x"', "a valid integer")),
    ([SMALL, "seed=1.5"], "seed", ("found 1.5", "a valid integer")),
    ([SMALL, "seed=-1"], "seed", ("found -1", "at least 0")),
    ([SMALL, "seed="], "seed", ('found ""',)),
    ([SMALL, "training.confidence=inf"], "training.confidence", ("a finite number",)),
    ([SMALL, "execution.workers=0"], "execution.workers", ("at least 1",)),
    ([SMALL, "~problm"], "problm", ("nothing to remove", "did you mean 'problem'?")),
    ([SMALL, "~problem.task"], "problem.task", ("is missing", "set problem.task")),
    ([SMALL, "problem.payoff=3"], "problem.payoff", ("found 3", "actions, rows_per_month, sql, unit")),
    ([SMALL, "name=other"], "name", ("is 'other' in the experiment 'small'",)),
    ([SMALL, "++problem.policy._target_=os.system"], "problem.policy._target_", ("would run code",)),
    ([SMALL, "problem.row=${oc.env:HOME}"], "problem.row", ("calls a resolver",)),
    ([SMALL, "tracking.uri=${oc.decode:x}"], "tracking.uri", ("calls a resolver",)),
    ([SMALL, "execution.workers=${oc.env:N}"], "execution.workers", ("calls a resolver",)),
    ([SMALL, "tracking.uri=${oc.env:RUNNER_NOT_SET}"], "tracking.uri", ("Environment variable 'RUNNER_NOT_SET' not found",)),
    ([SMALL, "seed"], "seed", ("has no =", "key=value")),
    ([SMALL, "seed='"], "seed='", ("is no override",)),
    ([SMALL, "=3"], "=3", ("is no override",)),
    ([SMALL, "seed=\udc80"], "seed=\\udc80", ("is not UTF-8",)),
    ([SMALL, "hydra.nothing=1"], "hydra.nothing", ("a setting of Hydra itself", "only a sweep")),
    ([SMALL, "data/split=by_time"], "data.split.column", ("is missing",)),
    ([SMALL, "data/split=by_time", "+data.split.column=dya"], "data.split.column", ("not a column", "did you mean 'day'?")),
    ([SMALL, "data/split=by_time", "+data.split.column=city"], "data.split.column", ("declared as string", "may be missing")),
]


@pytest.mark.parametrize(("overrides", "at", "words"), MISTAKES, ids=lambda v: " ".join(v) if isinstance(v, list) else "")
def test_a_wrong_override_is_told_with_what_would_be_right(workspace: Workspace, overrides: list[str], at: str, words: tuple[str, ...]) -> None:
    with pytest.raises(FaultsError) as caught:
        compose(workspace, overrides)
    told = [fault for fault in caught.value.faults if fault.at == at]
    assert told, str(caught.value)
    assert all(fault.source == "command line" or fault.source.startswith("conf/data/split/by_time.yaml") for fault in told)
    for text in words:
        assert text in "\n".join(map(str, told))


def test_an_override_changes_one_value_and_the_digest(workspace: Workspace) -> None:
    plain, changed = compose(workspace, [SMALL]), compose(workspace, [SMALL, "training.tuning.trials=3"])
    assert changed.training.tuning.trials == 3
    assert plain.model_copy(update={"training": changed.training}) == changed
    assert plain.digest != changed.digest


def test_an_option_replaces_a_group(workspace: Workspace) -> None:
    assert list(compose(workspace, [SMALL, "training/model=linear"]).training.candidates) == ["linear"]


def test_a_section_that_is_not_stored_leaves_the_digest_alone(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNNER_TEST_URI", "http://mlflow.example:5000")
    elsewhere = compose(workspace, [SMALL, "execution.workers=3", "tracking.uri=${oc.env:RUNNER_TEST_URI}"])
    assert elsewhere.tracking.uri == "http://mlflow.example:5000"
    assert elsewhere.execution.workers == 3
    assert elsewhere.digest == compose(workspace, [SMALL]).digest


def test_the_environment_may_have_a_default_with_a_colon(workspace: Workspace) -> None:
    given = compose(workspace, [SMALL, 'tracking.uri="${oc.env:RUNNER_NOT_SET,http://mlflow.example:5000}"'])
    assert given.tracking.uri == "http://mlflow.example:5000"


def test_a_plain_interpolation_is_resolved(workspace: Workspace) -> None:
    assert compose(workspace, [SMALL, "problem.row=${problem.decision}"]).problem.row == "Call the customer or not"
