"""Whether repeated folds choose better on few rows than the same work spent on more trials: samples of 800 rows, judged on thousands of others.

PYTHONPATH=src python -m benchmarks.repeats [--samples 3] [--workers 2]

Of each sample a fixed list of settings is fitted on ten folds, dealt out four times. One deal or two, and half or all of the settings, choose
from that; two deals of half are the same work as one deal of all. What they choose is refitted on the whole sample and judged on rows that no
fold has seen: the best setting, and the mean of the best three.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import product

import numpy as np
import polars as pl
from benchmarks.features import declared_fit
from benchmarks.pruning import TABLES, learner_of

from runner.core.seeds import seed_for
from runner.features.matrices import Learner, Prepared, prepare
from runner.training.engine import loss_of, predicted
from runner.training.models.lightgbm import LightGBMSpec
from runner.training.pruning import losses_of

ROWS, FOLDS, DEALS, SEED = 800, 10, 4, 11
# By name: settings from the front of the list, deals of the folds.
WAYS = {"one deal, all settings": (12, 1), "one deal, half of them": (6, 1), "two deals, half of them": (6, 2), "two deals, all settings": (12, 2)}


def settings(count: int) -> list[LightGBMSpec]:
    """The declared setting, the portfolio, then random ones; quick ones, so that the whole takes minutes."""
    spec, draws = LightGBMSpec(kind="lightgbm"), np.random.default_rng(seed_for(SEED, "settings"))
    listed = [{}, *spec.portfolio]
    while len(listed) < count:
        listed.append(
            {"num_leaves": int(draws.integers(7, 64)), "min_data_in_leaf": int(draws.integers(5, 60)), "lambda_l2": float(10 ** draws.uniform(-3, 1))}
        )
    return [spec.laid({**laid, "learning_rate": 0.1, "max_iterations": 500}) for laid in listed[:count]]


def fitted(spec: LightGBMSpec, learner: Learner, made: Prepared, rounds: int | None, name: tuple[str | int, ...]) -> tuple[np.ndarray, int]:
    """(n_valid, k) predictions of the rows held out, and the iterations that were kept."""
    assert made.valid is not None
    found = declared_fit(spec, learner, made, None if rounds else made.valid, rounds, seed_for(SEED, *name))
    return predicted(found.model, made.valid), found.rounds or 1


def judged(name: str, number: int) -> dict[str, tuple[float, float]]:
    """By way: the test loss of its best setting and of the mean of its best three, each over the least loss of any setting; means over its draws."""
    whole = replace(learner_of(*TABLES[name]), seed=number)
    order = np.random.default_rng(seed_for(SEED, "sample", name, number)).permutation(whole.rows.height)
    train, test, specs = order[:ROWS], order[ROWS:], settings(max(count for count, _ in WAYS.values()))
    losses, kept = np.zeros((DEALS, len(specs))), np.zeros(len(specs))
    for deal in range(DEALS):
        part = np.random.default_rng(seed_for(SEED, "deal", name, number, deal)).permutation(ROWS) % FOLDS
        for fold in range(FOLDS):
            valid, place = train[part == fold], ("fold", deal, fold)
            made = prepare(whole, train[part != fold], valid, place)
            for at, spec in enumerate(specs):
                found, rounds = fitted(spec, whole, made, None, place)
                losses[deal, at] += losses_of(found, whole.outcome[valid], whole.task).sum() / ROWS
                kept[at] += rounds / (DEALS * FOLDS)
    made = prepare(whole, train, test, ("refit",))
    answers = [fitted(spec, whole, made, round(rounds), ("refit",))[0] for spec, rounds in zip(specs, kept, strict=True)]
    least = min(loss_of(answer, whole.outcome[test], whole.task) for answer in answers)

    def regret(chosen: Sequence[int]) -> float:
        return float(loss_of(np.mean([answers[at] for at in chosen], axis=0), whole.outcome[test], whole.task) / least - 1)

    told = {}
    for way, (count, deals) in WAYS.items():
        draws = [np.argsort(losses[first : first + deals, :count].mean(axis=0), kind="stable") for first in range(0, DEALS, deals)]
        told[way] = (float(np.mean([regret(ranked[:1]) for ranked in draws])), float(np.mean([regret(ranked[:3]) for ranked in draws])))
    return told


def main() -> int:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    rows = []
    cases = list(product(TABLES, range(asked.samples)))
    with ProcessPoolExecutor(asked.workers) as pool:
        for (name, number), told in zip(cases, pool.map(judged, *zip(*cases, strict=True)), strict=True):
            rows += [{"table": name, "sample": number, "way": way, "best": best, "best three": three} for way, (best, three) in told.items()]
    frame = pl.DataFrame(rows)
    shown = [(str(name), frame.filter(pl.col("table") == name)) for name in TABLES] + [("all", frame)]
    print(f"{'table':10}{'way':26}{'best':>10}{'best three':>12}")
    for name, some in shown:
        for way, best, three in some.group_by("way", maintain_order=True).agg(pl.mean("best", "best three")).rows():
            print(f"{name:10}{way:26}{best:>10.2%}{three:>12.2%}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
