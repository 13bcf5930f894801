"""What went wrong, said to a person: what, where, what was expected, what to do next."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import IntEnum

from runner.core.secrets import masked


class ExitCode(IntEnum):
    """The four answers of every verb; anything else is the operating system's."""

    PASSED = 0
    BUG = 1
    BAD_INPUT = 2
    REFUSED = 3


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong.

    at: where (a config key path, a file, a row, a column); wrong: what was found;
    expected: what would be right; hint: the next step or the nearest valid name.
    """

    at: str
    wrong: str
    expected: str = ""
    hint: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        """Passwords in addresses are masked here, since faults go to screens, logs and files."""
        for name in ("at", "wrong", "expected", "hint", "source"):
            object.__setattr__(self, name, masked(getattr(self, name)))

    def __str__(self) -> str:
        """One fault in at most four short lines.

        >>> print(Fault("training.trails", "unknown key", expected="trials", hint="did you mean 'trials'?"))
        training.trails: unknown key
            expected: trials
            next: did you mean 'trials'?
        """
        place = f"{self.at} ({self.source})" if self.source else self.at
        lines = [f"{place}: {self.wrong}"]
        if self.expected:
            lines.append(f"    expected: {self.expected}")
        if self.hint:
            lines.append(f"    next: {self.hint}")
        return "\n".join(lines)


class FaultsError(Exception):
    """Everything that is wrong with what a person gave, collected. Exits with 2 unless told otherwise."""

    exit_code = ExitCode.BAD_INPUT

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(map(str, self.faults)))


class RefusedError(FaultsError):
    """The input is well formed, but the declared contract forbids to go on. Exits with 3."""

    exit_code = ExitCode.REFUSED


def fault(at: str, wrong: str, expected: str = "", hint: str = "") -> FaultsError:
    """A FaultsError of a single fault, to raise at once."""
    return FaultsError([Fault(at, wrong, expected, hint)])


def nearest(name: str, known: Collection[str]) -> str:
    """A sentence with the nearest known name, or the empty string.

    >>> nearest("Amoun", ["Amount", "Price"])
    "did you mean 'Amount'?"
    >>> nearest("t\u0430sk", ["task"])
    "did you mean 'task'? '\u0430' in it is CYRILLIC SMALL LETTER A"
    >>> nearest("zzz", ["Amount"])
    ''
    """
    folded = {str(k).casefold().strip(): str(k) for k in known}
    match = get_close_matches(str(name).casefold().strip(), list(folded), 1, cutoff=0.6)
    if not match:
        return ""
    meant = folded[match[0]]
    # A letter of another alphabet may look just like the right one.
    foreign = next((sign for sign in str(name) if meant.isascii() and not sign.isascii()), "")
    alike = f" {foreign!r} in it is {unicodedata.name(foreign, 'no letter')}" if foreign.isprintable() and foreign else ""
    return f"did you mean {meant!r}?{alike}"


def listed(names: Iterable[object], limit: int = 12) -> str:
    """Names for a message, shortened when there are many.

    >>> listed(["b", "a"])
    'a, b'
    >>> listed(range(20), limit=2)
    '0, 1 and 18 more'
    """
    ordered = sorted(map(str, names)) if not isinstance(names, range) else [str(n) for n in names]
    if len(ordered) <= limit:
        return ", ".join(ordered)
    return f"{', '.join(ordered[:limit])} and {len(ordered) - limit} more"


def counted(n: int, noun: str) -> str:
    """A number of things.

    >>> counted(1, "row"), counted(2000, "row")
    ('1 row', '2,000 rows')
    """
    return f"1 {noun}" if n == 1 else f"{n:,} {noun}s"
