"""Stage keys: everything a stage's outputs depend on, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from runner.core.around import RoomSpec
from runner.core.digests import files_below, of_file, of_tree, of_value
from runner.core.gates import Gate
from runner.core.stage import TestUse
from runner.pipeline.stages import Stage

PACKAGE = Path(__file__).parent.parent
# The libraries whose version can change a result.
LIBRARIES = ("polars", "numpy", "scipy", "pandas", "scikit-learn", "lightgbm", "catboost", "optuna", "pydantic")


@dataclass(frozen=True)
class Identity:
    """A stage's key and the parts it is made of. origin: digest of what was declared but the budget, '' where nothing is told of it."""

    key: str
    spec: str
    inputs: Mapping[str, str]
    code: str
    lock: str
    origin: str = ""

    @property
    def made_from(self) -> dict[str, str]:
        """What the outputs of this stage say of their origin; all of it is part of the key."""
        data = {name: digest for name, digest in self.inputs.items() if name != "problem"}
        config = of_value([self.origin or self.spec, self.inputs.get("problem")])
        return {"config": config, "data": of_value(data), "code": self.code, "lock": self.lock}


def identify(
    stage: Stage, spec: RoomSpec, seed: int, inputs: Mapping[str, Path], sources: Mapping[str, str], extra: Any, plugins: Mapping[str, str]
) -> Identity:
    """The identity of a stage for a spec, seed and input files.

    sources: SHA-256 of those inputs that are raw sources, which may be of many files; extra: what else decides, such as the number of a test use;
    plugins: path to SHA-256 of those whose code the room runs.
    What stands around the room is left out: it has keys of its own. Raises OSError when an input cannot be read.
    """
    digests = {name: of_value({".": sources[name]} if name in sources else of_tree(path)) for name, path in inputs.items()}
    return replace(identity_of(stage, spec_digest(spec, seed), digests, extra, plugins), origin=origin_digest(spec, seed))


def identity_of(stage: Stage, declared: str, inputs: Mapping[str, str], extra: Any, plugins: Mapping[str, str]) -> Identity:
    """The identity of a stage whose inputs are known by their digests (`of_value(of_tree(path))`) alone."""
    code, lock = with_plugins(code_digest((*stage.code, *stage.handed)), plugins), lock_digest()
    key = of_value({"stage": stage.room, "spec": declared, "inputs": dict(inputs), "code": code, "lock": lock, "extra": extra})
    return Identity(key, declared, inputs, code, lock)


def spec_digest(spec: RoomSpec, seed: int) -> str:
    """Digest of what a stage is declared by."""
    return of_value([spec.model_dump(mode="json", exclude=set(RoomSpec.common())), seed])


def origin_digest(spec: RoomSpec, seed: int) -> str:
    """Digest of what a model says that it was declared by: minutes, and the plan that repeats what was done in them, make the same model."""
    declared = spec.model_dump(mode="json", exclude={*RoomSpec.common(), "budget"})
    return of_value([declared, seed])


def extra_of(experiment: str, adopted: bool, gates: Sequence[Gate], use: TestUse | None) -> Any:
    """What decides beside spec and inputs: the gates of earlier rooms and the number of a test use; None where there is neither."""
    if not gates and use is None:
        return None
    numbers = [use.number, use.allowed] if use else None
    return {"experiment": experiment, "adopted": adopted, "use": numbers, "gates": [gate.as_json() for gate in gates]}


def with_plugins(code: str, plugins: Mapping[str, str]) -> str:
    """Digest of this package's code and of the plugins that run with it; the code's own where there are none."""
    return of_value([code, dict(plugins)]) if plugins else code


@cache
def code_digest(packages: tuple[str, ...]) -> str:
    """Digest of the packages' Python files; chapters of the report are views and do not count."""
    files = [p for name in packages for p in files_below(PACKAGE / name) if p.suffix == ".py" and p.name != "report.py"]
    return of_value({p.relative_to(PACKAGE).as_posix(): of_file(p) for p in files})


@cache
def lock_digest() -> str:
    """Digest of the installed versions of the libraries that can change a result."""
    return of_value({name: version(name) for name in LIBRARIES})
