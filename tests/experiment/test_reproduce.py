"""conf/reproduce.yaml: adopting adds a name and keeps what people wrote."""

from __future__ import annotations

import io

import pytest
import yaml
from ruamel.yaml import YAML

from runner.core.faults import FaultsError
from runner.core.workspace import Workspace
from runner.experiment.params import adopt, reproduce_names

STYLES = {
    "block": "# top\nexperiments:\n  - a # first\n  - b\n# end\n",
    "block without a last line end": "experiments:\n- a\n- b",
    "flow": "experiments: [a, b] # two\n",
    "flow over lines": "experiments: [\n  a,\n  b,\n]\nother: 1\n",
    "more below": "experiments:\n  - a\n  - b\n\nother: 3 # kept\n",
}
EMPTY = ["experiments:\n", "experiments: []\n", "experiments: null # none yet\n", "experiments: # none\n# end\n"]


@pytest.mark.parametrize("style", STYLES, ids=str)
def test_a_name_is_added_below_the_others_and_comments_stay(workspace: Workspace, style: str) -> None:
    path = workspace.conf / "reproduce.yaml"
    path.write_text(STYLES[style])
    adopt(workspace, "c")
    adopt(workspace, "on")
    adopt(workspace, "c")
    text = path.read_text()
    assert reproduce_names(workspace) == ["a", "b", "c", "on"]
    assert YAML(typ="safe", pure=True).load(io.StringIO(text))["experiments"] == yaml.safe_load(text)["experiments"] == ["a", "b", "c", "on"]
    for kept in STYLES[style].replace("\n", " ").replace("[", " ").replace("]", " ").replace(",", " ").split():
        assert kept in text


@pytest.mark.parametrize("text", EMPTY)
def test_an_empty_list_takes_its_first_name(workspace: Workspace, text: str) -> None:
    (workspace.conf / "reproduce.yaml").write_text(text)
    assert reproduce_names(workspace) == []
    adopt(workspace, "a")
    assert reproduce_names(workspace) == ["a"]


def test_a_missing_file_is_made(workspace: Workspace) -> None:
    (workspace.conf / "reproduce.yaml").unlink()
    adopt(workspace, "a")
    adopt(workspace, "b")
    assert reproduce_names(workspace) == ["a", "b"]


def test_a_name_that_is_none_is_not_adopted(workspace: Workspace) -> None:
    with pytest.raises(FaultsError, match="cannot name an experiment"):
        adopt(workspace, "../x")


def test_every_wrong_entry_is_told_with_its_line(workspace: Workspace) -> None:
    (workspace.conf / "reproduce.yaml").write_text("experiments:\n  - a\n  - a\n  - no\n  - raw\n  - 3\n")
    with pytest.raises(FaultsError) as caught:
        reproduce_names(workspace)
    assert [fault.at for fault in caught.value.faults] == [f"conf/reproduce.yaml:{n}" for n in (3, 4, 5, 6)]
    assert "listed twice" in str(caught.value)
    assert "needs quotes" in str(caught.value)


@pytest.mark.parametrize("text", ["experiments: x\n", "- a\n", "", "experiments:\n\t- a\n", "other: [a]\n"])
def test_a_file_without_a_list_is_told(workspace: Workspace, text: str) -> None:
    (workspace.conf / "reproduce.yaml").write_text(text)
    with pytest.raises(FaultsError, match=r"conf/reproduce\.yaml"):
        reproduce_names(workspace)
