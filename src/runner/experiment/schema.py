"""JSON Schema (draft-07) of what config may say, made from the specs alone: editors complete and check by it, `explain` and the docs read it.

A config file is a diff: nothing is required in it, and `${...}` may stand where a value is expected. What an experiment must have in
the end is kept in keywords of our own, which validators pass over: `x-required`, `x-kinds`, `x-searched`, `x-traits`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, get_args

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import ModelSchema

from runner.core.described import described
from runner.core.registry import FAMILY, SETTINGS_OF, Family, kinds
from runner.core.spec import Spec
from runner.experiment.model import Experiment
from runner.experiment.schema_words import KINDS, first_sentence, headline
from runner.training.models.space import CandidateSpec

Node = dict[str, Any]

DRAFT = "http://json-schema.org/draft-07/schema#"
POINTER = "#/definitions/"
# A value that another key gives, or that is left open for another file.
LATER = {"pattern": r"\$\{|^\?\?\?$", "patternErrorMessage": "text is right here only as ${another.key}"}
LATER_TEXT = {"type": "string", **LATER}
KEPT = ("description", "default", SETTINGS_OF)


def experiment_schema(groups: Mapping[str, Sequence[str]], root: type[Spec] = Experiment) -> Node:
    """The schema of every file that goes over the whole config. groups: config group to its options, proposed in defaults lists."""
    plain = root.model_json_schema(ref_template=POINTER + "{model}", schema_generator=_Described)
    definitions = plain.pop("$defs", {})
    partial = _Partial(_names(plain, definitions), definitions)
    properties = {key: partial.field(node, key) for key, node in plain["properties"].items()}
    for key in plain["required"]:
        # What every experiment sets itself is left open in the main config.
        properties[key] = _nullable(properties[key]) if "type" in properties[key] else properties[key]
    sections = {partial.names[name]: partial.section(partial.names[name], node) for name, node in definitions.items()}
    for family in get_args(Family):
        _add_facts(sections, family)
    return {
        "$schema": DRAFT,
        "type": "object",
        "properties": {"defaults": _defaults(groups), **properties},
        "additionalProperties": False,
        "x-required": plain["required"],
        "definitions": dict(sorted({**sections, **partial.families}.items())),
    }


class _Described(GenerateJsonSchema):
    """Pydantic's schema, with what the docstrings say about each field."""

    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        node = super().model_schema(schema)
        spec: type[Spec] = schema["cls"]
        for name, text in described(spec).items():
            if name in node.get("properties", {}):
                node["properties"][name]["description"] = text
        return node


def group_schema(schema: Node, package: str, home: str) -> Node | None:
    """The schema of the files of a group, whose content goes below a key path; None where the path leads to no section.

    home: how the files of these schemas refer to the experiment's own.
    """
    node: Node | None = schema
    for step in package.split(".") if package else []:
        node = _below(schema, node, step) if node is not None else None
    if node is None:
        return None
    resolved = _pointed(schema, node)
    found = _homed({key: value for key, value in resolved.items() if key not in ("$schema", "definitions")}, home)
    if KINDS not in found:
        found["properties"] = {"defaults": {"$ref": f"{home}#/properties/defaults"}, **found.get("properties", {})}
    return {"$schema": DRAFT, **found}


class _Partial:
    """Turns pydantic's schema of whole sections into one of diffs.

    names: of definitions, pydantic's to ours; docs: our name to the description; families: found on the way.
    """

    def __init__(self, names: Mapping[str, str], definitions: Mapping[str, Node]) -> None:
        self.names = names
        self.docs = {names[name]: first_sentence(node.get("description", "")) for name, node in definitions.items()}
        self.families: dict[str, Node] = {}

    def section(self, name: str, node: Node) -> Node:
        """The definition of a spec. name: ours."""
        about = node.get("description", "")
        properties = {key: self.field(below, key) for key, below in node["properties"].items()}
        if "const" in properties.get("kind", {}):
            properties["kind"]["description"] = _about_kind(name.partition(".")[0])
        return {
            "description": about,
            **_or_later("object"),
            "properties": properties,
            "additionalProperties": False,
            "x-required": node.get("required", []),
        }

    def field(self, node: Node, key: str) -> Node:
        """What may stand at a key."""
        kept = {name: node[name] for name in KEPT if name in node}
        found = self._value(node, key)
        if kept.get("default") is None or "$ref" in found:
            kept.pop("default", None)
        # Editors show the title above the description.
        title = {} if "const" in found else {"title": "section" if "$ref" in found else headline(kept | found, required=False)}
        return {**title, **kept, **found}

    def _value(self, node: Node, key: str) -> Node:
        if "$ref" in node:
            return {"$ref": POINTER + self.names[_named(node)]}
        if "discriminator" in node or FAMILY in node:
            return self._family(node, key)
        if "anyOf" in node:
            return self._either(node["anyOf"], key)
        if "const" in node:
            return {"const": node["const"]}
        if "enum" in node:
            return {"anyOf": [{"enum": node["enum"]}, LATER_TEXT]}
        limits = {name: value for name, value in node.items() if name not in (*KEPT, FAMILY, "title", "type", "items", "additionalProperties", "minProperties")}
        kind = node.get("type")
        if kind in (None, "string"):
            return {"type": "string", **limits} if kind else limits
        found = {**_or_later(kind), **limits}
        if "items" in node:
            found["items"] = self._value(node["items"], key)
        if isinstance(below := node.get("additionalProperties"), dict):
            found["additionalProperties"] = self._value(below, key)
        if SETTINGS_OF in node:
            family = node[SETTINGS_OF]
            found["properties"] = {kind: {"$ref": f"{POINTER}{family}.{kind}"} for kind in kinds(family)}
        return found

    def _either(self, members: Sequence[Node], key: str) -> Node:
        values = [self._value(member, key) for member in members if member.get("type") != "null"]
        if len(values) == len(members):
            return {"anyOf": values}
        if len(values) == 1 and "type" in values[0]:
            return _nullable(values[0])
        return {"anyOf": [*(choice for value in values for choice in value.get("anyOf", [value])), {"type": "null"}]}

    def _family(self, node: Node, key: str) -> Node:
        """A section that its `kind` word chooses; one definition for each family. Without any kind, each plugin declares its own keys."""
        family = _family_name(node, key)
        refs = {word: {"$ref": POINTER + self.names[ref.removeprefix(POINTER)]} for word, ref in _mapping(node).items()}
        told = [self.docs.get(_named(ref), "") for ref in refs.values()]
        kind = {"title": f"kind of {family}", "description": _about_kind(family)}
        words = {"anyOf": [{"enum": list(refs), "enumDescriptions": told}, LATER_TEXT]} if refs else {"type": "string"}
        chosen = [{"if": {"type": "object", "properties": {"kind": {"const": word}}, "required": ["kind"]}, "then": ref} for word, ref in refs.items()]
        unchosen = {"if": {"type": "object", "not": {"required": ["kind"]}}, "then": {"anyOf": list(refs.values())}}
        branches = {"allOf": [*chosen, unchosen]} if refs else {}
        about = f"A part of the family {family}: its kind decides which keys it has."
        properties = {"kind": kind | words}
        self.families[family] = {"description": about, **_or_later("object"), "properties": properties, **branches, KINDS: refs, FAMILY: family}
        return {"$ref": POINTER + family}


