"""Families of parts that config chooses by a `kind` word; a decorator puts a part into its family."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypeVar, get_args

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, SchemaValidator, core_schema

from runner.core.spec import Spec

Family = Literal["source", "split", "step", "candidate", "policy", "metric", "before", "after", "model", "operation"]
"""Config chooses from all of them but the last two, which bundles name: how a saved model or recipe operation is read."""
FAMILIES: tuple[Family, ...] = get_args(Family)
PACKAGE = "runner."
Part = TypeVar("Part", bound=Callable[..., Any])

# Keywords of our own in the JSON Schema of a field.
FAMILY, SETTINGS_OF = "x-family", "x-settings-of"


@dataclass(frozen=True)
class Registration:
    """One part of a family under its word. spec: what may be declared of it; None where a bundle names it."""

    family: Family
    kind: str
    spec: type[Spec] | None
    part: Callable[..., Any]


Named = dict[tuple[str, str], Registration]
_own: Named = {}
_added: Named = {}
_heard: list[Registration] | None = None


def register(family: Family, spec: type[Spec] | str) -> Callable[[Part], Part]:
    """Register a part under the literal in its spec's field `kind`, or under a word where its family has no specs.

    Raises ValueError when the kind is taken: two meanings of one word would be silent.
    """
    declared = None if isinstance(spec, str) else spec
    kind = spec if isinstance(spec, str) else str(get_args(spec.model_fields["kind"].annotation)[0])
    if (family, kind) in _own or any((r.family, r.kind) == (family, kind) for r in _heard or ()):
        raise ValueError(f"the {family} kind {kind!r} is already registered")

    def add(part: Part) -> Part:
        made = Registration(family, kind, declared, part)
        # A plugin that is listened to may be the first to import a room, whose parts are not the plugin's.
        if _heard is None or getattr(declared or part, "__module__", "").startswith(PACKAGE):
            _own[family, kind] = made
        else:
            _heard.append(made)
        return part

    return add


@contextmanager
def listening() -> Iterator[list[Registration]]:
    """Collect what is registered meanwhile outside this package, instead of adding it."""
    global _heard  # noqa: PLW0603 - the registry is the one thing that a process has one of
    found: list[Registration] = []
    _heard = found
    try:
        yield found
    finally:
        _heard = None


def use(parts: Iterable[Registration]) -> None:
    """Have just these parts beside this package's own, in place of those that were added before."""
    _added.clear()
    _added.update({(r.family, r.kind): r for r in parts})


def part(family: Family, kind: str) -> Callable[..., Any]:
    """The registered part of a kind. Raises KeyError for an unknown one (specs are validated before)."""
    key = (family, kind)
    return (_own[key] if key in _own else _added[key]).part


def kinds(family: Family) -> dict[str, type[Spec]]:
    """Kind word to spec class, in order of registration, plugins last; none for families that bundles name."""
    return {r.kind: r.spec for r in (*_own.values(), *_added.values()) if r.family == family and r.spec is not None}


def words(family: Family) -> list[str]:
    """Every word of a family."""
    return [r.kind for r in (*_own.values(), *_added.values()) if r.family == family]


class Registered:
    """Annotation that makes a pydantic field a tagged union of all kinds of a family: those registered when a value is validated."""

    def __init__(self, family: Family) -> None:
        self.family = family

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def validate(value: Any, info: core_schema.ValidationInfo) -> Any:
            union = _union(self.family, tuple(kinds(self.family).values()))
            # JSON has no tuples: read as JSON, a list may stand for one even in strict mode.
            return union.validate_json(json.dumps(value)) if info.mode == "json" else union.validate_python(value)

        return core_schema.with_info_plain_validator_function(validate)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        if kinds(self.family):
            return {**handler(_choices(self.family)), FAMILY: self.family}
        return {"type": "object", "properties": {"kind": {"type": "string"}}, "required": ["kind"], FAMILY: self.family}


class SettingsOf:
    """Annotation of a map from names to settings of parts: below a name that is a kind of the family stand that kind's own settings."""

    def __init__(self, family: Family) -> None:
        self.family = family

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), SETTINGS_OF: self.family}


def _choices(family: Family) -> CoreSchema:
    specs = kinds(family)
    for spec in specs.values():
        # Specs are built when they are first needed.
        spec.model_rebuild()
    return core_schema.tagged_union_schema({kind: spec.__pydantic_core_schema__ for kind, spec in specs.items()}, discriminator="kind")


@lru_cache(64)
def _union(family: Family, specs: tuple[type[Spec], ...]) -> SchemaValidator:
    return SchemaValidator(_choices(family))
