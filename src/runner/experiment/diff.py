"""What differs between two resolved experiments, by meaning: moved lines, key order and 1 against 1.0 are no difference."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

ORDER = "order"


@dataclass(frozen=True)
class Change:
    """One key whose value differs.

    path: the keys down to it; old, new: plain JSON values, None where there is none;
    place: for an added part of a map in which order has a meaning, what it comes after.
    """

    path: tuple[str, ...]
    kind: Literal["added", "removed", "changed", "reordered"]
    old: Any = None
    new: Any = None
    place: str = ""

    @property
    def at(self) -> str:
        """The key path as people write it.

        >>> Change(("data", "columns", "net.income", "min"), "added").at
        'data.columns."net.income".min'
        """
        return ".".join(key if key and all(sign.isalnum() or sign in "_-" for sign in key) else json.dumps(key, ensure_ascii=False) for key in self.path)

    def as_json(self) -> dict[str, Any]:
        return {"at": self.at, "kind": self.kind, "old": self.old, "new": self.new, **({"place": self.place} if self.place else {})}


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Change, ...]:
    """Everything that differs between two mappings of plain JSON values, in the order of the new one.

    A key that is left out, null, an empty map and an empty list are the same: nothing is declared. A section whose `kind`
    differs is one change as a whole, for its keys have another meaning. `order` lists (see core.spec.with_order) differ
    only where parts that both sides have stand in another order.

    >>> [(c.at, c.kind, c.old, c.new) for c in changes({"a": {"x": 1, "y": 2}}, {"a": {"y": 2.0, "x": 3}})]
    [('a.x', 'changed', 1, 3)]
    """
    return tuple(_maps(old, new, ()))


def same(old: Any, new: Any) -> bool:
    """Whether two plain values mean the same; true is not 1, but 1 is 1.0.

    >>> same(1, 1.0), same(True, 1), same([1, {"a": None}], [1.0, {}])
    (True, False, True)
    """
    return _form(old) == _form(new)


def _values(old: Any, new: Any, path: tuple[str, ...]) -> Iterator[Change]:
    if isinstance(old, Mapping) and isinstance(new, Mapping) and not _another_kind(old, new):
        yield from _maps(old, new, path)
    elif not same(old, new):
        yield Change(path, "reordered" if _reordered(old, new) else "changed", old, new)


def _maps(old: Mapping[str, Any], new: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Change]:
    ordered = [key for key in _order_names(new) | _order_names(old) if isinstance(old.get(key, {}), Mapping) and isinstance(new.get(key, {}), Mapping)]
    for key in [*new, *(key for key in old if key not in new)]:
        if key == ORDER and ordered:
            continue
        if key in ordered:
            yield from _ordered(old.get(key) or {}, new.get(key) or {}, (_order(old, key), _order(new, key)), (*path, key))
        elif key in old and key in new:
            yield from _values(old[key], new[key], (*path, key))
        elif key in new and not _is_empty(new[key]):
            yield Change((*path, key), "added", None, new[key])
        elif key in old and not _is_empty(old[key]):
            yield Change((*path, key), "removed", old[key], None)


def _ordered(old: Mapping[str, Any], new: Mapping[str, Any], orders: tuple[list[str], list[str]], path: tuple[str, ...]) -> Iterator[Change]:
    """A map in whose keys order has a meaning: the changes of its parts, then of their order."""
    before, after = orders
    for change in _maps(old, new, path):
        own = change.kind == "added" and len(change.path) == len(path) + 1
        place = _place(after, change.path[-1]) if own else ""
        yield Change(change.path, change.kind, change.old, change.new, place)
    if [key for key in before if key in new] != [key for key in after if key in old]:
        yield Change(path, "reordered", before, after)


def _place(order: Sequence[str], key: str) -> str:
    at = order.index(key) if key in order else 0
    return f"after {order[at - 1]}" if at else "first"


def _order_names(section: Mapping[str, Any]) -> dict[str, None]:
    """The maps of a section whose order is declared; a dict, to keep their order. None where `order` is something else, such as a column."""
    declared = section.get(ORDER)
    if not isinstance(declared, Mapping) or not all(isinstance(keys, Sequence) and not isinstance(keys, str) for keys in declared.values()):
        return {}
    return {str(name): None for name in declared if isinstance(section.get(name), Mapping)}


def _order(section: Mapping[str, Any], name: str) -> list[str]:
    if name in _order_names(section):
        return [str(key) for key in section[ORDER][name]]
    return list(section.get(name) or {})


def _another_kind(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    before, after = old.get("kind"), new.get("kind")
    return isinstance(before, str) and isinstance(after, str) and before != after


def _is_empty(value: Any) -> bool:
    return _plain(value) is None


def _reordered(old: Any, new: Any) -> bool:
    if not (isinstance(old, list) and isinstance(new, list)):
        return False
    return sorted(map(_form, old)) == sorted(map(_form, new))


def _form(value: Any) -> str:
    """One text for every way to write the same value."""
    return json.dumps(_plain(value), sort_keys=True, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(below) for key, below in value.items() if _plain(below) is not None} or None
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value] or None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)
