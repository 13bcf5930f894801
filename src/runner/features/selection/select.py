"""Which features earn their keep: ranked inside each fold, judged on the rows that it left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from runner.core.progress import Progress
from runner.core.seeds import seed_for
from runner.features.matrices import Fold, Learner, prepare
from runner.features.probe import Probe, probe_for
from runner.features.selection.cells import Aside, Examiner, aside
from runner.features.selection.costs import Costs, costs_of
from runner.features.selection.curve import Curve, Limit, curve
from runner.features.selection.ranking import NOISE, PAYS, TELLS, Standing, n_told, ranked, standings
from runner.features.selection.redundancy import clusters
from runner.features.selection.spec import SelectionSpec
from runner.stats.bootstrap import Resampled, groups_of

MAX_FOLDS, MIN_FOLDS = 5, 2
DRAWS = 1000
VERDICTS = {PAYS: "pays", TELLS: "tells, but does not pay its cost", NOISE: "no more than chance"}


@dataclass(frozen=True)
class Selected:
    """features: those that ship, in the recipe's order; report: `selection` of features.json, {} where nothing was asked."""

    features: tuple[str, ...]
    report: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """What selection is asked with: rows and recipe, the folds, problem.json, contract.json, and the column whose equal values belong together."""

    learner: Learner
    folds: Sequence[Fold]
    problem: Mapping[str, Any]
    contract: Mapping[str, Any]
    group: str | None

    @property
    def codes(self) -> np.ndarray | None:
        """(n,) codes of rows that belong together."""
        return groups_of(self.learner.rows, self.group)


def select(spec: SelectionSpec, asked: Question, progress: Progress) -> Selected:
    """Rank, judge and choose; with too few rows, folds or features all of them stay."""
    names = tuple(feature["name"] for feature in asked.learner.recipe.features)
    if spec.kind == "none":
        return Selected(names)
    folds = list(asked.folds)[-MAX_FOLDS:]
    probe = probe_for(asked.learner, folds, asked.problem)
    parted = _parted(probe, folds)
    if len(folds) < MIN_FOLDS or parted is None or len(names) < MIN_FOLDS:
        why = "there are too few rows, folds or features to judge features by"
        return Selected(names, {"asked": spec.kind, "ships": "all", "shipped": list(names), "why": why})
    costs = costs_of(asked.contract, asked.problem, asked.learner.recipe.origins)
    alone = {name: costs.of([name]) for name in names}
    copies = _copies(probe, spec)
    examiner = Examiner(asked.learner, probe.terms, spec, alone, copies, asked.codes)
    cells = []
    for at, fold in enumerate(probe.folds):
        progress.step("features", "examining features", at, len(folds) + 1)
        cells.append(examiner.examine(fold, parted[at]))
    progress.step("features", "judging sets of features", len(folds), len(folds) + 1)
    overall = standings(cells, alone, copies)
    by_fold = [standings([fold], alone, copies) for fold in cells]
    drawn = curve(probe, [ranked(found) for found in by_fold], costs, asked.codes)
    return _Verdict(spec, asked, probe, costs, copies, overall, by_fold, drawn).selected()


def _parted(probe: Probe, whole: Sequence[Fold]) -> list[Aside] | None:
    by_number = {fold.number: fold for fold in whole}
    seeds = (seed_for(probe.learner.seed, "features", "selection", "aside", fold.number) for fold in probe.folds)
    made = [aside(fold, probe.folds, by_number, seed) for fold, seed in zip(probe.folds, seeds, strict=True)]
    found = [parted for parted in made if parted is not None]
    return found if len(found) == len(made) else None


def _copies(probe: Probe, spec: SelectionSpec) -> list[list[str]]:
    """Near-equal features, by their values in the rows of the fold with the most: what they tell of the outcome is not looked at."""
    fold = max(probe.folds, key=lambda f: len(f.train))
    made = prepare(probe.learner, fold.train, None, ("selection", "copies"))
    return clusters(made.train.values, made.inputs.names, len(made.inputs.numeric), spec.redundant_above)


