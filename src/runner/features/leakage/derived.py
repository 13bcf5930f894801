"""Features made of the outcome: by a function of it, by arithmetic on a few columns, or, as their name says, of the target."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np

from runner.core.seeds import seed_for
from runner.features.leakage.alone import error_share
from runner.features.leakage.case import Case, Suspicion
from runner.features.leakage.power import auc, tamed
from runner.features.leakage.rest import Rest, centred_ranks

DETERMINED = 0.98
EXACT, BETTER = 0.999, 0.5
MOST_COLUMNS, MOST_PAIRED, PAIRED_ROWS, MOST_CLASSES = 40, 30, 2_000, 3
LEAST_NAME = 3
NAMED_POWER = {"AUC": 0.75, "R2": 0.3}
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


def determined(case: Case, rest: Rest) -> Iterator[Suspicion]:
    """Numbers that the outcome determines, such as its band, its logarithm or whether it passed a limit; regression only.

    The share of a feature's variance that the outcome explains is 1 less half the mean squared step between neighbours in the
    outcome's order over the variance (von Neumann 1941). No honest feature follows from the outcome.
    """
    if case.task != "regression":
        return
    outcome = case.outcome[rest.at, 0]
    # Ties in random order: in the rows' own order they would follow whatever the rows follow.
    draw = np.random.default_rng(seed_for(case.seed, "features", "leakage", "ties"))
    order = np.lexsort((draw.random(len(outcome)), outcome))
    for name, values in rest.columns.items():
        ranks = centred_ranks(values)[order]
        spread = (ranks**2).mean()
        share = 1.0 - (np.diff(ranks) ** 2).mean() / (2.0 * spread) if spread > 0 else 0.0
        if share > DETERMINED:
            told = f"{name} follows from the outcome: {share:.1%} of its variance"
            yield Suspicion(name, "determined", "stops", told, float(share), DETERMINED, "R2")


def named(case: Case, powers: Mapping[str, np.ndarray], strongest: Sequence[str]) -> Iterator[Suspicion]:
    """The strongest feature, where it carries the target's name and tells much of it."""
    target = _words(case.target)
    for name in strongest if len("".join(target)) >= LEAST_NAME else ():
        words, power = _words(name), float(powers[name].max())
        has_it = any(words[at : at + len(target)] == target for at in range(len(words) - len(target) + 1))
        if has_it and power >= NAMED_POWER[case.measure]:
            told = f"{name} carries the name of the target {case.target}, and is the strongest feature (out-of-fold {case.measure} {power:.3f})"
            yield Suspicion(name, "name", "warns", told, power, NAMED_POWER[case.measure], case.measure)


def _words(name: str) -> list[str]:
    return [word.lower() for word in WORD.findall(name)]


def arithmetic(case: Case, rest: Rest, powers: Mapping[str, np.ndarray], caught: set[str]) -> Iterator[Suspicion]:
    """Two or three numbers that together give the outcome, while none does alone. caught: columns that are suspected already."""
    names = [name for name in case.numeric if name not in caught and np.isfinite(rest.columns[name]).mean() > 0.5]
    if len(names) < 2:
        return
    found = _sums(case, rest, names) if case.task == "regression" else _margins(case, rest, names, powers)
    for chosen, power, formula in found:
        alone = max(float(powers[name].max()) for name in chosen)
        apart = [name for name in rest.columns if name not in caught and name not in chosen]
        k = int(np.argmax([powers[name].max() for name in chosen])) if case.outcome.shape[1] == 1 else 0
        together = rest.power(apart, min(k, case.outcome.shape[1] - 1))
        if max(error_share(power, alone), error_share(power, together)) >= BETTER:
            continue
        told = f"{formula} gives the outcome with {case.measure} {power:.4f}; none of them alone does (at best {alone:.3f}), nor do all others ({together:.3f})"
        yield Suspicion(chosen[0], "arithmetic", "stops", told, power, EXACT, case.measure)
        return


def _sums(case: Case, rest: Rest, names: Sequence[str]) -> Iterator[tuple[tuple[str, ...], float, str]]:
    """Weighted sums, and products of powers, that give the number but for EXACT of its variance."""
    outcome = case.outcome[rest.at, 0]
    x = np.column_stack([_filled(rest.columns[name]) for name in names])
    yield from _fitted(x, outcome, names, "weighted sum")
    positive = [at for at in range(len(names)) if x[:, at].min() > 0]
    if outcome.min() > 0 and len(positive) > 1:
        yield from _fitted(np.log(x[:, positive]), np.log(outcome), [names[at] for at in positive], "product of powers")


