"""One plugin file: which paths may be one, and running just the bytes that were read of it."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib.abc import SourceLoader
from importlib.util import find_spec, module_from_spec, spec_from_loader
from pathlib import Path, PurePosixPath
from types import ModuleType

from runner.core.digests import of_bytes
from runner.core.faults import Fault, FaultsError, fault, listed

FOLDER = "plugins"
MODULE = "runner_plugin_"


def read(root: Path, path: str, at: str) -> bytes:
    """The bytes of a plugin. Raises FaultsError for a path that is not one of a Python file below the workspace's plugins/."""
    expected = f"the path of a Python file, such as {FOLDER}/own.py"
    pure = PurePosixPath(path)
    if pure.parts[:1] != (FOLDER,) or pure.suffix != ".py" or ".." in pure.parts or "\\" in path or str(pure) != path or not path.isprintable():
        raise fault(at, f"{path!r} is not below {FOLDER}/", expected, f"code of your own stands in {FOLDER}/, where it is reviewed and where DVC sees it")
    file, folder = root / path, root.resolve() / FOLDER
    if not file.resolve().is_relative_to(folder):
        raise fault(at, f"{path} is a link that leaves {FOLDER}/", expected, "put the file itself there")
    if not file.is_file():
        there = sorted(p.relative_to(root).as_posix() for p in folder.rglob("*.py") if p.is_file() and not p.is_symlink()) if folder.is_dir() else []
        raise fault(at, f"there is no file {path}", f"one of {listed(there)}" if there else expected)
    return file.read_bytes()


def run(root: Path, path: str, content: bytes, at: str) -> ModuleType:
    """Run a file as a module of a private name, which no import statement can spell by accident.

    at: the config key or the bundle that names it. Raises FaultsError with the line of the plugin that fails, or that imports
    another file of the workspace.
    """
    name = f"{MODULE}{of_bytes(path.encode())[:8]}_{of_bytes(content)[:16]}"
    loader = _Content(root / path, content)
    spec = spec_from_loader(name, loader)
    if spec is None:
        raise ImportError(f"no module can be made of {path}")
    module = module_from_spec(spec)
    # Specs and dataclasses look their annotations up in the module's entry.
    sys.modules[name] = module
    try:
        _only_itself(root, path, content, at)
        loader.exec_module(module)
    except FaultsError:
        sys.modules.pop(name, None)
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a team's own code may raise anything; its own line is told
        sys.modules.pop(name, None)
        raise _failed(error, root / path, path, content, at) from None
    return module


class _Content(SourceLoader):
    """Loads bytes that were read before; without stats Python keeps no compiled copy, which could be of another content."""

    def __init__(self, path: Path, content: bytes) -> None:
        self._path, self._content = path, content

    def get_filename(self, fullname: str) -> str:
        return str(self._path)

    def get_data(self, path: str) -> bytes:
        return self._content


def _only_itself(root: Path, path: str, content: bytes, at: str) -> None:
    """Refuse imports of other files of the workspace: no digest would cover them."""
    faults = []
    for line, name in _imported(ast.parse(content, str(root / path))):
        if name.startswith(".") or _is_of(root, name):
            hint = "put what it needs into this file, or into an installed package"
            faults.append(Fault(at, f"{path}, line {line}: imports {name}, another file of the workspace", "a file that needs no other", hint))
    if faults:
        raise FaultsError(faults)


def _imported(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "").partition(".")[0]


def _is_of(root: Path, name: str) -> bool:
    """Whether a top-level module is a file of the workspace, not of an environment that stands in it."""
    if name == "runner" or name in sys.stdlib_module_names:
        return False
    spec = find_spec(name)
    places = [Path(p) for p in [spec.origin, *(spec.submodule_search_locations or [])] if p] if spec is not None else []
    return any(_inside(place, root) and not _inside(place, Path(sys.prefix)) for place in places)


def _inside(place: Path, folder: Path) -> bool:
    return place.resolve().is_relative_to(folder.resolve())


def _failed(error: BaseException, file: Path, path: str, content: bytes, at: str) -> FaultsError:
    """What the plugin raised, with the line of its own that did."""
    line = error.lineno if isinstance(error, SyntaxError) and error.filename == str(file) else None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(file):
            line = trace.tb_lineno
        trace = trace.tb_next
    lines = content.decode("utf-8", "replace").splitlines()
    place = f"{path}, line {line}" if line else path
    quoted = f": `{lines[line - 1].strip()}`" if line and line <= len(lines) else ""
    told = str(error.msg) if isinstance(error, SyntaxError) else next(iter(str(error).splitlines()), "")
    return fault(at, f"{place}: {type(error).__name__}: {told}{quoted}", "a file that registers its parts and does nothing else", f"mend {path}")
