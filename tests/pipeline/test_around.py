"""Steps around a room look, and may refuse; what the room wrote stays as it is, and both ways in run them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.conftest import command
from tests.pipeline.test_run import outputs, ran

PLUGIN = '''\
import os
from pathlib import Path
from typing import ClassVar, Literal
import polars as pl
from runner.extend import AroundSpec, Gate, Given, register, write_json, write_text


class LookSpec(AroundSpec):
    """Counts its runs, and passes or fails as it is told."""

    rooms: ClassVar[tuple[str, ...]] = ("problem", "data", "features", "training", "evaluation", "deployment")
    kind: Literal["look"]
    status: Literal["passed", "failed"] = "passed"
    """What its gate says."""
    breaks: str = ""
    """Input that it writes into, which it must not."""


def look(spec: LookSpec, given: Given, out: Path) -> list[Gate]:
    with Path(os.environ["LOOKS"]).open("a") as log:
        log.write(given.experiment + "\\n")
    if spec.breaks:
        given[spec.breaks].write_bytes(b"other")
    write_json(out / "seen.json", sorted(given.files))
    write_text(out / "deeper" / "note.txt", f"{given.seed}\\n")
    return [Gate("look", "wherever", spec.status, "a look", "seen", "somebody looked")]


register("after", LookSpec)(look)
register("before", LookSpec)(look)
'''
Declare = Callable[..., Path]


@pytest.fixture
def declare(stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Declare:
    """The tiny project with one step around a room, adopted."""
    monkeypatch.setenv("LOOKS", str(tmp_path / "looks"))
    (stored / "plugins").mkdir()
    (stored / "plugins" / "look.py").write_text(PLUGIN)
    conf = stored / "conf" / "experiment" / "tiny.yaml"
    plain = conf.read_text()

    def make(room: str, when: str, **told: Any) -> Path:
        step = json.dumps({room: {when: {"look": {"kind": "look", **told}}}}[room])
        head = "name: tiny\nplugins: [plugins/look.py]\n"
        text = plain.replace("name: tiny\n", head)
        if f"\n{room}:\n" in text:
            text = text.replace(f"\n{room}:\n", f"\n{room}:\n  {when}: {step[step.index(':') + 1 : -1].strip()}\n", 1)
        else:
            text += f"{room}: {step}\n"
        conf.write_text(text)
        done = command(stored, "compose")
        assert done.returncode == 0, done.stderr
        return stored

    return make


def looks(tmp_path: Path) -> int:
    log = tmp_path / "looks"
    return len(log.read_text().splitlines()) if log.exists() else 0


def read(root: Path, path: str) -> Any:
    return json.loads((root / "reports" / "tiny" / path).read_text())


def test_a_step_after_a_room_adds_its_gate_and_its_files(declare: Declare, tmp_path: Path) -> None:
    root = declare("features", "after")
    assert command(root, "+experiment=tiny").returncode == 0
    folder = root / "reports" / "tiny" / "features" / "around" / "after" / "look"
    assert sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()) == ["deeper/note.txt", "found.json", "seen.json"]
    # What the room read of earlier ones, and what it wrote.
    assert read(root, "features/around/after/look/seen.json") == sorted(
        ["problem", "task", "train", "folds", "split", "contract", "features", "recipe", "features_report", "exploration"]
    )
    gates = read(root, "evaluation/verdict.json")["gates"]
    assert [(g["name"], g["room"], g["status"]) for g in gates if g["name"] == "look"] == [("look", "features", "passed")]
    assert read(root, "data/around/around.json") == {"room": "data", "before": [], "after": []}
    # A second run looks at nothing again and writes the same bytes.
    before = outputs(root)
    assert ran(root) == []
    assert outputs(root) == before
    assert looks(tmp_path) == 1


def test_a_step_is_run_again_for_its_own_reasons_and_the_room_is_not(declare: Declare, tmp_path: Path) -> None:
    root = declare("features", "after")
    assert command(root, "+experiment=tiny").returncode == 0
    plugin = root / "plugins" / "look.py"
    plugin.write_text(plugin.read_text() + "# a remark\n")
    assert command(root, "compose").returncode == 0
    assert ran(root) == []
    assert looks(tmp_path) == 2


def test_a_step_after_a_room_can_refuse_it(declare: Declare, tmp_path: Path) -> None:
    root = declare("features", "after", status="failed")
    done = command(root, "+experiment=tiny")
    assert done.returncode == 3, done.stderr
    assert "look (features)" in " ".join(done.stdout.split())
    assert read(root, "features/gate.json")["status"] == "refused"
    assert read(root, "training/gate.json")["status"] == "withheld"
    assert read(root, "evaluation/verdict.json")["verdict"] == "refused"
    assert (root / "data" / "tiny" / "features.parquet").stat().st_size == 0
    # The refusal is stored too; when it is lifted, the room itself is not run again.
    assert " done in " not in command(root, "+experiment=tiny").stderr
    assert looks(tmp_path) == 1
    declare("features", "after")
    assert "features" not in ran(root)
    assert read(root, "evaluation/verdict.json")["verdict"] == "go"


@pytest.mark.parametrize("room", ["data", "evaluation"])
def test_a_step_before_a_room_can_keep_it_from_running(room: str, declare: Declare) -> None:
    root = declare(room, "before", status="failed")
    done = command(root, "+experiment=tiny")
    assert done.returncode == 3, done.stderr
    verdict = read(root, "evaluation/verdict.json")
    assert (verdict["verdict"], verdict["use"]) == ("refused" if room == "data" else "no_go", None)
    assert [g["room"] for g in verdict["gates"] if g["name"] == "look"] == [room]
    # The sealed test was not opened.
    assert not (root / "ledger" / "tiny.jsonl").exists()
    assert "sealed_test" not in read(root, f"{room}/around/before/look/seen.json")


def test_a_step_before_deployment_has_the_last_word(declare: Declare) -> None:
    root = declare("deployment", "before", status="failed")
    done = command(root, "+experiment=tiny")
    assert done.returncode == 3, done.stderr
    assert "REFUSED" in done.stdout
    assert read(root, "evaluation/verdict.json")["verdict"] == "go"
    assert "metrics" in read(root, "deployment/around/before/look/seen.json")
    assert not (root / "models" / "tiny" / "bundle").exists()
    alone = command(root, "stage", "deployment", "tiny", "-q")
    assert alone.returncode == 3
    assert "gate 'look' (deployment): failed: somebody looked" in alone.stderr


def test_a_step_cannot_change_what_a_room_wrote(declare: Declare) -> None:
    root = declare("features", "after", breaks="features")
    done = command(root, "+experiment=tiny")
    assert done.returncode == 2, done.stderr
    assert "features.after.look: changed what it may only read: features" in done.stderr
    assert "Traceback" not in done.stderr
    # The room's output is as the room wrote it.
    assert pl.read_parquet(root / "data" / "tiny" / "features.parquet").height > 0
    assert not list((root / "reports" / "tiny" / "features" / "around").rglob("*.json"))
    declare("features", "after")
    assert "features" not in ran(root)


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ('return [Gate("look"', 'return ["look"] or [Gate("look"', "gave list where gates are expected"),
        ('return [Gate("look"', 'return None and [Gate("look"', "gave NoneType where gates are expected"),
        ('out / "seen.json"', 'out / "found.json"', "wrote found.json, the name of our own file"),
    ],
)
def test_a_step_that_does_not_keep_to_its_form_is_told(old: str, new: str, wrong: str, declare: Declare) -> None:
    root = declare("problem", "after")
    path = root / "plugins" / "look.py"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    done = command(root, "+experiment=tiny")
    assert done.returncode == 2, done.stderr
    assert f"problem.after.look: {wrong}" in done.stderr


def test_what_is_foreseen_counts_the_steps_around(declare: Declare, tmp_path: Path) -> None:
    root = declare("problem", "after")
    assert command(root, "stage", "problem", "tiny", "-q").returncode == 0
    (root / "plugins" / "look.py").write_text(PLUGIN + "# a remark\n")
    assert command(root, "compose").returncode == 0
    assert looks(tmp_path) == 1
    done = command(root, "check", "+experiment=tiny")
    assert "computed" in done.stdout
    assert looks(tmp_path) == 1
