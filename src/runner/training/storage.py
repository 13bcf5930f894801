"""Where Optuna keeps the studies: a journal file each, or one database for all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from runner.core.faults import FaultsError, fault
from runner.core.files import clear, write_bytes

if TYPE_CHECKING:
    import optuna

AT = "training.tuning.storage"
EXAMPLE = "an address such as sqlite:////home/me/studies.db or postgresql://me@server/studies"
# What Optuna's reader raises on a journal that it did not write so: it trusts every line.
DAMAGED = (ValueError, KeyError, TypeError, AttributeError, IndexError, AssertionError)


class Lock:
    """Optuna's lock of a storage, let go by the operating system when its holder dies.

    Optuna's own is a file that a killed process leaves behind; each later append would wait for it, half a minute long.
    """

    def __init__(self, path: Path) -> None:
        self._lock = FileLock(path)

    def acquire(self) -> bool:
        self._lock.acquire()
        return True

    def release(self) -> None:
        self._lock.release()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *exception: object) -> None:
        self._lock.release()


class Journal:
    """One study in a journal file of its own."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self.lock = Lock(path.with_name(f".{path.name}.lock"))

    def open(self, name: str) -> optuna.Study:
        """The study, made when it is not there. Only while `lock` is held."""
        _drop_torn_line(self._path)
        try:
            return self._read(name)
        except DAMAGED:
            # A damaged journal is only the record; finished folds are stored apart and fill it again.
            clear(self._path)
            return self._read(name)

    def _read(self, name: str) -> optuna.Study:
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        lock: Any = self.lock
        study = _opened(JournalStorage(JournalFileBackend(str(self._path), lock)), name)
        numbers(study)
        return study


@dataclass(frozen=True)
class Shared:
    """All studies in one database. variable: of the environment, holds its address; lock: for the writers of this machine."""

    variable: str
    storage: Any
    lock: Lock

    @classmethod
    def at(cls, variable: str, locks: Path) -> Shared:
        """Open the database. Raises FaultsError (2) when the variable is not set or the database cannot be used."""
        address = os.environ.get(variable, "").strip()
        if not address:
            raise fault(AT, f"needs the environment variable {variable}, which is not set", EXAMPLE, f"export {variable}=...")
        locks.mkdir(parents=True, exist_ok=True)
        lock = Lock(locks / "studies.lock")
        with lock, _usable(variable):
            from optuna.storages import RDBStorage

            # A database that sleeps closes connections: each is tried before it is used.
            return cls(variable, RDBStorage(_with_driver(address), engine_kwargs={"pool_pre_ping": True}), lock)

    def open(self, name: str) -> optuna.Study:
        """The study, made when it is not there. Only while `lock` is held."""
        with _usable(self.variable):
            return _opened(self.storage, name)


@contextmanager
def told(storage: Journal | Shared) -> Iterator[None]:
    """Make what a database raises a fault that people understand; a journal raises nothing of the kind."""
    if isinstance(storage, Journal):
        yield
        return
    with _usable(storage.variable):
        yield


def numbers(study: optuna.Study) -> set[int]:
    """The trials that the record has, by our own numbers."""
    return {int(t.user_attrs["number"]) for t in study.get_trials(deepcopy=False)}


@contextmanager
def _usable(variable: str) -> Iterator[None]:
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError

    try:
        yield
    except (StorageInternalError, SQLAlchemyError, ImportError) as error:
        raise _unusable(variable, error, isinstance(error, ArgumentError | ImportError)) from None


def _unusable(variable: str, error: Exception, is_address: bool) -> FaultsError:
    cause = error.__cause__ or error
    said = str(getattr(cause, "orig", None) or cause).strip().splitlines() or [type(error).__name__]
    hint = f"look at the environment variable {variable}" if is_address else "see that the database answers, then run again: finished folds are kept"
    return fault(AT, f"the studies' database cannot be used: {said[0]}", EXAMPLE, hint)


def _with_driver(address: str) -> str:
    """PostgreSQL by the driver that is installed, where the address names none."""
    from importlib.util import find_spec

    scheme, mark, rest = address.partition("://")
    if scheme in ("postgresql", "postgres") and find_spec("psycopg2") is None and find_spec("psycopg") is not None:
        return f"postgresql+psycopg{mark}{rest}"
    return address


def _opened(storage: Any, name: str) -> optuna.Study:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(storage=storage, study_name=name, direction="minimize", load_if_exists=True)


def _drop_torn_line(path: Path) -> None:
    """Remove a last line without its end: what a killed process left, and what the next append would be glued to."""
    content = path.read_bytes() if path.exists() else b""
    if content and not content.endswith(b"\n"):
        write_bytes(path, content[: content.rfind(b"\n") + 1])
