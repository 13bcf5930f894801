"""Our own merge and reader give what OmegaConf and Hydra give, or leave it to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf
from omegaconf._utils import get_yaml_loader

from runner.core.workspace import Workspace
from runner.experiment.composer import Composer
from runner.experiment.merge import NotPlainError, laid_over
from runner.experiment.params import reproduce_names
from runner.experiment.yamlfile import plain_values, syntax_faults

LEAVES = st.sampled_from([None, 1, 2.5, True, "x", "", "???", "${a}", "${b.c}"])
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=8)
SECTIONS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)
SIGNS = ["a", "b: ", "key: ", "- ", "\n", "\n  ", "\n    ", "'", '"', ": ", "#", " #c", "[", "]", "{", "}", ",", "&x ", "*x", "|\n", "> \n", "1", "010", "1e3"]
SIGNS += [
    ".5",
    "yes",
    "no",
    "~",
    "null",
    "é",
    "\t",
    "!!str ",
    "? ",
    "<<: *x",
    "\\n",
    "%",
    "@",
    "--- ",
    "12:30",
    "2020-01-01",
    ".inf",
    "-",
    "\r\n",
    "a:b",
    "\ufeff",
]


@given(SECTIONS, SECTIONS)
def test_a_merge_is_the_one_of_omegaconf(below: dict[str, Any], above: dict[str, Any]) -> None:
    try:
        merged = laid_over(below, above)
    except NotPlainError:
        return
    config = OmegaConf.create(below)
    config.merge_with(OmegaConf.create(above))
    assert merged == OmegaConf.to_container(config, resolve=False)


def test_what_omegaconf_must_judge_is_left_to_it() -> None:
    for below, above in (({"a": "${b}"}, {"a": {"x": 1}}), ({"a": {"x": 1}}, {"a": "${b}"}), ({"a": 1}, {"a": "???"}), ({"a": [1]}, {"a": {"x": 1}})):
        with pytest.raises(NotPlainError):
            laid_over(below, above)


@given(st.lists(st.sampled_from(SIGNS), max_size=14).map("".join))
def test_a_text_is_read_as_hydra_reads_it(text: str) -> None:
    try:
        read = plain_values(text)
        wanted = yaml.load(text, Loader=get_yaml_loader())
    except (yaml.YAMLError, ValueError):
        return
    assert repr(read) == repr({} if wanted is None else wanted)


@pytest.mark.parametrize("name", reproduce_names(Workspace(Path(__file__).parents[2])))
def test_a_composition_is_the_one_of_hydra(workspace: Workspace, name: str) -> None:
    for overrides in ([f"+experiment={name}"], [f"+experiment={name}", "training/model=linear", "training/tuning=quick", "seed=7", "~problem.owner"]):
        with initialize_config_dir(str(workspace.conf), version_base=None):
            wanted = OmegaConf.to_container(hydra_compose("config", overrides), resolve=False)
        assert Composer(workspace).config(overrides) == wanted


def test_one_composer_gives_many_experiments_as_hydra_does(workspace: Workspace, small: str) -> None:
    texts = {
        "based": small.replace("name: small", "name: based\ndefaults: [small, override /training/tuning: quick, _self_]"),
        "open": small.replace("row: one customer", "row: ???").replace("name: small", "name: open"),
    }
    for name, text in texts.items():
        (workspace.conf / "experiment" / f"{name}.yaml").write_text(text)
    composer = Composer(workspace)
    for name in ("small", "credit_risk", "based", "open", "small", "bank_campaign"):
        with initialize_config_dir(str(workspace.conf), version_base=None):
            wanted = OmegaConf.to_container(hydra_compose("config", [f"+experiment={name}"]), resolve=False)
        assert composer.config([f"+experiment={name}"]) == wanted, name


def test_a_lookup_in_place_of_a_section_is_merged_as_hydra_does(workspace: Workspace, small: str) -> None:
    text = small.replace("evaluation:\n  slices: {large: amount > 100}\n", "evaluation: ${more}\nmore: {slices: {large: amount > 100}}\n")
    (workspace.conf / "experiment" / "small.yaml").write_text(text)
    assert syntax_faults(workspace.conf / "experiment" / "small.yaml", "small.yaml") == []
    with initialize_config_dir(str(workspace.conf), version_base=None):
        wanted = OmegaConf.to_container(hydra_compose("config", ["+experiment=small"]), resolve=False)
    assert Composer(workspace).config(["+experiment=small"]) == wanted


def test_one_composer_gives_each_experiment_its_own_values(workspace: Workspace) -> None:
    composer = Composer(workspace)
    overrides = ["+experiment=credit_risk", "problem.row=other", "++training.candidates.lightgbm.num_leaves=9"]
    changed = composer.config(overrides)
    plain = composer.config(["+experiment=credit_risk"])
    assert changed["problem"]["row"] == "other"
    assert plain["problem"]["row"] == "one loan application"
    assert "num_leaves" not in plain["training"]["candidates"]["lightgbm"]
    assert composer.config(overrides) == changed
