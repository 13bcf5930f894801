"""Steps that a team puts around a room: run by the room's own stage, cached by keys of their own, and kept from changing anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from runner.core import plugins
from runner.core.around import AroundSpec, RoomSpec
from runner.core.digests import of_tree, of_value
from runner.core.faults import fault, listed
from runner.core.files import clear, folder_beside, read_json, write_json
from runner.core.gates import Gate
from runner.core.registry import part
from runner.core.seeds import seed_for
from runner.core.stage import Given
from runner.pipeline.cache import Store
from runner.pipeline.keys import code_digest, lock_digest, with_plugins
from runner.pipeline.stages import Stage

When = Literal["before", "after"]
FOUND = "found.json"
INDEX = "around.json"
# No step ever sees these rows: the test stays sealed.
SEALED = "sealed_test"


@dataclass(frozen=True)
class Around:
    """The steps around one room of one run.

    given: what the room is given; folder: where each step has a folder of its own; compute: whether a step may run that is not stored.
    """

    stage: Stage
    section: RoomSpec
    given: Given
    store: Store
    folder: Path
    compute: bool

    @property
    def is_empty(self) -> bool:
        return not self.section.before and not self.section.after

    def before(self) -> tuple[Gate, ...] | None:
        """Run the steps before the room on what it will read; their gates, None where one may not run. Raises FaultsError when one misbehaves."""
        return self._each("before", self.section.before, dict(self.given.files))

    def after(self, outputs: Mapping[str, Path]) -> tuple[Gate, ...] | None:
        """The same for the steps after the room, on what it wrote and on what it read of earlier rooms."""
        reads = {name: path for name, path in self.given.files.items() if name in self.stage.reads}
        writes = {name: path for name, path in outputs.items() if name != "gate"}
        return self._each("after", self.section.after, reads | writes)

    def settle(self, *ran: When) -> None:
        """Write what ran, and remove what other declarations left; what has not run leaves nothing."""
        names = {when: sorted(getattr(self.section, when)) if when in ran else [] for when in ("before", "after")}
        for when, kept in names.items():
            for path in (self.folder / when).glob("*"):
                if path.name not in kept:
                    clear(path)
        write_json(self.folder / INDEX, {"room": self.stage.room, **names})

    def _each(self, when: When, steps: Mapping[str, AroundSpec], files: dict[str, Path]) -> tuple[Gate, ...] | None:
        files.pop(SEALED, None)
        gates: list[Gate] = []
        # Names in order, not as declared: the order of a map is no part of what is declared.
        for name in sorted(steps):
            found = self._one(when, name, steps[name], files)
            if found is None:
                return None
            gates += found
        return tuple(gates)

    def _one(self, when: When, name: str, spec: AroundSpec, files: Mapping[str, Path]) -> list[Gate] | None:
        at, target = f"{self.stage.room}.{when}.{name}", self.folder / when / name
        digests = _digests(files)
        key = self._key(at, spec, digests)
        if not self.store.restore(key, {"step": target}):
            if not self.compute:
                return None
            with folder_beside(target) as out:
                seed = seed_for(self.given.seed, self.stage.room, when, name)
                found = part(when, spec.kind)(spec, replace(self.given, files=dict(files), seed=seed, use=None, read=None), out)
                self._unchanged(at, files, digests)
                gates = _checked(at, found, out, self.stage.room)
                write_json(out / FOUND, {"kind": spec.kind, "plugins": plugins.behind(spec), "gates": [gate.as_json() for gate in gates]})
            self.store.put(key, {"step": target})
        return [Gate(**gate) for gate in read_json(target / FOUND)["gates"]]

    def _key(self, at: str, spec: AroundSpec, digests: Mapping[str, str]) -> str:
        return of_value(
            {
                "stage": at,
                "spec": spec.model_dump(mode="json"),
                "run": [self.given.experiment, self.given.seed, self.given.adopted],
                "inputs": dict(digests),
                "code": with_plugins(code_digest(("core",)), plugins.behind(spec)),
                "lock": lock_digest(),
            }
        )

    def _unchanged(self, at: str, files: Mapping[str, Path], before: Mapping[str, str]) -> None:
        after = _digests({name: path for name, path in files.items() if path.exists()})
        changed = [name for name in files if after.get(name) != before[name]]
        if changed:
            raise fault(at, f"changed what it may only read: {listed(changed)}", "files of its own, in the folder it is given", "mend the plugin, run again")


def _digests(files: Mapping[str, Path]) -> dict[str, str]:
    return {name: of_value(of_tree(path)) for name, path in files.items()}


def _checked(at: str, found: Any, out: Path, room: str) -> list[Gate]:
    """The gates that a step gave, under its room. Raises FaultsError for anything else."""
    gates = list(found) if isinstance(found, (list, tuple)) else None
    if gates is None or not all(isinstance(gate, Gate) for gate in gates):
        raise fault(at, f"gave {type(found).__name__} where gates are expected", "a list of Gate, empty where it judges nothing", "mend the plugin")
    if (out / FOUND).exists():
        raise fault(at, f"wrote {FOUND}, the name of our own file", "another name", "mend the plugin")
    return [replace(gate, room=room) for gate in gates]
