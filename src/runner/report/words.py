"""Words for people, and text from data that must not act: no control characters, no endless names."""

from __future__ import annotations

from collections.abc import Sequence

LONGEST = 240
NO_BREAK = "\u00a0"


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


def sentence(text: str) -> str:
    """Text that starts with a capital and ends with a full stop.

    >>> sentence("no more complex rung earns more"), sentence("")
    ('No more complex rung earns more.', '')
    """
    tidy = text.strip()
    if not tidy:
        return ""
    return tidy[0].upper() + tidy[1:] + ("" if tidy[-1] in ".!?" else ".")
