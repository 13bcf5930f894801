"""Where the files below conf/ set a key, and how: each key explained by what somebody wrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from runner.experiment.groups import Groups, package_of
from runner.experiment.locate import values_of
from runner.experiment.reference import ANY, Entry

MOST_LINES = 12
# The list of adopted experiments lies in conf/, but is no part of any composition.
NO_CONFIG = "reproduce"


@dataclass(frozen=True)
class Written:
    """One key in one file. path: of the key; place: "conf/x.yaml:3"; around: the kind of the part that it belongs to; kind: the one it chooses itself."""

    path: tuple[str, ...]
    place: str
    around: str
    kind: str
    text: str


def written_in(groups: Groups, files: Sequence[str]) -> Iterator[Written]:
    """Every key that the files set, file by file. files: names such as experiment/credit_risk; what is no YAML is passed over."""
    for name in files:
        path = groups.files[name]
        try:
            text = path.read_text(encoding="utf-8")
            root = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except (OSError, UnicodeDecodeError, yaml.YAMLError):
            continue
        if isinstance(root, yaml.MappingNode):
            yield from _written(root, package_of(path, name.rpartition("/")[0]), f"conf/{name}.yaml", text.splitlines())


def _written(root: yaml.MappingNode, package: str, shown: str, lines: Sequence[str]) -> Iterator[Written]:
    found = list(values_of(root, package))
    kinds = {path.rpartition(".")[0]: str(node.value) for path, node, _ in found if path.rpartition(".")[2] == "kind" and isinstance(node, yaml.ScalarNode)}
    if package:
        yield Written(tuple(package.split(".")), f"{shown}:1", "", kinds.get(package, ""), _cut([line for line in lines if not line.startswith("# @")]))
    for path, node, line in found:
        yield Written(tuple(path.split(".")), f"{shown}:{line}", _nearest(kinds, path), kinds.get(path, ""), _lines(lines, line, node))


def _nearest(kinds: Mapping[str, str], path: str) -> str:
    while path:
        path = path.rpartition(".")[0]
        if path in kinds:
            return kinds[path]
    return ""


def _lines(lines: Sequence[str], first: int, node: yaml.Node) -> str:
    """The lines from a key to the end of its value."""
    block = isinstance(node, yaml.CollectionNode) and not node.flow_style
    taken = list(lines[first - 1 : max(first, node.end_mark.line + (not block and node.end_mark.column > 0))])
    indent = len(taken[0]) - len(taken[0].lstrip())
    # A block ends where the next key starts: comments and empty lines in between belong to that key.
    while len(taken) > 1 and len(taken[-1]) - len(taken[-1].lstrip()) <= indent:
        taken.pop()
    return _cut([line[indent:].rstrip() for line in taken])


def _cut(lines: Sequence[str]) -> str:
    return "\n".join(lines if len(lines) <= MOST_LINES else [*lines[: MOST_LINES - 1], "  ..."])


def ordered(groups: Groups, experiment: str = "") -> list[str]:
    """The files in the order in which examples are taken from them: the chosen experiment, the others, the options of groups, the main file."""
    names = [name for name in groups.files if name != NO_CONFIG]
    return sorted(names, key=lambda name: (name != f"experiment/{experiment}", not name.startswith("experiment/"), "/" not in name, name))


def example(entry: Entry, written: Sequence[Written]) -> Written | None:
    """The first place that sets a key; of a part's key, in a part of that kind, or among settings that are laid over it."""
    _, kind = entry.part
    return next((w for w in written if matches(w.path, entry.path) and (kind in ("", w.around) or (not w.around and kind in w.path))), None)


def example_of_kind(kind: str, places: Sequence[Entry], written: Sequence[Written]) -> Written | None:
    """The first section that chooses a kind, where parts of its family are declared."""
    return next((w for w in written if w.kind == kind and any(matches(w.path, place.path) for place in places)), None)


def matches(path: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether a key path is one of a pattern, in which * stands for any name.

    >>> matches(("data", "sources", "a"), ("data", "sources", "*"))
    True
    """
    return len(path) == len(pattern) and all(wanted in (ANY, step) for step, wanted in zip(path, pattern, strict=True))


@dataclass(frozen=True)
class Setting:
    """A key of a composed experiment. place: the file and line or the command line that set it; '' for a default."""

    key: str
    value: Any
    place: str


def settings(entry: Entry, values: Mapping[str, Any], places: Mapping[str, str], laid_over: Mapping[str, str]) -> list[Setting]:
    """What an experiment sets at a key, once for each name that * stands for, a section as the values below it.

    values: of the whole experiment; places: key path to where it was set last; laid_over: map of parts to the map of settings laid over them.
    """
    found = []
    for path, value, kind in _values(values, entry.path, ()):
        if entry.part[1] in ("", kind):
            found += [Setting(".".join(leaf), plain, _place(leaf, places, laid_over)) for leaf, plain in _leaves(path, value)]
    return found


def _leaves(path: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not isinstance(value, Mapping) or not value:
        yield path, value
        return
    for key, below in value.items():
        yield from _leaves((*path, str(key)), below)


def _values(value: Any, pattern: Sequence[str], path: tuple[str, ...], kind: str = "") -> Iterator[tuple[tuple[str, ...], Any, str]]:
    if not pattern:
        yield path, value, kind
        return
    if not isinstance(value, Mapping):
        return
    kind = str(value.get("kind", kind))
    for key, below in value.items():
        if pattern[0] in (ANY, key):
            yield from _values(below, pattern[1:], (*path, str(key)), kind)


def _place(path: tuple[str, ...], places: Mapping[str, str], laid_over: Mapping[str, str]) -> str:
    for depth in range(len(path), 0, -1):
        over = laid_over.get(".".join(path[:depth]))
        if over is not None and (laid := ".".join([over, *path[depth:]])) in places:
            return places[laid]
    return places.get(".".join(path), "")
