"""Plugins are listed by an experiment, seen by no other, and their digests stand where the rooms that use them declare themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from runner.core.digests import of_file
from runner.core.faults import FaultsError
from runner.core.workspace import Workspace
from runner.experiment import params
from runner.experiment.compose import compose
from runner.experiment.model import ROOMS, Experiment
from runner.experiment.plugins import behind_room

HEAD = """\
from typing import ClassVar, Literal
from runner.extend import *
import numpy as np
import polars as pl

"""
PARTS = {
    "step": '''
class OwnStep(StepSpec):
    """A root."""
    learns: ClassVar[bool] = True
    kind: Literal["own_step"]
    of: str
    """Which column."""
    def reads(self): return {"of": [self.of]}

@register("step", OwnStep)
def own_step(spec, given):
    return FittedStep((Project({"rooted": f"SQRT({quoted(spec.of)})"}),), ("rooted",))
''',
    "candidate": '''
class OwnCandidate(CandidateSpec):
    """Half and half."""
    interpretable: ClassVar[bool] = True
    tasks: ClassVar[tuple[str, ...]] = ("binary",)
    space: ClassVar[Space] = {}
    kind: Literal["own_candidate"]

@register("candidate", OwnCandidate)
def own_candidate(spec, given): ...
''',
    "source": '''
class OwnSource(FileSourceSpec):
    """Some text."""
    kind: Literal["own_source"]

@register("source", OwnSource)
def own_source(spec, path): return pl.scan_csv(path)
''',
    "split": '''
class OwnSplit(SplitSpec):
    """Every fifth row."""
    walks_forward: ClassVar[bool] = False
    kind: Literal["own_split"]
    test_share: float = 0.5
    folds: int = 2

@register("split", OwnSplit)
def own_split(spec, rows, target, task, seed): ...
''',
    "metric": '''
class OwnMetric(MetricSpec):
    """One."""
    tasks: ClassVar[tuple[str, ...]] = ("binary",)
    kind: Literal["own_metric"]

@register("metric", OwnMetric)
def own_metric(spec, predicted): return 1.0
''',
    "policy": '''
class OwnPolicy(KindSpec):
    """Calls where it pays."""
    kind: Literal["own_policy"]

@register("policy", OwnPolicy)
def own_policy(spec, positive): return {"kind": "per_row", "shift": None}
''',
    "after": '''
class OwnCheck(AroundSpec):
    """Looks and is content."""
    rooms: ClassVar[tuple[str, ...]] = ("features", "evaluation")
    kind: Literal["own_check"]

@register("after", OwnCheck)
def own_check(spec, given, out): return []
''',
    "model": """
