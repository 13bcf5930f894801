"""A config as text that people read: plain words where YAML allows, comments where they belong, and the same values when read back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_()]*(?:[ ./+<>=*-]+[A-Za-z0-9_()]+)*")
# Words that one YAML or another reads as a truth value, nothing or a number.
MISREAD = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", "nan", "inf", "e", "o"})
LONGEST = 150

KeyPath = tuple[str, ...]


class OneLine(dict[str, Any]):
    """A section that is written on one line."""


@dataclass(frozen=True)
class Remark:
    """above: lines of comment over a key; beside: a comment at the end of its line."""

    above: tuple[str, ...] = ()
    beside: str = ""


def text(config: Mapping[str, Any], remarks: Mapping[KeyPath, Remark], spaced: frozenset[str] = frozenset()) -> str:
    """YAML of plain values with comments. remarks: key path to what is said of it; spaced: top keys with an empty line before them."""
    return "".join(f"{line}\n" for line in _lines(config, (), remarks, spaced))


def _lines(value: Mapping[str, Any], at: KeyPath, remarks: Mapping[KeyPath, Remark], spaced: frozenset[str]) -> Iterator[str]:
    indent = "  " * len(at)
    for key, below in value.items():
        path = (*at, key)
        remark = remarks.get(path, Remark())
        if not at and key in spaced:
            yield ""
        yield from (f"{indent}# {_comment(line)}" for line in remark.above)
        beside = f" # {_comment(remark.beside)}" if remark.beside else ""
        if isinstance(below, Mapping) and below and not isinstance(below, OneLine):
            yield f"{indent}{scalar(key)}:{beside}"
            yield from _lines(below, path, remarks, spaced)
        elif isinstance(below, list) and (len(one_line(below)) > LONGEST or any(isinstance(item, Mapping) for item in below)):
            yield f"{indent}{scalar(key)}:{beside}"
            yield from (f"{indent}  - {_item(item)}" for item in below)
        else:
            shown = sentence(below) if isinstance(below, str) else one_line(below)
            yield f"{indent}{scalar(key)}: {shown}{beside}"


def _item(item: Any) -> str:
    """An entry of a list that has a line of its own; a section of one key needs no braces there."""
    if isinstance(item, Mapping) and len(item) == 1:
        return "".join(f"{sentence(key)}: {one_line(below)}" for key, below in item.items())
    return one_line(item)


def _comment(line: str) -> str:
    """A comment on one line, whatever a file's names and values hold."""
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in line)


def one_line(value: Any) -> str:
    """A value in YAML's flow form."""
    if isinstance(value, str):
        return scalar(value)
    if isinstance(value, bool) or value is None:
        return "null" if value is None else str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(one_line, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{scalar(key)}: {one_line(below)}' for key, below in value.items())}}}"
    return _number(value)


def _number(value: float) -> str:
    mantissa, mark, exponent = repr(value).partition("e")
    # YAML 1.1 takes 1e-05 for text: it needs a point and a sign.
    return f"{mantissa if '.' in mantissa else f'{mantissa}.0'}e{exponent if exponent[0] in '+-' else f'+{exponent}'}" if mark else mantissa


@cache
def scalar(words: str) -> str:
    """A text as a person would write it, in quotes where a YAML reader could take it for something else.

    >>> print(scalar("credit_risk"), scalar("no"), scalar("it's"), scalar('"a b" > 1'))
    credit_risk "no" "it's" '"a b" > 1'
    """
    if PLAIN.fullmatch(words) and words.casefold() not in MISREAD and yaml.safe_load(words) == words:
        return words
    if words.isprintable() and '"' in words and words.isascii():
        return "'" + words.replace("'", "''") + "'"
    return '"' + "".join(map(_escaped, words)) + '"'


def sentence(words: str) -> str:
    """A text that has the rest of its line to itself, where commas and quotes inside mean nothing to YAML.

    >>> print(sentence("Call, or wait"), sentence("city = 'Bonn'"), sentence("a: b"), sentence("12:30"))
    Call, or wait city = 'Bonn' "a: b" "12:30"
    """
    plain = words[:1].isalpha() and words.isprintable() and words == words.strip() and ": " not in words and " #" not in words and words[-1:] != ":"
    return words if plain and words.casefold() not in MISREAD and yaml.safe_load(words) == words else scalar(words)


def _escaped(sign: str) -> str:
    if sign in '"\\':
        return f"\\{sign}"
    if sign.isprintable():
        return sign
    code = ord(sign)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
