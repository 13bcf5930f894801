"""The pages are true: links lead somewhere, commands run, config composes, messages are quoted, words are the product's."""

from __future__ import annotations

import argparse
import re
import shutil
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from tests.conftest import ROOT, loans
from tests.pages.reading import PAGES, Fence, anchors, banned, commands, fences, links, name_of, prose

from runner.cli import VERBS, main
from runner.core.around import RoomSpec
from runner.core.registry import kinds
from runner.core.spec import Spec
from runner.core.workspace import Workspace
from runner.deployment.answerable import Answerable
from runner.deployment.registry import Registry
from runner.experiment.compose import compose
from runner.experiment.model import Experiment
from runner.pipeline.stages import ROOMS, STAGES, Stage
from runner.pipeline.sweep import planned, refuse_twins

SAMPLES = sorted(path.stem for path in (ROOT / "conf" / "experiment").glob("*.yaml"))
ROOM_PAGES = [ROOT / "docs" / f"{room}.md" for room in ROOMS]
# What stands for the samples where a command is run: the tiny project, which takes seconds.
STAND_INS = {**dict.fromkeys(SAMPLES, "tiny"), "credit_applications": "loans"}
# Commands that only prepare a shell.
PREPARING = (".", "cd", "mkdir", "export")
# Slow wherever they run, because they import MLflow or talk to a server: read here, run by `make slow`.
SLOW = ("registry", "track", "registry:")


# ---- links -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in links(page):
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{name_of(page)} links to {target}"
        assert there.is_relative_to(ROOT), f"{name_of(page)} links out of the repository: {target}"
        assert not anchor or anchor in anchors(there), f"{name_of(page)}: {path or 'the page'} has no heading {anchor}"


def test_every_page_is_linked_from_another() -> None:
    linked = {(page.parent / target.partition("#")[0]).resolve() for page in PAGES for target in links(page)}
    for page in PAGES:
        assert name_of(page) == "README.md" or linked & {page, page.parent}, f"no page links to {name_of(page)}"


# ---- commands --------------------------------------------------------------------------------------------------------


def runner_words(words: list[str]) -> list[str] | None:
    """What is said to runner; None for another program."""
    if words[:3] == ["python", "-m", "runner"]:
        return words[3:]
    return words[1:] if words[0] == "runner" else None


def on_tiny(words: list[str]) -> list[str]:
    """The same command for the tiny project."""
    return [re.sub("|".join(STAND_INS), lambda found: STAND_INS[found.group()], word) for word in words]


def parsed(words: list[str]) -> argparse.Namespace:
    """A verb's arguments, read by the verb's own parser; an unknown flag ends in SystemExit."""
    module = import_module(f"runner.cli.{words[0]}")
    parser = argparse.ArgumentParser()
    module.add_parser(parser.add_subparsers(dest="verb"))
    rest = sorted(words[1:], key=lambda word: not word.startswith("-")) if words[0] == "run" else words[1:]
    return parser.parse_args([words[0], *rest])


def check_run(words: list[str], project: Path) -> None:
    """A run or a sweep that would compute: its flags are known and every job composes."""
    given = parsed(words)
    if not given.multirun:
        compose(Workspace(project), given.overrides)
        return
    jobs = planned(Workspace(project), given.overrides)
    assert jobs
    refuse_twins(jobs)


def check_make(words: list[str]) -> None:
    """make demo, make repro and the like are whole runs: the target must be there."""
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert all(word in targets for word in words[1:] if "=" not in word)


def check_dvc(words: list[str]) -> None:
    """dvc repro is a whole run: DVC's own parser must know the command."""
    from dvc.cli.parser import get_main_parser

    get_main_parser().parse_args(words[1:])


def check(words: list[str], project: Path) -> None:
    """Run a command on the project, or check as much of it as can be checked quickly."""
    asked = runner_words(words)
    if asked is None:
        checks = {"make": check_make, "dvc": check_dvc}
        assert words[0] in {*checks, *PREPARING}, f"no test knows the command {words[0]!r}: tell tests/pages/test_pages.py how to check it"
        checks.get(words[0], lambda words: None)(words)
        return
    asked = on_tiny(asked)
    verb = asked[0] if asked[0] in VERBS else "run"
    if any(word.startswith(SLOW) for word in asked):
        parsed(asked)
    elif verb == "run" and asked != ["+experiment=tiny"]:
        check_run([word for word in asked if word != "run"] if asked[0] == "run" else ["run", *asked], project)
    else:
        assert main(asked) == 0, f"`{' '.join(words)}`"


