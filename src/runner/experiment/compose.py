"""Hydra composes, OmegaConf resolves, one model validates; every fault with its file and line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.errors import HydraException, OverrideParseException
from hydra.plugins.search_path_plugin import SearchPathPlugin
from hydra.types import RunMode
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import ValidationError
from yaml import YAMLError

from runner.core.faults import Fault, FaultsError
from runner.core.workspace import Workspace
from runner.experiment.explain import Explained, explain, key_of
from runner.experiment.faults import from_validation
from runner.experiment.groups import Groups, conf_folders, packaged_conf
from runner.experiment.locate import ConfigFile, Origin, Places, dangerous_faults, locate, syntax_faults, unreadable
from runner.experiment.model import Experiment, TrackingSpec
from runner.experiment.parse import parsed, resolved

if TYPE_CHECKING:
    from omegaconf import DictConfig

MAIN = "config"
# What composing can raise for a person's mistake; anything else is a bug and keeps its traceback.
MISTAKES = (HydraException, OmegaConfBaseException, YAMLError, UnicodeError, OSError, ValueError, RecursionError)


def compose(workspace: Workspace, overrides: Sequence[str]) -> Experiment:
    """The experiment that the workspace's conf/ and the overrides make. Raises FaultsError with every fault found."""
    unreadable = [_not_text(o) for o in overrides if not _is_text(o)]
    faults = unreadable or dangerous_faults(workspace.conf)
    if faults:
        raise FaultsError(faults)
    with _hydra(workspace):
        cfg, kept, faults = _composed(workspace, ordered(overrides))
        return parsed(cfg, kept, workspace, _origin(workspace, kept), faults)


def ordered(overrides: Sequence[str]) -> list[str]:
    """The overrides with the experiment first and a profile next, so that a profile's budget holds wherever it stands on the line.

    >>> ordered(["seed=1", "+profile=quick", "+experiment=x"])
    ['+experiment=x', '+profile=quick', 'seed=1']
    """
    return sorted(overrides, key=lambda o: {"experiment": 0, "profile": 1}.get(key_of(o), 2))


def traced(workspace: Workspace, overrides: Sequence[str]) -> tuple[Experiment, Places]:
    """Like compose, with the place that set each key last. Raises FaultsError with every fault found."""
    with _hydra(workspace):
        cfg, kept, faults = _composed(workspace, ordered(overrides))
        origin = _origin(workspace, kept)
        return parsed(cfg, kept, workspace, origin, faults), origin().places()


def from_hydra(cfg: DictConfig, workspace: Workspace, overrides: Sequence[str]) -> Experiment:
    """The experiment of a config that Hydra composed itself, as in a job of a sweep. Raises FaultsError."""
    return parsed(cfg, overrides, workspace, _origin(workspace, overrides), [])


def tracking_of(workspace: Workspace, overrides: Sequence[str] = ()) -> TrackingSpec:
    """The tracking section that conf/ and the overrides make without any experiment. Raises FaultsError."""
    with _hydra(workspace):
        cfg, kept, faults = _composed(workspace, list(overrides))
        origin = _origin(workspace, kept)
        if faults:
            raise FaultsError(faults)
        given = resolved(cfg, origin)["tracking"]
        try:
            return TrackingSpec.model_validate(given)
        except ValidationError as error:
            raise FaultsError(from_validation(error, {"tracking": given}, TrackingSpec, origin().places())) from None


def names(workspace: Workspace) -> list[str]:
    """The experiments that conf/experiment declares."""
    return Groups.below(conf_folders(workspace.conf)).options("experiment")


