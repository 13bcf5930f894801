"""What a node of the JSON Schema says, in words for people: the type, its limits, its default."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

Node = Mapping[str, Any]

# Keywords of our own, which validators pass over.
KINDS, FAMILY, SETTINGS_OF = "x-kinds", "x-family", "x-settings-of"
# Set where pointers are resolved: whether null may stand for the section.
OPTIONAL = "x-optional"
TYPES = {"integer": "whole number", "number": "number", "boolean": "true or false", "string": "text"}
LIMITS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {}",
    "maxItems": "at most {}",
}


def type_words(node: Node) -> str:
    """The type of a node whose pointers are resolved.

    >>> type_words({"type": ["array", "string"], "items": {"type": "string"}})
    'list of text'
    >>> type_words({"type": ["object", "string"], "additionalProperties": {"type": ["number", "string", "null"]}})
    'map of name to number'
    """
    if KINDS in node:
        return "section, chosen by its kind"
    if allowed(node):
        return "one of " + ", ".join(map(plain, allowed(node)))
    if "anyOf" in node and "type" not in node:
        return " or ".join(dict.fromkeys(type_words(member) for member in node["anyOf"] if member.get("type") != "null" and not _is_later(member)))
    kind = _first_type(node)
    if kind == "array":
        return f"list of {type_words(node.get('items', {}))}"
    below = node.get("additionalProperties")
    if kind == "object" and isinstance(below, Mapping):
        return f"map of name to {type_words(below)}"
    return "section" if kind == "object" or "$ref" in node else TYPES.get(kind, "anything")


def allowed(node: Node) -> list[Any]:
    """The only values that a node may have, as far as it lists them."""
    if "const" in node:
        return [node["const"]]
    return list(node.get("enum") or next((member["enum"] for member in node.get("anyOf", []) if "enum" in member), []))


def limits(node: Node) -> str:
    """The declared limits of a value; '' for none.

    >>> limits({"minimum": 1, "maximum": 100})
    'at least 1, at most 100'
    """
    if node.get("maxLength") == 1 == node.get("minLength"):
        return "one character"
    return ", ".join(words.format(plain(node[name])) for name, words in LIMITS.items() if name in node)


def searched(node: Node) -> str:
    """What a study tries of a setting; '' where it is not searched."""
    if "x-searched" not in node:
        return ""
    space = node["x-searched"]
    return f"{space['low']:g} to {space['high']:g}{', on a logarithmic scale' if space['log'] else ''}"


def default(node: Node, required: bool) -> str:
    """The default, in words where there is none."""
    if required:
        return "none, it must be set"
    if "default" in node:
        return plain(node["default"])
    return "those of its keys" if is_section(node) and not node.get(OPTIONAL) else "nothing"


def plain(value: Any) -> str:
    """A value as config would have it, on one line."""
    return value if isinstance(value, str) and value.isprintable() and value.strip() == value != "" else json.dumps(value, ensure_ascii=False)


def headline(node: Node, required: bool) -> str:
    """Type, limits and default on one line."""
    parts = [type_words(node), limits(node), f"default {default(node, False)}" if "default" in node and not required else ""]
    return ", ".join(part for part in parts if part)


def first_sentence(text: str) -> str:
    """The first sentence of a description.

    >>> first_sentence("One thing. And another.")
    'One thing.'
    """
    head = " ".join(text.partition("\n\n")[0].split())
    end = head.find(". ")
    return head if end < 0 else head[: end + 1]


def _first_type(node: Node) -> str:
    kinds = node.get("type", "")
    return kinds if isinstance(kinds, str) else str(kinds[0])


def _is_later(node: Node) -> bool:
    return "patternErrorMessage" in node and node.get("type") == "string"


def is_section(node: Node) -> bool:
    """Whether the node is a section with keys of its own, not a map from names."""
    return KINDS in node or ("properties" in node and node.get("additionalProperties") is False)


def nullable(node: Node) -> bool:
    """Whether null may stand there."""
    return bool(node.get(OPTIONAL)) or "null" in _types(node)


def _types(node: Node) -> Iterator[str]:
    kinds = node.get("type", [])
    yield from [kinds] if isinstance(kinds, str) else kinds
    for member in node.get("anyOf", []):
        yield from _types(member)
