"""Finished folds outlive the process; a damaged one is as good as none."""

from __future__ import annotations

import gc
import io
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from runner.training.fold_store import FoldResult, FoldStore

RESULT = FoldResult(np.random.default_rng(0).random((7, 2)), 0.25, 31)


def same(found: FoldResult | None, expected: FoldResult) -> bool:
    return found is not None and np.array_equal(found.predictions, expected.predictions) and (found.loss, found.rounds) == (expected.loss, expected.rounds)


@pytest.mark.parametrize("rounds", [None, 0, 31])
def test_a_fold_comes_back_as_it_was_stored(tmp_path: Path, rounds: int | None) -> None:
    stored = FoldResult(RESULT.predictions, RESULT.loss, rounds)
    FoldStore(tmp_path / "new").write({"depth": 3}, 1, stored)
    assert same(FoldStore(tmp_path / "new").read({"depth": 3}, 1), stored)


def test_settings_and_folds_are_told_apart(tmp_path: Path) -> None:
    store = FoldStore(tmp_path)
    store.write({"a": 1.0, "b": 2}, 0, RESULT)
    assert same(store.read({"b": 2, "a": 1.0}, 0), RESULT)
    for params, fold in (({"a": 1.0, "b": 2}, 1), ({"a": 1.0000000000000002, "b": 2}, 0), ({"a": 1.0}, 0), ({}, 0)):
        assert store.read(params, fold) is None


def test_no_damage_is_ever_read_as_a_result(tmp_path: Path) -> None:
    store = FoldStore(tmp_path)
    store.write({}, 0, RESULT)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    foreign = io.BytesIO()
    np.save(foreign, RESULT.predictions)
    damaged = [whole[:n] for n in range(0, len(whole), 23)] + [b"x" * 500, foreign.getvalue(), whole + b"\0"]
    damaged += [whole[:place] + bytes([whole[place] ^ (1 << place % 8)]) + whole[place + 1 :] for place in range(0, len(whole), 3)]
    for content in damaged:
        path.write_bytes(content)
        assert store.read({}, 0) is None
    store.write({}, 0, RESULT)
    assert same(store.read({}, 0), RESULT)


def test_a_folder_in_place_of_a_file_counts_as_none(tmp_path: Path) -> None:
    store = FoldStore(tmp_path)
    store.write({}, 0, RESULT)
    (path,) = tmp_path.iterdir()
    path.unlink()
    path.mkdir()
    assert store.read({}, 0) is None


def test_folds_are_read_by_many_threads_at_once_whatever_else_the_interpreter_does_meanwhile(tmp_path: Path) -> None:
    # The parser behind NumPy's reader failed where a collection of garbage let another thread parse in the midst of it.
    store = FoldStore(tmp_path)
    store.write({"a": 1}, 0, FoldResult(np.zeros((3, 2)), 0.1, 3))
    thresholds, usual = gc.get_threshold(), sys.getswitchinterval()

    def busy(*_: object) -> None:
        sum(range(200))

    gc.callbacks.append(busy)
    gc.set_threshold(5, 2, 2)
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda _: store.read({"a": 1}, 0), range(400)))
    finally:
        sys.setswitchinterval(usual)
        gc.set_threshold(*thresholds)
        gc.callbacks.remove(busy)
    assert all(result is not None and result.rounds == 3 for result in found)
