"""Which file and line set a key, read off the composed files in the order in which they win."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from runner.experiment.yamlfile import below, root_of


@dataclass(frozen=True)
class Place:
    """Where a key was set: "file:line" or "command line", and the plain text that stands there ('' for a section or quoted text)."""

    source: str
    text: str = ""


Places = Mapping[str, Place]


@dataclass(frozen=True)
class ConfigFile:
    """A file of the composition. package: the key path its content goes below, '' for the root; shown: its path for people."""

    path: Path
    package: str
    shown: str


@dataclass(frozen=True)
class Origin:
    """What a config was composed of: files in the order in which later ones win, and overrides above all."""

    files: Sequence[ConfigFile] = ()
    overrides: Sequence[str] = ()

    def places(self) -> dict[str, Place]:
        """Key path to the place that set it last."""
        return locate(self.files, self.overrides)


def joined(path: Sequence[str]) -> str:
    """The path of several keys, each below the one before."""
    whole = ""
    for key in path:
        whole = below(whole, key)
    return whole


def source_of(path: str, places: Places) -> str:
    """Where a key, or the nearest key above it, was set; empty when it is a default."""
    while path:
        if path in places:
            return places[path].source
        path = path.rpartition(".")[0]
    return ""


def blamed(path: str, places: Places) -> str:
    """The key to mend: a setting of a candidate may have been laid over it by `training.adjust`."""
    adjusted = path.replace("training.candidates.", "training.adjust.", 1)
    return adjusted if path.startswith("training.candidates.") and adjusted in places else path


def locate(files: Iterable[ConfigFile], overrides: Sequence[str]) -> dict[str, Place]:
    """Key path to the place that set it last; files in the order in which later ones win, overrides above all."""
    found: dict[str, Place] = {}
    for file in files:
        if file.package:
            found[file.package] = Place(f"{file.shown}:1")
        for path, node, line in values_of(root_of(file.path), file.package):
            if not isinstance(node, yaml.MappingNode):
                _forget_below(found, path)
            found[path] = Place(f"{file.shown}:{line}", _plain_text(node))
            if '"' in path:
                # Some checks put the path of a name with dots together without quotes.
                found.setdefault(path.replace('"', ""), found[path])
    for override in overrides:
        key, _, value = override.partition("=")
        path = key.lstrip("+~").partition("@")[0]
        if not value.startswith("{"):
            _forget_below(found, path)
        found[path] = Place("command line", value)
    return found


def _forget_below(found: dict[str, Place], path: str) -> None:
    if path in found:
        for key in [key for key in found if key.startswith(f"{path}.")]:
            del found[key]


def _plain_text(node: yaml.Node) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) and not node.style else ""


def values_of(node: yaml.Node | None, prefix: str) -> Iterator[tuple[str, yaml.Node, int]]:
    """Key path, value and line of everything below a node; entries of a list have their number as key."""
    if isinstance(node, yaml.MappingNode):
        items = [(str(key.value), value, key.start_mark.line + 1) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        items = [(str(i), value, value.start_mark.line + 1) for i, value in enumerate(node.value)]
    else:
        return
    for key, value, line in items:
        path = below(prefix, key)
        yield path, value, line
        yield from values_of(value, path)
