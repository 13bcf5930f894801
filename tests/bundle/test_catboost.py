"""CatBoost models on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from catboost import CatBoostClassifier

from runner.bundle.inputs import Inputs
from runner.bundle.models.catboost import FILE, CatBoostModel


def test_the_file_is_what_catboost_itself_would_write(tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    model = CatBoostClassifier(iterations=20, verbose=False, allow_writing_files=False, thread_count=1)
    model.fit(draw.normal(size=(80, 2)), draw.integers(0, 2, 80))
    inputs = Inputs(("a", "b"), {})
    (tmp_path / "models").mkdir()
    CatBoostModel(inputs, model, "binary").save(tmp_path / "models")
    model.save_model(str(tmp_path / "own.cbm"), format="cbm")
    assert (tmp_path / "models" / FILE).read_bytes() == (tmp_path / "own.cbm").read_bytes()
