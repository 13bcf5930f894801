"""Writes docs/faults.md: every mistake of the catalogue is made, and what a person is told is written down.

python -m scripts.faults_page   (about a minute)
"""

from __future__ import annotations

import io
import os
import shutil
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.conftest import tiny_project
from tests.faults.page import PAGE, title, told
from tests.faults.test_catalogue import CASES, TOLERATED, Case

from runner.cli import main as runner

HEAD = """\
# What bad input gets

<!-- Written by `python -m scripts.faults_page` from tests/faults/test_catalogue.py: change the cases there, not this page. -->

Each mistake below was made on a small lending project, and this is what came back. The suite makes them again and compares each message with this page.

- A message says where, what is wrong, what was expected and the next step. All faults of one kind come at once.
- Exit code 2 means bad config or input, 3 refused by the declared contract. A traceback, with 1, is a bug of runner.
- Nothing half-written stays behind. When the mistake is mended, the same command goes on.

The command is `python -m runner +experiment=tiny` where no other is shown.
"""
KNOWN = """\
## What is tolerated

These pass as if nothing were the matter:

"""


def page() -> str:
    """The whole page."""
    with TemporaryDirectory() as scratch:
        template = tiny_project(Path(scratch) / "template")
        sections = [f"## {name}\n\n" + "\n".join(_entry(case, template, Path(scratch) / "project") for case in cases) for name, cases in CASES.items()]
    return "\n".join([HEAD, *sections, KNOWN + "".join(f"- {name}\n" for name in TOLERATED)])


def _entry(case: Case, template: Path, root: Path) -> str:
    shutil.copytree(template, root)
    out, err = io.StringIO(), io.StringIO()
    with chdir(root):
        case.change(root)
        with redirect_stdout(out), redirect_stderr(err):
            code = runner([*case.words])
    shutil.rmtree(root)
    if code != case.code:
        raise SystemExit(f"{case.name}: exit code {code}, the catalogue says {case.code}\n{out.getvalue()}{err.getvalue()}")
    asked = "" if case.words == Case.words else f"`python -m runner {' '.join(case.words)}`. "
    return f"### {title(case.name)}\n\n{asked}Exit code {code}.\n\n```text\n{told(code, out.getvalue(), err.getvalue(), root)}\n```\n"


if __name__ == "__main__":
    os.environ["COLUMNS"] = "160"
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE, file=sys.stderr)
