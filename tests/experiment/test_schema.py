"""The JSON Schema says what the specs say: it is current, whatever ships passes, and mistakes do not."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from jsonschema import Draft7Validator
from omegaconf import OmegaConf
from referencing import Registry, Resource
from scripts.reference import texts
from tests.conftest import ROOT

from runner.core.described import described
from runner.core.registry import Family, kinds
from runner.core.spec import Spec
from runner.core.workspace import Workspace
from runner.experiment.compose import compose
from runner.experiment.reference import Reference
from runner.experiment.schema_files import SETTINGS, declared_digest, files, load, schema_of, stale

SHIPPED = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "conf").rglob("*.yaml"))
# Not part of any composition.
APART = "conf/reproduce.yaml"
GLOBAL = "# @package _global_\n"


def read(uri: str) -> Resource[Any]:
    return Resource.from_contents(json.loads(Path(uri.removeprefix("file://")).read_text(encoding="utf-8")))


def schemas_of(file: str) -> list[str]:
    """The schemas that the editor's settings give a file."""
    mapped = json.loads((ROOT / SETTINGS).read_text(encoding="utf-8"))["yaml.schemas"]
    return [schema.removeprefix("./") for schema, patterns in mapped.items() for pattern in patterns if PurePosixPath(file).match(pattern)]


def mistakes(file: str, text: str) -> list[str]:
    """What is wrong with a file of that name, as Hydra reads it; deepest complaints last."""
    (schema,) = schemas_of(file)
    Draft7Validator.check_schema(json.loads((ROOT / schema).read_text(encoding="utf-8")))
    validator = Draft7Validator({"$ref": f"file://{ROOT / schema}"}, registry=Registry(retrieve=read))  # type: ignore[call-arg]
    given = OmegaConf.to_container(OmegaConf.create(text), resolve=False)
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in validator.iter_errors(given)]


# ---- current ---------------------------------------------------------------------------------------------------------


def test_what_is_made_from_the_specs_is_current() -> None:
    old = [name for name, text in texts().items() if not (ROOT / name).is_file() or (ROOT / name).read_text(encoding="utf-8") != text]
    assert old == [], "run `make reference`"
    assert stale(Workspace(ROOT)) == []


def test_a_schema_that_is_not_current_is_not_believed(workspace: Workspace) -> None:
    path = workspace.conf / "schema.json"
    path.write_text(json.dumps({"definitions": {}, "properties": {}, "x-made-from": "before"}))
    assert "training" in [entry.key for entry in load(workspace).sections()]


def test_only_declarations_make_a_schema_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.experiment.schema_files.PACKAGE", tmp_path)
    monkeypatch.setattr("runner.experiment.schema_files.MAKERS", ())
    written = tmp_path / "step.py"
    digests = []
    for field, result in (("a: int", "1"), ("a: int", "2"), ("a: float", "2")):
        written.write_text(f"class StepSpec(Spec):\n    {field}\n\n\ndef fit() -> int:\n    return {result}\n")
        digests.append(declared_digest(Workspace(tmp_path)))
    assert digests[0] == digests[1] != digests[2]


def test_a_plugin_makes_a_schema_old_once_when_it_comes_and_once_when_it_is_listed(tmp_path: Path) -> None:
    before = declared_digest(Workspace(tmp_path))
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "own.py").write_text("KIND = 1\n")
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "config.yaml").write_text("seed: 1\n")
    there = declared_digest(Workspace(tmp_path))
    (tmp_path / "conf" / "config.yaml").write_text("seed: 2\nplugins:\n- plugins/own.py\n")
    assert len({before, there, declared_digest(Workspace(tmp_path))}) == 3


# ---- whole -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["source", "split", "step", "candidate", "policy"])
def test_every_registered_kind_is_in_it(family: Family) -> None:
    schema = schema_of(Workspace(ROOT))
    for kind, spec in kinds(family).items():
        assert set(schema["definitions"][f"{family}.{kind}"]["properties"]) == set(spec.model_fields)


def specs(above: type[Spec] = Spec) -> list[type[Spec]]:
    """Every spec class of the package."""
    return [found for below in above.__subclasses__() if below.__module__.startswith("runner.") for found in (below, *specs(below))]


@pytest.mark.parametrize("spec", specs(), ids=lambda spec: spec.__name__)
def test_every_spec_and_every_field_explains_itself(spec: type[Spec]) -> None:
    assert "__doc__" in vars(spec)
    assert len(spec.__doc__ or "") > 15
    # What a kind is stands in its class.
    unexplained = [name for name in spec.model_fields if name != "kind" and len(described(spec).get(name, "")) < 10]
    assert unexplained == []


def test_every_key_explains_itself() -> None:
    assert [entry.key for entry in Reference(schema_of(Workspace(ROOT))).everything() if not entry.about] == []


