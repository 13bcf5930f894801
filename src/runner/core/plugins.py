"""Plugins: a team's own Python files, listed by config, each run as just the bytes that were digested, never from anywhere else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from runner.core import registry
from runner.core.digests import of_bytes
from runner.core.faults import Fault, FaultsError, fault, listed
from runner.core.plugin_file import read, run
from runner.core.registry import Family, Registration
from runner.core.workspace import Workspace

KEY = "plugins"
RESTORE = "restore the file as it was when the bundle was made, or run the experiment again"


@dataclass(frozen=True)
class Plugin:
    """A plugin that was run. path: as listed; digest: SHA-256 (hex) of the file; parts: what it registered; module: what it became."""

    path: str
    digest: str
    parts: tuple[Registration, ...]
    module: ModuleType


_run: dict[tuple[str, str], Plugin] = {}
_used: dict[str, Plugin] = {}


def load(root: Path, paths: Sequence[str], at: str = KEY) -> list[Plugin]:
    """Run the listed files of a workspace, each content once per process. at: the config key of the list, for messages.

    Raises FaultsError with what is wrong with any of them: a path outside plugins/, a file that is missing, fails or registers nothing.
    """
    plugins: list[Plugin] = []
    faults: list[Fault] = []
    for i, path in enumerate(paths):
        try:
            if path in paths[:i]:
                raise fault(f"{at}.{i}", f"{path} is listed twice", "each file once")
            plugins.append(_load(root, path, read(root, path, f"{at}.{i}"), f"{at}.{i}"))
        except FaultsError as error:
            faults += error.faults
    if faults:
        raise FaultsError(faults)
    return plugins


def use(plugins: Iterable[Plugin], at: str = KEY) -> None:
    """Let config choose the parts of just these plugins, beside this package's own. Raises FaultsError when two register one kind."""
    found = list(plugins)
    first: dict[tuple[str, str], str] = {}
    faults = []
    for plugin in found:
        for part in plugin.parts:
            taken = first.setdefault((part.family, part.kind), plugin.path)
            if taken != plugin.path:
                faults.append(Fault(at, f"{plugin.path} registers the {part.family} kind {part.kind!r}, as {taken} does", "one meaning per word", "rename one"))
    if faults:
        raise FaultsError(faults)
    _used.clear()
    _used.update({plugin.path: plugin for plugin in found})
    registry.use(part for plugin in found for part in plugin.parts)


def use_again(digests: Mapping[str, str]) -> None:
    """Use plugins that this process has run before. digests: path to SHA-256. Raises KeyError for any other."""
    use(_run[path, digest] for path, digest in digests.items())


def in_use() -> list[Plugin]:
    """The plugins whose parts config can choose now."""
    return list(_used.values())


def behind(value: Any) -> dict[str, str]:
    """The plugins in use whose specs stand anywhere in a declared value: path to SHA-256."""
    specs = {part.spec: plugin for plugin in _used.values() for part in plugin.parts if part.spec is not None}
    found = {plugin.path: plugin.digest for spec in _specs(value) if (plugin := specs.get(spec)) is not None}
    return dict(sorted(found.items()))


def registering(*families: Family) -> dict[str, str]:
    """The plugins in use that register a part of any of the families: path to SHA-256."""
    return {path: plugin.digest for path, plugin in sorted(_used.items()) if any(part.family in families for part in plugin.parts)}


def naming(words: Iterable[tuple[Family, str]]) -> dict[str, str]:
    """The plugins in use that register any of the words: path to SHA-256."""
    wanted = set(words)
    return {path: plugin.digest for path, plugin in sorted(_used.items()) if any((part.family, part.kind) in wanted for part in plugin.parts)}


def require(needed: Any, at: str) -> None:
    """Have what a bundle was made with: the same files, listed and reviewed in the workspace around the current folder.

    needed: path to SHA-256, as a manifest names them; nothing of the bundle itself is ever run. at: the bundle, for messages.
    Raises FaultsError when a plugin is not listed, missing, or another one by now.
    """
    if not isinstance(needed, Mapping) or not all(isinstance(v, str) for pair in needed.items() for v in pair):
        raise fault(at, "its plugins are not named as path and SHA-256", "the bundle as it was packed")
    wanted = {path: digest for path, digest in needed.items() if path not in _used or _used[path].digest != digest}
    if not wanted:
        return
    workspace = Workspace.around(Path.cwd())
    if workspace is None:
        raise fault(at, f"needs the plugins {listed(wanted)}", "the workspace that lists them", "call it in the project folder that the bundle was made in")
    plugins: list[Plugin] = []
    faults: list[Fault] = []
    for path, digest in wanted.items():
        try:
            plugins.append(_required(workspace, path, digest, at))
        except FaultsError as error:
            faults += error.faults
    if faults:
        raise FaultsError(faults)
    use([*(plugin for path, plugin in _used.items() if path not in wanted), *plugins], at)


def _required(workspace: Workspace, path: str, digest: str, at: str) -> Plugin:
    if path not in listed_in(workspace):
        raise fault(at, f"was made with the plugin {path}, which conf/ does not list", f"`{KEY}: [{path}]` in conf/", "review the file, then list it")
    content = read(workspace.root, path, at)
    if of_bytes(content) != digest:
        raise fault(at, f"was made with another {path}", f"SHA-256 {digest[:12]}, found {of_bytes(content)[:12]}", RESTORE)
    return _load(workspace.root, path, content, at)


def listed_in(workspace: Workspace) -> set[str]:
    """Every plugin that some file of conf/ lists; a file that is not valid YAML lists none."""
    import yaml

    found: set[str] = set()
    for path in sorted(workspace.conf.rglob("*.yaml")):
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError, OSError):
            continue
        named = content.get(KEY) if isinstance(content, dict) else None
        found |= {name for name in named if isinstance(name, str)} if isinstance(named, list) else set()
    return found


def _load(root: Path, path: str, content: bytes, at: str) -> Plugin:
    key = (path, of_bytes(content))
    if key not in _run:
        with registry.listening() as found:
            module = run(root, path, content, at)
        if not found:
            raise fault(at, f"{path} registers nothing", "at least one @register(family, Spec)", "see docs/plugins.md")
        _run[key] = Plugin(path, key[1], tuple(found), module)
    return _run[key]


def _specs(value: Any) -> Iterator[type]:
    """The classes of all specs within a declared value."""
    if isinstance(value, BaseModel):
        yield type(value)
        for name in type(value).model_fields:
            yield from _specs(getattr(value, name))
    elif isinstance(value, Mapping):
        for below in value.values():
            yield from _specs(below)
    elif isinstance(value, (list, tuple)):
        for below in value:
            yield from _specs(below)
