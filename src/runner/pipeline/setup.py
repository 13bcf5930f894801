"""A workspace of one's own, and a proposed experiment in it: what `init` writes."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from runner.core.faults import Fault, FaultsError, fault
from runner.core.files import copy_whole, write_text
from runner.core.workspace import Workspace, check_name
from runner.experiment import params
from runner.experiment.compose import compose
from runner.experiment.groups import packaged_conf
from runner.pipeline.dvc import PINS, pins, workspace_text
from runner.proposal.intake import Intake
from runner.proposal.propose import Proposal

NOT_OURS = ("experiment", "reproduce.yaml")  # what conf/ holds of the repository's own decisions
REPRODUCE = "# The experiments that are adopted: `dvc repro` rebuilds each of them. Written by `python -m runner compose NAME`.\nexperiments: []\n"
GROUPS_TOLD = "# A group that is not in this folder comes from the installed package; a file of the same name here comes first.\n"
DVC_CONFIG = "[core]\n    analytics = false\n    autostage = false\n"
NO_GIT = "    # Outside Git; when the folder becomes a repository: dvc config --unset core.no_scm\n    no_scm = true\n"
TEMPLATES = {
    ".gitignore": "gitignore",
    ".dvcignore": "dvcignore",
    "Makefile": "Makefile",
    ".github/workflows/check.yml": "ci.yml",
    "README.md": "README.md",
    "plugins/README.md": "plugins.md",
}


def set_up(root: Path, git: bool) -> list[str]:
    """Make a folder a workspace; files that are there already stay as they are. Returns what was made, relative to the folder.

    git: make it a Git repository first. Raises FaultsError when Git cannot.
    """
    made = _git(root) if git and not in_git(root) else []
    for name, text in _texts(root):
        path = root / name
        if not path.exists():
            write_text(path, text)
            made.append(name)
    for source, name in _groups():
        if not (root / name).exists():
            copy_whole(source, root / name)
            made.append(name)
    (root / "data" / "raw").mkdir(parents=True, exist_ok=True)
    (root / "conf" / "experiment").mkdir(parents=True, exist_ok=True)
    workspace = Workspace(root)
    if not (root / params.FILE).exists():
        params.write(workspace, params.compose_all(workspace))
        made.append(params.FILE)
    return made


def conf_only(root: Path) -> None:
    """Write the table of contents and the groups that an experiment composes from; what is there already stays as it is."""
    for name, text in (("conf/config.yaml", _config()), ("conf/reproduce.yaml", REPRODUCE)):
        if not (root / name).exists():
            write_text(root / name, text)
    for source, name in _groups():
        if not (root / name).exists():
            copy_whole(source, root / name)


def in_git(root: Path) -> bool:
    """Whether a folder lies in a Git repository."""
    return any((folder / ".git").exists() for folder in (root.resolve(), *root.resolve().parents))


def _git(root: Path) -> list[str]:
    if shutil.which("git") is None:
        raise fault("--git", "git is not installed", "git on the PATH", "leave --git out")
    done = subprocess.run(["git", "init", "--quiet"], cwd=root, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise fault("--git", f"git init failed: {done.stderr.strip()}", "a folder that can become a repository", "leave --git out")
    return [".git"]


def _texts(root: Path) -> Iterator[tuple[str, str]]:
    yield "conf/config.yaml", _config()
    yield "conf/reproduce.yaml", REPRODUCE
    for name, template in TEMPLATES.items():
        yield name, (files("runner.pipeline") / "template" / template).read_text(encoding="utf-8")
    yield PINS, pins()
    yield "dvc.yaml", workspace_text()
    yield ".dvc/config", DVC_CONFIG if in_git(root) else DVC_CONFIG + NO_GIT
    yield ".dvc/.gitignore", "/config.local\n/tmp\n/cache\n"


def _config() -> str:
    """The table of contents, as the package has it."""
    text = (_conf() / "config.yaml").read_text(encoding="utf-8")
    return f"{GROUPS_TOLD}{text}" if packaged_conf() is not None else text


def _conf() -> Path:
    """The groups that come with the code: inside an installed package, or beside the sources of a checkout."""
    packaged = packaged_conf()
    return packaged if packaged is not None else Path(str(files("runner"))).parents[1] / "conf"


def _groups() -> Iterator[tuple[Path, str]]:
    """Groups that the workspace must have itself, and where: none of an installed package, all of a checkout."""
    if packaged_conf() is not None:
        return
    for path in sorted(_conf().rglob("*.yaml")):
        name = path.relative_to(_conf())
        if name.parts[0] not in NOT_OURS:
            yield path, f"conf/{name.as_posix()}"


def check_free(workspace: Workspace, name: str, replace: bool) -> None:
    """Raise FaultsError when no experiment can have the name, or one has it already and may not be replaced."""
    check_name(name, "NAME")
    path = _file(workspace, name)
    if path.exists() and not replace:
        raise fault(f"NAME {name}", f"there is an experiment {workspace.shown(path)} already", "a name of its own", "--force replaces it")


def rehearse(workspace: Workspace, intake: Intake, proposal: Proposal) -> None:
    """Compose the proposal apart from the workspace; nothing of it is written there. Raises FaultsError where it would be refused."""
    with TemporaryDirectory(prefix="runner-init-") as folder:
        apart = Workspace(Path(folder).resolve())
        for name in ("conf", "plugins"):
            if (workspace.root / name).is_dir():
                shutil.copytree(workspace.root / name, apart.root / name)
        for name, text in _texts(apart.root):
            if name.startswith("conf/") and not (apart.root / name).exists():
                write_text(apart.root / name, text)
        for source, name in _groups():
            if not (apart.root / name).exists():
                copy_whole(source, apart.root / name)
        write_text(_file(apart, proposal.name), proposal.text())
        try:
            compose(apart, [f"+experiment={proposal.name}"])
        except FaultsError as error:
            own = apart.shown(_file(apart, proposal.name))
            raise FaultsError([_of_the_table(fault, own, intake.source.shown) for fault in error.faults]) from None


def _of_the_table(fault: Fault, own: str, shown: str) -> Fault:
    """A fault of a file that nobody has written is told of the table it was proposed from."""
    if not fault.source.startswith(own):
        return fault
    wrong = f"no experiment that fits together can be proposed from it: {fault.at}: {fault.wrong}"
    return Fault(f"--data {shown}", wrong, fault.expected, fault.hint or "bring more rows, or other columns")


def add(workspace: Workspace, intake: Intake, proposal: Proposal) -> list[str]:
    """Write the table and the experiment, which `rehearse` has shown to compose. Returns the files that were written."""
    path = _file(workspace, proposal.name)
    intake.put()
    write_text(path, proposal.text())
    return [workspace.shown(path)]


def _file(workspace: Workspace, name: str) -> Path:
    return workspace.conf / "experiment" / f"{name}.yaml"
