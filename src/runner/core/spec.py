"""The one base class of everything that config may declare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict


class Spec(BaseModel):
    """Frozen, strict, and deaf to unknown keys: a typing error in config is a fault, never a default."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


def with_order(given: Any, *names: str) -> Any:
    """A section with `order`: for each named map the order of its keys, where order has a meaning.

    Digests and DVC compare maps without order; the list makes a change of order a change. A section that comes with
    `order` (from params.yaml) has its maps put into that order. Raises ValueError when the names do not agree.
    """
    if not isinstance(given, Mapping):
        return given
    # A map that is left out is an empty one: both have no order to tell, so that what is stored reads back the same.
    maps = {name: given[name] for name in names if isinstance(given.get(name), Mapping) and given[name]}
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
