"""A candidate's study: what to try next, and the record of what was tried."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from runner.core.files import clear, write_bytes
from runner.core.seeds import seed_for
from runner.training.models.space import Space, distributions

if TYPE_CHECKING:
    import optuna

STARTUP_TRIALS = 5
# What Optuna's reader raises on a journal that it did not write so: it trusts every line.
DAMAGED = (ValueError, KeyError, TypeError, AttributeError, IndexError, AssertionError)


@dataclass(frozen=True)
class Trial:
    """A finished trial: its number, settings, loss (smaller is better), loss per fold and iterations kept per fold."""

    number: int
    params: Mapping[str, Any]
    loss: float
    fold_losses: tuple[float, ...]
    rounds: tuple[int | None, ...]


def propose(number: int, space: Space, defaults: Mapping[str, Any], seen: Sequence[Trial], seed: int) -> dict[str, Any]:
    """Settings of trial `number`, from the trials it may see and a seed of its own.

    The first trial is the declared default. A fresh sampler per trial makes the proposal a function of its arguments,
    so that studies run side by side, resumed or in one go are the same study.
    """
    if number == 0 or not space:
        return dict(defaults)
    import optuna
    from optuna.trial import create_trial

    _quiet()
    ranges = distributions(space)
    sampler = optuna.samplers.TPESampler(seed=seed_for(seed, "trial", number), n_startup_trials=STARTUP_TRIALS)
    study = optuna.create_study(sampler=sampler)
    study.add_trials(
        [create_trial(params=dict(t.params), distributions=ranges, value=t.loss) for t in sorted(seen, key=lambda t: t.number) if _inside(t, space)]
    )
    return dict(study.ask(ranges).params)


def _inside(trial: Trial, space: Space) -> bool:
    """The declared default may lie outside the space; the sampler cannot learn from it then."""
    return all(space[name].low <= value <= space[name].high for name, value in trial.params.items())


class _Lock:
    """Optuna's lock of a journal, let go by the operating system when its holder dies.

    Optuna's own is a file that a killed process leaves behind; each later append would wait for it, half a minute long.
    """

    def __init__(self, path: Path) -> None:
        self._lock = FileLock(path.with_name(f".{path.name}.lock"))

    def acquire(self) -> bool:
        self._lock.acquire()
        return True

    def release(self) -> None:
        self._lock.release()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *exception: object) -> None:
        self._lock.release()


class Record:
    """The study in Optuna's own journal file: the record that dashboards open and that outlives the process."""

    def __init__(self, path: Path, name: str, space: Space) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._name, self._space = path, name, space
        self._lock = _Lock(path)
        with self._lock:
            self._study = self._open()

    def add(self, trial: Trial) -> None:
        """Append a finished trial once, however often and by how many processes it is offered."""
        from optuna.trial import create_trial

        with self._lock:
            if trial.number in _numbers(self._study):
                return
            ranges = {n: d for n, d in distributions(self._space).items() if n in trial.params and _inside(trial, self._space)}
            params = {n: trial.params[n] for n in ranges}
            about = {"number": trial.number, "params": dict(trial.params), "fold_losses": list(trial.fold_losses), "rounds": list(trial.rounds)}
            self._study.add_trial(create_trial(params=params, distributions=ranges, value=trial.loss, user_attrs=about))

    def _open(self) -> optuna.Study:
        _drop_torn_line(self._path)
        try:
            return self._read()
        except DAMAGED:
            # A damaged journal is only the record; finished folds are stored apart and fill it again.
            clear(self._path)
            return self._read()

    def _read(self) -> optuna.Study:
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        _quiet()
        lock: Any = self._lock
        storage = JournalStorage(JournalFileBackend(str(self._path), lock))
        study = optuna.create_study(storage=storage, study_name=self._name, direction="minimize", load_if_exists=True)
        _numbers(study)
        return study


def _numbers(study: optuna.Study) -> set[int]:
    return {int(t.user_attrs["number"]) for t in study.get_trials(deepcopy=False)}


def _drop_torn_line(path: Path) -> None:
    """Remove a last line without its end: what a killed process left, and what the next append would be glued to."""
    content = path.read_bytes() if path.exists() else b""
    if content and not content.endswith(b"\n"):
        write_bytes(path, content[: content.rfind(b"\n") + 1])


def _quiet() -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
