"""Hydra composes, OmegaConf resolves, one model validates; every fault with its file and line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException, OverrideParseException
from hydra.types import RunMode
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import ValidationError
from yaml import YAMLError

from runner.core.faults import Fault, FaultsError, fault, listed, nearest
from runner.core.workspace import Workspace, check_name
from runner.experiment.crosscheck import faults as cross_faults
from runner.experiment.faults import from_validation, source_of
from runner.experiment.locate import locations, syntax_faults
from runner.experiment.model import Experiment, TrackingSpec

if TYPE_CHECKING:
    from omegaconf import DictConfig

MAIN = "config"
CODE_KEYS = frozenset({"_target_", "_recursive_", "_partial_", "_convert_", "_args_"})
RESOLVER = re.compile(r"\$\{[^${}]*?:")
OPTIONS = re.compile(r"Could not find '(?P<path>[^']+)'")
STRUCT = re.compile(r"Could not override '(?P<key>[^']+)'")


def compose(workspace: Workspace, overrides: Sequence[str]) -> Experiment:
    """The experiment that the workspace's conf/ and the overrides make. Raises FaultsError with every fault found."""
    cfg, sources = _composed(workspace, overrides)
    return _validated(cfg, sources, workspace, overrides)


def from_hydra(cfg: DictConfig, workspace: Workspace, overrides: Sequence[str]) -> Experiment:
    """The experiment of a config that Hydra composed itself, as in a job of a sweep."""
    return _validated(cfg, {}, workspace, overrides)


def tracking_of(workspace: Workspace) -> TrackingSpec:
    """The tracking section that conf/ declares without any experiment."""
    cfg, sources = _composed(workspace, [])
    given = OmegaConf.to_container(cfg.tracking, resolve=True)
    try:
        return TrackingSpec.model_validate(given)
    except ValidationError as error:
        raise FaultsError(from_validation(error, {"tracking": given}, TrackingSpec, sources)) from None


def names(workspace: Workspace) -> list[str]:
    """The experiments that conf/experiment declares."""
    return sorted(path.stem for path in (workspace.conf / "experiment").glob("*.yaml"))


def _composed(workspace: Workspace, overrides: Sequence[str]) -> tuple[DictConfig, dict[str, str]]:
    with _hydra(workspace):
        try:
            listed_defaults = GlobalHydra.instance().config_loader().compute_defaults_list(MAIN, list(overrides), RunMode.RUN)
            files = list(_files(workspace, listed_defaults.defaults))
            twice = [f for path, _, shown in files for f in syntax_faults(path, shown)]
            if twice:
                raise FaultsError(twice)
            return hydra_compose(MAIN, list(overrides)), locations(files, overrides)
        except (HydraException, OmegaConfBaseException, YAMLError, UnicodeDecodeError, OSError, ValueError, RecursionError) as error:
            raise _explained(error, workspace, overrides) from None


@contextmanager
def _hydra(workspace: Workspace) -> Iterator[None]:
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(workspace.conf.resolve()), version_base=None):
            yield
    finally:
        GlobalHydra.instance().clear()


def packaged_conf() -> Path | None:
    """The groups that ship inside an installed package; None in a source checkout, whose conf/ is the workspace's own."""
    folder = Path(__file__).parent.parent / "conf"
    return folder if folder.is_dir() else None


def _files(workspace: Workspace, defaults: Iterable[Any]) -> Iterator[tuple[Path, str, str]]:
    for item in defaults:
        path = workspace.conf / f"{item.config_path}.yaml"
        if item.config_path and not item.config_path.startswith("hydra") and path.exists():
            yield path, "" if item.package in (None, "_global_") else item.package, workspace.shown(path)