@dataclass(frozen=True)
class _Verdict:
    """All that was found, and what follows from it."""

    spec: SelectionSpec
    asked: Question
    probe: Probe
    costs: Costs
    copies: Sequence[Sequence[str]]
    overall: Mapping[str, Standing]
    by_fold: Sequence[Mapping[str, Standing]]
    curve: Curve

    def selected(self) -> Selected:
        names, every = self.probe.features, np.arange(len(self.curve.net))
        limit = self._limit(self.overall)
        best, place = self.curve.best(every, limit), self.curve.smallest(every, self.spec.within_standard_errors, limit)
        size = self.curve.sizes[place]
        chosen = set(names if size == len(names) else ranked(self.overall)[:size])
        kept = tuple(name for name in names if name in chosen)
        nested = self._nested()
        same = self.probe.judge(kept).payoff - self.costs.of(kept)
        ships, why = self._ships(kept, nested)
        shipped = kept if ships == "smallest" else tuple(names)
        return Selected(
            shipped,
            {
                "asked": self.spec.kind,
                "ships": ships,
                "why": why,
                "shipped": list(shipped),
                "smallest": list(kept),
                "all": len(names),
                "unit": self.unit,
                "folds": len(self.probe.folds),
                "repeats": self.spec.repeats,
                "within_standard_errors": self.spec.within_standard_errors,
                "curve": self._points(),
                "best": self.curve.sizes[best],
                "chosen": size,
                "nested": nested,
                "chosen_on_all_folds": float(same.mean()),
                "optimism": float(same.mean()) - nested["payoff"]["value"],
                "features": self._features(kept),
                "copies": [list(cluster) for cluster in self.copies],
                "no_longer_read": self._unread(kept),
            },
        )

    @property
    def unit(self) -> str:
        return f"{self.asked.problem['payoff']['unit']} per row"

    def _limit(self, found: Mapping[str, Standing]) -> Limit:
        most = self.spec.max_features or len(self.probe.features)
        return Limit(min(most, n_told(found)), most >= len(self.probe.features))

    def _resampled(self, columns: Mapping[str, np.ndarray], name: str) -> Resampled:
        return Resampled.of(columns, DRAWS, seed_for(self.asked.learner.seed, "features", "selection", name), self.curve.groups)

    def _points(self) -> list[dict[str, Any]]:
        """The curve: each size with what it earns net of its cost, and the paired difference to all features."""
        sizes = self.curve.sizes
        drawn = self._resampled({str(size): self.curve.net[:, at] for at, size in enumerate(sizes)}, "curve")
        return [
            {
                "features": size,
                "cost": float(self.curve.cost[at]),
                "payoff": drawn.mean(str(size), self.spec.confidence, self.unit),
                "gain_over_all": drawn.gain(str(size), str(sizes[-1]), self.spec.confidence, self.unit),
            }
            for at, size in enumerate(sizes)
        ]

    def _nested(self) -> dict[str, Any]:
        """The honest figure: the size chosen on the other folds, ranked on the fold's training rows, judged on the fold."""
        numbers, sizes = [fold.number for fold in self.probe.folds], []
        net = np.empty(len(self.curve.net))
        for number, found in zip(numbers, self.by_fold, strict=True):
            here, others = np.flatnonzero(self.curve.fold == number), np.flatnonzero(self.curve.fold != number)
            place = self.curve.smallest(others, self.spec.within_standard_errors, self._limit(found))
            net[here] = self.curve.net[here, place]
            sizes.append(self.curve.sizes[place])
        drawn = self._resampled({"nested": net, "all": self.curve.net[:, -1]}, "nested")
        return {
            "sizes": sizes,
            "payoff": drawn.mean("nested", self.spec.confidence, self.unit),
            "gain_over_all": drawn.gain("nested", "all", self.spec.confidence, self.unit),
        }

    def _ships(self, kept: Sequence[str], nested: Mapping[str, Any]) -> tuple[str, str]:
        n, total, gain = len(kept), len(self.probe.features), nested["gain_over_all"]
        if self.spec.ship == "all":
            return "all", f"all {total} features ship; features.selection.ship is all"
        if self.spec.max_features is None and gain["high"] is not None and gain["high"] < 0:
            return "all", f"all {total} features ship: chosen without the fold that judges it, the smaller set surely earns less"
        within = self.spec.within_standard_errors
        return "smallest", f"{n} of {total} features ship: the smallest set within {within:g} standard error{'' if within == 1 else 's'} of the best"

    def _features(self, kept: Sequence[str]) -> list[dict[str, Any]]:
        order = [*ranked(self.overall), *sorted(set(self.overall) - set(ranked(self.overall)), key=lambda name: (-self.overall[name].gain, name))]
        stands_for = {name: next((o for o in order if o in cluster), name) for cluster in self.copies for name in cluster}
        found = []
        for name in order:
            standing = self.overall[name]
            copy_of = stands_for.get(name, name)
            said = VERDICTS.get(standing.tier) or (f"like {copy_of}" if copy_of != name else "too little gain to be examined")
            found.append(
                {
                    "name": name,
                    "kept": name in kept,
                    "cost": self.costs.of([name]),
                    "stability": standing.stability,
                    "told": standing.told,
                    "loss": standing.loss,
                    "payoff": standing.payoff,
                    "gain": standing.gain,
                    "verdict": said,
                }
            )
        return found

    def _unread(self, kept: Sequence[str]) -> list[str]:
        """Columns with a cost that the smaller set does without."""
        gone = self.costs.read_by(self.probe.features) - self.costs.read_by(kept)
        return sorted(column for column in gone if self.costs.columns.get(column))


def narrowed(learner: Learner, kept: Sequence[str]) -> Learner:
    """The learner whose models see only these features."""
    seen = tuple(feature for feature in learner.recipe.features if feature["name"] in set(kept))
    return replace(learner, recipe=replace(learner.recipe, features=seen))
