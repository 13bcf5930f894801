"""Pydantic's errors as faults for people: key path without union tags, file and line, expectation, nearest name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import ValidationError

from runner.core.described import described
from runner.core.faults import Fault, listed, nearest
from runner.core.registry import Registered, kinds
from runner.core.spec import ComplaintsError, Spec
from runner.experiment.locate import Place, Places, joined, source_of

SECTION_TYPES = frozenset({"model_type", "model_attributes_type", "dict_type"})
# What patterns of the specs mean, for people.
FORMS = {
    r"^[0-9a-f]{64}$": "a SHA-256: 64 digits and letters from a to f",
    r"^[0-9a-f]{32}$": "an MD5: 32 digits and letters from a to f",
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$": "a date such as 2026-01-31",
    r"^[A-Za-z_][A-Za-z0-9_]*$": "a name of letters, digits and _, such as BANK_DATABASE",
}
# The specs join their complaints with "; "; what starts like this says what would be right, or what to do, about the one before it.
EXPECTS = re.compile(r"(\w+ are |\w+ takes |for a |at most |doing nothing |declare |other schemes )")
HINTS = re.compile(r"did you mean ")
NUMBER_TYPES = frozenset({"float_type", "int_type", "float_parsing", "int_parsing"})
LONGEST = 80
OWN_KIND = "a kind of your own: list the file that registers it under `plugins`"


def from_validation(error: ValidationError, given: Mapping[str, Any], root: type[Spec], places: Places) -> list[Fault]:
    """One fault per error; given: what was validated, below root; places: where each key was set."""
    return [fault for item in error.errors(include_url=False) for fault in _faults(item, given, root, places)]


def _faults(item: Mapping[str, Any], given: Mapping[str, Any], root: type[Spec], places: Places) -> list[Fault]:
    path = plain_path(item["loc"], given)
    at = joined(path) or "experiment"
    kind, context, where = item["type"], item.get("ctx", {}), source_of(at, places)
    if kind == "extra_forbidden":
        known = keys_at(path[:-1], given, root)
        return [Fault(at, f"unknown key {path[-1]!r}", f"one of {listed(known, 30)}", nearest(path[-1], known), where)]
    if kind == "missing":
        return [Fault(at, "is missing", _described(path, given, root) or "a value", f"set {at}", where)]
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return [_kind_fault(path, context, given, root, places)]
    if kind in SECTION_TYPES:
        return [_section_fault(path, item["input"], given, root, where)]
    if isinstance(context.get("error"), ComplaintsError):
        found = [(joined([*path, *told.path]), told) for told in context["error"].complaints]
        return [Fault(below, told.wrong, told.expected, told.hint, source_of(below, places)) for below, told in found]
    if kind == "value_error":
        return _complaints(path, str(context.get("error", item["msg"])), given, root, places)
    expected = FORMS.get(str(context.get("pattern")), "") or _sized(kind, context) or _expected(str(item["msg"]))
    if item["type"] in ("list_type", "tuple_type") and isinstance(item["input"], (str, int, float)):
        expected = f"a list, such as [{item['input']}]"
    hint = _quote_hint(item, places.get(at)) or _unit_hint(item, path, given, root)
    if kind == "literal_error":
        hint = hint or nearest(str(item["input"]), literals(context))
    return [Fault(at, f"found {shown(item['input'])}", expected, hint, where)]


def _sized(kind: str, context: Mapping[str, Any]) -> str:
    """How many there must be, where there are too few or too many; empty for every other error."""
    ends = {"too_short": ("at least", "min_length"), "too_long": ("at most", "max_length")}
    end, bound = ends.get(kind.removeprefix("string_"), ("", ""))
    n = context.get(bound)
    if not end or n is None:
        return ""
    noun = "character" if kind.startswith("string_") else "entry"
    return f"{end} {n} {noun}" if n == 1 else f"{end} {n} {'characters' if noun == 'character' else 'entries'}"


def shown(value: Any) -> str:
    """A value as YAML would have it, on one line, shortened."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _kind_fault(path: Sequence[str], context: Mapping[str, Any], given: Any, root: type[Spec], places: Places) -> Fault:
    at, known = joined(path), kinds_at(path, given, root)
    found = str(context.get("tag", ""))
    wrong = f"unknown kind {found!r}" if found else "is missing"
    hint = nearest(found, known) or (OWN_KIND if found and _is_open(path, given, root) else "")
    return Fault(f"{at}.kind", wrong, f"one of {listed(known)}" if known else "a registered kind", hint, source_of(f"{at}.kind", places))


def _is_open(path: Sequence[str], given: Any, root: type[Spec]) -> bool:
    """Whether plugins may add to the kinds that a section chooses from."""
    declared, _ = _declared_at(path, given, root)
    return get_origin(declared) is Annotated and any(isinstance(note, Registered) for note in get_args(declared)[1:])


def literals(context: Mapping[str, Any]) -> list[str]:
    """The allowed words of a literal, as pydantic lists them in its message."""
    return re.findall(r"'([^']*)'", str(context.get("expected", "")))


def _section_fault(path: Sequence[str], found: Any, given: Any, root: type[Spec], where: str) -> Fault:
    known = keys_at(path, given, root)
    choices = kinds_at(path, given, root)
    expected = f"a section with the keys {listed(known, 30)}" if known else "a section: lines of the form key: value"
    hint = f"{path[-1]}: {{kind: {found if found in choices else choices[0]}}}" if isinstance(found, str) and choices else ""
    return Fault(joined(path), f"found {shown(found)}", expected, hint, where)


