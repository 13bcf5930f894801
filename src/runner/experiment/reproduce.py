"""conf/reproduce.yaml: the names that are adopted, a list that people edit too."""

from __future__ import annotations

from pathlib import Path

import yaml

from runner.core.faults import Fault, FaultsError, fault
from runner.core.files import write_text
from runner.core.workspace import Workspace, check_name
from runner.experiment.yamlfile import root_of, syntax_faults

SHOWN = "conf/reproduce.yaml"
EXPECTED = "experiments: and below it a line `- NAME` for each"
EMPTY = "# The experiments that are adopted: `dvc repro` rebuilds each of them.\nexperiments:\n"


def reproduce_names(workspace: Workspace) -> list[str]:
    """The adopted names in their order; none when there is no file. Raises FaultsError for a file that holds anything else."""
    path = workspace.conf / "reproduce.yaml"
    if not path.exists():
        return []
    listed_names = _list_of(path)
    items = [] if isinstance(listed_names, yaml.ScalarNode) else listed_names.value
    faults: list[Fault] = []
    found: list[str] = []
    for item in items:
        place = f"{SHOWN}:{item.start_mark.line + 1}"
        if not isinstance(item, yaml.ScalarNode) or not item.tag.endswith(":str"):
            faults.append(Fault(place, f"{getattr(item, 'value', item)!r} is not a name", "the name of an experiment", "a word such as on needs quotes"))
        elif item.value in found:
            faults.append(Fault(place, f"{item.value!r} is listed twice", "each name once"))
        else:
            faults += _name_faults(item.value, place)
            found.append(str(item.value))
    if faults:
        raise FaultsError(faults)
    return found


def _name_faults(name: str, place: str) -> tuple[Fault, ...]:
    try:
        check_name(name, place)
    except FaultsError as error:
        return error.faults
    return ()


def _list_of(path: Path) -> yaml.Node:
    """The node of the list under `experiments`, or of the nothing that stands there."""
    faults = syntax_faults(path, SHOWN)
    if faults:
        raise FaultsError(faults)
    root = root_of(path)
    pairs = {key.value: value for key, value in root.value} if isinstance(root, yaml.MappingNode) else {}
    node: yaml.Node | None = pairs.get("experiments")
    if isinstance(node, yaml.SequenceNode) or (isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")):
        return node
    raise fault(SHOWN, "has no list of names under `experiments`", EXPECTED)


def adopt(workspace: Workspace, name: str) -> None:
    """Add a name below the others; comments and order stay. Raises FaultsError when the file or the name is wrong."""
    check_name(name, "compose")
    path = workspace.conf / "reproduce.yaml"
    if name in reproduce_names(workspace):
        return
    text = path.read_text(encoding="utf-8") if path.exists() else EMPTY
    if not path.exists():
        write_text(path, f"{text}  - {_written(name)}\n")
        return
    write_text(path, _with(text, _list_of(path), _written(name)))


def _written(name: str) -> str:
    """A name as both YAMLs read it as text: `on` and `no` need quotes."""
    return name if yaml.safe_load(name) == name else f'"{name}"'


def _with(text: str, names: yaml.Node, name: str) -> str:
    """The file's text with one more entry in its list, whatever the list's style."""
    start, end = names.start_mark.index, names.end_mark.index
    items = names.value if isinstance(names, yaml.SequenceNode) else []
    if isinstance(names, yaml.SequenceNode) and names.flow_style:
        inner = text[start + 1 : end - 1].rstrip().rstrip(",")
        return f"{text[:start]}[{inner}, {name}]{text[end:]}" if items else f"{text[:start]}[{name}]{text[end:]}"
    lines = text.splitlines(keepends=True)
    after = (items[-1].end_mark.line if items else names.start_mark.line) + 1
    indent = " " * (names.start_mark.column if items else 2)
    if not items and text[start:end].strip():
        # `experiments: null` or `~`: the word makes room for the list.
        lines[after - 1] = lines[after - 1].replace(text[start:end], "", 1).rstrip() + "\n"
    head = "".join(lines[:after])
    return f"{head}{'' if head.endswith(chr(10)) else chr(10)}{indent}- {name}\n{''.join(lines[after:])}"
