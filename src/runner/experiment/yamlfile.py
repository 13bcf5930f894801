"""Reading a config file: its plain values as Hydra would have them, and what is wrong with it as YAML, in bounded time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from runner.core.faults import Fault
from runner.experiment.yamlbounds import MAX_DEPTH, TOO_DEEP, bound_faults, flow_depth, line_too_deep, nodes_in

DIRECTIVE = re.compile(r"# @package\s+[\w.]+")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
DISPUTED = re.compile("[\t\x85\u2028\u2029\ufeff]")
MAX_BYTES = 1_000_000
# Brackets that nest deeper cost the parser seconds; counted roughly, so far above what is allowed.
LONGEST_FLOW = 1000
STRING, MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"
PLAIN = frozenset({"map", "seq", "str", "int", "float", "bool", "null"})


@cache
def _omegaconf_loader() -> Any:
    from omegaconf._utils import get_yaml_loader

    return get_yaml_loader()


@cache
def _loader() -> Any:
    """libyaml's speed where the platform has it, with the meaning that OmegaConf gives to plain words."""
    fast: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return type("Loader", (fast,), {"yaml_implicit_resolvers": _omegaconf_loader().yaml_implicit_resolvers})


def _loader_for(text: str) -> Any:
    """The fast reader, but for signs that it takes where the reader of sweeps, Hydra's, does not."""
    return _omegaconf_loader() if DISPUTED.search(text) else _loader()


def below(path: str, key: object) -> str:
    """The path of a key below another, on one line; a key with a dot in it stands in quotes.

    >>> below("data.columns", "age"), below("data.columns", "a.b"), below("", "name")
    ('data.columns.age', 'data.columns."a.b"', 'name')
    >>> print(below("data.columns", chr(10)))
    data.columns.\\n
    """
    step = f'"{key}"' if "." in str(key) else str(key)
    if not step.isprintable():
        step = "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in step)
    return f"{path}.{step}" if path else step


@dataclass(frozen=True)
class Document:
    """A file that was read. values: dicts, lists and plain values, {} when it is empty or faulty; text: as it stands there."""

    values: Any
    text: str = ""
    faults: tuple[Fault, ...] = ()


def read_document(path: Path, shown: str) -> Document:
    """Read a file once: parse it, judge it, and only then make values of it. shown: its path for people."""
    try:
        size, head = path.stat().st_size, path.read_bytes()[: len(BYTE_ORDER_MARK)] if path.stat().st_size <= MAX_BYTES else b""
        if size > MAX_BYTES:
            return _faulty(Fault(shown, f"has {size:,} bytes", f"at most {MAX_BYTES:,}", "config is for people; long tables are data"))
        if head == BYTE_ORDER_MARK:
            return _faulty(Fault(f"{shown}:1", "starts with a byte order mark", "UTF-8 text without it", "save the file as UTF-8 without BOM"))
        text = path.read_text(encoding="utf-8")
        loader, root = _composed(text)
        faults = [*_header_faults(text, shown), *([] if root is None else _node_faults(root, shown))]
        return Document({}, text, tuple(faults)) if faults else Document({} if root is None else loader.construct_document(root), text)
    except OSError as error:
        return _faulty(Fault(shown, f"cannot be read: {error.strerror}", "a readable file"))
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        return _faulty(unreadable(error, path, shown))


def _faulty(fault: Fault) -> Document:
    return Document({}, "", (fault,))


def syntax_faults(path: Path, shown: str) -> list[Fault]:
    """What is wrong with a file as YAML: too large, not UTF-8, tabs, no mapping, a key twice, keys and tags that are no text."""
    return list(read_document(path, shown).faults)


def root_of(path: Path) -> yaml.Node | None:
    """The top node of a file, None when it is empty. Raises yaml.YAMLError, UnicodeDecodeError, OSError, RecursionError."""
    return _composed(path.read_text(encoding="utf-8"))[1]


def plain_values(text: str) -> Any:
    """The dicts, lists and plain values of a YAML text, {} when it is empty. Raises yaml.YAMLError, RecursionError."""
    loader, root = _composed(text)
    read = None if root is None else loader.construct_document(root)
    return {} if read is None else read


def _composed(text: str) -> tuple[Any, yaml.Node | None]:
    """A reader that has read a text, and the top node."""
    if flow_depth(text) > LONGEST_FLOW:
        raise RecursionError
    loader = _loader_for(text)(text)
    try:
        return loader, loader.get_single_node()
    except yaml.YAMLError:
        if flow_depth(text) > MAX_DEPTH:
            raise RecursionError from None
    # Where the two disagree, the reader that Hydra uses is right.
    loader = _omegaconf_loader()(text)
    return loader, loader.get_single_node()


