"""One way to reach MLflow: quiet, bounded, and by default a file of the workspace."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from runner.core.faults import fault
from runner.core.secrets import masked

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

OFF = "off"
TIMEOUT_S = "2"


def tracking_uri(home: Path, declared: str | None) -> str:
    """The tracking URI: the declared one, or an SQLite file below the workspace's private folder."""
    return declared or f"sqlite:///{home.resolve() / 'mlflow' / 'mlflow.db'}"


def is_remote(uri: str) -> bool:
    """Whether a server stands behind the URI that may be down.

    >>> is_remote("https://tracker.example"), is_remote("sqlite:////tmp/a.db")
    (True, False)
    """
    return urlsplit(uri).scheme in ("http", "https")


@contextmanager
def reached(uri: str) -> Iterator[None]:
    """Tell as a fault what a tracking server or registry refuses, or that it is not there: its own traceback would show the address with its password."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        said = " ".join(masked(str(error)).replace(masked(uri), "").split())
        raise fault("tracking.uri", f"{uri} did not do what was asked: {said[:300]}", "a server that answers", "start it, or look at tracking.uri") from None


def client(home: Path, uri: str) -> MlflowClient:
    """A client of the tracking store and registry; an SQLite store is made when it is not there."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", TIMEOUT_S)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    if not is_remote(uri):
        (home / "mlflow").mkdir(parents=True, exist_ok=True)
    warnings.filterwarnings("ignore", module="mlflow")
    from mlflow.tracking import MlflowClient

    for noisy in ("mlflow", "alembic"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def experiment_id(mlflow: MlflowClient, home: Path, uri: str, name: str) -> str:
    """The MLflow experiment of that name, made when it is not there; artifacts of a local store lie beside it."""
    from mlflow.exceptions import MlflowException

    found = mlflow.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    location = None if is_remote(uri) else (home.resolve() / "mlflow" / "artifacts" / name).as_uri()
    try:
        return str(mlflow.create_experiment(name, artifact_location=location))
    except MlflowException:
        # Another process was faster.
        found = mlflow.get_experiment_by_name(name)
        if found is None:
            raise
        return str(found.experiment_id)