def _explained(error: Exception, workspace: Workspace, overrides: Sequence[str]) -> FaultsError:
    broken = [f for path in sorted(workspace.conf.rglob("*.yaml")) for f in syntax_faults(path, workspace.shown(path))]
    if broken:
        return FaultsError(broken)
    text = str(error)
    if isinstance(error, OverrideParseException):
        return fault(f"command line: {error.override}", text.splitlines()[0], "an override such as seed=7 or training/tuning=quick")
    if isinstance(error, MissingConfigException) and (found := OPTIONS.search(text)):
        group, _, option = found["path"].rpartition("/")
        options = sorted(path.stem for path in (workspace.conf / group).glob("*.yaml"))
        return fault(f"{group or MAIN}: {option!r}", "there is no such option", f"one of {listed(options, 40)}", nearest(option, options))
    if isinstance(error, ConfigCompositionException) and (found := STRUCT.search(text)):
        return _unknown_override(found["key"], workspace, overrides)
    return fault("config", text.splitlines()[0] if text else type(error).__name__, "a config that composes", "look at the files under conf/")


def _unknown_override(key: str, workspace: Workspace, overrides: Sequence[str]) -> FaultsError:
    others = [o for o in overrides if o.split("=", 1)[0].lstrip("+~") != key]
    with _hydra(workspace):
        known = _leaves(OmegaConf.to_container(hydra_compose(MAIN, others), resolve=False), "")
    groups = sorted({p.parent.relative_to(workspace.conf).as_posix() for p in workspace.conf.rglob("*.yaml")} - {"."})
    hint = nearest(key, groups if "/" in key else known)
    return fault(f"command line: {key}", "sets a key that the composed config does not have", "a key of the config", hint or f"to set one that only has a default: +{key}=...")


def _leaves(value: Any, prefix: str) -> list[str]:
    if not isinstance(value, dict) or not value:
        return [prefix]
    return [leaf for key, below in value.items() for leaf in [f"{prefix}.{key}".lstrip("."), *_leaves(below, f"{prefix}.{key}".lstrip("."))]]


def _validated(cfg: DictConfig, sources: Mapping[str, str], workspace: Workspace, overrides: Sequence[str]) -> Experiment:
    raw = OmegaConf.to_container(cfg, resolve=False)
    if not isinstance(raw, dict) or raw.get("name") is None:
        raise fault("experiment", "no experiment is chosen", f"+experiment= one of {listed(names(workspace), 40)}", "python -m runner +experiment=NAME")
    forbidden = [replace(f, source=source_of(f.at, sources)) for f in _code_faults(raw, "")]
    if forbidden:
        raise FaultsError(forbidden)
    given = _resolved(cfg, sources)
    check_name(str(given["name"]), "name")
    try:
        experiment = Experiment.model_validate_json(json.dumps(given, default=str))
    except ValidationError as error:
        raise FaultsError(from_validation(error, given, Experiment, sources)) from None
    between = [replace(f, source=source_of(f.at, sources)) for f in cross_faults(experiment)]
    if between:
        raise FaultsError(between)
    chosen = [o.split("=", 1)[1] for o in overrides if o.lstrip("+").startswith("experiment=")]
    if chosen and chosen[-1] != experiment.name:
        raise fault("name", f"the file conf/experiment/{chosen[-1]}.yaml names itself {experiment.name!r}", f"name: {chosen[-1]}")
    return experiment


def _resolved(cfg: DictConfig, sources: Mapping[str, str]) -> dict[str, Any]:
    try:
        given = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    except (OmegaConfBaseException, RecursionError) as error:
        at = str(getattr(error, "full_key", "") or "config")
        raise FaultsError([Fault(at, str(error).splitlines()[0] or "interpolation that never ends", "a value", source=source_of(at, sources))]) from None
    return {str(key): value for key, value in dict(given).items()}  # type: ignore[arg-type]


def _code_faults(value: Any, at: str) -> Iterator[Fault]:
    """Config names data, never code: no object keys anywhere, and the environment only where nothing is stored."""
    if isinstance(value, dict):
        for key, below in value.items():
            path = f"{at}.{key}".lstrip(".")
            if key in CODE_KEYS:
                yield Fault(path, f"{key} would run code that config names", "a registered kind", "see `kind` in the docs")
            yield from _code_faults(below, path)
    elif isinstance(value, list):
        for i, below in enumerate(value):
            yield from _code_faults(below, f"{at}.{i}")
    elif isinstance(value, str) and RESOLVER.search(value) and not (at.startswith("tracking.") and "${oc.env:" in value):
        yield Fault(at, f"the resolver in {value!r} is not allowed", "a plain value or ${another.key}", "the environment may be read under tracking only")