def _fitted(x: np.ndarray, outcome: np.ndarray, names: Sequence[str], formula: str) -> Iterator[tuple[tuple[str, ...], float, str]]:
    best = _best_subset(x, outcome, EXACT)
    if best is not None:
        chosen, power = best
        members = tuple(names[at] for at in chosen)
        yield members, power, f"a {formula} of {', '.join(members)}"


def _best_subset(x: np.ndarray, outcome: np.ndarray, least: float) -> tuple[tuple[int, ...], float] | None:
    """The smallest subset of two or three columns whose least squares fit reaches R2 `least`, and its R2."""
    z, y = _standard(x), _standard(outcome.reshape(-1, 1))[:, 0]
    r, g = z.T @ y / len(y), z.T @ z / len(y)
    usable = np.flatnonzero((np.diag(g) > 0) & (r**2 < least))
    if len(usable) > MOST_COLUMNS:
        usable = usable[np.argsort(-np.abs(r[usable]), kind="stable")[:MOST_COLUMNS]]
    for size in (2, 3):
        sets = np.array(list(combinations(usable, size)), dtype=np.int64).reshape(-1, size)
        if not len(sets):
            return None
        gram = g[sets[:, :, None], sets[:, None, :]] + 1e-10 * np.eye(size)
        told = r[sets]
        power = np.einsum("ij,ij->i", told, np.linalg.solve(gram, told[:, :, None])[:, :, 0])
        at = int(power.argmax())
        if power[at] > least:
            return tuple(int(c) for c in sets[at]), float(min(power[at], 1.0))
    return None


def _margins(case: Case, rest: Rest, names: Sequence[str], powers: Mapping[str, np.ndarray]) -> Iterator[tuple[tuple[str, ...], float, str]]:
    """Differences, ratios and weighted sums of which a limit gives a class."""
    names = sorted(names, key=lambda name: -float(powers[name].max()))[:MOST_PAIRED]
    at = slice(0, PAIRED_ROWS)
    x = np.column_stack([_filled(rest.columns[name])[at] for name in names])
    classes = np.argsort(-case.outcome.sum(axis=0), kind="stable")[:MOST_CLASSES]
    for k in classes:
        outcome = case.outcome[rest.at, k][at]
        best: tuple[float, tuple[int, ...], str] = (0.0, (), "")
        for a, b in combinations(range(len(names)), 2):
            for word, made in (("difference", x[:, a] - x[:, b]), ("ratio", _ratio(x[:, a], x[:, b]))):
                best = max(best, (auc(outcome, made), (a, b), word), key=lambda found: found[0])
        triple = _triple(x, outcome)
        best = max(best, triple, key=lambda found: found[0])
        power, chosen, word = best
        if power > EXACT:
            members = tuple(names[c] for c in chosen)
            yield members, power, f"the {word} of {', '.join(members)}"


def _triple(x: np.ndarray, outcome: np.ndarray) -> tuple[float, tuple[int, ...], str]:
    """The AUC of the best weighted sum of three columns, by least squares (Fisher's discriminant)."""
    best = _best_subset_of_three(x, outcome)
    if best is None:
        return 0.0, (), ""
    z = np.column_stack([_standard(x[:, list(best)]), np.ones(len(x))])
    weights = np.linalg.lstsq(z, outcome, rcond=None)[0]
    return auc(outcome, z @ weights), best, "weighted sum"


def _best_subset_of_three(x: np.ndarray, outcome: np.ndarray) -> tuple[int, ...] | None:
    z, y = _standard(x), _standard(outcome.reshape(-1, 1))[:, 0]
    r, g = z.T @ y / len(y), z.T @ z / len(y)
    usable = np.flatnonzero(np.diag(g) > 0)
    sets = np.array(list(combinations(usable, 3)), dtype=np.int64).reshape(-1, 3)
    if not len(sets):
        return None
    gram = g[sets[:, :, None], sets[:, None, :]] + 1e-6 * np.eye(3)
    power = np.einsum("ij,ij->i", r[sets], np.linalg.solve(gram, r[sets][:, :, None])[:, :, 0])
    return tuple(int(c) for c in sets[int(power.argmax())])


def _filled(values: np.ndarray) -> np.ndarray:
    known = np.isfinite(values)
    return np.where(known, values, np.median(values[known]) if known.any() else 0.0)


def _standard(x: np.ndarray) -> np.ndarray:
    x = tamed(x)
    centred = x - x.mean(axis=0)
    spread = centred.std(axis=0)
    return np.asarray(np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0))


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray(np.divide(a, b, out=np.zeros_like(a), where=b != 0))
