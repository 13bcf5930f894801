"""AutoGluon with a preset. What is weighed and asked is its clone for deployment, the smallest form that it offers."""

from __future__ import annotations

import shutil
from typing import Any

from protocol import Job

METRICS = {"binary": "log_loss", "multiclass": "log_loss", "regression": "root_mean_squared_error"}


def fit(table: Any, target: Any, job: Job) -> None:
    from autogluon.tabular import TabularPredictor

    table[job.target] = target
    predictor = TabularPredictor(label=job.target, problem_type=job.task, eval_metric=METRICS[job.task], path=job.folder, verbosity=1)
    predictor.fit(table, presets=job.options["preset"], time_limit=job.left, num_cpus=job.threads, num_gpus=0)


def deploy(job: Job) -> str:
    from autogluon.tabular import TabularPredictor

    small = job.folder + "_deployed"
    shutil.rmtree(small, ignore_errors=True)
    TabularPredictor.load(job.folder, verbosity=0).clone_for_deployment(small)
    return small


def load(job: Job) -> Any:
    from autogluon.tabular import TabularPredictor

    predictor = TabularPredictor.load(job.folder + "_deployed", verbosity=0)
    predictor.persist()
    if not job.classes:
        return lambda table: predictor.predict(table).to_numpy()
    return lambda table: predictor.predict_proba(table)[job.labels].to_numpy()
