"""Hydra's composition of the files below conf/, and of nothing else.

The settings of Hydra itself (launchers, callbacks, loggers, search path) name Python classes, so they take no part here:
no config file can reach them. Each file is read once, with libyaml, however many experiments it takes part in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from hydra import version
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import CachingConfigRepository, ConfigRepository
from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra._internal.core_plugins.structured_config_source import StructuredConfigSource
from hydra._internal.defaults_list import create_defaults_list
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import ConfigCompositionException, HydraException
from hydra.plugins.config_source import ConfigResult
from hydra.types import RunMode
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from runner.core.faults import Fault, FaultsError, fault
from runner.core.workspace import Workspace
from runner.experiment.circles import circle_faults
from runner.experiment.groups import conf_folders
from runner.experiment.locate import ConfigFile, locate
from runner.experiment.merge import NotPlainError, laid_over, placed
from runner.experiment.overrides import key_of
from runner.experiment.yamlfile import read_document, unreadable

MAIN = "config"
HEAD_CHARACTERS = 512
# How OmegaConf's parser says that an interpolation is not well formed.
AT_INPUT = re.compile(r"at input '(.*)'")
GRAMMAR = re.compile(r"no viable alternative|mismatched input|token recognition|extraneous input|missing .* at '")
PLAINLY = re.compile(r"\+experiment=(\w+)")
# What composing can raise for a person's mistake; anything else is a bug and keeps its traceback.
MISTAKES = (HydraException, OmegaConfBaseException, yaml.YAMLError, UnicodeError, OSError, ValueError, RecursionError)


@dataclass(frozen=True)
class _Read:
    """One file: its plain values, the directives of its head, and what is wrong with it."""

    values: Any
    head: dict[str, str | None]
    faults: tuple[Fault, ...] = ()


@dataclass
class Shelf:
    """The files that were read so far; a faulty one counts as empty, so that the others are still looked at."""

    workspace: Workspace
    read: dict[Path, _Read] = field(default_factory=dict)

    def values(self, path: Path) -> dict[Any, Any]:
        """A file's plain values without its defaults list; not to be changed."""
        return {key: value for key, value in self.file(path).values.items() if key != "defaults"}

    def file(self, path: Path) -> _Read:
        """A file, read once."""
        if path not in self.read:
            self.read[path] = self._open(path)
        return self.read[path]

    def result(self, path: Path, provider: str, is_whole: bool) -> ConfigResult:
        """A file as Hydra takes it, with values of its own; for a defaults list it matters only whether there are any."""
        found = self.file(path)
        values = found.values
        if not is_whole:
            defaults = {"defaults": values["defaults"]} if "defaults" in values else {}
            values = {**defaults, **({"content": None} if values.keys() - defaults.keys() else {})}
        return ConfigResult(provider=provider, path=str(path), config=OmegaConf.create(values), header=dict(found.head))

    def _open(self, path: Path) -> _Read:
        shown = self.workspace.shown(path)
        found = read_document(path, shown)
        faults = found.faults
        if "${" in found.text and not faults:
            try:
                OmegaConf.create(found.values)
            except RecursionError as error:
                faults = (unreadable(error, path, shown),)
            except OmegaConfBaseException as error:
                faults = (_refused(error, path, shown),)
        if faults:
            return _Read({}, {"package": None}, faults)
        return _Read(found.values, FileConfigSource._get_header_dict(found.text[:HEAD_CHARACTERS]))


def _refused(error: OmegaConfBaseException, path: Path, shown: str) -> Fault:
    """What OmegaConf refuses of a file that is right as YAML, such as an interpolation that is never closed."""
    key = str(error.full_key or "")
    found = locate([ConfigFile(path, "", shown)], [])
    wrong = str(error).splitlines()[0]
    if GRAMMAR.search(wrong):
        there = AT_INPUT.search(wrong)
        wrong = f"has an interpolation that is not closed, or holds no key{f': {there[1]}' if there else ''}"
    return Fault(key or "config", wrong, "a plain value or ${another.key}", source=found[key].source if key in found else shown)


