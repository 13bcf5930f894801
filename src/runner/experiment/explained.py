"""What `explain` says of a key, a kind, a group or the whole, as plain values: printed for people, or as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

from runner.core.faults import Fault, FaultsError, listed, nearest
from runner.experiment.examples import Written, example, example_of_kind, settings
from runner.experiment.groups import Groups, package_of
from runner.experiment.reference import Entry, Reference, plural
from runner.experiment.schema_words import FAMILY, KINDS, SETTINGS_OF, allowed, default, first_sentence, limits, nullable, searched, type_words
from runner.features import worked

Told = dict[str, Any]

DIRECTIVES = ("# @", "# yaml-language-server:")
LONGEST = 80


@dataclass(frozen=True)
class Composed:
    """An experiment whose settings are shown beside the documentation. places: key path to the file and line, or the command line, that set it."""

    values: Mapping[str, Any]
    places: Mapping[str, str]


@dataclass(frozen=True)
class Library:
    """Where explanations come from. written: what the files below conf/ set; verbs: verb to what it does."""

    reference: Reference
    groups: Groups
    written: Sequence[Written]
    verbs: Mapping[str, str]
    composed: Composed | None = None

    def asked(self, words: Sequence[str]) -> list[Told]:
        """What was asked for: key paths, kinds (alone or behind their family), families, config groups. Raises FaultsError with every unknown word."""
        told: list[Told] = []
        faults: list[Fault] = []
        waiting = list(words)
        while waiting:
            word = waiting.pop(0)
            family = self.reference.family_named(word)
            try:
                if family and waiting and self.reference.kinds_named(waiting[0], family):
                    told += self._kinds(waiting.pop(0), family)
                else:
                    told += self._one(word, family)
            except FaultsError as error:
                faults += error.faults
        if faults:
            raise FaultsError(faults)
        return told

    def sections(self) -> list[Told]:
        """The keys of the whole, one line each."""
        return [{"name": entry.key, "about": first_sentence(entry.about)} for entry in self.reference.sections()]

    def listed(self, what: str) -> list[Told]:
        """Names of one sort with a line on each. Raises FaultsError for a sort that there is none of."""
        family = self.reference.family_named(what)
        lists: dict[str, Callable[[], list[Told]]] = {
            "sections": self.sections,
            "groups": lambda: [{"name": group, "about": ", ".join(options)} for group, options in self.groups.known.items() if group],
            "experiments": lambda: self._options("experiment"),
            "verbs": lambda: [{"name": verb, "about": about} for verb, about in self.verbs.items()],
        }
        if family:
            return [{"name": kind, "about": first_sentence(_doc(node))} for kind, node in self.reference.families[family].items()]
        if what in lists:
            return lists[what]()
        known = [*map(plural, self.reference.families), *lists]
        raise FaultsError([Fault("--list", f"there is no list of {what!r}", f"one of {listed(known)}", nearest(what, known), "command line")])

    def _one(self, word: str, family: str) -> list[Told]:
        if "." not in word and word not in [entry.key for entry in self.reference.sections()]:
            if word in self.groups.known:
                return [self._group(word)]
            if family:
                return [self._family(family)]
            if self.reference.kinds_named(word):
                return self._kinds(word)
            if word in self.verbs:
                raise FaultsError([Fault(word, "is a verb, not a key of the config", "", f"python -m runner {word} -h")])
            if "/" in word:
                known = [group for group in self.groups.known if group]
                raise FaultsError([Fault(word, f"there is no config group {word!r}", f"one of {listed(known, 40)}", nearest(word, known))])
        return [self._key(entry) for entry in self.reference.entries([step for step in word.split(".") if step])]

    def _key(self, entry: Entry) -> Told:
        node = entry.node
        family, kind = entry.part
        told: Told = {"key": entry.key, **({"part": {"family": family, "kind": kind}} if kind else {}), "meaning": entry.about, "type": type_words(node)}
        told |= {name: words for name, words in (("limits", limits(node)), ("searched", searched(node))) if words}
        told |= {"required": entry.required, "null": nullable(node), "left_out": default(node, entry.required)}
        if "default" in node:
            told["default"] = node["default"]
        if allowed(node):
            told["allowed"] = allowed(node)
        if KINDS in node:
            told |= {"family": node[FAMILY], "kinds": self._kind_words(node[FAMILY])}
        else:
            told["keys"] = self._keys(self.reference.below(entry))
        return told | self._example(self._example_of(entry)) | self._set(entry)

    def _kinds(self, word: str, family: str = "") -> list[Told]:
        found = []
        for name, node in self.reference.kinds_named(word, family):
            places = self.reference.places(name)
            keys = [entry for place in places[:1] for entry in self.reference.below(place) if entry.part == (name, word)]
            told = {"kind": word, "family": name, "meaning": _doc(node), "traits": node.get("x-traits", {}), "declared": [place.key for place in places]}
            found.append(told | {"keys": self._keys(keys)} | self._example(example_of_kind(word, places, self.written)) | _worked(name, word))
        return found

    def _family(self, family: str) -> Told:
        return {"family": family, "declared": [place.key for place in self.reference.places(family)], "kinds": self._kind_words(family)}

    def _group(self, group: str) -> Told:
        options = self._options(group)
        package = package_of(self.groups.files[f"{group}/{options[0]['name']}"], group)
        return {"group": group, "declared": [package or "the whole config"], "options": options}

    def _options(self, group: str) -> list[Told]:
        return [{"name": option, "about": _headline(self.groups, f"{group}/{option}")} for option in self.groups.options(group)]

    def _kind_words(self, family: str) -> dict[str, str]:
        return {kind: first_sentence(_doc(node)) for kind, node in self.reference.families[family].items()}

    def _keys(self, entries: Sequence[Entry]) -> list[Told]:
        return [{"key": e.path[-1], "type": type_words(e.node), "left_out": default(e.node, e.required), "meaning": first_sentence(e.about)} for e in entries]

    def _example_of(self, entry: Entry) -> Written | None:
        """Where the key is set, or where it is laid over a part."""
        laid = [replace(entry, path=path) for below, over in self._laid_over().items() if (path := _moved(entry.path, below, over))]
        return next((found for each in (entry, *laid) if (found := example(each, self.written)) is not None), None)

    def _example(self, found: Written | None) -> Told:
        return {"example": {"place": found.place, "text": found.text}} if found is not None else {}

    def _set(self, entry: Entry) -> Told:
        if self.composed is None:
            return {}
        # What is laid over a part is found in the part.
        parts = [replace(entry, path=path) for below, over in self._laid_over().items() if (path := _moved(entry.path, over, below))]
        found = [setting for each in parts or [entry] for setting in settings(each, self.composed.values, self.composed.places, self._laid_over())]
        return {"set": [asdict(setting) for setting in found]}

    def _laid_over(self) -> dict[str, str]:
        """Map of parts to the map of settings that are laid over them, both as key paths."""
        return {
            place.key.removesuffix(".*"): entry.key
            for entry in self.reference.everything()
            if SETTINGS_OF in entry.node
            for place in self.reference.places(entry.node[SETTINGS_OF])
        }


def _moved(path: tuple[str, ...], source: str, target: str) -> tuple[str, ...]:
    """A key path below another section; () where it does not start with the source."""
    steps = tuple(source.split("."))
    return (*target.split("."), *path[len(steps) :]) if path[: len(steps)] == steps and len(path) > len(steps) else ()


def _worked(family: str, kind: str) -> Told:
    """Rows in and columns out, for kinds that have worked examples: steps."""
    found = worked.of_kind(kind) if family == "step" else []
    told = [{"says": e.says, "declared": e.shown, "fitted_on": _plain(e.taught), "rows": _plain(e.rows), "makes": _plain(e.makes)} for e in found]
    return {"worked": told} if told else {}


def _plain(columns: worked.Columns) -> dict[str, list[Any]]:
    """Columns as JSON has them: moments as text."""
    return {name: [str(value) if isinstance(value, date) else value for value in values] for name, values in columns.items()}


def _doc(node: Mapping[str, Any]) -> str:
    return str(node.get("about") or node.get("description", ""))


def _headline(groups: Groups, name: str) -> str:
    """The first comment of a config file that is no directive; without any, what the file says, shortened."""
    lines = groups.files[name].read_text(encoding="utf-8", errors="replace").splitlines()
    comments = (line.removeprefix("#").strip() for line in lines if line.startswith("#") and not line.startswith(DIRECTIVES))
    said = ", ".join(line.split(" #")[0].strip() for line in lines if line.strip() and not line.startswith("#"))
    return next(comments, said if len(said) <= LONGEST else f"{said[: LONGEST - 3]}...")
