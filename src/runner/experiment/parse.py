"""From a composed config to one frozen experiment: nothing but plain values, resolved, validated as a whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import ValidationError

from runner.core.faults import Fault, FaultsError, listed
from runner.core.workspace import Workspace, check_name
from runner.experiment import plugins
from runner.experiment.crosscheck import faults as cross_faults
from runner.experiment.faults import from_validation, shown
from runner.experiment.groups import Groups, conf_folders, package_of
from runner.experiment.interpolations import Lookups, leaves
from runner.experiment.locate import Origin, Places, blamed, source_of
from runner.experiment.model import UNSTORED, Experiment
from runner.experiment.overrides import CODE_KEYS, COMMAND_LINE
from runner.experiment.yamlfile import below

if TYPE_CHECKING:
    from omegaconf import DictConfig

HEADER = "# @package _global_"


def parsed(raw: Mapping[str, Any], overrides: Sequence[str], workspace: Workspace, origin: Callable[[], Origin], faults: Sequence[Fault]) -> Experiment:
    """The experiment of a composed config, plain values that are not resolved.

    overrides: those it was composed with; origin: what it was composed of, asked for only when something looks wrong; faults: those already found.
    Raises FaultsError with all of them and all that is found here.
    """
    found = list(faults)
    try:
        chosen = _chosen(raw, overrides, origin, workspace, found)
        wrong = [*_plain_faults(raw, ""), *Lookups(raw).faults()]
        found += wrong
        # What is wrong already is put aside, so that the rest is judged in the same go.
        given = resolved(_without(raw, {fault.at for fault in wrong}, "") if wrong else raw, origin)
        found += [*_name_faults(given, chosen), *plugins.given_faults(given)]
        plugins.bring(workspace, given.get("plugins"))
        experiment, invalid = _validated(given, origin)
        found += [fault for fault in invalid if not any(_covers(known.at, fault.at) for known in found)]
        if experiment is not None and not wrong:
            found += [*cross_faults(experiment), *plugins.faults(experiment), *_path_faults(experiment, workspace)]
            if not found:
                return plugins.with_digests(experiment)
    except FaultsError as error:
        found += error.faults
    where = origin().places()
    raise FaultsError(dict.fromkeys(_placed(fault, where) for fault in found))


def _placed(fault: Fault, where: Places) -> Fault:
    """The fault with the file and line to mend."""
    at = blamed(fault.at, where)
    return fault if fault.source and at == fault.at else replace(fault, at=at, source=source_of(at, where))


def _without(value: Any, dropped: Collection[str], at: str) -> Any:
    """Plain values with a harmless text in place of those at the dropped key paths, and without keys that name code."""
    if isinstance(value, dict):
        return {key: _without(inner, dropped, below(at, key)) for key, inner in value.items() if key not in CODE_KEYS}
    if isinstance(value, list):
        return [_without(inner, dropped, f"{at}.{i}") for i, inner in enumerate(value)]
    return "" if at in dropped else value


def chosen_experiment(overrides: Sequence[str]) -> str | None:
    """The experiment that the overrides choose; None when they choose none."""
    chosen = [o.partition("=")[2].strip("'\" ") for o in overrides if o.lstrip("+").partition("=")[0] == "experiment"]
    return chosen[-1] if chosen else None


def _covers(known: str, at: str) -> bool:
    return at == known or at.startswith(f"{known}.")


def _chosen(raw: Mapping[Any, Any], overrides: Sequence[str], origin: Callable[[], Origin], workspace: Workspace, known: Sequence[Fault]) -> str | None:
    """The experiment that the overrides choose. Raises FaultsError when there is no experiment in the config at all."""
    chosen = chosen_experiment(overrides)
    if raw.get("name") is not None:
        return chosen
    if chosen is None:
        if any(fault.at == "experiment" for fault in known):
            raise FaultsError([])
        available = Groups.below([workspace.conf]).options("experiment")
        expected = f"+experiment= one of {listed(available, 40)}" if available else "a file in conf/experiment/"
        raise FaultsError([Fault("experiment", "no experiment is chosen", expected, "python -m runner +experiment=NAME", COMMAND_LINE)])
    file = f"conf/experiment/{chosen}.yaml"
    path = Groups.below(conf_folders(workspace.conf)).files.get(f"experiment/{chosen}")
    package = package_of(path, "experiment") if path is not None else ""
    if package:
        wrong = f"goes into the key `{package}`, not over the whole config"
        raise FaultsError([Fault(f"{file}:1", wrong, HEADER, f"make {HEADER} the first line")])
    raise FaultsError([Fault("name", "is missing", f"name: {chosen}", "an experiment is called as its file", file)])


def _plain_faults(value: Any, at: str) -> Iterator[Fault]:
    """Config names data, never code: no object keys, and no other than plain values."""
    if isinstance(value, dict):
        for key, inner in value.items():
            path = below(at, key)
            if not isinstance(key, (str, int)) or isinstance(key, bool):
                yield Fault(path, f"the key is read as {shown(key)}", "text", "put the key in quotes")
            if key in CODE_KEYS:
                yield Fault(path, f"{key} would run code that config names", "the `kind` of a registered part")
            else:
                yield from _plain_faults(inner, path)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _plain_faults(inner, f"{at}.{i}")
    elif isinstance(value, str) and not value.isascii() and any("\ud800" <= sign <= "\udfff" for sign in value):
        yield Fault(at, "holds half of a sign (a lone surrogate)", "whole signs", "write the sign itself instead of \\ud...")
    elif value is not None and not isinstance(value, (str, bool, int, float)):
        yield Fault(at, f"is a {type(value).__name__}", "text, a number, true or false, a list or a section")


def resolved(raw: Mapping[str, Any], origin: Callable[[], Origin]) -> dict[str, Any]:
    """The config without interpolations.

    Stored sections are resolved without the others in sight, so that nothing private reaches what is stored.
    Raises FaultsError with each section that cannot be resolved.
    """
    if not any(isinstance(text, str) and "${" in text for _, text in leaves(raw, "")):
        return dict(raw)
    cfg = OmegaConf.create(dict(raw))
    stored = OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key not in UNSTORED])
    given: dict[str, Any] = {}
    faults: list[Fault] = []
    for key in cfg:
        try:
            given[str(key)] = _section(cfg if key in UNSTORED else stored, key)
        except (OmegaConfBaseException, RecursionError) as error:
            faults.append(_unresolved(error, str(key), origin()))
    if faults:
        raise FaultsError(faults)
    return given


def section(raw: Mapping[str, Any], name: str, origin: Callable[[], Origin]) -> Any:
    """One section without interpolations, where the others do not matter. Raises FaultsError."""
    wrong = [fault for fault in [*_plain_faults(raw.get(name), name), *Lookups(raw).faults()] if fault.at.split(".")[0] == name]
    if wrong:
        where = origin().places()
        raise FaultsError(replace(fault, source=source_of(fault.at, where)) for fault in wrong)
    try:
        return _section(OmegaConf.create(dict(raw)), name)
    except (OmegaConfBaseException, RecursionError) as error:
        raise FaultsError([_unresolved(error, name, origin())]) from None


def _section(cfg: DictConfig, key: Any) -> Any:
    value = cfg[key]
    return OmegaConf.to_container(value, resolve=True, throw_on_missing=True) if OmegaConf.is_config(value) else value


def _unresolved(error: Exception, section: str, origin: Origin) -> Fault:
    at = str(getattr(error, "full_key", None) or section)
    text = str(error).splitlines()[0].rpartition("while resolving interpolation: ")[2].strip('"')
    return Fault(at, "interpolations that never end" if isinstance(error, RecursionError) else text, "a value", source=source_of(at, origin.places()))


def _name_faults(given: Mapping[str, Any], chosen: str | None) -> Iterator[Fault]:
    name = given.get("name")
    if not isinstance(name, str):
        return
    try:
        check_name(name, "name")
    except FaultsError as error:
        yield from error.faults
    if chosen is not None and name != chosen:
        yield Fault("name", f"is {name!r} in the experiment {chosen!r}", f"name: {chosen}", "an experiment is called as its file")


def _validated(given: Mapping[str, Any], origin: Callable[[], Origin]) -> tuple[Experiment | None, list[Fault]]:
    try:
        # JSON mode is strict where YAML is not, and still takes a list for a tuple.
        return Experiment.model_validate_json(json.dumps(given, default=str)), []
    except ValidationError as error:
        return None, from_validation(error, given, Experiment, origin().places())


def _path_faults(experiment: Experiment, workspace: Workspace) -> Iterator[Fault]:
    for name, source in experiment.data.sources.items():
        try:
            source.located(workspace, f"data.sources.{name}")
        except FaultsError as error:
            yield from error.faults
