"""What every peer does in the same way: fit in one process, load and predict in another.

python -P benchmarks/peers/protocol.py PEER fit JOB.json
python -P benchmarks/peers/protocol.py PEER predict JOB.json

Runs in the environment of the peer, which has no runner. -P, since an adapter is named as the library that it calls.
An adapter (PEER.py beside this file) has `fit(table, target, job)`, which saves below `job.folder`, and `load(job)`, which returns a
function from a table to an array: (n, classes) probabilities in the order of `job.labels`, or (n,) numbers. It may have
`read(path)`, where it does not take pandas, and `deploy(job)`, which makes what would be shipped out of what was fitted and
returns its folder; only that is loaded and weighed.
"""

from __future__ import annotations

import importlib.util
import json
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROWS_ALONE, SECONDS_ALONE = 30, 10.0
RESERVE = 1.0
"""Seconds of the budget that a peer is not told of: it needs them to save and to end."""


@dataclass(frozen=True)
class Job:
    """One fit. started: when the process was started (Unix time), so that imports count; budget: seconds from then on."""

    train: str
    test: str
    target: str
    task: str
    labels: list[str]
    time: str
    budget: float
    started: float
    seed: int
    threads: int
    folder: str
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def left(self) -> float:
        """Seconds that a peer may still use for fitting, at least 5."""
        return max(self.budget - (time.time() - self.started) - RESERVE, 5.0)

    @property
    def used_up(self) -> bool:
        """Whether a fit that can stop at any moment should stop now."""
        return time.time() - self.started > self.budget - 2 * RESERVE

    @property
    def classes(self) -> bool:
        return self.task != "regression"


def text_columns(table: Any) -> list[str]:
    """Columns of text: what most peers want as categories."""
    return [c for c in table.columns if str(table[c].dtype) in ("object", "string", "str", "category")]


def read_pandas(path: str) -> Any:
    """A Parquet file with text as objects, whole numbers with gaps as floats."""
    import pandas as pd

    table = pd.read_parquet(path)
    for c in text_columns(table):
        table[c] = table[c].astype(object).where(table[c].notna(), None)
    return table


def numbers_of_moments(table: Any) -> Any:
    """Moments as plain numbers, for libraries that know no dates: days since 1970, month, day of the week, hour."""
    import numpy as np

    for c in [c for c in table.columns if str(table[c].dtype).startswith("datetime")]:
        at = table[c].dt
        table[f"{c}_day"] = table[c].to_numpy().astype("datetime64[s]").astype(np.int64) // 86_400
        table[f"{c}_month"], table[f"{c}_weekday"], table[f"{c}_hour"] = at.month, at.dayofweek, at.hour
        table = table.drop(columns=c)
    return table


def adapter(peer: str) -> Any:
    path = Path(__file__).parent / f"{peer}.py"
    made = importlib.util.spec_from_file_location(f"peer_{peer}", path)
    assert made is not None and made.loader is not None
    module = importlib.util.module_from_spec(made)
    made.loader.exec_module(module)
    return module


def fit(peer: Any, job: Job) -> None:
    table = getattr(peer, "read", read_pandas)(job.train)
    target = table.pop(job.target)
    peer.fit(table, target, job)


def predict(peer: Any, job: Job) -> dict[str, Any]:
    """Writes predictions.parquet; seconds to load, for all test rows (the better of two), and for a row alone (median)."""
    import numpy as np
    import pandas as pd

    out = Path(job.folder).parent
    shipped = Path(peer.deploy(job)) if hasattr(peer, "deploy") else Path(job.folder)
    test = getattr(peer, "read", read_pandas)(job.test)
    start = time.perf_counter()
    model = peer.load(job)
    loaded = time.perf_counter() - start
    taken = []
    for _ in range(2):
        start = time.perf_counter()
        found = np.asarray(model(test), dtype=np.float64)
        taken.append(time.perf_counter() - start)
        if taken[0] > SECONDS_ALONE:
            break
    names = [f"p{i}" for i in range(len(job.labels))] if job.classes else ["prediction"]
    found = found.reshape(len(test), len(names))
    pd.DataFrame(found, columns=names).to_parquet(out / "predictions.parquet")
    alone, started = [], time.perf_counter()
    for at in range(min(ROWS_ALONE, len(test))):
        row = test[at : at + 1]
        start = time.perf_counter()
        model(row)
        alone.append(time.perf_counter() - start)
        if time.perf_counter() - started > SECONDS_ALONE:
            break
    size = sum(f.stat().st_size for f in shipped.rglob("*") if f.is_file())
    return {"load_seconds": loaded, "predict_seconds": min(taken), "row_seconds": statistics.median(alone), "model_bytes": size}


def main() -> None:
    name, act, path = sys.argv[1:4]
    # Adapters ask for this module by its name; the folder itself stays off the path.
    sys.modules["protocol"] = sys.modules[__name__]
    job = Job(**json.loads(Path(path).read_text()))
    if act == "fit":
        fit(adapter(name), job)
    else:
        measured = predict(adapter(name), job)
        (Path(job.folder).parent / "predict.json").write_text(json.dumps(measured))


if __name__ == "__main__":
    main()
