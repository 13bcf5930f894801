"""What could stand next on the command line: overrides, keys and names, read off file names and the written schema."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from runner.core.workspace import Workspace
from runner.experiment.examples import written_in
from runner.experiment.groups import Groups, conf_folders
from runner.experiment.reference import ANY, Entry, Reference, plural
from runner.experiment.schema_files import FILE, read_schema
from runner.experiment.schema_words import KINDS, allowed, default, first_sentence, plain

# Word and what is said beside it in shells that show it.
Candidate = tuple[str, str]

MAIN = "config"
EMPTY: dict[str, object] = {"properties": {}, "definitions": {}}


@dataclass(frozen=True)
class Completer:
    """Candidates in a workspace. words: what stands on the line already."""

    workspace: Workspace
    words: Sequence[str]

    @cached_property
    def groups(self) -> Groups:
        return Groups.below(conf_folders(self.workspace.conf))

    @cached_property
    def reference(self) -> Reference:
        """As it was written last, current or not: a key press shall not wait for the specs."""
        written = (read_schema(folder / FILE) for folder in conf_folders(self.workspace.conf))
        return Reference(next((schema for schema in written if schema is not None), dict(EMPTY)))

    def experiments(self) -> list[Candidate]:
        """The names of experiments."""
        return [(name, "") for name in self.groups.options("experiment")]

    def overrides(self, prefix: str) -> list[Candidate]:
        """Overrides that start with the prefix, completed up to the next dot or equals sign."""
        bare = prefix.lstrip("+~")
        sign = prefix[: len(prefix) - len(bare)]
        if "=" in bare:
            return [(f"{sign}{word}", about) for word, about in self._values(bare)]
        end = "" if sign == "~" else "="
        groups = [] if "." in bare else [(f"{self._sign(group) or sign}{group}{end}", "config group") for group in self._open_groups(sign)]
        return groups + [(f"{sign}{word}", about) for word, about in self._keys(bare, end)]

    def _open_groups(self, sign: str) -> list[str]:
        """The groups that may be chosen with a sign and are not yet, those that are chosen nowhere first."""
        given = {word.lstrip("+~").partition("=")[0] for word in self.words}
        known = [group for group in self.groups.known if group and group not in given and sign.replace("~", "") in (self._sign(group), "")]
        return sorted(known, key=lambda group: (not self._sign(group), group))

    def _sign(self, group: str) -> str:
        """A plus before a group that the main config does not choose."""
        return "" if group in self._chosen else "+"

    @cached_property
    def _chosen(self) -> set[str]:
        """The groups that the main config's defaults list chooses."""
        main = [MAIN] if MAIN in self.groups.files else []
        return {step for written in written_in(self.groups, main) if written.path[0] == "defaults" for step in written.path[2:]}

    def explainable(self, prefix: str) -> list[Candidate]:
        """What `explain` knows: keys, kinds, families and groups."""
        if "=" in prefix or prefix.startswith("+"):
            return self.overrides(prefix)
        found = self._keys(prefix, "")
        if "." in prefix:
            return found
        kinds = [(kind, f"kind of {family}") for family, kinds in self.reference.families.items() for kind in kinds]
        return found + kinds + [(family, "family") for family in self.reference.families] + [(group, "config group") for group in self.groups.known if group]

    def lists(self) -> list[Candidate]:
        """What `explain --list` can list."""
        return [(name, "") for name in (*map(plural, self.reference.families), "groups", "experiments", "verbs", "sections")]

    def _keys(self, bare: str, end: str) -> list[Candidate]:
        """Key paths, one step further than what is written."""
        head, dot, _ = bare.rpartition(".")
        found: dict[str, str] = {}
        for entry in self._entries(head.split(".")) if head else [self.reference.root]:
            for below in self.reference.below(entry):
                more = KINDS in below.node or bool(self.reference.below(below))
                for name in self._names(below, head):
                    found.setdefault(f"{head}{dot}{name}{'.' if more else end}", first_sentence(below.about))
        return [(word, about) for word, about in found.items() if word.strip(".=") != "defaults"]

    def _entries(self, path: Sequence[str]) -> list[Entry]:
        """What a key path leads to; nothing for an unknown one."""
        here = [self.reference.root]
        for step in path:
            below = [entry for each in here for entry in self.reference.below(each)]
            here = [entry for entry in below if entry.path[-1] == step] or [entry for entry in below if entry.path[-1] == ANY]
        return here

    def _names(self, entry: Entry, head: str) -> Iterator[str]:
        """The key itself; for a name of the user's, those that the chosen experiment gives."""
        if entry.path[-1] != ANY:
            yield entry.path[-1]
            return
        above = tuple(head.split("."))
        yield from dict.fromkeys(path[len(above)] for path in self._written if path[: len(above)] == above and len(path) > len(above))

    @cached_property
    def _written(self) -> list[tuple[str, ...]]:
        """The key paths that the chosen experiment's own file sets."""
        chosen = [word.partition("=")[2] for word in self.words if word.lstrip("+").startswith("experiment=")]
        files = [name for name in (f"experiment/{option}" for option in chosen[-1:]) if name in self.groups.files]
        return [written.path for written in written_in(self.groups, files)]

    def _values(self, bare: str) -> Iterator[Candidate]:
        """Values behind the equals sign; of a sweep, those behind the last comma."""
        key, _, value = bare.partition("=")
        head, comma, _ = value.rpartition(",")
        if key in self.groups.known:
            given = head.split(",")
            yield from ((f"{key}={head}{comma}{option}", "") for option in self.groups.options(key) if option not in given)
            return
        for entry in self._entries(key.split(".")):
            for word, about in _choices(entry):
                yield f"{key}={head}{comma}{word}", about


def _choices(entry: Entry) -> list[Candidate]:
    """The values that a key is known to take, or its default."""
    node = entry.node
    if allowed(node):
        return [(plain(value), "") for value in allowed(node)]
    if "boolean" in node.get("type", ()):
        return [("true", ""), ("false", "")]
    value = node.get("default")
    return [(default(node, required=False), "default")] if isinstance(value, (int, float, str)) and value != "" else []


def starting(candidates: Sequence[Candidate], prefix: str) -> list[Candidate]:
    """Those that start with the prefix, once each."""
    return list({word: (word, about) for word, about in candidates if word.startswith(prefix)}.values())
