"""What is tried next depends on few things only; what was tried stands in a journal that no kill can break."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path
from typing import Any

import pytest

from runner.training.models.space import Range, Space
from runner.training.study import Record, Trial, propose

SPACE: Space = {"rate": Range(0.01, 10.0, log=True), "leaves": Range(2, 64, whole=True)}
DEFAULTS = {"rate": 1.0, "leaves": 31}


def tried(number: int, **params: float) -> Trial:
    return Trial(number, {"rate": 0.1 + number, "leaves": 2 + number, **params}, 1.0 / (1 + number), (0.5, 0.25), (3, None))


def test_the_first_trial_is_the_declared_default() -> None:
    assert propose(0, SPACE, DEFAULTS, [], 7) == DEFAULTS
    assert propose(0, SPACE, {**DEFAULTS, "rate": 99.0}, [], 7)["rate"] == 99.0


def test_without_anything_to_search_every_trial_is_the_default() -> None:
    assert propose(3, {}, {}, [], 7) == {}


def test_a_proposal_is_a_function_of_its_arguments() -> None:
    seen = [tried(n) for n in range(8)]
    first = propose(9, SPACE, DEFAULTS, seen, 7)
    assert propose(9, SPACE, DEFAULTS, list(reversed(seen)), 7) == first
    assert propose(9, SPACE, DEFAULTS, seen, 8) != first
    assert propose(10, SPACE, DEFAULTS, seen, 7) != first


def test_proposals_stay_in_the_space_and_keep_whole_numbers_whole() -> None:
    for number in range(1, 12):
        found = propose(number, SPACE, DEFAULTS, [tried(n) for n in range(number)], 7)
        assert 0.01 <= found["rate"] <= 10.0
        assert 2 <= found["leaves"] <= 64
        assert isinstance(found["leaves"], int)


def test_a_default_outside_the_space_does_not_stop_the_search() -> None:
    seen = [tried(0, rate=99.0), *(tried(n) for n in range(1, 7))]
    assert 0.01 <= propose(8, SPACE, DEFAULTS, seen, 7)["rate"] <= 10.0


def numbers(path: Path, name: str = "x/trees") -> list[int]:
    """Trial numbers as any Optuna program reads them."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    study = optuna.load_study(study_name=name, storage=JournalStorage(JournalFileBackend(str(path))))
    return sorted(t.user_attrs["number"] for t in study.trials)


def record(path: Path) -> Record:
    return Record(path, "x/trees", SPACE)


def filled(path: Path, n: int) -> bytes:
    written = record(path)
    for number in range(n):
        written.add(tried(number))
    return path.read_bytes()


def test_optuna_opens_the_record(tmp_path: Path) -> None:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    path = tmp_path / "deep" / "study.log"
    filled(path, 3)
    study = optuna.load_study(study_name="x/trees", storage=JournalStorage(JournalFileBackend(str(path))))
    assert [t.value for t in study.trials] == [1.0, 0.5, 1.0 / 3]
    assert study.best_trial.params == {"rate": 2.1, "leaves": 4}
    about = {"number": 0, "params": {"rate": 0.1, "leaves": 2}, "fold_losses": [0.5, 0.25], "rounds": [3, None], "work": 0.0, "seconds": []}
    assert study.trials[0].user_attrs == about


def test_a_trial_is_recorded_once_however_often_it_is_offered(tmp_path: Path) -> None:
    path = tmp_path / "study.log"
    filled(path, 2)
    filled(path, 3)
    again = record(path)
    again.add(tried(1))
    again.add(tried(1))
    assert numbers(path) == [0, 1, 2]


def test_a_setting_outside_the_space_is_recorded_by_its_number(tmp_path: Path) -> None:
    written = record(tmp_path / "study.log")
    written.add(tried(0, rate=99.0))
    written.add(tried(1))
    assert numbers(tmp_path / "study.log") == [0, 1]


def test_a_record_killed_anywhere_inside_an_append_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "study.log"
    whole = filled(path, 3)
    for cut in range(0, len(whole), 41):
        path.write_bytes(whole[:cut])
        filled(path, 4)
        assert numbers(path) == [0, 1, 2, 3], cut


def test_a_damaged_journal_is_begun_again_and_filled_again(tmp_path: Path) -> None:
    path = tmp_path / "study.log"
    whole = filled(path, 3)
    damaged = [b"\0" * 99, b"[]\n", b"{}\n", b"null\n", b"\xff\xfe\n", whole + b'{"op_code": 99}\n', whole[:40] + b"\n" + whole[40:]]
    damaged += [whole[:place] + bytes([whole[place] ^ (1 << place % 7)]) + whole[place + 1 :] for place in range(0, len(whole), 53)]
    for content in damaged:
        path.write_bytes(content)
        filled(path, 3)
        assert numbers(path) == [0, 1, 2]


def test_a_lock_that_a_killed_process_left_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "study.log"
    filled(path, 1)
    (tmp_path / "study.log.lock").symlink_to(path)
    (tmp_path / ".study.log.lock").touch()
    started = time.monotonic()
    filled(path, 2)
    assert time.monotonic() - started < 5.0
    assert numbers(path) == [0, 1]


def _offer(path: Path, start: Any) -> None:
    written = record(path)
    start.wait()
    for number in range(6):
        written.add(tried(number))


def test_two_processes_that_share_a_study_record_each_trial_once(tmp_path: Path) -> None:
    """Two experiments that differ in their payoff alone have one study, and a sweep runs them side by side."""
    context = multiprocessing.get_context("fork")
    start = context.Barrier(2)
    both = [context.Process(target=_offer, args=(tmp_path / "study.log", start)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0]
    assert numbers(tmp_path / "study.log") == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("name", ["x/trees", "ein/größer"])
def test_a_study_is_found_by_its_name(tmp_path: Path, name: str) -> None:
    Record(tmp_path / "study.log", name, SPACE).add(tried(0))
    assert numbers(tmp_path / "study.log", name) == [0]
