"""Writes what is made from the specs: conf/schema.json and conf/schema/ for editors, .vscode/settings.json, docs/reference.md.

python -m scripts.reference   (`make reference`, two seconds)
"""

from __future__ import annotations

from pathlib import Path

from runner.core.workspace import Workspace
from runner.experiment.groups import Groups, conf_folders
from runner.experiment.reference import Reference
from runner.experiment.reference_page import page
from runner.experiment.schema_files import FOLDER, files, schema_of

WORKSPACE = Workspace(Path(__file__).parents[1])
PAGE = "docs/reference.md"


def texts() -> dict[str, str]:
    """Path to text of every file that is written."""
    groups = Groups.below(conf_folders(WORKSPACE.conf))
    return {**files(WORKSPACE), PAGE: page(Reference(schema_of(WORKSPACE)), groups)}


def main() -> None:
    """Write them; a schema of a group that is no more is removed."""
    written = texts()
    for path in (WORKSPACE.conf / FOLDER).glob("*.json"):
        if WORKSPACE.shown(path) not in written:
            path.unlink()
    for name, text in written.items():
        path = WORKSPACE.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(name)


if __name__ == "__main__":
    main()
