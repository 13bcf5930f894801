"""CatBoost as it comes: 1,000 iterations, native categories. It stops early only where the budget ends, and keeps the trees it has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from protocol import Job, numbers_of_moments, text_columns


class InTime:
    """Stops when the budget is used."""

    def __init__(self, job: Job) -> None:
        self.job = job

    def after_iteration(self, info: Any) -> bool:
        return not self.job.used_up


def fit(table: Any, target: Any, job: Job) -> None:
    import catboost

    table = _ready(table)
    made = catboost.CatBoostClassifier if job.classes else catboost.CatBoostRegressor
    model = made(random_seed=job.seed, thread_count=job.threads, verbose=False, allow_writing_files=False, cat_features=text_columns(table))
    model.fit(table, target.map(job.labels.index) if job.classes else target, callbacks=[InTime(job)])
    Path(job.folder).mkdir(parents=True)
    model.save_model(Path(job.folder) / "model.cbm")


def load(job: Job) -> Any:
    import catboost

    model = (catboost.CatBoostClassifier if job.classes else catboost.CatBoostRegressor)()
    model.load_model(Path(job.folder) / "model.cbm")

    def predict(table: Any) -> Any:
        ready = _ready(table.copy())
        return model.predict_proba(ready, thread_count=job.threads) if job.classes else model.predict(ready, thread_count=job.threads)

    return predict


def _ready(table: Any) -> Any:
    table = numbers_of_moments(table)
    for c in table.columns:
        text = str(table[c].dtype) in ("object", "string", "str", "category")
        table[c] = table[c].fillna("missing").astype(str) if text else table[c].astype(float)
    return table
