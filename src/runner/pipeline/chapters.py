"""The report of a run: every room's chapter, put into one page."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from runner.core.files import write_json
from runner.core.workspace import RunFolders
from runner.data.quality.prices import quality
from runner.pipeline.stages import DATA, ROOMS
from runner.report.page import render as render_page
from runner.report.parts import Chapter


def render(folders: RunFolders, experiment: str, adopted: bool) -> Path:
    """Write report.html and the priced quality report beside data.json from whatever the run's rooms left; returns the page's path.

    Raises FaultsError (2) when one of their files is damaged.
    """
    if DATA["data_report"].under(folders).exists():
        write_json(folders.reports / "data" / "quality.json", quality(folders))
    return render_page(folders, experiment, adopted, [chapter_of(room, folders) for room in ROOMS])


def chapter_of(room: str, folders: RunFolders) -> Chapter:
    """A room's chapter, by the door that every room has."""
    chapter: Chapter = import_module(f"runner.{room}.report").chapter(folders)
    return chapter
