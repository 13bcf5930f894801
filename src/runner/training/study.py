"""A candidate's study: what to try next, and the record of what was tried."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.core.files import clear
from runner.core.seeds import seed_for
from runner.training.models.space import Space, distributions

if TYPE_CHECKING:
    import optuna

STARTUP_TRIALS = 5


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


class Record:
    """The study in Optuna's own journal file: the record that dashboards open and that outlives the process."""

    def __init__(self, path: Path, name: str, space: Space) -> None:
        self._path, self._name, self._space = path, name, space
        self._study = self._open()
        self._known = {t.user_attrs["number"] for t in self._study.get_trials(deepcopy=False)}

    def _open(self) -> optuna.Study:
        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        _quiet()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        for attempt in (1, 2):
            try:
                storage = JournalStorage(JournalFileBackend(str(self._path)))
                return optuna.create_study(storage=storage, study_name=self._name, direction="minimize", load_if_exists=True)
            except (json.JSONDecodeError, KeyError, UnicodeDecodeError):
                if attempt == 2:
                    raise
                # A damaged journal is only the record; finished folds are stored apart and fill it again.
                clear(self._path)
        raise AssertionError("unreachable")

    def add(self, trial: Trial) -> None:
        """Append a finished trial once, however often it is offered."""
        from optuna.trial import create_trial

        if trial.number in self._known:
            return
        ranges = {n: d for n, d in distributions(self._space).items() if n in trial.params and _inside(trial, self._space)}
        params = {n: trial.params[n] for n in ranges}
        about = {"number": trial.number, "params": dict(trial.params), "fold_losses": list(trial.fold_losses), "rounds": list(trial.rounds)}
        self._study.add_trial(create_trial(params=params, distributions=ranges, value=trial.loss, user_attrs=about))
        self._known.add(trial.number)


def _quiet() -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
