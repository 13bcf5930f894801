"""Pydantic's errors as faults for people: key path without union tags, file and line, nearest name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import ValidationError

from runner.core.faults import Fault, listed, nearest
from runner.core.registry import Registered, kinds
from runner.core.spec import Spec

Sources = Mapping[str, str]


def from_validation(error: ValidationError, given: Mapping[str, Any], root: type[Spec], sources: Sources) -> list[Fault]:
    """One fault per error; sources: key path to the file and line that set it."""
    return [fault for item in error.errors() for fault in _faults(item, given, root, sources)]


def source_of(path: str, sources: Sources) -> str:
    """Where a key, or the nearest key above it, was set; empty when it is a default."""
    while path:
        if path in sources:
            return sources[path]
        path = path.rpartition(".")[0]
    return ""


def _faults(item: Mapping[str, Any], given: Mapping[str, Any], root: type[Spec], sources: Sources) -> list[Fault]:
    path = plain_path(item["loc"], given)
    at = ".".join(path) or "experiment"
    where, kind, context = source_of(at, sources), item["type"], item.get("ctx", {})
    if kind == "extra_forbidden":
        known = _known_keys(path[:-1], given, root)
        return [Fault(at, f"unknown key {path[-1]!r}", f"one of {listed(known, 30)}", nearest(path[-1], known), where)]
    if kind == "missing":
        return [Fault(at, "is missing", _described(path, given, root), f"set {at}", where)]
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        known = [tag.strip("' ") for tag in str(context.get("expected_tags", "")).split(",") if tag.strip()]
        found = context.get("tag", "")
        return [Fault(f"{at}.kind", f"unknown kind {found!r}" if found else "is missing", f"one of {listed(known)}" if known else "a kind", nearest(found, known), where)]
    if kind == "value_error":
        return [Fault(at, part, source=where) for part in str(context.get("error", item["msg"])).split("; ")]
    return [Fault(at, f"found {item['input']!r}", _expected(item["msg"]), _yaml_trap(item), where)]


def plain_path(loc: Sequence[str | int], given: Any) -> list[str]:
    """The key path of an error without the tags that pydantic puts in for unions.

    >>> plain_path(("sources", "a", "csv", "path"), {"sources": {"a": {"kind": "csv"}}})
    ['sources', 'a', 'path']
    """
    path, here = [], given
    for step in loc:
        if isinstance(here, Mapping) and step not in here and here.get("kind") == step:
            continue
        path.append(str(step))
        if isinstance(here, Mapping):
            here = here.get(step)
        elif isinstance(here, list) and isinstance(step, int) and step < len(here):
            here = here[step]
        else:
            here = None
    return path


def _expected(message: str) -> str:
    return message.replace("Input should be ", "").replace("greater than or equal to", "at least").replace("less than or equal to", "at most")


def _yaml_trap(item: Mapping[str, Any]) -> str:
    if item["type"] == "string_type" and isinstance(item["input"], (bool, int, float)):
        return 'YAML read this as a number or a truth value; put it in quotes, such as "no"'
    return ""


def spec_at(path: Sequence[str], given: Any, root: type[Spec]) -> type[Spec] | None:
    """The spec class that a key path leads to, or None where it leads to a plain value."""
    annotation: Any = root
    for step in path:
        if isinstance(annotation, type) and issubclass(annotation, Spec):
            field = annotation.model_fields.get(step)
            if field is None:
                return None
            annotation = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
        elif get_origin(annotation) is dict:
            annotation = get_args(annotation)[1]
        else:
            return None
        given = given.get(step) if isinstance(given, Mapping) else None
        annotation = _narrow(annotation, given)
    return annotation if isinstance(annotation, type) and issubclass(annotation, Spec) else None


def _narrow(annotation: Any, given: Any) -> Any:
    """Choose the member of a union that the given value's kind names."""
    if get_origin(annotation) is Annotated:
        base, *notes = get_args(annotation)
        families = [note.family for note in notes if isinstance(note, Registered)]
        if families and isinstance(given, Mapping):
            return kinds(families[0]).get(str(given.get("kind")), base)
        annotation = base
    if get_origin(annotation) in (Union, UnionType):
        members = [m for m in get_args(annotation) if m is not type(None)]
        named = [m for m in members if isinstance(given, Mapping) and _kind_of(m) == given.get("kind")]
        return (named or members)[0]
    return annotation


def _kind_of(member: Any) -> Any:
    field = getattr(member, "model_fields", {}).get("kind")
    return get_args(field.annotation)[0] if field is not None else None


def _known_keys(path: Sequence[str], given: Any, root: type[Spec]) -> list[str]:
    spec = spec_at(path, given, root)
    return list(spec.model_fields) if spec else []


def _described(path: Sequence[str], given: Any, root: type[Spec]) -> str:
    spec = spec_at(path[:-1], given, root)
    field = spec.model_fields.get(path[-1]) if spec else None
    return (field.description or "").split("\n")[0] if field is not None else ""
