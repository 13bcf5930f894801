"""H2O AutoML on a server of its own. The leader is saved in H2O's own binary form: this release writes no MOJO."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from protocol import Job

MEMORY, MODEL = "8g", "leader"


def _server(job: Job) -> Any:
    import h2o

    h2o.init(nthreads=job.threads, max_mem_size=MEMORY, port=54_321 + os.getpid() % 5_000, verbose=False, log_level="ERRR", bind_to_localhost=True)
    h2o.no_progress()
    return h2o


def _frame(h2o: Any, table: Any) -> Any:
    texts = [c for c in table.columns if str(table[c].dtype) in ("object", "string", "str", "category")]
    types = dict.fromkeys(texts, "enum") | {c: "time" for c in table.columns if str(table[c].dtype).startswith("datetime")}
    types |= {c: "enum" for c in table.columns if str(table[c].dtype) == "bool"}
    return h2o.H2OFrame(table, column_types={c: types.get(c, "numeric") for c in table.columns})


def fit(table: Any, target: Any, job: Job) -> None:
    h2o = _server(job)
    from h2o.automl import H2OAutoML

    table[job.target] = target.map(lambda label: f"c{job.labels.index(label)}") if job.classes else target
    frame = _frame(h2o, table)
    metric = "logloss" if job.classes else "RMSE"
    automl = H2OAutoML(max_runtime_secs=max(int(job.left), 5), seed=job.seed, sort_metric=metric, stopping_metric=metric, verbosity=None)
    automl.train(y=job.target, training_frame=frame)
    if automl.leader is None:
        raise RuntimeError("H2O found no model in the time it had")
    h2o.save_model(automl.leader, path=job.folder, filename=MODEL)
    h2o.cluster().shutdown()


def load(job: Job) -> Any:
    h2o = _server(job)
    model = h2o.load_model(str(Path(job.folder) / MODEL))

    def predict(table: Any) -> Any:
        found = model.predict(_frame(h2o, table)).as_data_frame(use_multi_thread=False)
        return found[[f"c{i}" for i in range(len(job.labels))]].to_numpy() if job.classes else found["predict"].to_numpy()

    return predict
