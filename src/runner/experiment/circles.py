"""Defaults lists that come back to a file they started from: told by their entries, since the composition itself only runs out of stack."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath

import yaml

from runner.core.faults import Fault
from runner.experiment.yamlfile import root_of

# Name of a config, such as experiment/x, to its file; None where there is none.
Find = Callable[[str], Path | None]


def circle_faults(names: Sequence[str], find: Find, shown: Callable[[Path], str]) -> list[Fault]:
    """A fault for each circle among the defaults lists of some configs and of all that they name."""
    found: dict[frozenset[str], Fault] = {}
    done: set[str] = set()
    for name in names:
        for way in _circles(name, [], done, find):
            places = [f"{shown(path)}:{line}" for name, line in way if (path := find(name)) is not None]
            # The same circle is told the same, whichever experiment came upon it.
            first = places.index(min(places))
            places = places[first:] + places[:first]
            wrong = f"the defaults come back to where they started: {' > '.join([*places, places[0]])}"
            hint = "remove one of these entries" if len(places) > 1 else "remove the entry: a file cannot take itself in"
            fault = Fault(places[0], wrong, "defaults lists that end", hint)
            found.setdefault(frozenset(name for name, _ in way), fault)
    return list(found.values())


def _circles(name: str, way: list[tuple[str, int]], done: set[str], find: Find) -> Iterator[list[tuple[str, int]]]:
    """Each circle below a config, as names with the line of the entry that leads on. way: how this config was reached."""
    if name in done:
        return
    for target, line in _entries(name, find):
        here = [*way, (name, line)]
        start = next((i for i, (passed, _) in enumerate(here) if passed == target), None)
        if start is not None:
            yield here[start:]
        else:
            yield from _circles(target, here, done, find)
    done.add(name)


def _entries(name: str, find: Find) -> Iterator[tuple[str, int]]:
    """Names of the configs that a defaults list takes in, with the line of each entry."""
    path = find(name)
    root = root_of(path) if path is not None else None
    lists = [value for key, value in root.value if key.value == "defaults"] if isinstance(root, yaml.MappingNode) else []
    for item in (item for node in lists if isinstance(node, yaml.SequenceNode) for item in node.value):
        for written in _written(item):
            words = written.split()
            if words and words[0] != "override" and words[-1] != "_self_":
                yield _absolute(words[-1], name), item.start_mark.line + 1


def _written(item: yaml.Node) -> Iterator[str]:
    """An entry as texts of the form group/option; an entry may take several options of a group."""
    if isinstance(item, yaml.ScalarNode):
        yield str(item.value)
        return
    for group, options in item.value if isinstance(item, yaml.MappingNode) else []:
        for option in options.value if isinstance(options, yaml.SequenceNode) else [options]:
            yield f"{str(group.value).partition('@')[0]}/{option.value}"


def _absolute(written: str, name: str) -> str:
    """The name of a config as an entry of another config's defaults list means it.

    >>> _absolute("b", "experiment/a"), _absolute("/training/quick", "experiment/a"), _absolute("b.yaml@_here_", "config")
    ('experiment/b', 'training/quick', 'b')
    """
    plain = written.partition("@")[0].removesuffix(".yaml")
    return plain.lstrip("/") if plain.startswith("/") else (PurePosixPath(name).parent / plain).as_posix()
