"""FLAML's AutoML with its default search."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from protocol import Job


def fit(table: Any, target: Any, job: Job) -> None:
    from flaml import AutoML

    automl = AutoML()
    automl.fit(
        X_train=table,
        y_train=target.map(job.labels.index) if job.classes else target,
        task=job.task if job.classes else "regression",
        metric="log_loss" if job.classes else "rmse",
        time_budget=job.left,
        n_jobs=job.threads,
        seed=job.seed,
        verbose=0,
    )
    if automl.model is None:
        raise RuntimeError("FLAML found no model in the time it had")
    Path(job.folder).mkdir(parents=True)
    (Path(job.folder) / "model.pickle").write_bytes(pickle.dumps(automl))


def load(job: Job) -> Any:
    automl = pickle.loads((Path(job.folder) / "model.pickle").read_bytes())
    return lambda table: automl.predict_proba(table) if job.classes else automl.predict(table)