SHELL = fences("bash")


@pytest.mark.parametrize("page", sorted({fence.page for fence in SHELL}))
def test_every_command_can_be_given(page: str, tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Path(shutil.copytree(tiny_run, tmp_path / "project"))
    monkeypatch.chdir(project)
    # The table that pages start from.
    loans().rename({"bad": "churned"}).write_csv(project / "customers.csv")
    for fence in SHELL:
        if fence.page == page:
            for words in commands(fence):
                check(words, project)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("page", sorted({fence.page for fence in SHELL}))
def test_every_command_of_runner_runs(page: str, tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = Path(shutil.copytree(tiny_run, tmp_path / "project"))
    monkeypatch.chdir(project)
    loans().rename({"bad": "churned"}).write_csv(project / "customers.csv")
    # The pages speak of a model that has two versions, and somebody who answers for them.
    registry = Registry.at(project / ".runner", None)
    for bundle, alias in (("models/tiny/bundle", "challenger"), ("models/tiny/candidates/lightgbm", "former")):
        registry.add(project / bundle, "tiny", alias, Answerable("head of lending", ("risk officer",)))
    for fence in SHELL:
        for words in commands(fence) if fence.page == page else ():
            asked = runner_words(words)
            if asked is not None and not any("example" in word for word in asked):
                assert main(on_tiny(asked)) in (0, 3), f"{fence}: `{' '.join(words)}`"


def test_commands_named_in_a_sentence_exist() -> None:
    for page in (page for page in PAGES if page.name != "faults.md"):
        for named in re.findall(r"`python -m runner ([^`]*)`", prose(page)):
            words = named.split()
            assert words[0] in {*VERBS, "VERB", "-h", "-m", "[VERB]"} or "=" in words[0], f"{name_of(page)}: `python -m runner {named}`"
        for target in re.findall(r"`make ([a-z-]+)", prose(page)):
            check_make(["make", target])


# ---- config ----------------------------------------------------------------------------------------------------------


def contains(whole: Any, part: Any) -> bool:
    """Whether a part of config stands in a whole: keys of maps, members of lists, equal values."""
    if isinstance(part, Mapping):
        return isinstance(whole, Mapping) and all(key in whole and contains(whole[key], below) for key, below in part.items())
    if isinstance(part, list):
        return isinstance(whole, list) and all(any(contains(have, wanted) for have in whole) for wanted in part)
    return bool(whole == part)


def laid_over(whole: Any, part: Any) -> Any:
    if isinstance(whole, Mapping) and isinstance(part, Mapping):
        return {**whole, **{key: laid_over(whole.get(key), below) for key, below in part.items()}}
    return part


def source_of(fence: Fence) -> tuple[str, str]:
    """How a block says where it belongs: `# conf/...` is taken from that file, `# added to NAME` goes over a sample."""
    found = re.match(r"# (?:(added to) )?(\S+)", fence.content)
    if found is None:
        return "added to", "credit_risk"
    return ("added to", found.group(2)) if found.group(1) else ("taken from", found.group(2))


@pytest.mark.parametrize("fence", fences("yaml"), ids=str)
def test_every_piece_of_config_is_valid(fence: Fence, tmp_path: Path) -> None:
    how, where = source_of(fence)
    part = yaml.safe_load(fence.content)
    if how == "taken from":
        assert contains(yaml.safe_load((ROOT / where).read_text(encoding="utf-8")), part), f"{fence} is not a part of {where}"
        return
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    sample = tmp_path / "conf" / "experiment" / f"{where}.yaml"
    whole = laid_over(yaml.safe_load(sample.read_text(encoding="utf-8")), part)
    sample.write_text(f"# @package _global_\n{yaml.safe_dump(whole, sort_keys=False)}", encoding="utf-8")
    compose(Workspace(tmp_path), [f"+experiment={where}"])


# ---- messages and words ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fence", [f for f in fences("text") if f.about == "faults"], ids=str)
def test_a_quoted_message_is_one_that_is_given(fence: Fence) -> None:
    assert fence.content in (ROOT / "docs" / "faults.md").read_text(encoding="utf-8"), f"{fence} is not in docs/faults.md"


def speaking_files() -> Iterator[Path]:
    yield from (page for page in PAGES if page != ROOT / "docs" / "words.md")
    yield from sorted((ROOT / "conf").rglob("*.yaml"))


def test_one_concept_has_one_word() -> None:
    instead = banned()
    assert len(instead) > 30
    pattern = re.compile(rf"(?<![\w-])({'|'.join(map(re.escape, instead))})s?(?![\w-])", re.IGNORECASE)
    found = [
        f"{name_of(path)}:{number}: {match.group(1)!r}, say {instead.get(match.group(1).lower(), instead.get(match.group(1)))!r}"
        for path in speaking_files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        for match in pattern.finditer(line)
    ]
    assert found == []


# ---- the rooms' pages ------------------------------------------------------------------------------------------------

HEADINGS = ["What may be declared", "Files", "What it refuses", "Its chapter in the report", "Methods", "Limits"]


@pytest.mark.parametrize("page", ROOM_PAGES, ids=name_of)
def test_a_room_answers_the_question_of_its_chapter_in_three_minutes(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert f"> {import_module(f'runner.{page.stem}.report').QUESTION}\n" in text
    places = [text.index(f"\n## {heading}\n") for heading in HEADINGS]
    assert places == sorted(places)
    assert len(prose(page).split()) < 700


@pytest.mark.parametrize("stage", STAGES, ids=ROOMS)
def test_a_room_names_the_files_of_its_stage(stage: Stage) -> None:
    page = prose(ROOT / "docs" / f"{stage.room}.md")
    files = page[page.index("\n## Files\n") : page.index("\n## ", page.index("\n## Files\n") + 4)]
    for name, place in {**stage.reads, **stage.writes}.items():
        assert name.startswith("gate.") or Path(place.path).name in files, place.path


@pytest.mark.parametrize("stage", STAGES, ids=ROOMS)
def test_the_table_of_stages_is_the_table_of_the_code(stage: Stage) -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| `{stage.room}` \| (.*) \| (.*) \|$", text, re.MULTILINE)
    for told, places in zip(row, (stage.reads, stage.writes), strict=True):
        wanted = {place.path for name, place in places.items() if not name.startswith("gate.")}
        assert set(re.findall(r"`([^`]+)`", told)) == wanted


def declared(spec: type[Spec]) -> Iterator[str]:
    """Names of a spec's fields and of the specs below it; parts that are chosen by kind are another matter."""
    for name, field in spec.model_fields.items():
        # Filled in by the program.
        if name != "order":
            yield name
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, Spec):
                yield from declared(kind)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_names_all_that_may_be_declared(room: str) -> None:
    page = (ROOT / "docs" / f"{room}.md").read_text(encoding="utf-8")
    for name in declared(Experiment.model_fields[room].annotation):  # type: ignore[arg-type]
        if name in RoomSpec.common():
            # What every room may declare is told once, on the page of plugins.
            continue
        assert re.search(rf"\b{name}\b", page), f"docs/{room}.md does not name {name}"


def test_the_page_of_plugins_names_what_every_room_may_declare() -> None:
    page = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    assert [name for name in RoomSpec.common() if not re.search(rf"\b{name}\b", page)] == []


@pytest.mark.parametrize(("family", "room"), [("policy", "problem"), ("source", "data"), ("split", "data"), ("step", "steps"), ("candidate", "training")])
def test_a_room_names_every_kind_of_part(family: Any, room: str) -> None:
    """The features room has so many kinds of step that they have a page of their own."""
    page = (ROOT / "docs" / f"{room}.md").read_text(encoding="utf-8")
    for kind, spec in kinds(family).items():
        if spec.__module__.startswith("runner."):
            assert f"`{kind}`" in page, f"docs/{room}.md does not name the kind {kind}"


def test_the_pages_name_every_verb() -> None:
    told = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    for verb in VERBS:
        # A run is asked for without its verb.
        assert verb == "run" or re.search(rf"runner {verb}\b", told), verb


def test_a_decision_record_is_short_and_says_why() -> None:
    records = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    numbers = [path.name[:4] for path in records]
    assert len(records) > 10
    assert len(set(numbers)) == len(numbers)
    for path in records:
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {int(path.name[:4])}. "), path.name
        assert all(f"**{part}.**" in text for part in ("Context", "Decision", "Consequence")), path.name
        assert len(text.splitlines()) < 25, path.name


def test_the_import_order_is_the_one_that_is_enforced() -> None:
    import tomllib

    layers = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"][0]["layers"]
    written = " > ".join(layer.replace("runner.", "") for layer in layers)
    assert written in (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