class _Folder(FileConfigSource):
    """A folder of config files whose options may not lead out of the workspace, or out of the package."""

    def __init__(self, provider: str, folder: Path, shelf: Shelf, is_whole: bool) -> None:
        super().__init__(provider, f"file://{folder.resolve()}")
        self._shelf, self._is_whole = shelf, is_whole
        self._allowed = (shelf.workspace.root.resolve(), folder.resolve())

    def load_config(self, config_path: str) -> ConfigResult:
        return self._shelf.result(self._file(config_path), self.provider, self._is_whole)

    def is_config(self, config_path: str) -> bool:
        path = self._file(config_path)
        shown = f"{Path(self.path).name}/{path.relative_to(self.path).as_posix()}"
        if not path.is_file():
            if path.is_dir() or path.is_symlink() or path.exists():
                raise fault(shown, f"is {_what(path)}", "a YAML file", "replace it by a file, or remove it")
            return False
        if not any(path.resolve().is_relative_to(allowed) for allowed in self._allowed):
            raise fault(shown, "leads out of the workspace", "a file below conf/", "copy the file there")
        return True

    def _file(self, config_path: str) -> Path:
        return Path(self.path) / self._normalize_file_name(config_path)


def _what(path: Path) -> str:
    return "a folder" if path.is_dir() else "a link to nothing" if not path.exists() else "no plain file"


class _Repository(ConfigRepository):
    """The workspace's conf/ before the package's; made once, so it is not copied for every composition."""

    def __init__(self, folders: Sequence[Path], shelf: Shelf, is_whole: bool) -> None:
        self.sources = [*(_Folder("main" if not i else "runner", folder, shelf, is_whole) for i, folder in enumerate(folders))]
        self.sources.append(StructuredConfigSource("schema", "structured://"))

    def __deepcopy__(self, memo: dict[int, Any]) -> _Repository:
        return self


