"""Families of parts that config chooses by a `kind` word; a decorator puts a part into its family."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar, get_args

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from runner.core.spec import Spec

Family = Literal["source", "split", "step", "candidate", "policy"]
Part = TypeVar("Part", bound=Callable[..., Any])

# Keywords of our own in the JSON Schema of a field.
FAMILY, SETTINGS_OF = "x-family", "x-settings-of"

_specs: dict[str, dict[str, type[Spec]]] = {family: {} for family in get_args(Family)}
_parts: dict[str, dict[str, Callable[..., Any]]] = {family: {} for family in get_args(Family)}


def register(family: Family, spec: type[Spec]) -> Callable[[Part], Part]:
    """Register a part under the literal in its spec's field `kind`.

    Raises ValueError when the kind is taken: two meanings of one word would be silent.
    """
    kind = str(get_args(spec.model_fields["kind"].annotation)[0])
    if kind in _specs[family]:
        raise ValueError(f"the {family} kind {kind!r} is already registered")

    def add(part: Part) -> Part:
        _specs[family][kind] = spec
        _parts[family][kind] = part
        return part

    return add


def part(family: Family, kind: str) -> Callable[..., Any]:
    """The registered part of a kind. Raises KeyError for an unknown one (specs are validated before)."""
    return _parts[family][kind]


def kinds(family: Family) -> dict[str, type[Spec]]:
    """Kind word to spec class, in order of registration."""
    return dict(_specs[family])


class Registered:
    """Annotation that makes a pydantic field a tagged union of all registered kinds of a family."""

    def __init__(self, family: Family) -> None:
        self.family = family

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        choices = {kind: handler.generate_schema(spec) for kind, spec in _specs[self.family].items()}
        return core_schema.tagged_union_schema(choices, discriminator="kind")

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), FAMILY: self.family}


class SettingsOf:
    """Annotation of a map from names to settings of parts: below a name that is a kind of the family stand that kind's own settings."""

    def __init__(self, family: Family) -> None:
        self.family = family

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), SETTINGS_OF: self.family}