def _complaints(path: Sequence[str], text: str, given: Any, root: type[Spec], places: Places) -> list[Fault]:
    """The complaints that a spec's own check joined, each at the key that it names first."""
    parts: list[tuple[str, list[str], list[str]]] = []
    for part in text.split("; "):
        goes_on = 1 if EXPECTS.match(part) else 2 if HINTS.match(part) else 0
        if parts and goes_on:
            parts[-1][goes_on].append(part)  # type: ignore[union-attr]
        else:
            parts.append((part, [], []))
    known = {*keys_at(path, given, root), *_given_keys(path, given)}
    found = []
    for wrong, expected, hints in parts:
        named = wrong.split(" ")[0].strip(":,")
        is_key = named.split(".")[0] in known
        at = joined([*path, *(named.split(".") if is_key else [])]) or "experiment"
        shown_wrong = wrong.removeprefix(f"{named}: ") if is_key else wrong
        found.append(Fault(at, shown_wrong, "; ".join(expected), "; ".join(hints), source_of(at, places)))
    return found


def _given_keys(path: Sequence[str], given: Any) -> list[str]:
    for step in path:
        given = given.get(step) if isinstance(given, Mapping) else None
    return list(map(str, given)) if isinstance(given, Mapping) else []


def plain_path(loc: Sequence[str | int], given: Any) -> list[str]:
    """The key path of an error without the tags that pydantic puts in for unions.

    >>> plain_path(("sources", "a", "csv", "path"), {"sources": {"a": {"kind": "csv"}}})
    ['sources', 'a', 'path']
    >>> plain_path(("s", "bins", "bins"), {"s": {"kind": "bins", "bins": 1}})
    ['s', 'bins']
    """
    path, here, tagged = [], given, None
    for step in loc:
        # The tag comes first, even where the section has a key of the same name.
        if isinstance(here, Mapping) and here is not tagged and here.get("kind") == step:
            tagged = here
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
    words = message.replace("Input should be ", "").replace("greater than or equal to", "at least").replace("less than or equal to", "at most")
    return (
        words.replace("a valid string", "text")
        .replace("a valid boolean", "true or false")
        .replace("a valid list", "a list [a, b]")
        .replace("a valid array", "a list [a, b]")
    )


def _quote_hint(item: Mapping[str, Any], place: Place | None) -> str:
    if item["type"] != "string_type" or not isinstance(item["input"], (bool, int, float)):
        return ""
    text = place.text if place and place.text else shown(item["input"])
    read = "" if text == shown(item["input"]) else f"{text} is read as {shown(item['input'])}; "
    return f'{read}put it in quotes: "{text}"'


def _unit_hint(item: Mapping[str, Any], path: Sequence[str], given: Any, root: type[Spec]) -> str:
    """What the number counts, where a percentage stands for a share, or a text such as 50ms for a number."""
    found, kind, context = item["input"], item["type"], item.get("ctx", {})
    limit = context.get("lt", context.get("le"))
    if kind in ("less_than", "less_than_equal") and limit == 1 and isinstance(found, (int, float)) and 1 < found <= 100:
        return f"{found:g}% is written {found / 100:g}"
    return _described(path, given, root) if kind in NUMBER_TYPES and isinstance(found, str) else ""


def spec_at(path: Sequence[str], given: Any, root: type[Spec]) -> type[Spec] | None:
    """The spec class that a key path leads to, or None where it leads to a plain value."""
    declared, found = _declared_at(path, given, root)
    annotation = _narrow(declared, found)
    return annotation if isinstance(annotation, type) and issubclass(annotation, Spec) else None


def kinds_at(path: Sequence[str], given: Any, root: type[Spec]) -> list[str]:
    """The kinds among which the section at a key path may choose; empty where there is nothing to choose."""
    declared, _ = _declared_at(path, given, root)
    base, *notes = get_args(declared) if get_origin(declared) is Annotated else (declared,)
    families = [note.family for note in notes if isinstance(note, Registered)]
    return [*kinds(families[0])] if families else [str(kind) for member in get_args(base) if (kind := _kind_of(member))]


def _declared_at(path: Sequence[str], given: Any, root: type[Spec]) -> tuple[Any, Any]:
    """What the specs declare at a key path, and what was given there; (None, None) for a path that leads nowhere."""
    annotation: Any = root
    for step in path:
        annotation = _narrow(annotation, given)
        if isinstance(annotation, type) and issubclass(annotation, Spec):
            field = annotation.model_fields.get(step)
            if field is None:
                return None, None
            annotation = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
        elif get_origin(annotation) is dict:
            annotation = get_args(annotation)[1]
        else:
            return None, None
        given = given.get(step) if isinstance(given, Mapping) else None
    return annotation, given


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


def keys_at(path: Sequence[str], given: Any, root: type[Spec]) -> list[str]:
    """The keys that may be set below a key path; empty where anything or nothing may."""
    spec = spec_at(path, given, root)
    return list(spec.model_fields) if spec else []


def is_declared(path: Sequence[str], given: Any, root: type[Spec]) -> bool:
    """Whether a key path leads to a field that some spec declares."""
    return bool(path) and path[-1] in keys_at(path[:-1], given, root)


def _described(path: Sequence[str], given: Any, root: type[Spec]) -> str:
    spec = spec_at(path[:-1], given, root)
    return described(spec).get(path[-1], "").split("\n")[0] if spec else ""
