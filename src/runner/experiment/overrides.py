"""What is looked at in overrides before Hydra reads them: text, length, depth, and settings of Hydra itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from runner.core.faults import Fault
from runner.core.workspace import Workspace
from runner.experiment.groups import conf_folders, package_of
from runner.experiment.yamlfile import root_of, words_in

COMMAND_LINE = "command line"
CODE_KEYS = frozenset({"_target_", "_recursive_", "_partial_", "_convert_", "_args_"})
LONGEST = 10_000
DEEPEST = 50
# A sweep may choose how its jobs are started; everything else of Hydra can name code or leave the workspace.
SWEEP_GROUPS = ("hydra/launcher", "hydra/sweeper")
SWEEP_KEYS = ("hydra.launcher.", "hydra.sweeper.")
OPTION = re.compile(r"[A-Za-z0-9][\w-]*")


def key_of(override: str) -> str:
    """The key or group of an override, without signs and package.

    >>> key_of("+training/model@x=linear")
    'training/model'
    """
    return override.partition("=")[0].lstrip("+~").partition("@")[0]


def is_hydra(override: str) -> bool:
    """Whether an override is about Hydra itself and not about the experiment.

    >>> is_hydra("hydra/launcher=joblib"), is_hydra("+hydra.verbose=true"), is_hydra("problem.row=hydra")
    (True, True, False)
    """
    return re.match(r"[+~]*hydra(?=[./@=]|$)", override) is not None


def sifted(overrides: Sequence[str]) -> tuple[list[str], list[Fault]]:
    """The overrides that an experiment can be composed with, and the faults of the others."""
    found = {override: fault for override in overrides if (fault := _fault(override)) is not None}
    return [override for override in overrides if override not in found], list(found.values())


def _fault(override: str) -> Fault | None:
    try:
        override.encode()
    except UnicodeEncodeError:
        return Fault(override.encode("utf-8", "backslashreplace").decode(), "is not UTF-8", "text in UTF-8", source=COMMAND_LINE)
    if len(override) > LONGEST:
        return Fault(f"{key_of(override)[:80]}", f"has {len(override):,} characters", f"at most {LONGEST:,}", "long values belong into a file", COMMAND_LINE)
    if _depth(override) > DEEPEST:
        return Fault(key_of(override)[:80], "is nested too deeply", f"at most {DEEPEST} levels", source=COMMAND_LINE)
    if is_hydra(override):
        return Fault(key_of(override), "is a setting of Hydra itself", "a key of the experiment", "only a sweep (-m) takes hydra/launcher=...", COMMAND_LINE)
    return None


def _depth(text: str) -> int:
    depth = deepest = 0
    for sign in text:
        depth += (sign in "[{(") - (sign in "]})")
        deepest = max(deepest, depth)
    return deepest


def sweep_faults(workspace: Workspace, overrides: Sequence[str]) -> list[Fault]:
    """What a sweep must not hand to Hydra's own main function: settings of Hydra that can name code, in files or overrides."""
    faults = [fault for override in overrides if is_hydra(override) and (fault := _sweep_fault(override)) is not None]
    return [*faults, *(fault for folder in conf_folders(workspace.conf) for path in sorted(folder.rglob("*.yaml")) for fault in _file_faults(path, folder))]


def _sweep_fault(override: str) -> Fault | None:
    key, _, value = override.partition("=")
    name = key.lstrip("+~")
    if name in SWEEP_GROUPS and all(OPTION.fullmatch(option.strip()) for option in value.split(",")):
        return None
    if name.startswith(SWEEP_KEYS) and not any(code in override for code in CODE_KEYS):
        return None
    expected = "hydra/launcher=NAME, hydra/sweeper=NAME, or their settings such as hydra.launcher.n_jobs=2"
    return Fault(name, "can name code or leave the workspace, so a sweep does not take it", expected, source=COMMAND_LINE)


def _file_faults(path: Path, folder: Path) -> Iterator[Fault]:
    """The file is one of Hydra's groups, or writes below `hydra`, or chooses something that does."""
    shown = f"{folder.name}/{path.relative_to(folder).as_posix()}"
    group = path.parent.relative_to(folder).as_posix()
    expected = "settings of the experiment; those of Hydra are given on the command line of a sweep"
    if not path.is_file():
        return
    if group.split("/")[0] == "hydra" or package_of(path, "").split(".")[0] == "hydra":
        yield Fault(f"{shown}:1", "sets what Hydra itself runs", expected, "remove the file")
        return
    try:
        root = root_of(path)
    except (yaml.YAMLError, UnicodeError, OSError, RecursionError):
        return  # told when the file takes part in a composition
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    for key, value in pairs:
        if key.value == "hydra" or (key.value == "defaults" and any("hydra" in word for word in words_in(value))):
            yield Fault("hydra", "sets what Hydra itself runs", expected, "remove the lines", f"{shown}:{key.start_mark.line + 1}")
