"""The one base class of everything that config may declare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict


class Spec(BaseModel):
    """Frozen, strict, and deaf to unknown keys: a typing error in config is a fault, never a default."""

    # Built when first used: a part of the whole is built within the whole, never twice.
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False, defer_build=True)


def with_order(given: Any, *names: str) -> Any:
    """A section with `order`: for each named map the order of its keys, where order has a meaning.

    Digests and DVC compare maps without order; the list makes a change of order a change. A section that comes with
    `order` (from params.yaml) has its maps put into that order. Raises ValueError when the names do not agree.
    """
    if not isinstance(given, Mapping):
        return given
    # An empty map has no order: left out or written as {}, the section is the same.
    maps = {name: value for name in names if isinstance(value := given.get(name), Mapping) and value}
    declared = given.get("order") or {}
    if not isinstance(declared, Mapping):
        return given
    order = {name: list(declared.get(name, value)) for name, value in maps.items()}
    wrong = [f"order.{name} does not name just the keys of {name}" for name, value in maps.items() if sorted(map(str, order[name])) != sorted(map(str, value))]
    if wrong:
        raise ValueError("; ".join(wrong))
    return {**given, **{name: {key: value[key] for key in order[name]} for name, value in maps.items()}, "order": order}


class KindSpec(Spec):
    """A spec that config chooses by its `kind` word; subclasses narrow it to a literal."""

    kind: str


@dataclass(frozen=True)
class Complaint:
    """What a spec finds wrong with one of its keys. path: the keys down to it, () for the spec itself."""

    path: tuple[str, ...]
    wrong: str
    expected: str = ""
    hint: str = ""


class ComplaintsError(ValueError):
    """Everything that a spec's own check finds, each told at its own key."""

    def __init__(self, complaints: Sequence[Complaint]) -> None:
        self.complaints = tuple(complaints)
        super().__init__("; ".join(": ".join(part for part in (".".join(c.path), c.wrong) if part) for c in self.complaints))
