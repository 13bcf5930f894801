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
LONGEST_TOLD = 200


def tracking_uri(home: Path, declared: str | None) -> str:
    """The tracking URI: the declared one, or an SQLite file below the workspace's private folder."""
    return declared or f"sqlite:///{home.resolve() / 'mlflow' / 'mlflow.db'}"


def is_remote(uri: str) -> bool:
    """Whether a server stands behind the URI that may be down.

    >>> is_remote("https://tracker.example"), is_remote("sqlite:////tmp/a.db")
    (True, False)
    """
    return urlsplit(uri).scheme in ("http", "https")


def client(home: Path, uri: str) -> MlflowClient:
    """A client of the tracking store and registry; an SQLite store is made when it is not there."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", TIMEOUT_S)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    if not is_remote(uri):
        (home / "mlflow").mkdir(parents=True, exist_ok=True)
    warnings.filterwarnings("ignore", module="mlflow")
    from mlflow.tracking import MlflowClient

    for noisy in ("mlflow", "alembic"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


@contextmanager
def answered(uri: str) -> Iterator[None]:
    """Tell a person of a tracking store that does not answer or cannot be read, as FaultsError (2).

    A call that MLflow finds wrong in itself is a bug, and stays one.
    """
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError) as error:
        if getattr(error, "error_code", "") == "INVALID_PARAMETER_VALUE":
            raise
        told = masked(str(error).splitlines()[0])[:LONGEST_TOLD]
        hint = "start the server, or look at `uri` in conf/tracking/; a damaged store under .runner/mlflow can be moved away"
        raise fault("tracking.uri", f"{masked(uri)} gave no answer: {told}", "a tracking server or store that answers", hint) from None


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