class Composer:
    """Composes experiments of one workspace. Raises FaultsError for files that are wrong; other mistakes as Hydra tells them."""

    def __init__(self, workspace: Workspace) -> None:
        version.setbase(None)
        self.workspace = workspace
        self._folders = conf_folders(workspace.conf)
        self._shelf = Shelf(workspace)
        self._repository = _Repository(self._folders, self._shelf, is_whole=False)
        # Defaults lists are read off these and never change them, so that all compositions share them.
        self._known = CachingConfigRepository(self._repository)
        self._loader = ConfigLoaderImpl(ConfigSearchPathImpl())
        self._parser = OverridesParser.create()
        self._base: dict[str, Any] | None = None
        if not self._repository.config_exists(MAIN):
            raise fault("conf", "there is no conf/config.yaml", "a project folder whose conf/ holds the table of contents, config.yaml")

    def config(self, overrides: Sequence[str]) -> dict[str, Any]:
        """The composed config as plain values, not resolved. Raises FaultsError, or HydraException and others for MISTAKES in overrides and defaults lists."""
        plain = self._plainly_chosen(overrides)
        if plain is not None:
            return plain
        defaults = self._defaults_of(overrides)
        self._refuse(path for item in defaults.defaults if (path := self._path(item.config_path)) is not None)
        try:
            merged = self._merged(defaults.defaults)
            return self._overridden(merged, defaults.config_overrides) if defaults.config_overrides else merged
        except OmegaConfBaseException as error:
            raise ConfigCompositionException from error

    def _plainly_chosen(self, overrides: Sequence[str]) -> dict[str, Any] | None:
        """The config where nothing but an experiment is chosen that has no defaults list of its own; None for everything else.

        Such experiments differ in their own file only, so what they are laid over is composed once.
        """
        chosen = PLAINLY.fullmatch(overrides[0]) if len(overrides) == 1 else None
        if chosen is None or not self._repository.config_exists(f"experiment/{chosen[1]}"):
            return None
        path = self._path(f"experiment/{chosen[1]}")
        found = self._shelf.file(path) if path is not None else None
        if path is None or found is None or found.faults or "defaults" in found.values or found.head["package"] != "_global_":
            return None
        if self._base is None:
            defaults = self._defaults_of([]).defaults
            if any(item.config_path.startswith("experiment/") for item in defaults):
                return None
            self._refuse(below for item in defaults if (below := self._path(item.config_path)) is not None)
            self._base = self._merged(defaults)
        try:
            return laid_over(self._base, self._shelf.values(path))
        except NotPlainError:
            return None

    def _defaults_of(self, overrides: Sequence[str]) -> Any:
        """The defaults list; where it cannot be made, what is wrong with a file that takes part is told first."""
        try:
            return self._defaults(overrides, self._known)
        except MISTAKES as error:
            looked_at = CachingConfigRepository(self._repository)
            with suppress(*MISTAKES):
                self._defaults(overrides, looked_at)
            self._refuse(Path(result.path) for result in looked_at.cache.values() if result is not None)
            circles = (
                circle_faults([key.removeprefix("config_path=") for key in looked_at.cache], self._path, self.workspace.shown)
                if isinstance(error, RecursionError)
                else []
            )
            if circles:
                raise FaultsError(circles) from None
            raise

    def _merged(self, defaults: Sequence[Any]) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        try:
            for item in defaults:
                path = self._path(item.config_path)
                if path is None:
                    raise NotPlainError(item.config_path)
                merged = laid_over(merged, placed(_package(item), self._shelf.values(path)))
        except NotPlainError:
            fresh = CachingConfigRepository(_Repository(self._folders, self._shelf, is_whole=True))
            return _plain(self._loader._compose_config_from_defaults_list(list(defaults), fresh))
        return merged

    def _overridden(self, merged: Mapping[str, Any], overrides: Any) -> dict[str, Any]:
        config = OmegaConf.create(dict(merged))
        OmegaConf.set_struct(config, value=True)
        ConfigLoaderImpl._apply_overrides_to_config(overrides, config)
        return _plain(config)

    def _refuse(self, paths: Iterable[Path]) -> None:
        """Raise what is wrong with files that take part: whatever else fails may only follow from that."""
        faults = [fault for path in dict.fromkeys(paths) if path in self._shelf.read for fault in self._shelf.read[path].faults]
        if faults:
            raise FaultsError(faults) from None

    def _defaults(self, overrides: Sequence[str], repository: CachingConfigRepository) -> Any:
        parsed = self._parser.parse_overrides(list(overrides))
        ConfigLoaderImpl.validate_sweep_overrides_legal(parsed, run_mode=RunMode.RUN, from_shell=False)
        return create_defaults_list(repository, MAIN, parsed, prepend_hydra=False, skip_missing=False)

    def _path(self, config_path: str) -> Path | None:
        return next((path for folder in self._folders if (path := folder / f"{config_path}.yaml").is_file()), None)

    def chooses(self, override: str) -> bool:
        """Whether an override takes a file of a group, and sets no value itself."""
        return self._repository.group_exists(key_of(override)) and not override.partition("=")[2].startswith("{")

    def files(self, overrides: Sequence[str]) -> Iterator[ConfigFile]:
        """The files that take part, in the order in which later ones win. Raises as `config` does."""
        for item in self._defaults_of(overrides).defaults:
            path = self._path(item.config_path)
            if path is not None:
                yield ConfigFile(path, _package(item), self.workspace.shown(path))


def _package(item: Any) -> str:
    return "" if item.package in (None, "_global_") else str(item.package)


def _plain(config: Any) -> dict[str, Any]:
    values = OmegaConf.to_container(config, resolve=False)
    return {str(key): value for key, value in values.items()} if isinstance(values, dict) else {}
