"""params.yaml: what is adopted, resolved, one writer, read the same by every YAML."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import yaml
from pydantic import ValidationError

from runner.core.faults import Fault, FaultsError, fault, nearest
from runner.core.files import write_text
from runner.core.workspace import Workspace
from runner.experiment.compose import compose
from runner.experiment.faults import from_validation
from runner.experiment.model import Experiment

FILE = "params.yaml"
HEAD = "# Written by `python -m runner compose` from conf/; changes made here by hand are lost.\n"


def text_of(experiments: Sequence[Experiment]) -> str:
    """The file's text: sorted by name, every string in quotes, so that YAML 1.1 and 1.2 read the same values."""
    lines = [HEAD]
    for experiment in sorted(experiments, key=lambda e: e.name):
        lines.append(f"{experiment.name}:\n")
        lines += _lines(experiment.stored(), 1)
    return "".join(lines)


def _lines(value: dict[str, Any], depth: int) -> list[str]:
    lines = []
    for key, below in value.items():
        name = f"{'  ' * depth}{json.dumps(key, ensure_ascii=False)}:"
        if isinstance(below, dict) and below:
            lines += [f"{name}\n", *_lines(below, depth + 1)]
        else:
            lines.append(f"{name} {_flow(below)}\n")
    return lines


def _flow(value: Any) -> str:
    """A value on one line. JSON is YAML, but for exponents: YAML 1.1 needs a dot and a sign in them."""
    if isinstance(value, float):
        text = repr(value)
        mantissa, mark, exponent = text.partition("e")
        if not mark:
            return text
        return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{exponent if exponent[0] in '+-' else '+' + exponent}"
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k, ensure_ascii=False)}: {_flow(v)}" for k, v in value.items()) + "}"
    return json.dumps(value)


def write(workspace: Workspace, experiments: Sequence[Experiment]) -> None:
    """Write params.yaml, whole or not at all."""
    write_text(workspace.root / FILE, text_of(experiments))


def read_all(workspace: Workspace) -> dict[str, Any]:
    """Every entry by name; empty when there is no file. Raises FaultsError when it is damaged."""
    path = workspace.root / FILE
    if not path.exists():
        return {}
    try:
        # libyaml where the platform has it: ten times faster on a long file.
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise fault(FILE, f"cannot be read ({str(error).splitlines()[0]})", hint="python -m runner compose") from None
    return dict(content or {})


def read(workspace: Workspace, name: str) -> dict[str, Any] | None:
    """One entry, or None."""
    entry = read_all(workspace).get(name)
    return dict(entry) if isinstance(entry, dict) else None


def from_params(workspace: Workspace, name: str) -> Experiment:
    """The adopted experiment of that name, validated again. Raises FaultsError."""
    entry = read(workspace, name)
    if entry is None:
        known = read_all(workspace)
        raise fault(FILE, f"there is no adopted experiment {name!r}", f"one of {', '.join(known) or 'none yet'}", nearest(name, known) or f"python -m runner compose {name}")
    given = {"name": name, **entry}
    try:
        return Experiment.model_validate_json(json.dumps(given))
    except ValidationError as error:
        faults = from_validation(error, given, Experiment, {})
        raise FaultsError([Fault(f"{FILE}: {f.at}", f.wrong, f.expected, "python -m runner compose") for f in faults]) from None


def is_adopted(workspace: Workspace, experiment: Experiment) -> bool:
    """Whether params.yaml holds just this experiment, to the last value."""
    stored: dict[str, Any] = json.loads(json.dumps(experiment.stored()))
    return read(workspace, experiment.name) == stored


def reproduce_names(workspace: Workspace) -> list[str]:
    """The adopted names, in the order of conf/reproduce.yaml."""
    path = workspace.conf / "reproduce.yaml"
    if not path.exists():
        return []
    content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    found = content.get("experiments") if isinstance(content, dict) else None
    if not isinstance(found, list) or not all(isinstance(n, str) for n in found):
        raise fault("conf/reproduce.yaml", "has no list of names under `experiments`", "experiments:\n  - credit_risk")
    return found


def adopt(workspace: Workspace, name: str) -> None:
    """Add a name to conf/reproduce.yaml, below the others; comments stay."""
    if name in reproduce_names(workspace):
        return
    path = workspace.conf / "reproduce.yaml"
    text = path.read_text(encoding="utf-8") if path.exists() else "experiments:\n"
    write_text(path, text.replace("experiments: []", "experiments:").rstrip("\n") + f"\n  - {name}\n")


def compose_all(workspace: Workspace) -> list[Experiment]:
    """Every adopted experiment from conf/. Raises FaultsError with the faults of all of them."""
    experiments: list[Experiment] = []
    faults: list[Fault] = []
    for name in reproduce_names(workspace):
        try:
            experiments.append(compose(workspace, [f"+experiment={name}"]))
        except FaultsError as error:
            faults += error.faults
    if faults:
        raise FaultsError(dict.fromkeys(faults))
    return experiments


def stale(workspace: Workspace) -> list[Fault]:
    """What `compose --check` finds: nothing when params.yaml is what conf/ composes to."""
    path = workspace.root / FILE
    if path.exists() and path.read_text(encoding="utf-8") == text_of(compose_all(workspace)):
        return []
    return [Fault(FILE, "is not what conf/ composes to", "the file that compose writes", "python -m runner compose, then commit params.yaml")]
