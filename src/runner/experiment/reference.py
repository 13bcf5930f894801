"""What may be declared, read off the JSON Schema: an entry for each key and each kind. Needs none of the specs, so it is quick."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from runner.core.faults import Fault, FaultsError, listed, nearest
from runner.experiment.schema_words import FAMILY, KINDS, OPTIONAL, SETTINGS_OF, nullable

Node = dict[str, Any]

ANY = "*"
POINTER = "#/definitions/"
DEEPEST = 16


@dataclass(frozen=True)
class Entry:
    """One key. path: with * for a name that the user gives; node: what may stand there; part: family and kind of the part whose key it is."""

    path: tuple[str, ...]
    node: Node
    required: bool = False
    part: tuple[str, str] = ("", "")

    @property
    def key(self) -> str:
        return ".".join(self.path)

    @property
    def about(self) -> str:
        """What the key means; where nothing is said of it, what its section is."""
        return str(self.node.get("description") or self.node.get("about", ""))


@dataclass(frozen=True)
class Reference:
    """All that may be declared. schema: as `experiment.schema` makes it."""

    schema: Node

    @cached_property
    def root(self) -> Entry:
        return Entry((), self.schema)

    @cached_property
    def families(self) -> dict[str, dict[str, Node]]:
        """Family to its kinds, and what each of them may declare."""
        definitions = self.schema["definitions"].values()
        return {node[FAMILY]: {kind: self._resolved(ref) for kind, ref in node[KINDS].items()} for node in definitions if KINDS in node}

    def sections(self) -> list[Entry]:
        """The keys of the whole."""
        return [entry for entry in self.below(self.root) if entry.key != "defaults"]

    def below(self, entry: Entry) -> list[Entry]:
        """The keys that may stand right below one; for a family those of each of its kinds."""
        return list(self._below(entry))

    def entries(self, path: Sequence[str]) -> list[Entry]:
        """What a key path leads to, several where kinds differ. A name of a map may be given or be *. Raises FaultsError for an unknown key."""
        here = [self.root]
        for depth, step in enumerate(path):
            choices = [below for entry in here for below in self._below(entry)]
            exact = [entry for entry in choices if entry.path[-1] == step]
            found = choices if step == ANY else exact or [entry for entry in choices if entry.path[-1] == ANY]
            if not found:
                raise FaultsError([self._unknown(path, depth, choices)])
            here = found
        return here

    def everything(self) -> Iterator[Entry]:
        """Every key, each section before its keys."""
        waiting = [(entry, 0) for entry in reversed(self.sections())]
        while waiting:
            entry, depth = waiting.pop()
            yield entry
            if depth < DEEPEST:
                waiting += [(below, depth + 1) for below in reversed(self.below(entry))]

    def kinds_named(self, word: str, family: str = "") -> list[tuple[str, Node]]:
        """Family and declaration of every kind of a name."""
        return [(name, kinds[word]) for name, kinds in self.families.items() if word in kinds and family in ("", name)]

    def family_named(self, word: str) -> str:
        """The family that a word names, alone or in the plural; '' for none."""
        return next((family for family in self.families if word in (family, plural(family))), "")

    def places(self, family: str) -> list[Entry]:
        """Where parts of a family are declared."""
        return [entry for entry in self.everything() if entry.node.get(FAMILY) == family and KINDS in entry.node]

    def _below(self, entry: Entry) -> Iterator[Entry]:
        node = entry.node
        if KINDS in node:
            yield Entry((*entry.path, "kind"), node["properties"]["kind"], required=True)
            for kind, part in self.families[node[FAMILY]].items():
                yield from (below for below in self._fields(entry, part, (node[FAMILY], kind)) if below.path[-1] != "kind")
            return
        yield from self._fields(entry, node, entry.part)
        if isinstance(names := node.get("additionalProperties"), dict):
            # What is said of a map is said of its entries.
            yield Entry((*entry.path, ANY), {"about": entry.about, **self._resolved(names)}, part=entry.part)

    def _fields(self, entry: Entry, node: Node, part: tuple[str, str]) -> Iterator[Entry]:
        required = node.get("x-required", [])
        for key, below in node.get("properties", {}).items():
            found = self._resolved(below)
            if SETTINGS_OF in node:
                # Settings are laid over a part that has all that it needs.
                yield Entry((*entry.path, key), {**found, "x-required": []}, part=(node[SETTINGS_OF], key))
            else:
                yield Entry((*entry.path, key), found, key in required, part)

    def _resolved(self, node: Node) -> Node:
        """A node with the definition that it points to. about: what the definition says of itself."""
        pointed = node if "$ref" in node else next((member for member in node.get("anyOf", []) if "$ref" in member), None)
        if pointed is None:
            return node
        found = self.schema["definitions"][pointed["$ref"].removeprefix(POINTER)]
        own = {name: value for name, value in node.items() if name not in ("$ref", "anyOf", "title")}
        return {**found, **own, "about": found.get("description", ""), OPTIONAL: nullable(node)}

    def _unknown(self, path: Sequence[str], depth: int, choices: Sequence[Entry]) -> Fault:
        key, known = path[depth], list(dict.fromkeys(entry.path[-1] for entry in choices if entry.path != ("defaults",)))
        words = [*known, *(() if depth else dict.fromkeys(word for kinds in self.families.values() for word in kinds))]
        expected = f"one of {listed(known, 40)}" if known else "nothing below it: it has no keys"
        places: dict[str, dict[str, None]] = {}
        for entry in self.everything():
            places.setdefault(entry.path[-1], {})[entry.key] = None
        near = get_close_matches(path[-1], places, 1)
        elsewhere = [*places.get(path[-1], {}), *(places[near[0]] if near else {})]
        hint = nearest(key, words) if path[-1] not in places else ""
        hint = hint or (f"there is {listed(dict.fromkeys(elsewhere), 5)}" if elsewhere else "`python -m runner explain` lists the sections")
        return Fault(".".join(path[: depth + 1]), f"unknown key {key!r}", expected if depth else f"{expected}; or a kind, a config group", hint)


def plural(family: str) -> str:
    """The plural of a family.

    >>> plural("policy"), plural("step"), plural("before")
    ('policies', 'steps', 'before')
    """
    if family in ("before", "after"):
        return family
    return f"{family[:-1]}ies" if family.endswith("y") else f"{family}s"