# ---- valid -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", SHIPPED)
def test_every_shipped_file_is_valid(file: str) -> None:
    if file == APART:
        assert schemas_of(file) == []
        return
    assert mistakes(file, (ROOT / file).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("name", [Path(file).stem for file in SHIPPED if "/experiment/" in file])
def test_a_whole_experiment_is_valid(name: str) -> None:
    experiment = compose(Workspace(ROOT), [f"+experiment={name}"])
    assert mistakes("conf/experiment/x.yaml", json.dumps(experiment.model_dump(mode="json", serialize_as_any=True))) == []


RIGHT = {
    "nothing at all": "",
    "a number from another key": "training: {tuning: {trials: '${seed}'}}",
    "a truth value from another key": "problem: {constraints: {interpretable_only: '${strict}'}}",
    "a list from another key": "features: {drop: '${problem.key}'}",
    "a section from another key": "evaluation: {slices: '${other}'}",
    "a word from another key": "training: {prefer: '${other}'}",
    "left open": "data:\n  max_quarantined_share: ???",
    "a part of a part": "data: {split: {folds: 3}}",
    "settings of a candidate": "training: {adjust: {lightgbm: {num_leaves: 31}, own: {anything: 1}}}",
    "options of groups": "defaults: [{override /data/split: by_time}, _self_]",
    "null for what may be left out": "problem: {owner: null, constraints: {max_bundle_mb: null, fairness: null}}",
    "whole numbers for numbers": "problem: {criterion: {minimum_gain_per_row: 2}}",
}


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT.keys())
def test_a_diff_may_say_little_and_refer_to_other_keys(text: str) -> None:
    assert mistakes("conf/experiment/x.yaml", GLOBAL + text) == []


WRONG = {
    "a typing error": ("training: {tuning: {trails: 3}}", "training.tuning"),
    "a section that is none": ("trainig: {tuning: {trials: 3}}", "trainig"),
    "text for a number": ("training: {tuning: {trials: many}}", "training.tuning.trials"),
    "a fraction for a whole number": ("training: {tuning: {trials: 1.5}}", "training.tuning.trials"),
    "below the limit": ("training: {tuning: {trials: 0}}", "training.tuning.trials"),
    "above the limit": ("data: {max_quarantined_share: 1.5}", "data.max_quarantined_share"),
    "an unknown kind": ("features: {steps: {a: {kind: sqll}}}", "features.steps.a.kind"),
    "a key of another kind": ("features: {steps: {a: {kind: sql, columns: [a]}}}", "features.steps.a"),
    "a key of no kind": ("data: {split: {fold: 3}}", "data.split"),
    "an unknown word": ("training: {prefer: simple}", "training.prefer"),
    "yes for text": ("problem: {positive: yes}", "problem.positive"),
    "a number for SQL": ("evaluation: {slices: {all: 1}}", "evaluation.slices.all"),
    "a kind for its section": ("problem: {policy: threshold}", "problem.policy"),
    "a list for a map": ("training: {candidates: [linear]}", "training.candidates"),
    "one name for a list": ("features: {drop: Amount}", "features.drop"),
    "null for what must be": ("problem: {payoff: {unit: null}}", "problem.payoff.unit"),
    "code": ("problem: {_target_: os.system}", "problem"),
    "a wrong setting of a candidate": ("training: {adjust: {lightgbm: {num_leafs: 31}}}", "training.adjust.lightgbm"),
    "a wrong join": ("data: {joins: {a: {kind: lookup, lag_hours: 1}}}", "data.joins.a"),
}


@pytest.mark.parametrize(("text", "at"), WRONG.values(), ids=WRONG.keys())
def test_a_mistake_is_marked_where_it_stands(text: str, at: str) -> None:
    told = mistakes("conf/experiment/x.yaml", GLOBAL + text)
    assert told
    assert any(line.startswith(f"{at}:") or f"'{at}'" in line for line in told), told


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("conf/training/tuning/x.yaml", "trails: 3"),
        ("conf/training/model/x.yaml", "linear: {kind: linear, penalt: 3}"),
        ("conf/data/split/x.yaml", "{kind: by_time, fold: 3}"),
        ("conf/tracking/x.yaml", "max_wait_s: 0"),
        ("conf/profile/x.yaml", "trials: 3"),
    ],
)
def test_a_mistake_in_an_option_of_a_group_is_marked(file: str, text: str) -> None:
    assert mistakes(file, text)


def test_the_schemas_of_a_workspace_are_written_for_its_own_groups(workspace: Workspace) -> None:
    own = workspace.conf / "training" / "budget" / "huge.yaml"
    own.parent.mkdir()
    own.write_text("# @package training.tuning\ntrials: 400\n")
    made = files(workspace)
    assert "trials" in json.loads(made["conf/schema/training.budget.json"])["properties"]
    assert json.loads(made[SETTINGS])["yaml.schemas"]["./conf/schema/training.budget.json"] == ["conf/training/budget/*.yaml"]
