"""How much a config file may hold: levels, and values with every alias written out; counted before anything walks through it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from runner.core.faults import Fault

BRACKET = re.compile(r"[\[\]{}]")
MAX_VALUES = 100_000
MAX_DEPTH = 100
TOO_DEEP = "is nested too deeply"


def bound_faults(root: yaml.Node, shown: str) -> list[Fault]:
    """What must not be walked through: nodes too deep or inside themselves, and more values than config needs."""
    deep = _too_deep(root)
    if deep is not None:
        place = f"{shown}:{deep.start_mark.line + 1}"
        if _holds_itself(deep):
            return [Fault(place, "the value of an anchor (&name) holds itself", "each value written once", "refer to another key with ${other.key}")]
        return [Fault(place, TOO_DEEP, f"at most {MAX_DEPTH} levels")]
    sizes: dict[int, int] = {}
    uses: dict[int, list[yaml.Node]] = {}
    if _size(root, sizes, uses) <= MAX_VALUES:
        return []
    n_written = sum(1 + sum(isinstance(n, yaml.ScalarNode) for n in nodes_in(nodes[0])) for nodes in uses.values())
    if n_written > MAX_VALUES:
        return [Fault(shown, f"holds {n_written:,} keys and values", f"at most {MAX_VALUES:,}", "config is for people; long tables are data")]
    largest = max((nodes[0] for nodes in uses.values() if len(nodes) > 1), key=lambda node: sizes[id(node)])
    wrong = f"the value of an anchor (&name) is used again and again (*name): with all aliases written out there are more than {MAX_VALUES:,} values"
    return [Fault(f"{shown}:{largest.start_mark.line + 1}", wrong, "each value written once", "refer to another key with ${other.key}")]


def flow_depth(text: str) -> int:
    """How deep brackets nest, those in quotes and comments counted too: a bound that costs nothing."""
    return max((depth for depth, _ in _brackets(text)), default=0)


def line_too_deep(text: str) -> int:
    """The line of the bracket that opens one level more than is allowed, 0 when none does."""
    return next((text.count("\n", 0, at) + 1 for depth, at in _brackets(text) if depth > MAX_DEPTH), 0)


def _brackets(text: str) -> Iterator[tuple[int, int]]:
    """Depth behind each bracket, and where it stands."""
    depth = 0
    for sign in BRACKET.finditer(text):
        depth += 1 if sign.group() in "[{" else -1
        yield depth, sign.start()


def _too_deep(root: yaml.Node) -> yaml.Node | None:
    """A node below more levels than are allowed; a node that holds itself is as deep as that."""
    level, depth = [root], 0
    while level and depth < MAX_DEPTH:
        # Each node once a level: aliases cannot make a level longer than the file.
        inner = {id(n): n for node in level if not isinstance(node, yaml.ScalarNode) for n in nodes_in(node)}
        level, depth = list(inner.values()), depth + 1
    return next((node for node in level if not isinstance(node, yaml.ScalarNode)), level[0] if level else None)


def _holds_itself(node: yaml.Node) -> bool:
    waiting, seen = [node], set[int]()
    while waiting:
        here = waiting.pop()
        for inner in [] if isinstance(here, yaml.ScalarNode) else nodes_in(here):
            if inner is node:
                return True
            if id(inner) not in seen:
                seen.add(id(inner))
                waiting.append(inner)
    return False


def nodes_in(node: yaml.Node) -> list[yaml.Node]:
    """Keys and values of a section, or the entries of a list."""
    return [n for pair in node.value for n in pair] if isinstance(node, yaml.MappingNode) else list(node.value)


def _size(node: yaml.Node, known: dict[int, int], uses: dict[int, list[yaml.Node]]) -> int:
    """How many values a node stands for when its aliases are written out. uses: filled with each list and section, as often as it is named."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    uses.setdefault(id(node), []).append(node)
    if id(node) not in known:
        known[id(node)] = 1 + sum(_size(n, known, uses) for n in nodes_in(node))
    return known[id(node)]
