"""params.yaml reads back as what was written, by every YAML, and knows what is adopted."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from runner.core.faults import FaultsError
from runner.core.workspace import Workspace
from runner.experiment import params
from runner.experiment.compose import compose

NUMBERS = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
VALUES = st.recursive(st.none() | st.booleans() | NUMBERS | TEXT, lambda v: st.lists(v, max_size=3) | st.dictionaries(TEXT, v, max_size=3), max_leaves=12)


def both(text: str) -> list[Any]:
    """What PyYAML (1.1: ours, Hydra's) and ruamel.yaml (1.2: DVC's) read."""
    return [yaml.safe_load(text), YAML(typ="safe", pure=True).load(io.StringIO(text))]


@given(st.dictionaries(TEXT, VALUES, min_size=1, max_size=4))
@example({"no": "no", "on": "12:30", "010": "010", "~": "~", "1e-05": 1e-05, "": ""})
@example({"a": [1e22, 1e-300, 5e-324, -0.0, 0.1, 1.0, 100000.0], "b": [True, None, 1, "1", "true", "null"]})
@example({"🎉\u2028\x85\ufeff\t\n\"\\'": "\ud7ff\ue000\U0010ffff\x7f # : - {", "k" * 2000: {"deep" * 400: ["x" * 3000]}})
@settings(max_examples=150, deadline=None)
def test_every_yaml_reads_what_was_written(value: Mapping[str, Any]) -> None:
    for read in both(params.yaml_text(value)):
        assert json.dumps(read) == json.dumps(value)


@pytest.mark.parametrize("name", ["credit_risk", "flight_delay", "small"])
def test_an_experiment_survives_both_readers(workspace: Workspace, name: str) -> None:
    experiment = compose(workspace, [f"+experiment={name}"])
    for read in both(params.text_of([experiment])):
        assert json.dumps(read) == json.dumps({name: experiment.stored()})


def test_the_first_line_says_that_the_file_is_generated(workspace: Workspace) -> None:
    first = params.text_of([compose(workspace, ["+experiment=small"])]).splitlines()[0]
    assert first.startswith("#")
    assert "`python -m runner compose`" in first
    assert "lost" in first


def test_the_order_of_the_experiments_does_not_change_a_byte(workspace: Workspace) -> None:
    one, two = compose(workspace, ["+experiment=small"]), compose(workspace, ["+experiment=credit_risk"])
    assert params.text_of([one, two]) == params.text_of([two, one])


def test_what_was_written_is_adopted_and_nothing_else(workspace: Workspace) -> None:
    experiment = compose(workspace, ["+experiment=small"])
    assert not params.is_adopted(workspace, experiment)
    params.write(workspace, [experiment])
    assert params.is_adopted(workspace, experiment)
    assert params.is_adopted(workspace, compose(workspace, ["+experiment=small", "execution.workers=1"]))
    assert not params.is_adopted(workspace, compose(workspace, ["+experiment=small", "seed=3"]))
    assert params.read(workspace, "small") == experiment.stored()
    assert params.read(workspace, "other") is None


def test_an_entry_is_validated_again(workspace: Workspace) -> None:
    experiment = compose(workspace, ["+experiment=small", "execution.workers=2"])
    params.write(workspace, [experiment])
    adopted = params.from_params(workspace, "small")
    assert adopted.digest == experiment.digest
    assert adopted.execution.workers is None


def test_a_hand_edit_is_no_longer_adopted(workspace: Workspace) -> None:
    experiment = compose(workspace, ["+experiment=small"])
    params.write(workspace, [experiment])
    path = workspace.root / "params.yaml"
    path.write_text(path.read_text().replace('"test_uses": 5', '"test_uses": true'))
    assert not params.is_adopted(workspace, experiment)
    with pytest.raises(FaultsError, match=r"small\.evaluation\.test_uses \(params\.yaml\): found true"):
        params.from_params(workspace, "small")


def test_an_unknown_name_is_told_with_the_known_ones(workspace: Workspace) -> None:
    params.write(workspace, [compose(workspace, ["+experiment=small"])])
    with pytest.raises(FaultsError, match=r"no adopted experiment 'smal'\n.*one of small\n.*did you mean 'small'"):
        params.from_params(workspace, "smal")


@pytest.mark.parametrize("content", [b"a: [", b"- a\n", b"\xff\xfe", b"a:\n\tb: 1\n"], ids=["cut", "list", "bytes", "tab"])
def test_a_damaged_file_is_told(workspace: Workspace, content: bytes) -> None:
    (workspace.root / "params.yaml").write_bytes(content)
    with pytest.raises(FaultsError, match=r"params\.yaml: .*\n.*\n.*python -m runner compose"):
        params.read(workspace, "small")


def test_writing_the_same_leaves_the_file_alone(workspace: Workspace) -> None:
    experiments = [compose(workspace, ["+experiment=small"])]
    params.write(workspace, experiments)
    before = (workspace.root / "params.yaml").stat().st_mtime_ns
    params.write(workspace, experiments)
    assert (workspace.root / "params.yaml").stat().st_mtime_ns == before


@pytest.fixture
def adopted(workspace: Workspace) -> Workspace:
    """A workspace whose only adopted experiment is `small`, written and current."""
    (workspace.conf / "reproduce.yaml").write_text("experiments: [small]\n")
    params.write(workspace, params.compose_all(workspace))
    return workspace


def test_a_current_file_is_not_stale(adopted: Workspace) -> None:
    assert params.stale(adopted) == []


def test_a_change_in_conf_makes_the_file_stale(adopted: Workspace, small: str) -> None:
    (adopted.conf / "experiment" / "small.yaml").write_text(small.replace("amount - 1", "amount - 2"))
    (fault,) = params.stale(adopted)
    assert fault.at == "small.problem.payoff.actions.call.yes"
    assert fault.wrong == 'holds "amount - 1", conf/ has "amount - 2"'
    assert "python -m runner compose" in fault.hint


def test_a_name_that_was_added_or_removed_makes_the_file_stale(adopted: Workspace) -> None:
    (adopted.conf / "reproduce.yaml").write_text("experiments: [credit_risk]\n")
    assert [(f.at, f.wrong) for f in params.stale(adopted)] == [("credit_risk", "is missing"), ("small", "is no longer in conf/")]


def test_a_comment_by_hand_makes_the_file_stale(adopted: Workspace) -> None:
    path = adopted.root / "params.yaml"
    path.write_text(path.read_text() + "# mine\n")
    assert [f.wrong for f in params.stale(adopted)] == ["is not written as compose writes it"]


def test_a_missing_file_is_stale(adopted: Workspace) -> None:
    (adopted.root / "params.yaml").unlink()
    assert [f.wrong for f in params.stale(adopted)] == ["is missing"]


def test_composing_all_tells_the_faults_of_all(workspace: Workspace, small: str) -> None:
    for name in ("one", "two"):
        (workspace.conf / "experiment" / f"{name}.yaml").write_text(small.replace("name: small", f"name: {name}\nseed: -1"))
    (workspace.conf / "reproduce.yaml").write_text("experiments: [one, small, two]\n")
    with pytest.raises(FaultsError) as caught:
        params.compose_all(workspace)
    assert [fault.source for fault in caught.value.faults] == ["conf/experiment/one.yaml:3", "conf/experiment/two.yaml:3"]
