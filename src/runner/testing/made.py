"""What a plugin's tests start from: the plugin as config would bring it, and rows that keep a contract."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import get_annotations
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl
from pydantic import TypeAdapter

from runner.bundle import examples
from runner.core import plugins
from runner.core.described import described
from runner.core.faults import fault
from runner.core.spec import Spec
from runner.core.workspace import Workspace
from runner.data.spec import ColumnSpec
from runner.experiment.plugins import bring


def plugin(path: str, root: Path | None = None) -> ModuleType:
    """A plugin's module, run and checked as when config lists it; its kinds can be chosen from now on, beside those of others.

    path: as config has it, such as plugins/acme.py; root: the workspace, the one around the current folder when left out.
    Raises FaultsError with what is wrong with the file.
    """
    workspace = Workspace(root) if root is not None else Workspace.around(Path.cwd())
    if workspace is None:
        raise fault(str(Path.cwd()), "no workspace here", "a folder with conf/config.yaml, here or above", "run the tests in the project folder")
    before = plugins.in_use()
    bring(workspace, [path])
    (found,) = plugins.in_use()
    plugins.use([*(other for other in before if other.path != path), found])
    return found.module


def rows(columns: Mapping[str, Mapping[str, Any]], n: int = 100, seed: int = 0) -> pl.DataFrame:
    """Up to n made-up rows of columns declared as under `data.columns`; a nullable one has gaps.

    >>> rows({"age": {"type": "int", "min": 18, "max": 20}}, 2).dtypes
    [Int64]
    """
    declared = TypeAdapter(dict[str, ColumnSpec]).validate_python(dict(columns))
    contract = {"columns": {name: column.model_dump(mode="json") for name, column in declared.items()}, "order": list(declared)}
    return examples.rows(contract, n, seed)


def explained(spec: type[Spec]) -> list[str]:
    """What `explain` would have nothing to say about: the kind itself, or fields of its own without a docstring."""
    own = get_annotations(spec)
    unsaid = [name for name in spec.model_fields if name in own and name != "kind" and not described(spec).get(name)]
    return [*([] if spec.__doc__ else [spec.__name__]), *unsaid]
