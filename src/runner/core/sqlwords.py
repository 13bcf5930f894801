"""What the engine says of an expression that does not type, in words for people."""

from __future__ import annotations

import re

TYPES = {
    r"dyn (?:int|float)|u?int(?:8|16|32|64)|float(?:32|64)|[iu](?:8|16|32|64|128)|f(?:32|64)|decimal(?:\[[^\]]*\])?|numeric type": "a number",
    r"str|string|String": "text",
    r"bool|Boolean": "true or false",
    r"date|Date": "a date",
    r"datetime(?:\[[^\]]*\])?|[Dd]atetime\([^)]*\)": "a moment",
    r"duration(?:\[[^\]]*\])?": "a span of time",
}
RULES: tuple[tuple[str, str], ...] = (
    (r"arithmetic on dtypes (?P<a>.+?) and (?P<b>.+?) is not allowed.*", "it calculates with {a} and {b}"),
    (r"(?P<sign>\S+) not allowed on (?P<a>.+?) and (?P<b>.+)", "{sign} cannot take {a} and {b}"),
    (r"cannot compare (?P<a>.+?) (?:with|to) (?P<b>numeric type|.+?)(?: \(\w+\))?\b.*", "it compares {a} with {b}"),
    (r"`bit(?:and|or|xor)` operation not supported for dtype `(?P<a>[^`]+)`.*", "AND, OR and NOT take true or false, not {a}"),
    (r"`(?P<sign>[^`]+)` operation not supported for dtypes? `(?P<a>[^`]+)`(?: and `(?P<b>[^`]+)`)?.*", "{sign} cannot take {a}"),
    (r"invalid series dtype: expected `(?P<a>[^`]+)`, got `(?P<b>[^`]+)` for series with name `(?P<sign>[^`]*)`.*", "it needs {a}, and {sign!r} is {b}"),
)
CAST = re.compile(r"\.(?:strict_)?cast\(Unknown\([^()]*\)\)|\bdyn (?:int|float): ")


def told(message: str) -> str:
    """The engine's first line without the words of its inside.

    >>> told("arithmetic on dtypes str and dyn float is not allowed (lhs: column 's', rhs: expression `dyn float: 1.5`); try an explicit cast first")
    'it calculates with text and a number'
    >>> told("invalid series dtype: expected `Boolean`, got `i64` for series with name `tenure`")
    "it needs true or false, and 'tenure' is a number"
    """
    for pattern, words in RULES:
        if found := re.fullmatch(pattern, message):
            given = found.groupdict()
            return words.format(sign=given.get("sign", ""), a=type_words(given["a"]), b=type_words(given.get("b") or ""))
    return CAST.sub("", message)


def type_words(dtype: str) -> str:
    """The engine's name of a type for people; one that has no other name stays.

    >>> type_words("dyn float"), type_words("str"), type_words("list[i64]")
    ('a number', 'text', 'list[i64]')
    """
    return next((words for pattern, words in TYPES.items() if re.fullmatch(pattern, dtype.strip())), dtype)
