"""Hydra's complaints as faults for people: which override or file is meant, what would be right, what to do next."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from runner.core.faults import Fault, listed, nearest
from runner.experiment.faults import is_declared, keys_at
from runner.experiment.groups import Groups
from runner.experiment.locate import values_of
from runner.experiment.model import Experiment
from runner.experiment.overrides import COMMAND_LINE, key_of
from runner.experiment.yamlfile import root_of

EXAMPLE = "key=value, such as seed=7 or training/tuning=quick"
IN_FILE = re.compile(r"[Ii]n '(?P<file>[^']+)'")
NO_OPTION = re.compile(r"Could not (?:find|load) '(?P<path>[^']*)'")
NO_KEY = re.compile(r"Could not override '(?P<key>[^']*)'")
NO_DELETE = re.compile(r"Could not delete from config. (?:'(?P<key>[^']+)' does not exist|The value of '(?P<other>[^']+)' is (?P<value>.*) and not)")
THERE = re.compile(r"An item is already at '(?P<key>[^']+)'")
TWICE = re.compile(r"(?:Multiple values for (?P<key>[^\s.]+)|(?P<other>\S+) appears more than once)")
AMBIGUOUS = re.compile(r"(?:Ambiguous value for argument|Sweep parameters) '(?P<override>.*)'")


@dataclass(frozen=True)
class Explained:
    """What is wrong; culprit: the override to leave out before looking for more, None when there is no going on."""

    faults: list[Fault]
    culprit: str | None = None


@dataclass(frozen=True)
class Attempt:
    """A composition that failed. plain: the unresolved config of other overrides, for hints."""

    text: str
    overrides: Sequence[str]
    groups: Groups
    plain: Callable[[Sequence[str]], Mapping[str, Any]]

    @property
    def file(self) -> str:
        """The config file that Hydra blames, such as experiment/x; '' for none."""
        return next((found["file"] for found in IN_FILE.finditer(self.text) if found["file"] in self.groups.files), "")

    def about(self, key: str, wrong: str, expected: str, hint: str = "") -> Explained:
        """A fault of the last override of a key."""
        name = key.lstrip("+~").partition("@")[0]
        mine = [o for o in self.overrides if key_of(o) == name]
        return Explained([Fault(name, wrong, expected, hint, COMMAND_LINE if mine else "")], mine[-1] if mine else None)


def explain(error: Exception, overrides: Sequence[str], groups: Groups, plain: Callable[[Sequence[str]], Mapping[str, Any]]) -> Explained:
    """The fault behind an error of the composition. plain: the unresolved config of other overrides, for hints."""
    text = str(error) or str(error.__cause__ or type(error).__name__)
    culprit = getattr(error, "override", None)
    # Hydra takes =3 for the choice of a group without a name.
    culprit = culprit if culprit in overrides else next((o for o in overrides if not key_of(o)), None)
    if isinstance(culprit, str):
        return Explained([Fault(culprit or "''", _grammar(culprit, text), EXAMPLE, source=COMMAND_LINE)], culprit)
    attempt = Attempt(text, overrides, groups, plain)
    for pattern, rule in RULES:
        if found := pattern.search(text):
            return rule(found, attempt)
    # A group is chosen by text; `null`, a number or a truth value is none.
    unnamed = [key_of(o) for o in overrides if key_of(o) in groups.known] if "Config group override" in text else []
    if unnamed:
        return attempt.about(unnamed[-1], "names no option", f"one of {listed(groups.options(unnamed[-1]), 40)}")
    blamed = [o for o in overrides if o.lstrip("+~") and o.lstrip("+~").replace('"', "") in text]
    if blamed:
        return attempt.about(key_of(blamed[-1]), _first_line(text), EXAMPLE)
    misshapen = _shape_faults(attempt)
    if misshapen:
        return Explained(misshapen)
    at = f"conf/{attempt.file}.yaml" if attempt.file else "config"
    return Explained([Fault(at, _first_line(text), "a config that composes", "see the files under conf/")])


def _shape_faults(attempt: Attempt) -> list[Fault]:
    """Sections of a file that are lists or plain values, which Hydra cannot merge."""
    path, shown = attempt.groups.files.get(attempt.file), f"conf/{attempt.file}.yaml"
    if path is None or "Cannot merge" not in attempt.text:
        return []
    found = []
    for at, node, line in values_of(root_of(path), ""):
        known = keys_at(at.split("."), {}, Experiment)
        if known and isinstance(node, (yaml.SequenceNode, yaml.ScalarNode)):
            wrong = "is a list" if isinstance(node, yaml.SequenceNode) else "is a single value"
            found.append(Fault(at, wrong, f"a section with the keys {listed(known, 30)}", source=f"{shown}:{line}"))
    return found


def _grammar(override: str, text: str) -> str:
    if "=" not in override and not override.startswith("~"):
        return "is no override: it has no ="
    if not key_of(override):
        return "is no override: it has no key"
    reason = next((line for line in text.splitlines()[1:] if not line.startswith("See ")), "").strip(" ^")
    return f"is no override: {reason}" if reason else "is no override"


def _first_line(text: str) -> str:
    lines = [" ".join(IN_FILE.sub("", line).replace(" ,", ",").split()).strip(" :") for line in text.splitlines() if line.strip()]
    # "XError raised while composing config:" says nothing; the line below it does.
    return next((line for line in lines if "raised while composing" not in line), "does not compose")


def _no_option(found: re.Match[str], attempt: Attempt) -> Explained:
    """An option that no file offers, chosen on the command line or in the defaults list of a file."""
    group, _, option = found["path"].rpartition("/")
    groups = attempt.groups
    culprit = next((o for o in attempt.overrides if found["path"] in (f"{key_of(o)}/{value}" for value in _values_of(o))), None)
    source = COMMAND_LINE if culprit else _chooser(group, option, attempt.file, groups)
    # Hydra lists the options of its own groups only.
    options = groups.options(group) or re.findall(r"^\t(\S+)$", attempt.text, re.MULTILINE)
    if group and options:
        hint = nearest(option, options) or (f"write conf/experiment/{option}.yaml to make one" if group == "experiment" and option else "")
        return Explained([Fault(group, f"there is no {group} {option!r}", f"one of {listed(options, 40)}", hint, source)], culprit)
    return Explained([_no_group(group or found["path"], groups, source)], culprit)


def _no_group(group: str, groups: Groups, source: str) -> Fault:
    known = [name for name in groups.known if name]
    return Fault(group, f"there is no config group {group!r}", f"one of {listed(known, 40)}", nearest(group, known), source)


def _values_of(override: str) -> list[str]:
    return [value.strip(" '\"") for value in override.partition("=")[2].strip("[]").split(",")]


def _chooser(group: str, option: str, file: str, groups: Groups) -> str:
    """The file and line whose defaults list chooses an option. Hydra blames the main file for what an experiment overrides."""
    for name in sorted(groups.files, key=lambda name: (name != file, name)):
        place = groups.place(name, f"{group.rpartition('/')[2]}: {option}") if option else ""
        if place.rpartition(":")[2].isdigit():
            return place
    return groups.place(file, option)


def _no_key(found: re.Match[str], attempt: Attempt) -> Explained:
    """A key or group that is not there to be changed."""
    group = found["key"].partition("@")[0]
    if attempt.file:
        known = [name for name in attempt.groups.known if name]
        wrong = "the defaults list overrides a group that nothing chooses"
        return Explained([Fault(group, wrong, f"one of {listed(known, 40)}", nearest(group, known), attempt.groups.place(attempt.file, group))])
    mine = [o for o in attempt.overrides if key_of(o) == group]
    culprit = mine[-1] if mine else None
    if group in attempt.groups.known:
        return attempt.about(group, "is chosen nowhere, so there is nothing to replace", f"+{culprit or group}", "a + adds a group")
    if "/" in group:
        return Explained([_no_group(group, attempt.groups, COMMAND_LINE)], culprit)
    return Explained([_unknown_key(found["key"], culprit, attempt.plain([o for o in attempt.overrides if o != culprit]))], culprit)


def _unknown_key(key: str, override: str | None, given: Mapping[str, Any]) -> Fault:
    path = key.split(".")
    if misspelt := _misspelt(path, given):
        return misspelt
    if is_declared(path, given, Experiment):
        return Fault(key, "is not set in conf/, so there is nothing to replace", f"+{override or key}", "a + sets what so far is a default", COMMAND_LINE)
    # The first step that leads nowhere is the one to mend.
    here: Any = given
    for depth, step in enumerate(path):
        known = list(dict.fromkeys([*keys_at(path[:depth], given, Experiment), *(map(str, here) if isinstance(here, Mapping) else [])]))
        if step not in known:
            at = ".".join(path[: depth + 1])
            expected = f"one of {listed(known, 30)}" if known else "a section with keys"
            return Fault(at, f"unknown key {step!r}", expected, nearest(step, known), COMMAND_LINE)
        here = here.get(step) if isinstance(here, Mapping) else None
    return Fault(key, "is not set, so there is nothing to replace", f"+{override or key}", "", COMMAND_LINE)


def _misspelt(path: Sequence[str], given: Mapping[str, Any]) -> Fault | None:
    """A name of a map, such as a column, that is not there but nearly."""
    here: Any = given
    for depth, step in enumerate(path[:-1]):
        if isinstance(here, Mapping) and step not in here:
            hint = nearest(step, here)
            return Fault(".".join(path[: depth + 1]), f"unknown key {step!r}", f"one of {listed(here, 30)}", hint, COMMAND_LINE) if hint else None
        here = here.get(step) if isinstance(here, Mapping) else None
    return None


def _no_delete(found: re.Match[str], attempt: Attempt) -> Explained:
    name = str(found["key"] or found["other"])
    if found["other"]:
        return attempt.about(name, f"is {found['value']}, not what is to be removed", f"~{name}")
    left = attempt.plain([o for o in attempt.overrides if key_of(o) != name])
    return attempt.about(name, "is not set, so there is nothing to remove", "a key of the config", nearest(name, list(_leaves(left, ""))))


def _several(found: re.Match[str], attempt: Attempt) -> Explained:
    key = found["override"].partition("=")[0]
    hint = "-m runs them one after the other; a list is written key=[a,b], a text with commas key='\"a,b\"'"
    return attempt.about(key, "gives several values", "one value", hint)


def _there(found: re.Match[str], attempt: Attempt) -> Explained:
    return attempt.about(found["key"], "is set already, and + only adds", f"{found['key']}=..., without the +")


def _twice(found: re.Match[str], attempt: Attempt) -> Explained:
    key = (found["key"] or found["other"]).partition("@")[0]
    if key == "experiment":
        return attempt.about(key, "is chosen twice", "+experiment=NAME once", "an experiment can take another as a base in its own defaults list")
    return attempt.about(key, "is chosen already, and + only adds", f"{key}=..., without the +", f"options: {listed(attempt.groups.options(key), 40)}")


def _leaves(value: Any, prefix: str) -> list[str]:
    if not isinstance(value, Mapping) or not value:
        return [prefix]
    return [leaf for key, below in value.items() for leaf in [f"{prefix}.{key}".lstrip("."), *_leaves(below, f"{prefix}.{key}".lstrip("."))]]


RULES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], Attempt], Explained]], ...] = (
    (NO_OPTION, _no_option),
    (NO_KEY, _no_key),
    (NO_DELETE, _no_delete),
    (AMBIGUOUS, _several),
    (THERE, _there),
    (TWICE, _twice),
)
