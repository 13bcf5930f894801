"""The config groups: folders of options in the workspace's conf/ and in the package's; read off file names, so that it costs nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from runner.experiment.yamlfile import line_of

PACKAGE = re.compile(r"# @package\s+([\w.]+)")


def packaged_conf() -> Path | None:
    """The groups that an installed package brings; None in a source checkout, whose conf/ is the workspace's own."""
    folder = Path(str(files("runner") / "conf"))
    return folder if folder.is_dir() else None


def conf_folders(conf: Path) -> list[Path]:
    """Where config files are looked for: the workspace's conf/ first, then the package's."""
    packaged = packaged_conf()
    return [conf, *([packaged] if packaged else [])]


def package_of(path: Path, group: str) -> str:
    """The key path that a file's content goes below, '' for the root: its `# @package` line, else its group."""
    with path.open(encoding="utf-8", errors="replace") as stream:
        declared = PACKAGE.match(stream.readline())
    package = declared.group(1) if declared else group.replace("/", ".")
    return "" if package == "_global_" else package


@dataclass(frozen=True)
class Groups:
    """The config groups: group to the options that its files offer."""

    known: Mapping[str, list[str]]
    files: Mapping[str, Path]

    @classmethod
    def below(cls, roots: Sequence[Path]) -> Groups:
        """Those of the folders; the first folder that has a file wins."""
        known: dict[str, list[str]] = {}
        found: dict[str, Path] = {}
        for root in roots:
            for path in sorted(root.rglob("*.yaml")):
                name = path.relative_to(root).with_suffix("").as_posix()
                if path.is_file() and name not in found:
                    group, _, option = name.rpartition("/")
                    known.setdefault(group, []).append(option)
                    found[name] = path
        return cls({group: sorted(options) for group, options in known.items()}, found)

    def options(self, group: str) -> list[str]:
        """The options of a group; none for an unknown one."""
        return self.known.get(group, [])

    def place(self, file: str, text: str) -> str:
        """ "conf/x.yaml:3" of the first line of a config file that has a text; without the line when none has it."""
        path = self.files.get(file)
        if path is None:
            return ""
        line = line_of(path, text)
        return f"conf/{file}.yaml:{line}" if line else f"conf/{file}.yaml"