class PackagedConf(SearchPathPlugin):
    """Puts the packaged groups behind the workspace's own, for single runs and for sweeps."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        folder = packaged_conf()
        if folder is not None:
            search_path.append(provider="runner", path=f"file://{folder}")


Plugins.instance().register(PackagedConf)


@contextmanager
def _hydra(workspace: Workspace) -> Iterator[None]:
    # A job of a sweep runs inside Hydra already; its state is put back.
    outer = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(workspace.conf.resolve()), version_base=None):
            yield
    except HydraException as error:
        raise FaultsError([Fault("conf", str(error).splitlines()[0], "a folder with config.yaml")]) from None
    finally:
        GlobalHydra.instance().clear()
        GlobalHydra.instance().hydra = outer


def _composed(workspace: Workspace, overrides: Sequence[str]) -> tuple[DictConfig, list[str], list[Fault]]:
    """The config, the overrides that it was made with, and the faults of those that had to be left out."""
    kept = list(overrides)
    faults: list[Fault] = []
    while True:
        try:
            return hydra_compose(MAIN, kept), kept, faults
        except MISTAKES as error:
            told = _explained(error, kept, workspace)
            faults += [fault for fault in told.faults if fault not in faults]
            if told.culprit is None:
                raise FaultsError(faults) from None
            kept.remove(told.culprit)


def _explained(error: Exception, overrides: list[str], workspace: Workspace) -> Explained:
    roots = conf_folders(workspace.conf)
    broken = [] if isinstance(error, OverrideParseException) else _broken_files(error, roots, workspace, overrides)
    if broken:
        return Explained(broken)
    return explain(error, overrides, Groups.below(roots), lambda without: _plain(workspace, without))


def _plain(workspace: Workspace, overrides: Sequence[str]) -> Mapping[str, Any]:
    """The unresolved config of other overrides, for hints; empty when it does not compose either."""
    try:
        found = OmegaConf.to_container(hydra_compose(MAIN, list(overrides)), resolve=False)
    except MISTAKES:
        return {}
    return {str(key): value for key, value in found.items()} if isinstance(found, dict) else {}


def _broken_files(error: Exception, roots: Sequence[Path], workspace: Workspace, overrides: Sequence[str]) -> list[Fault]:
    """Syntax faults of the files that may take part; those of other experiments only where nothing else explains the error."""
    chosen = {o.partition("=")[2].strip("'\"") for o in overrides if o.lstrip("+").startswith("experiment=")}
    paths = [path for root in roots for path in sorted(root.rglob("*.yaml"))]
    mine = [path for path in paths if path.parent.name != "experiment" or path.stem in chosen]
    faults = [fault for path in mine for fault in syntax_faults(path, workspace.shown(path)) or _unloadable(path, workspace)]
    if faults or not isinstance(error, (YAMLError, UnicodeError)):
        return faults
    return [fault for path in paths for fault in syntax_faults(path, workspace.shown(path))]


def _unloadable(path: Path, workspace: Workspace) -> list[Fault]:
    """What OmegaConf refuses of a file that is right as YAML, such as an interpolation that is never closed."""
    try:
        OmegaConf.load(path)
    except (YAMLError, UnicodeError, RecursionError) as error:
        return [unreadable(error, path, workspace.shown(path))]
    except OmegaConfBaseException as error:
        key = str(error.full_key or "")
        found = locate([ConfigFile(path, "", workspace.shown(path))], [])
        source = found[key].source if key in found else workspace.shown(path)
        return [Fault(key or "config", str(error).splitlines()[0], "a plain value or ${another.key}", source=source)]
    return []


def _origin(workspace: Workspace, overrides: Sequence[str]) -> Callable[[], Origin]:
    """What a config was made of; worked out only when there is a fault to tell."""

    def find() -> Origin:
        if not GlobalHydra.instance().is_initialized():
            return Origin((), overrides)
        try:
            defaults = GlobalHydra.instance().config_loader().compute_defaults_list(MAIN, list(overrides), RunMode.RUN).defaults
        except MISTAKES:
            return Origin((), overrides)
        return Origin(tuple(_files(workspace, defaults)), overrides)

    return cache(find)


def _files(workspace: Workspace, defaults: Sequence[Any]) -> Iterator[ConfigFile]:
    for item in defaults:
        if not item.config_path or item.config_path.startswith("hydra"):
            continue
        paths = (root / f"{item.config_path}.yaml" for root in conf_folders(workspace.conf))
        path = next((path for path in paths if path.is_file()), None)
        if path is not None:
            yield ConfigFile(path, "" if item.package in (None, "_global_") else item.package, workspace.shown(path))


def _is_text(override: str) -> bool:
    try:
        override.encode()
    except UnicodeEncodeError:
        return False
    return True


def _not_text(override: str) -> Fault:
    return Fault(override.encode("utf-8", "backslashreplace").decode(), "is not UTF-8", "text in UTF-8", source="command line")
