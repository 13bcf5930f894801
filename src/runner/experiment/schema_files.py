"""The files that editors read: conf/schema.json, one schema beside it for each config group, and the settings of VS Code that map them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.core.digests import of_value
from runner.core.workspace import Workspace
from runner.experiment.examples import NO_CONFIG
from runner.experiment.groups import Groups, conf_folders, package_of
from runner.experiment.reference import Reference

FILE = "schema.json"
MADE_FROM = "x-made-from"
SETTINGS = ".vscode/settings.json"
FOLDER = "schema"
# YAML 1.1 is what Hydra reads: yes and no are true and false. Completing a section shall not write out all its defaults.
EDITOR = {"yaml.yamlVersion": "1.1", "yaml.disableDefaultProperties": True}
PACKAGE = Path(__file__).parents[1]
DECLARES = re.compile(r"^class \w*Spec\(", re.MULTILINE)
BLOCK = re.compile(r"^(?=\S)", re.MULTILINE)
DECLARATION = re.compile(r"class |\w+(?:: [^=\n]+)? = ")
# A top-level list of plugins, whose entries may stand at the margin.
LISTING = ("plugins:", "- ")
# What makes the schema of the specs.
MAKERS = ("experiment/schema.py", "experiment/schema_words.py")


def schema_of(workspace: Workspace) -> dict[str, Any]:
    """The schema of the experiments of a workspace, with the kinds of every plugin that its conf/ lists. Raises FaultsError for a broken plugin."""
    from runner.core.plugins import listed_in
    from runner.experiment.plugins import bring
    from runner.experiment.schema import experiment_schema

    bring(workspace, sorted(listed_in(workspace)))
    known = Groups.below(conf_folders(workspace.conf)).known
    return {**experiment_schema(known), MADE_FROM: declared_digest(workspace)}


def files(workspace: Workspace) -> dict[str, str]:
    """Path in the workspace to text. Files whose content goes over the whole config share the experiments' schema."""
    from runner.experiment.schema import group_schema

    groups = Groups.below(conf_folders(workspace.conf))
    schema = schema_of(workspace)
    texts = {f"conf/{FILE}": _text(schema)}
    mapped = {f"./conf/{FILE}": [f"conf/{name}.yaml" for name in groups.options("") if name != NO_CONFIG]}
    for group in sorted(filter(None, groups.known)):
        package = _package(groups, group)
        if not package:
            mapped[f"./conf/{FILE}"].append(f"conf/{group}/*.yaml")
            continue
        found = group_schema(schema, package, f"../{FILE}")
        if found is not None:
            path = f"conf/{FOLDER}/{group.replace('/', '.')}.json"
            texts[path] = _text(found)
            mapped[f"./{path}"] = [f"conf/{group}/*.yaml"]
    return {**texts, SETTINGS: _text({"yaml.schemas": mapped, **EDITOR})}


def _package(groups: Groups, group: str) -> str:
    """The key path that the group's options go below; those of one group agree."""
    return package_of(groups.files[f"{group}/{groups.options(group)[0]}"], group)


def _text(value: Mapping[str, Any]) -> str:
    # Not sorted: the order of keys is the order in which people read them.
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def stale(workspace: Workspace) -> list[Path]:
    """The files, but for the editor's own settings, that are not what they would be written as."""
    wanted = {workspace.root / path: text for path, text in files(workspace).items() if path != SETTINGS}
    left = [path for path in sorted((workspace.conf / FOLDER).glob("*.json")) if path not in wanted]
    return [path for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text] + left


def load(workspace: Workspace) -> Reference:
    """The reference of a workspace: its schema.json, or the package's, where it is current; else made from the specs, which takes a second."""
    made_from = declared_digest(workspace)
    for folder in conf_folders(workspace.conf):
        written = read_schema(folder / FILE)
        if written is not None and written.get(MADE_FROM) == made_from:
            return Reference(written)
    return Reference(schema_of(workspace))


def read_schema(path: Path) -> dict[str, Any] | None:
    """A schema that was written; None for no file, or one that is damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and "definitions" in found else None


def declared_digest(workspace: Workspace) -> str:
    """Short digest of the text that declares what config may say: the classes and constants of every file that has a spec.

    What functions do has no part in it, so that the schema stays current when only they change. A workspace's plugins count whole,
    and so does which of them its conf/ lists.
    """
    texts = {path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))}
    declared = {name: _declarations(text) for name, text in texts.items() if DECLARES.search(text)}
    makers = {name: texts[name] for name in MAKERS}
    return of_value([declared, makers, _plugins(workspace)])[:16]


def _plugins(workspace: Workspace) -> dict[str, Any]:
    """The workspace's own parts, and what its files say of the key `plugins`; nothing where it has none."""
    found = sorted((workspace.root / "plugins").rglob("*.py"))
    files = sorted(workspace.conf.rglob("*.yaml")) if found else []
    texts = {workspace.shown(path): path.read_text(encoding="utf-8", errors="replace") for path in (*found, *files)}
    return {name: text if name.endswith(".py") else [block for block in BLOCK.split(text) if block.startswith(LISTING)] for name, text in texts.items()}


def _declarations(text: str) -> list[str]:
    return [block.rstrip() for block in BLOCK.split(text) if DECLARATION.match(block)]
