"""Which file and line set a key: read off the composed defaults list, in the order in which they win."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from runner.core.faults import Fault

MAX_BYTES = 5_000_000


def locations(files: Iterable[tuple[Path, str, str]], overrides: Sequence[str]) -> dict[str, str]:
    """Key path to "file:line" or "command line".

    files: path, its package ('' for the root) and how to show it, in the order in which later ones win.
    """
    found: dict[str, str] = {}
    for path, package, shown in files:
        for key, line in _keys(_root(path), package):
            found[key] = f"{shown}:{line}"
    for override in overrides:
        key = override.split("=", 1)[0].lstrip("+~")
        if "/" not in key and "@" not in key:
            found[key] = "command line"
    return found


def syntax_faults(path: Path, shown: str) -> list[Fault]:
    """What is wrong with a file as YAML: not readable, not UTF-8, no mapping, tabs, a key twice."""
    if path.is_dir():
        return [Fault(shown, "is a folder", "a YAML file")]
    if path.stat().st_size > MAX_BYTES:
        return [Fault(shown, f"has {path.stat().st_size:,} bytes", f"at most {MAX_BYTES:,}: config is for people")]
    try:
        root = _root(path)
    except UnicodeDecodeError as error:
        return [Fault(shown, f"is not UTF-8 (byte {error.start})", "UTF-8 text")]
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return [Fault(f"{shown}:{line}", f"is not valid YAML: {error.problem}", "spaces for indentation, one key per line")]
    except yaml.YAMLError as error:
        return [Fault(shown, f"is not valid YAML: {str(error).splitlines()[0]}")]
    if root is None:
        return []
    if not isinstance(root, yaml.MappingNode):
        return [Fault(f"{shown}:{root.start_mark.line + 1}", "is not a mapping", "key: value lines")]
    return [Fault(f"{shown}:{line}", f"the key {key!r} is set twice", "each key once", "the last one would win silently") for key, line in _twice(root, "")]


def _root(path: Path) -> yaml.Node | None:
    root: yaml.Node | None = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    return root


def _keys(node: Any, prefix: str) -> Iterable[tuple[str, int]]:
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        path = f"{prefix}.{key.value}" if prefix else str(key.value)
        yield path, key.start_mark.line + 1
        yield from _keys(value, path)


def _twice(node: Any, prefix: str) -> Iterable[tuple[str, int]]:
    if not isinstance(node, yaml.MappingNode):
        return
    seen: set[str] = set()
    for key, value in node.value:
        path = f"{prefix}.{key.value}" if prefix else str(key.value)
        if key.value in seen:
            yield path, key.start_mark.line + 1
        seen.add(key.value)
        yield from _twice(value, path)
