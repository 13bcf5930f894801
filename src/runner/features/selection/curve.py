"""How payoff changes with the number of features, and the smallest number that is as good as the best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from runner.features.probe import Judged, Probe
from runner.features.selection.cells import standard_error
from runner.features.selection.costs import Costs

SIZES = (*range(11), 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 150, 200, 300, 500, 1000)


@dataclass(frozen=True)
class Limit:
    """Which sizes may be chosen: up to `most` features, and all of them at once where `all_too`.

    Among many sizes one with a few features of noise is best by luck; so no set is larger than the number that told more than chance.
    """

    most: int
    all_too: bool


@dataclass(frozen=True)
class Curve:
    """Sets of growing size, each fold with its own ranking, judged on its validation rows.

    sizes: number of features, the last one all; net: (n_oof, sizes) payoff less cost per row; fold: (n_oof,);
    cost: (sizes,) mean cost per row; groups: (n_oof,) codes of rows that belong together.
    """

    sizes: tuple[int, ...]
    net: np.ndarray
    fold: np.ndarray
    cost: np.ndarray
    groups: np.ndarray | None

    def best(self, rows: np.ndarray, limit: Limit) -> int:
        """Place of the size that earns most on these rows."""
        means = self.net[rows].mean(axis=0)
        return max(self._allowed(limit), key=lambda place: (means[place], -place))

    def smallest(self, rows: np.ndarray, within: float, limit: Limit) -> int:
        """Place of the smallest size whose payoff lies within so many standard errors of the best one, by their difference row by row.

        Source: the one-standard-error rule of Breiman et al. (1984), with the error of the paired difference.
        """
        best = self.best(rows, limit)
        for place in self._allowed(limit):
            short = self.net[rows, best] - self.net[rows, place]
            if place == best or short.mean() <= within * standard_error(short, None if self.groups is None else self.groups[rows]):
                return place
        return best

    def _allowed(self, limit: Limit) -> list[int]:
        last = len(self.sizes) - 1
        fewer = [place for place, size in enumerate(self.sizes[:last]) if 0 < size <= limit.most]
        # A recipe needs a feature; a limit below the least size there is leaves that one.
        return [*fewer, last] if limit.all_too else fewer or [1]


def curve(probe: Probe, rankings: Sequence[Sequence[str]], costs: Costs, groups: np.ndarray | None) -> Curve:
    """Judge growing sets. rankings: per fold of the probe, the features from the first to keep on; groups: (n,) codes of the learner's rows."""
    everything = probe.features
    shortest = min(len(ranking) for ranking in rankings)
    sizes = [size for size in SIZES if size < shortest and size < len(everything)]
    sizes += [shortest] if shortest < len(everything) else []
    judged: list[Judged] = []
    cost = []
    for size in sizes:
        judged.append(probe.judge_by_fold([ranking[:size] for ranking in rankings]))
        cost.append(_spread(judged[-1], [costs.of(ranking[:size]) for ranking in rankings], probe))
    judged.append(probe.judge())
    cost.append(np.full(len(judged[-1].at), costs.of(everything)))
    net = np.column_stack([found.payoff - paid for found, paid in zip(judged, cost, strict=True)])
    at = judged[-1].at
    return Curve((*sizes, len(everything)), net, judged[-1].fold, np.array([paid.mean() for paid in cost]), None if groups is None else groups[at])


def _spread(judged: Judged, cost: Sequence[float], probe: Probe) -> np.ndarray:
    paid = dict(zip((fold.number for fold in probe.folds), cost, strict=True))
    return np.array([paid[number] for number in judged.fold.tolist()])
