"""LightGBM as it comes: 100 rounds, native categories."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from protocol import Job, numbers_of_moments, text_columns


def fit(table: Any, target: Any, job: Job) -> None:
    import lightgbm

    table = numbers_of_moments(table)
    levels = {c: sorted(table[c].dropna().unique()) for c in text_columns(table)}
    settings = {"random_state": job.seed, "n_jobs": job.threads, "verbose": -1}
    if job.classes:
        model = lightgbm.LGBMClassifier(**settings).fit(_ready(table, levels), target.map(job.labels.index))
    else:
        model = lightgbm.LGBMRegressor(**settings).fit(_ready(table, levels), target)
    Path(job.folder).mkdir(parents=True)
    model.booster_.save_model(Path(job.folder) / "model.txt")
    (Path(job.folder) / "levels.json").write_text(json.dumps(levels))


def load(job: Job) -> Any:
    import lightgbm

    booster = lightgbm.Booster(model_file=Path(job.folder) / "model.txt")
    levels = json.loads((Path(job.folder) / "levels.json").read_text())

    def predict(table: Any) -> Any:
        found = booster.predict(_ready(numbers_of_moments(table.copy()), levels), num_threads=job.threads)
        return np.column_stack([1 - found, found]) if job.task == "binary" else found

    return predict


def _ready(table: Any, levels: dict[str, list[str]]) -> Any:
    made = {c: pd.Categorical(table[c], categories=known) for c, known in levels.items()}
    plain = {c: table[c].astype(float) for c in table.columns if c not in levels}
    return pd.DataFrame({**plain, **made}, index=table.index)[list(table.columns)]