@register("model", "own_model")
def own_model(written, folder): ...
""",
}
USES = {
    "step": ("features:\n  steps:\n", "features:\n  steps:\n    own: {kind: own_step, of: amount}\n"),
    "candidate": ("evaluation:\n", "training:\n  candidates:\n    own: {kind: own_candidate}\nevaluation:\n"),
    "source": ("kind: parquet", "kind: own_source"),
    "split": ("  primary: customers\n", "  primary: customers\n  split: {kind: own_split}\n"),
    "metric": ("evaluation:\n", "evaluation:\n  metrics: {own: {kind: own_metric}}\n"),
    "policy": ("policy: {kind: threshold, act: call, otherwise: wait}", "policy: {kind: own_policy}"),
    "after": ("features:\n", "features:\n  after: {own: {kind: own_check}}\n"),
}
# The rooms that DVC runs again when the file changes, and those whose own work the file is part of.
ROOMS_OF = {
    "step": ({"features", "training"}, {"features", "training"}),
    "candidate": ({"training"}, {"training"}),
    "source": ({"problem", "data"}, {"problem", "data"}),
    "split": ({"data"}, {"data"}),
    "metric": ({"evaluation"}, {"evaluation"}),
    "policy": ({"problem"}, {"problem"}),
    "after": ({"features"}, set()),
    "model": ({"training"}, {"training"}),
}
Lay = Callable[..., Workspace]


@pytest.fixture
def lay(workspace: Workspace, small: str) -> Lay:
    """The experiment `small` with plugins by name, and pairs of what is replaced in it."""

    def make(files: Mapping[str, str], *replaced: tuple[str, str]) -> Workspace:
        (workspace.root / "plugins").mkdir(exist_ok=True)
        for name, text in files.items():
            (workspace.root / "plugins" / f"{name}.py").write_text(HEAD + text)
        text = small
        for old, new in replaced:
            assert old in text
            text = text.replace(old, new, 1)
        listed = ", ".join(f"plugins/{name}.py" for name in files)
        (workspace.conf / "experiment" / "small.yaml").write_text(text.replace("name: small\n", f"name: small\nplugins: [{listed}]\n"))
        return workspace

    return make


def composed(workspace: Workspace, *overrides: str) -> Experiment:
    return compose(workspace, ["+experiment=small", *overrides])


def told(workspace: Workspace, *overrides: str) -> str:
    with pytest.raises(FaultsError) as caught:
        composed(workspace, *overrides)
    return str(caught.value)


@pytest.mark.parametrize("family", PARTS)
def test_a_digest_stands_in_the_rooms_that_use_the_file(family: str, lay: Lay) -> None:
    workspace = lay({"own": PARTS[family]}, *([USES[family]] if family in USES else []))
    experiment = composed(workspace)
    used = {"plugins/own.py": of_file(workspace.root / "plugins" / "own.py")}
    by_dvc, by_key = ROOMS_OF[family]
    assert {room for room in ROOMS if getattr(experiment, room).plugins == used} == by_dvc
    assert {room for room in ROOMS if not getattr(experiment, room).plugins} == set(ROOMS) - by_dvc
    assert {room for room in ROOMS if behind_room(experiment, room) == used} == by_key
    params.write(workspace, [experiment])
    again = params.from_params(workspace, "small")
    assert again.digest == experiment.digest
    assert params.is_adopted(workspace, again)


def test_without_plugins_nothing_is_stored_of_them(workspace: Workspace) -> None:
    stored = composed(workspace).stored()
    assert "plugins" not in stored
    assert not any({"plugins", "before", "after"} & set(stored[room]) for room in ROOMS)


def test_another_content_is_another_experiment(lay: Lay) -> None:
    first = composed(lay({"own": PARTS["step"]}, USES["step"]))
    second = composed(lay({"own": PARTS["step"] + "# a remark\n"}, USES["step"]))
    assert first.digest != second.digest
    assert {room for room in ROOMS if getattr(first, room) != getattr(second, room)} == {"features", "training"}


def test_a_file_that_changed_since_params_was_written_is_told(lay: Lay) -> None:
    workspace = lay({"own": PARTS["step"]}, USES["step"])
    (workspace.conf / "reproduce.yaml").write_text("experiments: [small]\n")
    params.write(workspace, params.compose_all(workspace))
    assert params.stale(workspace) == []
    path = workspace.root / "plugins" / "own.py"
    path.write_text(path.read_text() + "# a remark\n")
    with pytest.raises(
        FaultsError, match=r"small\.features\.plugins \(params\.yaml\): plugins/own\.py is not the file that was composed with\n.*\n.*python -m runner compose"
    ):
        params.from_params(workspace, "small")
    assert [fault.at for fault in params.stale(workspace)] == ["small.features.plugins.plugins/own.py", "small.training.plugins.plugins/own.py"]


def test_no_other_experiment_sees_the_kinds_of_a_plugin(lay: Lay, small: str) -> None:
    workspace = lay({"own": PARTS["step"]}, USES["step"])
    other = small.replace("name: small", "name: other").replace(*USES["step"])
    (workspace.conf / "experiment" / "other.yaml").write_text(other)
    composed(workspace)
    with pytest.raises(FaultsError) as caught:
        compose(workspace, ["+experiment=other"])
    (fault,) = caught.value.faults
    assert fault.at == "features.steps.own.kind"
    assert fault.wrong == "unknown kind 'own_step'"
    assert "list the file that registers it under `plugins`" in fault.hint
    assert fault.source.startswith("conf/experiment/other.yaml:")


def test_a_plugin_can_be_listed_on_the_command_line(lay: Lay, small: str) -> None:
    workspace = lay({"own": PARTS["candidate"]})
    (workspace.conf / "experiment" / "small.yaml").write_text(small)
    experiment = composed(workspace, "plugins=[plugins/own.py]", "+training.candidates.own.kind=own_candidate")
    assert list(experiment.training.plugins) == ["plugins/own.py"]


def test_where_a_plugin_is_listed_is_told_with_the_fault(lay: Lay) -> None:
    workspace = lay({"own": "1 / 0\n"}, USES["step"])
    message = told(workspace)
    assert "plugins.0 (conf/experiment/small.yaml:3): plugins/own.py, line 6: ZeroDivisionError" in message
    # What follows from it is not told as if it were another mistake.
    assert "unknown kind" not in message


@pytest.mark.parametrize("given", ["plugins/own.py", "[1]", "[[plugins/own.py]]"])
def test_the_key_is_a_list_of_paths(given: str, workspace: Workspace, small: str) -> None:
    (workspace.conf / "experiment" / "small.yaml").write_text(small.replace("name: small\n", f"name: small\nplugins: {given}\n"))
    assert "plugins" in told(workspace)


FORMS = [
    ("step", '    """A root."""\n', "", "its spec has no docstring"),
    ("step", "    learns: ClassVar[bool] = True\n", "", "its spec lacks learns"),
    ("step", "class OwnStep(StepSpec)", "class OwnStep(KindSpec)", "its spec is no StepSpec"),
    ("split", "    folds: int = 2\n", "", "its spec lacks folds"),
    ("after", "    rooms: ClassVar[tuple[str, ...]]", "    places: ClassVar[tuple[str, ...]]", "its spec lacks rooms"),
    ("model", '@register("model", "own_model")', '@register("metric", "own_model")', "is registered with a word\n    expected: a spec class"),
    ("policy", '@register("policy", OwnPolicy)', '@register("model", OwnPolicy)', "is registered with a spec\n    expected: a word"),
]


@pytest.mark.parametrize(("family", "old", "new", "wrong"), FORMS, ids=[f"{f[0]}: {f[3].splitlines()[0]}" for f in FORMS])
def test_a_part_that_lacks_what_its_family_needs_is_told(family: str, old: str, new: str, wrong: str, lay: Lay) -> None:
    assert old in PARTS[family]
    message = told(lay({"own": PARTS[family].replace(old, new)}))
    assert "plugins.0 (conf/experiment/small.yaml:3): plugins/own.py: the " in message
    assert wrong in message


DECLARED = [
    ("after", ("features:\n", "features:\n  plugins: {}\n"), "features.plugins", "is filled in by compose"),
    (
        "after",
        ("evaluation:\n", "evaluation:\n  after: {own: {kind: own_check}}\n"),
        "evaluation.after.own",
        "could be stopped after evaluation",
    ),
    ("after", ("evaluation:\n", "training:\n  after: {own: {kind: own_check}}\nevaluation:\n"), "training.after.own", "does not stand at training"),
    ("after", ("features:\n", "features:\n  after: {Own-1: {kind: own_check}}\n"), "features.after.Own-1", "cannot name a step"),
    ("after", ("features:\n", "features:\n  before: {own: {kind: own_check}}\n"), "features.before.own.kind", "unknown kind 'own_check'"),
    ("metric", ("evaluation:\n", "evaluation:\n  metrics: {roc_auc: {kind: own_metric}}\n"), "evaluation.metrics.roc_auc", "always shown"),
    ("step", ("features:\n  steps:\n", "features:\n  steps:\n    own: {kind: own_step, of: amuont}\n"), "features.steps.own", "did you mean 'amount'?"),
    ("step", ("features:\n  steps:\n", "features:\n  steps:\n    own: {kind: own_step, of: later}\n"), "features.steps.own.of", "known only after the event"),
]


@pytest.mark.parametrize(("family", "replaced", "at", "wrong"), DECLARED, ids=[f"{d[2]} {d[3][:12]}" for d in DECLARED])
def test_what_is_declared_wrongly_of_a_part_is_told(family: str, replaced: tuple[str, str], at: str, wrong: str, lay: Lay) -> None:
    message = told(lay({"own": PARTS[family]}, replaced))
    assert f"{at} (conf/experiment/small.yaml:" in message
    assert wrong in message


CODE = [
    ("metric", '("binary",)', '("regression",)', "evaluation.metrics.own", "the metric 'own_metric' has no meaning for a binary task"),
    ("candidate", '("binary",)', '("regression",)', "training.candidates.own", "the kind 'own_candidate' cannot learn a binary task"),
    ("policy", '"kind": "per_row"', '"kind": "coin"', "problem.policy", "the kind 'own_policy' comes down to 'coin', which no bundle decides by"),
    ("policy", ', "shift": None', "", "problem.policy", "the kind 'own_policy' comes down to per_row without shift"),
    ("step", "def own_step(spec, given):\n", "def own_step(spec, given):\n    given.rows['city']\n", "features.steps.own", "reads more than its `reads()`"),
    ("step", '("rooted",)', '("routed",)', "features.steps.own", "the kind 'own_step' adds the columns rooted"),
    ("step", '{"rooted": f', '{"amount": f', "features.steps.own", "the kind 'own_step' adds the columns"),
]


@pytest.mark.parametrize(("family", "old", "new", "at", "wrong"), CODE, ids=[f"{c[0]} {c[4][-20:]}" for c in CODE])
def test_what_a_part_does_wrongly_is_told(family: str, old: str, new: str, at: str, wrong: str, lay: Lay) -> None:
    assert old in PARTS[family]
    message = told(lay({"own": PARTS[family].replace(old, new)}, USES[family]))
    assert f"{at} (conf/experiment/small.yaml:" in message
    assert wrong in message


def test_composing_leaves_no_file_in_plugins(lay: Lay) -> None:
    workspace = lay({"own": PARTS["step"]}, USES["step"])
    composed(workspace)
    assert [path.name for path in Path(workspace.root / "plugins").rglob("*")] == ["own.py"]
