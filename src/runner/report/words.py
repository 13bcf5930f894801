"""Words for people, and text from data that must not act: no control characters, no endless names."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

LONGEST = 240
NO_BREAK = "\u00a0"
NAME = re.compile(r"\w*[_=<>/.\d]\w|\w*[a-z][A-Z]")


def clean(text: object) -> str:
    r"""Text in which nothing acts: control, bidirectional and unprintable characters are spelled out.

    >>> clean("a\x1b[31mred"), clean("two\nlines"), clean("naïve 客")
    ('a\\x1b[31mred', 'two lines', 'naïve 客')
    """
    return "".join(c if c.isprintable() or c == NO_BREAK else " " if c in "\n\t" else repr(c)[1:-1] for c in str(text))


def shorten(text: object, limit: int = LONGEST) -> str:
    """Clean text of at most so many characters.

    >>> shorten("abcdefgh", 5), shorten("abc", 5)
    ('abcd…', 'abc')
    """
    tidy = clean(text)
    return tidy if len(tidy) <= limit else f"{tidy[: limit - 1]}…"


def words(name: str) -> str:
    """A name as words.

    >>> words("credit_officer"), words("success criterion")
    ('credit officer', 'success criterion')
    """
    return shorten(name).replace("_", " ")


def some(number: int, noun: str, plural: str = "") -> str:
    """A count with its noun.

    >>> some(1, "gate"), some(3, "gate"), some(2, "loss", "losses"), some(0, "row")
    ('1 gate', '3 gates', '2 losses', 'no rows')
    """
    if number == 1:
        return f"1 {noun}"
    return f"{f'{number:,}' if number else 'no'} {plural or noun + 's'}"


def listed(names: Sequence[str], limit: int = 6) -> str:
    """Names in a sentence.

    >>> listed(["a"]), listed(["a", "b", "c"]), listed(list("abcdefgh"), 3)
    ('a', 'a, b and c', 'a, b, c and 5 more')
    """
    if len(names) > limit:
        return f"{', '.join(names[:limit])} and {len(names) - limit} more"
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def sentence(text: str, names: Collection[str] = ()) -> str:
    """Text that starts with a capital and ends with a full stop; a name that it begins with stays as it is.

    names: columns and other names that may stand first. A first word with a sign that no word has is a name too.

    >>> sentence("no more complex rung earns more"), sentence("")
    ('No more complex rung earns more.', '')
    >>> sentence("country: 1.3% of the values", ["country"]), sentence("lead_time is far off"), sentence("y=1 stands alone")
    ('country: 1.3% of the values.', 'lead_time is far off.', 'y=1 stands alone.')
    """
    tidy = text.strip()
    if not tidy:
        return ""
    is_name = bool(NAME.match(tidy)) or any(tidy.startswith(name) and not tidy[len(name) : len(name) + 1].isalnum() for name in names if name)
    return (tidy[0] if is_name else tidy[0].upper()) + tidy[1:] + ("" if tidy[-1] in ".!?" else ".")
