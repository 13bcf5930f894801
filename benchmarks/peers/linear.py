"""A linear model: standardised numbers, one-hot levels, logistic regression or ridge as scikit-learn has them."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from protocol import Job, numbers_of_moments, text_columns


def fit(table: Any, target: Any, job: Job) -> None:
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    table = _ready(table)
    texts = text_columns(table)
    numbers = [c for c in table.columns if c not in texts]
    levels = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=5)
    ready = make_column_transformer((make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), numbers), (levels, texts))
    model = make_pipeline(ready, LogisticRegression(max_iter=500) if job.classes else Ridge())
    model.fit(table, target.map(job.labels.index) if job.classes else target)
    Path(job.folder).mkdir(parents=True)
    (Path(job.folder) / "model.pickle").write_bytes(pickle.dumps(model))


def load(job: Job) -> Any:
    model = pickle.loads((Path(job.folder) / "model.pickle").read_bytes())
    act = model.predict_proba if job.classes else model.predict
    return lambda table: act(_ready(table.copy()))


def _ready(table: Any) -> Any:
    table = numbers_of_moments(table)
    for c in table.columns:
        text = str(table[c].dtype) in ("object", "string", "str", "category")
        table[c] = table[c].fillna("missing").astype(str) if text else table[c].astype(float)
    return table
