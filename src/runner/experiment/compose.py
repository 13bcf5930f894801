"""Hydra composes, OmegaConf resolves, one model validates; every fault with its file and line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf
from pydantic import ValidationError

from runner.core.faults import Fault, FaultsError
from runner.core.workspace import Workspace
from runner.experiment.composer import MISTAKES, Composer
from runner.experiment.explain import explain
from runner.experiment.faults import from_validation
from runner.experiment.groups import Groups, conf_folders
from runner.experiment.locate import Origin, Places
from runner.experiment.model import Experiment, TrackingSpec
from runner.experiment.overrides import key_of, sifted
from runner.experiment.parse import parsed, section

if TYPE_CHECKING:
    from omegaconf import DictConfig


def compose(workspace: Workspace, overrides: Sequence[str], composer: Composer | None = None) -> Experiment:
    """The experiment that the workspace's conf/ and the overrides make. Raises FaultsError with every fault found.

    composer: one for many experiments saves reading the same files again.
    """
    composer = composer or Composer(workspace)
    raw, kept, faults = _composed(composer, ordered(overrides))
    return parsed(raw, kept, workspace, _origin(composer, kept), faults)


def ordered(overrides: Sequence[str]) -> list[str]:
    """The overrides with the experiment first and a profile next, so that a profile's budget holds wherever it stands on the line.

    >>> ordered(["seed=1", "+profile=quick", "+experiment=x"])
    ['+experiment=x', '+profile=quick', 'seed=1']
    """
    return sorted(overrides, key=lambda o: {"experiment": 0, "profile": 1}.get(key_of(o), 2))


def traced(workspace: Workspace, overrides: Sequence[str]) -> tuple[Experiment, Places]:
    """Like compose, with the place that set each key last. Raises FaultsError with every fault found."""
    composer = Composer(workspace)
    raw, kept, faults = _composed(composer, ordered(overrides))
    origin = _origin(composer, kept)
    return parsed(raw, kept, workspace, origin, faults), origin().places()


def from_hydra(cfg: DictConfig, workspace: Workspace, overrides: Sequence[str]) -> Experiment:
    """The experiment of a config that Hydra composed itself, as in a job of a sweep. Raises FaultsError."""
    raw: Any = OmegaConf.to_container(cfg, resolve=False)
    return parsed(raw, overrides, workspace, _origin(Composer(workspace), overrides), [])


def tracking_of(workspace: Workspace, overrides: Sequence[str] = ()) -> TrackingSpec:
    """The tracking section that conf/ and the overrides make without any experiment. Raises FaultsError."""
    composer = Composer(workspace)
    raw, kept, faults = _composed(composer, overrides)
    origin = _origin(composer, kept)
    if faults:
        raise FaultsError(faults)
    given = section(raw, "tracking", origin)
    try:
        return TrackingSpec.model_validate(given)
    except ValidationError as error:
        raise FaultsError(from_validation(error, {"tracking": given}, TrackingSpec, origin().places())) from None


def names(workspace: Workspace) -> list[str]:
    """The experiments that conf/experiment declares."""
    return Groups.below(conf_folders(workspace.conf)).options("experiment")


def _composed(composer: Composer, overrides: Sequence[str]) -> tuple[dict[str, Any], list[str], list[Fault]]:
    """The config, the overrides that it was made with, and the faults of those that had to be left out."""
    kept, faults = sifted(overrides)
    while True:
        try:
            return composer.config(kept), kept, faults
        except FaultsError as error:
            raise FaultsError(dict.fromkeys([*faults, *error.faults])) from None
        except MISTAKES as error:
            told = explain(error, kept, Groups.below(conf_folders(composer.workspace.conf)), lambda without: _plain(composer, without))
            faults += [fault for fault in told.faults if fault not in faults]
            if told.culprit is None:
                raise FaultsError(faults) from None
            kept.remove(told.culprit)


def _plain(composer: Composer, overrides: Sequence[str]) -> Mapping[str, Any]:
    """The unresolved config of other overrides, for hints; empty when it does not compose either."""
    try:
        return composer.config(overrides)
    except (FaultsError, *MISTAKES):
        return {}


def _origin(composer: Composer, overrides: Sequence[str]) -> Callable[[], Origin]:
    """What a config was made of; worked out only when there is a fault to tell."""

    def find() -> Origin:
        try:
            # The choice of a file sets nothing: what the file says is blamed on the file.
            return Origin(tuple(composer.files(overrides)), [override for override in overrides if not composer.chooses(override)])
        except (FaultsError, *MISTAKES):
            return Origin((), overrides)

    return cache(find)
