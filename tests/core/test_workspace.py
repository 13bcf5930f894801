"""Paths stay inside the workspace, names stay within the grammar."""

from pathlib import Path

import pytest

from runner.core.faults import FaultsError
from runner.core.workspace import Workspace, check_name


@pytest.mark.parametrize("path", ["../outside.csv", "/etc/passwd", "data/../../outside", "data/link/x"])
def test_a_path_that_leaves_the_workspace_is_refused(tmp_path: Path, path: str) -> None:
    root = tmp_path / "w"
    (root / "data").mkdir(parents=True)
    (root / "data" / "link").symlink_to(tmp_path)
    with pytest.raises(FaultsError, match="leaves the workspace"):
        Workspace(root).inside(path, "data.sources.a.path")


def test_a_path_inside_is_resolved(tmp_path: Path) -> None:
    assert Workspace(tmp_path).inside("data/raw/a.csv", "x") == (tmp_path / "data/raw/a.csv").resolve()


@pytest.mark.parametrize("name", ["", "Raw", "a.b", "a b", "1a", "raw", "item", "key", "experiments", "ü", "a-b"])
def test_a_name_outside_the_grammar_is_refused(name: str) -> None:
    with pytest.raises(FaultsError, match="cannot name an experiment"):
        check_name(name, "name")
