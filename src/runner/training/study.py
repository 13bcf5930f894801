"""A candidate's study: what to try next, and the record of what was tried."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.core.seeds import seed_for
from runner.training.models.space import Space, distributions
from runner.training.storage import Journal, Shared, numbers, told

if TYPE_CHECKING:
    import optuna

STARTUP_TRIALS = 5


@dataclass(frozen=True)
class Trial:
    """A trial that ended: its number, settings, loss (smaller is better), and loss and iterations kept per fold.

    pruned: it was given up after the folds that are listed, and its loss is theirs alone; work: what its fits cost by their family's
    estimate; seconds: what they took, by the clock of whoever made them, never compared.
    """

    number: int
    params: Mapping[str, Any]
    loss: float
    fold_losses: tuple[float, ...]
    rounds: tuple[int | None, ...]
    pruned: bool = False
    work: float = 0.0
    seconds: tuple[float, ...] = field(default=(), compare=False)


Named = tuple[str, Trial]
"""A trial with the candidate that it is one of."""


def propose(
    number: int, space: Space, defaults: Mapping[str, Any], seen: Sequence[Trial], seed: int, portfolio: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """Settings of trial `number`, from the trials it may see and a seed of its own.

    The first trial is the declared default, the next ones are the portfolio laid over it in its order. A fresh sampler per trial makes
    the proposal a function of its arguments, so that studies run side by side, resumed or in one go are the same study.
    """
    if number <= len(portfolio):
        return {**defaults, **(portfolio[number - 1] if number else {})}
    if not space:
        return dict(defaults)
    import optuna

    _quiet()
    ranges = distributions(space)
    sampler = optuna.samplers.TPESampler(seed=seed_for(seed, "trial", number), n_startup_trials=STARTUP_TRIALS, multivariate=True)
    study = optuna.create_study(sampler=sampler)
    study.add_trials([_told(t, space, {}) for t in sorted(seen, key=lambda t: t.number) if _inside(t, space)])
    return dict(study.ask(ranges).params)


def _inside(trial: Trial, space: Space) -> bool:
    """The declared default may lie outside the space; the sampler cannot learn from it then."""
    return all(space[name].low <= value <= space[name].high for name, value in trial.params.items() if name in space)


def _told(trial: Trial, space: Space, about: Mapping[str, Any]) -> optuna.trial.FrozenTrial:
    """A trial as Optuna keeps it: pruned ones have the losses of the folds they were given, and no value."""
    from optuna.trial import TrialState, create_trial

    ranges = {n: d for n, d in distributions(space).items() if n in trial.params and _inside(trial, space)}
    return create_trial(
        state=TrialState.PRUNED if trial.pruned else TrialState.COMPLETE,
        value=None if trial.pruned else trial.loss,
        params={n: trial.params[n] for n in ranges},
        distributions=ranges,
        intermediate_values=dict(enumerate(trial.fold_losses)),
        user_attrs=dict(about),
    )


class Record:
    """The study in Optuna's own storage: what dashboards open and what outlives the process.

    name: of the study; storage: where it stands; facts: what is told of every trial, such as the seed and the digests of data and code.
    """

    def __init__(self, storage: Path | Shared, name: str, space: Space, facts: Mapping[str, Any] | None = None) -> None:
        self._storage = Journal(storage) if isinstance(storage, Path) else storage
        self._name, self._space, self._facts = name, space, dict(facts or {})
        with self._storage.lock:
            self._study = self._storage.open(name)

    def add(self, trial: Trial) -> None:
        """Append an ended trial once, however often and by how many processes it is offered."""
        about = {
            "number": trial.number,
            "params": dict(trial.params),
            "fold_losses": list(trial.fold_losses),
            "rounds": list(trial.rounds),
            "work": trial.work,
            "seconds": list(trial.seconds),
            **self._facts,
        }
        with self._storage.lock, told(self._storage):
            if trial.number not in numbers(self._study):
                self._study.add_trial(_told(trial, self._space, about))


def _quiet() -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
