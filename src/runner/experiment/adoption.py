"""What an experiment must declare before it may be adopted: exploring may leave out what a model that ships may not."""

from __future__ import annotations

from collections.abc import Iterator

from runner.core.faults import Fault
from runner.experiment.model import Experiment

HINT = "set it in the experiment's file; exploring goes on without it"


def adoption_faults(experiment: Experiment) -> list[Fault]:
    """What keeps an experiment from being adopted; empty where nothing does."""
    return [Fault(f"{experiment.name}: {at}", wrong, expected, HINT) for at, wrong, expected in _missing(experiment)]


def _missing(experiment: Experiment) -> Iterator[tuple[str, str, str]]:
    if getattr(experiment.data.split, "test_share", None) == 0:
        yield "data.split.test_share", "is 0: an adopted experiment is judged on a sealed test, and there is none", "a share of the rows, such as 0.2"
    leakage = experiment.features.leakage
    if leakage.detail == "none":
        yield "features.leakage.detail", "is none: nothing looks for columns that know the outcome", "full or quick"
    if leakage.suspected == "warns":
        yield "features.leakage.suspected", "is warns: a column that surely knows the outcome would not stop the run", "stops"
