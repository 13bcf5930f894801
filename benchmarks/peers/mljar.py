"""MLJAR (mljar-supervised) in the mode Compete, the one that is made for the best score."""

from __future__ import annotations

from typing import Any

from protocol import Job

TASKS = {"binary": "binary_classification", "multiclass": "multiclass_classification", "regression": "regression"}


def fit(table: Any, target: Any, job: Job) -> None:
    from supervised import AutoML

    automl = AutoML(
        results_path=job.folder,
        mode="Compete",
        ml_task=TASKS[job.task],
        eval_metric="logloss" if job.classes else "rmse",
        total_time_limit=int(job.left),
        n_jobs=job.threads,
        random_state=job.seed,
        explain_level=0,
        verbose=0,
    )
    automl.fit(table, target)


def load(job: Job) -> Any:
    from supervised import AutoML

    automl = AutoML(results_path=job.folder)
    if not job.classes:
        return automl.predict

    def predict(table: Any) -> Any:
        found = automl.predict_all(table)
        return found[[f"prediction_{label}" for label in job.labels]].to_numpy()

    return predict
