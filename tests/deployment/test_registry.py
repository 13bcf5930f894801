"""Which bundle serves, which is next and the way back, in a real MLflow registry."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.bundle.format import MANIFEST, seal_manifest
from runner.bundle.load import load
from runner.core.digests import of_file, of_tree
from runner.core.faults import FaultsError, RefusedError
from runner.deployment.answerable import Answerable
from runner.deployment.mlflow_client import answered
from runner.deployment.registry import HISTORY, Registry

ANSWERED = Answerable("head of lending", ("risk officer",))


@pytest.fixture(scope="module")
def bundles(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three bundles that differ in their name alone."""
    made = []
    for n in range(3):
        folder = Path(shutil.copytree(tiny_run / "models/tiny/bundle", tmp_path_factory.mktemp("bundles") / f"b{n}"))
        about = json.loads((folder / MANIFEST).read_text())
        seal_manifest(folder, {k: v for k, v in about.items() if k not in ("files", "format")} | {"name": f"candidate{n}"})
        made.append(folder)
    return made


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """One store for all tests here; each has a model of its own."""
    return Registry.at(tmp_path_factory.mktemp("registry"), None)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> Iterator[str]:
    yield request.node.name.removeprefix("test_")[:60]


def champion(registry: Registry, name: str) -> list[int]:
    return [v.version for v in registry.versions(name) if "champion" in v.aliases]


def three(registry: Registry, name: str, bundles: list[Path]) -> None:
    """Three versions, promoted one after the other."""
    for n, bundle in enumerate(bundles, 1):
        registry.add(bundle, name, "challenger", ANSWERED)
        assert registry.promote(name, str(n)).version == n


def test_a_bundle_is_one_version_however_often_it_is_added(registry: Registry, name: str, bundles: list[Path]) -> None:
    first, again = (registry.add(bundles[0], name, "challenger", ANSWERED) for _ in range(2))
    assert first == again
    assert (first.version, first.aliases, first.archived) == (1, ("challenger",), False)
    assert first.bundle == of_file(bundles[0] / MANIFEST)
    assert len(registry.versions(name)) == 1


def test_the_alias_goes_to_the_latest_that_was_added(registry: Registry, name: str, bundles: list[Path]) -> None:
    for bundle in (*bundles[:2], bundles[0]):
        registry.add(bundle, name, "challenger", ANSWERED)
    assert {v.version: v.aliases for v in registry.versions(name)} == {1: ("challenger",), 2: ()}


def test_rollback_goes_back_one_champion_at_a_time_and_then_is_refused(registry: Registry, name: str, bundles: list[Path]) -> None:
    three(registry, name, bundles)
    assert registry.rollback(name).version == 2
    assert registry.rollback(name).version == 1
    with pytest.raises(RefusedError, match="no earlier champion"):
        registry.rollback(name)
    assert champion(registry, name) == [1]


def test_a_champion_promoted_again_changes_nothing(registry: Registry, name: str, bundles: list[Path]) -> None:
    three(registry, name, bundles)
    registry.promote(name, "champion")
    registry.promote(name, "3")
    assert registry.rollback(name).version == 2


def test_after_a_rollback_another_version_can_be_promoted(registry: Registry, name: str, bundles: list[Path]) -> None:
    three(registry, name, bundles)
    registry.rollback(name)
    registry.promote(name, "1")
    assert champion(registry, name) == [1]
    assert registry.rollback(name).version == 2


def _killed_after_history(registry: Registry, name: str, history: list[int]) -> None:
    registry._mlflow.set_registered_model_tag(name, HISTORY, json.dumps(history))


def _killed_after_alias(registry: Registry, name: str, version: int) -> None:
    registry._mlflow.set_registered_model_alias(name, "champion", str(version))


def test_a_promotion_killed_in_between_is_finished_by_repeating_it(registry: Registry, name: str, bundles: list[Path]) -> None:
    three(registry, name, bundles[:2])
    registry.add(bundles[2], name, "challenger", ANSWERED)
    _killed_after_history(registry, name, [1, 2, 3])
    assert registry.promote(name, "3").version == 3
    assert champion(registry, name) == [3]
    assert registry.rollback(name).version == 2


def test_a_promotion_killed_in_between_is_undone_by_a_rollback(registry: Registry, name: str, bundles: list[Path]) -> None:
    three(registry, name, bundles[:2])
    registry.add(bundles[2], name, "challenger", ANSWERED)
    _killed_after_history(registry, name, [1, 2, 3])
    assert registry.rollback(name).version == 2
    assert registry.rollback(name).version == 1


def test_a_rollback_killed_in_between_is_finished_by_repeating_it(registry: Registry, name: str, bundles: list[Path]) -> None:
    three(registry, name, bundles)
    _killed_after_alias(registry, name, 2)
    assert registry.rollback(name).version == 2
    assert registry.rollback(name).version == 1


def test_the_champion_is_not_archived(registry: Registry, name: str, bundles: list[Path]) -> None:
    three(registry, name, bundles[:2])
    with pytest.raises(RefusedError, match="version 2 is the champion"):
        registry.archive(name, "2")
    with pytest.raises(RefusedError, match="version 2 is the champion"):
        registry.archive(name, "champion")


