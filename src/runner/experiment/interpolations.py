"""What ${...} may do in config: look up another key, and the environment where nothing is stored. Judged before anything is resolved."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from runner.core.faults import Fault, listed, nearest
from runner.core.secrets import has_password
from runner.experiment.model import UNSTORED
from runner.experiment.yamlfile import below, has_resolver

ENVIRONMENT = "tracking"
# The start of what is looked up by a full name: a key, or the environment.
LOOKUP = re.compile(r"\$\{(?:oc\.env:|[^${}:]*\})")
KEY = re.compile(r"(?<!\\)\$\{([^${}:]*)\}")
WHOLE = re.compile(r"\$\{[^${}:]*\}")
LEFT_OPEN = "???"
LONGEST_CHAIN = 50
MAX_CHARACTERS = 200_000
# A lookup costs about a millisecond, and those that it looks through cost again.
MAX_LOOKUPS, MAX_LOOKUPS_OF_ALL = 100, 1_000


def only_environment(text: str) -> bool:
    """Whether everything that a text looks up is another key or, by its full name, the environment.

    >>> only_environment("${oc.env:URI,http://x:5000}"), only_environment("${oc.env:${oc.decode:x}}")
    (True, False)
    """
    return text.count("${") == len(LOOKUP.findall(text))


@dataclass
class _Endless(Exception):  # noqa: N818 - caught here, never told
    """A lookup that comes back to itself, or goes on for too long; chain: the keys on the way."""

    chain: list[str]


@dataclass(frozen=True)
class Cost:
    """What a value comes to once everything in it is looked up."""

    characters: int = 0
    lookups: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.characters + other.characters, self.lookups + other.lookups)


@dataclass
class Lookups:
    """The interpolations of a config. raw: plain values, not resolved."""

    raw: Mapping[str, Any]
    costs: dict[str, Cost] = field(default_factory=dict)
    n_lookups: int = 0

    def faults(self) -> Iterator[Fault]:
        """Values left open, and interpolations that are not allowed, lead nowhere, never end or grow without bound."""
        for at, text in leaves(self.raw, ""):
            if isinstance(text, str) and has_password(text):
                yield Fault(at, "holds a password or token", "${oc.env:NAME}", "secrets come from the environment only, and are never stored")
            elif text == LEFT_OPEN:
                yield Fault(at, f"is left open: {LEFT_OPEN}", "a value")
            elif isinstance(text, str) and "${" in text:
                yield from self._faults_of(at, text)

    def _faults_of(self, at: str, text: str) -> Iterator[Fault]:
        section = at.split(".", maxsplit=1)[0]
        if has_resolver(text):
            if section != ENVIRONMENT or not only_environment(text):
                hint = f"the environment can be read under {ENVIRONMENT} only: ${{oc.env:NAME}}"
                yield Fault(at, f"calls a resolver: {text!r}, which is not allowed", "a plain value or ${another.key}", hint)
            return
        if not only_environment(text):
            yield Fault(at, f"puts the name of a key together: {text!r}", "${another.key}", "write the name out")
            return
        targets = [absolute(name, at) for name in KEY.findall(text)]
        wrong = [fault for target in targets if (fault := self._target_fault(at, target, section)) is not None]
        yield from wrong
        if wrong:
            return
        try:
            cost = self._cost(at, text, [])
        except _Endless as endless:
            yield Fault(at, f"refers to itself: {' > '.join(endless.chain[:6])}", "a value", "break the circle with a plain value")
            return
        if cost.characters > MAX_CHARACTERS or cost.lookups > MAX_LOOKUPS:
            found = f"stands for {cost.lookups:,} lookups and {cost.characters:,} characters"
            yield Fault(at, found, f"at most {MAX_LOOKUPS} and {MAX_CHARACTERS:,}", "write the value out")
            return
        self.n_lookups += cost.lookups
        if self.n_lookups > MAX_LOOKUPS_OF_ALL:
            yield Fault(at, f"is one of more than {MAX_LOOKUPS_OF_ALL:,} lookups", "fewer of them", "write the value out")

    def _target_fault(self, at: str, target: str, section: str) -> Fault | None:
        if target.split(".", maxsplit=1)[0] in UNSTORED and section not in UNSTORED:
            hint = "execution and tracking are never stored, so nothing stored may be made of them"
            return Fault(at, f"looks up {target!r}", "a key of what is stored", hint)
        known, here = "", self.raw
        for step in target.split("."):
            if isinstance(here, str) and "${" in here:
                return None  # OmegaConf looks further through it
            if not _has(here, step):
                keys = list(map(str, here)) if isinstance(here, Mapping) else []
                expected = f"{known + '.' if known else ''}<one of {listed(keys, 20)}>" if keys else "a key that is set"
                return Fault(at, f"looks up {target!r}, which is not set", expected, nearest(step, keys))
            known, here = f"{known}.{step}".lstrip("."), _below(here, step)
        return None

    def _cost(self, at: str, value: Any, chain: list[str]) -> Cost:
        """What a value comes to. chain: keys on the way here."""
        if at in chain or len(chain) > LONGEST_CHAIN:
            raise _Endless([*chain, at])
        if at not in self.costs:
            if isinstance(value, Mapping):
                parts = [self._cost(below(at, key), inner, chain) for key, inner in value.items()]
            elif isinstance(value, list):
                parts = [self._cost(f"{at}.{i}", inner, chain) for i, inner in enumerate(value)]
            else:
                names = KEY.findall(str(value))
                parts = [Cost(len(str(value)), len(names)), *(self._cost_of(absolute(name, at), [*chain, at]) for name in names)]
            self.costs[at] = sum(parts, Cost())
        return self.costs[at]

    def _cost_of(self, target: str, chain: list[str]) -> Cost:
        here: Any = self.raw
        walked: list[str] = []
        for step in target.split("."):
            if isinstance(here, str):
                # What stands behind another lookup: at least as endless as that one.
                return self._cost(".".join(walked), here, chain)
            if not _has(here, step):
                return Cost()
            here = _below(here, step)
            walked.append(step)
        return self._cost(target, here, chain)


def leaves(value: Any, at: str) -> Iterator[tuple[str, Any]]:
    """Key path and value of everything that is neither a section nor a list."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from leaves(inner, below(at, key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from leaves(inner, f"{at}.{i}")
    else:
        yield at, value


def absolute(name: str, at: str) -> str:
    """The key path that a name in ${...} means at a key; leading dots count from the section that holds the key.

    >>> absolute("a[b].c", "x.y"), absolute(".z", "x.y"), absolute("..z", "w.x.y")
    ('a.b.c', 'x.z', 'w.z')
    """
    plain = name.strip().replace("[", ".").replace("]", "")
    path = plain.lstrip(".")
    dots = len(plain) - len(path)
    if not dots or name.strip().startswith("["):
        return path
    parents = at.split(".")[:-dots] if dots < len(at.split(".")) else []
    return ".".join([*parents, path])


def _has(here: Any, step: str) -> bool:
    if isinstance(here, Mapping):
        return step in here or any(str(key) == step for key in here)
    return isinstance(here, list) and step.isdigit() and int(step) < len(here)


def _below(here: Any, step: str) -> Any:
    if isinstance(here, list):
        return here[int(step)]
    return here[step] if step in here else next(value for key, value in here.items() if str(key) == step)