def line_of(path: Path, text: str) -> int:
    """The first line of a file that has a text outside of comments, 0 when none has."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((n for n, line in enumerate(lines, 1) if text in line.split("#")[0]), 0)


def _header_faults(text: str, shown: str) -> list[Fault]:
    """Lines that Hydra takes for directives and does not understand."""
    head = [(n, line.strip()) for n, line in enumerate(text.splitlines(), 1) if line.strip().startswith("# @")]
    expected = "# @package _global_"
    return [Fault(f"{shown}:{n}", f"has the directive {line!r}", expected) for n, line in head if not DIRECTIVE.fullmatch(line)]


def _node_faults(root: yaml.Node, shown: str) -> list[Fault]:
    if not isinstance(root, yaml.MappingNode):
        return [Fault(f"{shown}:{root.start_mark.line + 1}", "is not a mapping", "lines of the form key: value")]
    return bound_faults(root, shown) or [*_key_faults(root, "", shown), *_tag_faults(root, shown), *_defaults_faults(root, shown)]


def has_resolver(text: str) -> bool:
    """Whether a text calls a resolver: a colon inside ${...}, however deep, since names can be put together.

    >>> has_resolver("${oc.env:HOME}"), has_resolver("${a.${b}:HOME}"), has_resolver("${a.b}: x")
    (True, True, False)
    """
    depth = 0
    for i, sign in enumerate(text):
        if text.startswith("${", i):
            depth += 1
        elif sign == "}":
            depth = max(0, depth - 1)
        elif sign == ":" and depth:
            return True
    return False


def _defaults_faults(root: yaml.MappingNode, shown: str) -> Iterator[Fault]:
    """A defaults list holds options, each a word or one `group: option`."""
    for key, value in root.value:
        if key.value != "defaults":
            continue
        if not isinstance(value, yaml.SequenceNode):
            yield Fault(f"{shown}:{key.start_mark.line + 1}", "the defaults are no list", "lines of the form `- group: option`")
            continue
        for item in value.value:
            if any(has_resolver(word) for word in words_in(item)):
                yield Fault(f"{shown}:{item.start_mark.line + 1}", "calls a resolver, which is not allowed", "the name of an option")
            elif not _is_default(item):
                yield Fault(f"{shown}:{item.start_mark.line + 1}", "is no entry of a defaults list", "- group: option, or - option")


def words_in(node: yaml.Node) -> list[str]:
    """Every key and plain value below a node."""
    if isinstance(node, yaml.ScalarNode):
        return [str(node.value)]
    return [word for inner in nodes_in(node) for word in words_in(inner)]


def _is_default(item: yaml.Node) -> bool:
    if isinstance(item, yaml.MappingNode):
        return len(item.value) == 1 and all(not isinstance(v, yaml.MappingNode) and _is_text(k) for k, v in item.value)
    return _is_text(item)


def _is_text(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == STRING


def unreadable(error: Exception, path: Path, shown: str) -> Fault:
    """Why a file cannot be read, by what its reader raised: a YAMLError, a UnicodeDecodeError or a RecursionError."""
    if isinstance(error, UnicodeDecodeError):
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        return Fault(f"{shown}:{line}", f"is not UTF-8 (byte {error.object[error.start]:#04x})", "UTF-8 text", "save the file as UTF-8")
    if isinstance(error, RecursionError):
        line = line_too_deep(path.read_text(encoding="utf-8"))
        return Fault(f"{shown}:{line}" if line else shown, TOO_DEEP, f"at most {MAX_DEPTH} levels")
    if isinstance(error, yaml.MarkedYAMLError):
        return _ungrammatical(error, shown)
    reason = " ".join(str(getattr(error, "reason", error)).split())
    text = path.read_text(encoding="utf-8")
    sign = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if sign is not None:
        line, reason = text.count("\n", 0, sign.start()) + 1, f"it has the control character U+{ord(sign.group()):04X}"
    return Fault(shown if sign is None else f"{shown}:{line}", f"is not valid YAML: {reason}", "plain text", "remove the control character")


def _ungrammatical(error: yaml.MarkedYAMLError, shown: str) -> Fault:
    mark = error.problem_mark or error.context_mark
    place = f"{shown}:{mark.line + 1}" if mark else shown
    problem = str(error.problem)
    if "cannot start any token" in problem:
        expected = "spaces for indentation, quotes around text that starts with a special sign"
        return Fault(place, "has a tab or another sign that cannot start a value", expected)
    if "mapping values are not allowed" in problem:
        return Fault(place, "has `: ` inside a plain text", "one key per line", "put text that holds a colon in quotes")
    if "another document" in problem:
        return Fault(place, "starts a second document", "one document per file", "remove the line ---")
    return Fault(place, f"is not valid YAML: {problem}", "key: value lines, indented with spaces", "look at this line and the one above")


def _key_faults(node: yaml.Node, prefix: str, shown: str) -> Iterator[Fault]:
    if not isinstance(node, yaml.MappingNode):
        for i, entry in enumerate(node.value if isinstance(node, yaml.SequenceNode) else []):
            yield from _key_faults(entry, f"{prefix}.{i}", shown)
        return
    seen: dict[str, int] = {}
    for key, value in node.value:
        name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
        path, line = below(prefix, name), key.start_mark.line + 1
        if name in seen and key.tag != MERGE:
            yield Fault(path, "the key is set twice", "each key once", f"it stands in line {seen[name]} already", f"{shown}:{line}")
        elif trap := _misread(key):
            yield Fault(path, f"YAML reads the key {name} as {trap}", "text", f'put it in quotes: "{name}":', f"{shown}:{line}")
        seen[name] = line
        yield from _key_faults(value, path, shown)


def _misread(key: yaml.Node) -> str:
    """What YAML makes of a key that a person meant as text; '' where it stays what it is."""
    if key.tag in (STRING, MERGE):
        return ""
    if not isinstance(key, yaml.ScalarNode):
        return "a list or a section"
    read = yaml.load(str(key.value), Loader=_omegaconf_loader())  # noqa: S506 - a safe loader, on one word
    return "" if not isinstance(read, bool) and str(read) == key.value else {True: "true", False: "false", None: "nothing"}.get(read, str(read))


def _tag_faults(node: yaml.Node, shown: str) -> Iterator[Fault]:
    if node.tag.removeprefix("tag:yaml.org,2002:") not in PLAIN and node.tag != MERGE:
        tag = node.tag.replace("tag:yaml.org,2002:", "!!")
        yield Fault(f"{shown}:{node.start_mark.line + 1}", f"has the tag {tag}", "plain values", "config names data, never code or objects")
    for inner in nodes_in(node) if not isinstance(node, yaml.ScalarNode) else []:
        yield from _tag_faults(inner, shown)