def _about_kind(family: str) -> str:
    return f"Which kind of {family} this is; the other keys depend on it."


def _mapping(node: Node) -> Mapping[str, str]:
    """Kind to the pointer at its definition."""
    mapping: Mapping[str, str] = node.get("discriminator", {}).get("mapping", {})
    return mapping


def _or_later(kind: str) -> Node:
    return {"type": [kind, "string"], **LATER}


def _nullable(node: Node) -> Node:
    kinds_of = [node["type"]] if isinstance(node["type"], str) else node["type"]
    return {**node, "type": [*kinds_of, "null"]}


def _named(node: Node) -> str:
    return str(node["$ref"]).removeprefix(POINTER)


def _family_name(node: Node, key: str) -> str:
    return str(node.get(FAMILY) or key.removesuffix("s"))


def _names(plain: Node, definitions: Mapping[str, Node]) -> dict[str, str]:
    """Names of definitions for people: `step.sql` for a kind, `Column` for any other spec."""
    names: dict[str, str] = {}
    waiting: list[tuple[str, Any]] = [("", plain), *definitions.items()]
    while waiting:
        key, node = waiting.pop()
        if isinstance(node, dict):
            if "discriminator" in node:
                family = _family_name(node, key)
                names |= {ref.removeprefix(POINTER): f"{family}.{kind}" for kind, ref in _mapping(node).items()}
            waiting += [(key if name in ("additionalProperties", "items") else name, below) for name, below in node.items()]
    for name in definitions:
        short = name.rpartition("__")[2].removesuffix("Spec")
        names.setdefault(name, name if short in names.values() else short)
    return names


def _add_facts(sections: Mapping[str, Node], family: Family) -> None:
    """What a spec says of its kind beside its fields: what a study searches, and what is true of every part of the kind."""
    for kind, spec in kinds(family).items():
        section = sections.get(f"{family}.{kind}")
        if section is None:
            continue
        traits = {name: value for name in sorted(spec.__class_vars__) if isinstance(value := getattr(spec, name), bool)}
        if traits:
            section["x-traits"] = traits
        if issubclass(spec, CandidateSpec):
            for name, searched in spec.space.items():
                section["properties"][name]["x-searched"] = asdict(searched)


def _defaults(groups: Mapping[str, Sequence[str]]) -> Node:
    chosen = {f"override /{group}": {"type": "string", "examples": list(options)} for group, options in sorted(groups.items()) if group}
    entry = {"type": "object", "maxProperties": 1, "properties": chosen, "additionalProperties": {"type": ["string", "array", "null"]}}
    return {
        "description": "Which options of config groups this file is a diff to, in order; `_self_` is the file itself.",
        "type": "array",
        "items": {"anyOf": [{"type": "string"}, entry]},
    }


def _pointed(schema: Node, node: Node) -> Node:
    """The node with the definition that it points to; its own words win."""
    if "$ref" not in node:
        return node
    return {**schema["definitions"][_named(node)], **{name: value for name, value in node.items() if name != "$ref"}}


def _below(schema: Node, node: Node, step: str) -> Node | None:
    resolved = _pointed(schema, node)
    below = resolved.get("properties", {}).get(step, resolved.get("additionalProperties"))
    return below if isinstance(below, dict) else None


def _homed(value: Any, home: str) -> Any:
    """The node with its pointers into another file."""
    if isinstance(value, dict):
        return {key: f"{home}{below}" if key == "$ref" else _homed(below, home) for key, below in value.items()}
    return [_homed(below, home) for below in value] if isinstance(value, list) else value