def test_an_archived_version_is_neither_promoted_nor_gone_back_to_until_it_is_added_again(registry: Registry, name: str, bundles: list[Path]) -> None:
    three(registry, name, bundles[:2])
    assert registry.archive(name, "1").archived
    for act in (lambda: registry.promote(name, "1"), lambda: registry.rollback(name)):
        with pytest.raises(RefusedError, match="archived"):
            act()
    assert champion(registry, name) == [2]
    assert not registry.add(bundles[0], name, "challenger", ANSWERED).archived
    assert registry.rollback(name).version == 1


def test_what_is_not_there_is_told_with_what_is(registry: Registry, name: str, bundles: list[Path]) -> None:
    registry.add(bundles[0], name, "challenger", ANSWERED)
    with pytest.raises(FaultsError, match=r"no version 'champion'(.|\n)*one of 1 @challenger"):
        registry.rollback(name)
    with pytest.raises(FaultsError, match="no version '7'"):
        registry.promote(name, "7")
    with pytest.raises(FaultsError, match=f"there is no such model(.|\n)*{name}"):
        registry.version("nobody", "1")


@pytest.mark.parametrize("odd", ["", "a/b", "a:b", "it's", 'say "a"', "a\\b", "new\nline"])
def test_a_name_that_mlflow_would_choke_on_is_told(registry: Registry, bundles: list[Path], odd: str) -> None:
    with pytest.raises(FaultsError, match="cannot name a registered model"):
        registry.add(bundles[0], odd, "challenger", ANSWERED)
    assert registry.versions(odd) == []
    with pytest.raises(FaultsError, match="there is no such model"):
        registry.version(odd, "1")


@pytest.mark.parametrize(
    ("alias", "told"), [("champion", "promotion is an act of people"), ("latest", "cannot be an alias"), ("v1", "alias"), ("a b", "alias")]
)
def test_an_alias_that_may_not_be_given_is_told(registry: Registry, bundles: list[Path], alias: str, told: str) -> None:
    with pytest.raises(FaultsError, match=told):
        registry.add(bundles[0], "odd_alias", alias, ANSWERED)
    assert "odd_alias" not in registry.names()


def test_a_damaged_bundle_is_not_registered(registry: Registry, name: str, bundles: list[Path], tmp_path: Path) -> None:
    damaged = Path(shutil.copytree(bundles[0], tmp_path / "damaged"))
    (damaged / "combine.json").write_text("{}")
    with pytest.raises(FaultsError, match=r"combine\.json"):
        registry.add(damaged, name, "challenger", ANSWERED)
    assert registry.versions(name) == []


def test_a_fetched_bundle_is_the_one_that_was_registered(registry: Registry, name: str, bundles: list[Path], capfd: pytest.CaptureFixture[str]) -> None:
    three(registry, name, bundles[:2])
    fetched = registry.fetch(name, "champion")
    assert "artifacts" not in "".join(capfd.readouterr())  # no bars of MLflow in a pipe or log
    assert of_tree(fetched) == of_tree(bundles[1])
    assert registry.fetch(name, "2") == fetched
    assert load(registry.fetch(name, "1")).manifest["name"] == "candidate0"


def test_a_bundle_changed_behind_the_registry_is_refused(registry: Registry, name: str, bundles: list[Path]) -> None:
    version = registry.add(bundles[2], name, "challenger", ANSWERED)
    stored = next(p for p in (registry.home / "mlflow/artifacts" / name).rglob("combine.json"))
    stored.write_text("{}")
    shutil.rmtree(registry.home / "registry" / version.bundle, ignore_errors=True)
    with pytest.raises(FaultsError, match="combine"):
        registry.fetch(name, "challenger")
    assert not (registry.home / "registry" / version.bundle).exists()


def test_a_version_that_is_not_there_is_told_with_those_that_are(registry: Registry, name: str, bundles: list[Path]) -> None:
    registry.add(bundles[0], name, "challenger", ANSWERED)
    with pytest.raises(FaultsError) as caught:
        registry.fetch(name, "champion")
    (fault,) = caught.value.faults
    assert (fault.expected, fault.hint) == ("one of 1 @challenger", f"name one of them, as in registry:{name}@1")


def test_a_version_that_somebody_else_registered_is_told(registry: Registry, name: str) -> None:
    registry._mlflow.create_registered_model(name)
    registry._mlflow.create_model_version(name, "file:///nowhere", None)
    with pytest.raises(FaultsError, match="was not registered by runner"):
        registry.fetch(name, "1")


def test_a_store_that_is_no_store_is_told(tmp_path: Path) -> None:
    (tmp_path / "mlflow").mkdir()
    (tmp_path / "mlflow/mlflow.db").write_bytes(b"no database" * 500)
    broken = Registry.at(tmp_path, None)
    with pytest.raises(FaultsError, match=r"gave no answer: (.|\n)*not a database"), answered(broken.uri):
        broken.names()
