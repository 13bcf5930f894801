"""Several networks of one shape that learn from the same rows at once: every step is one pass through all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from runner.bundle.models.links import Link, softmax
from runner.bundle.models.mlp import Network

# Adam's, as its authors advise.
KEEPS, KEEPS_SQUARES, SMALL = 0.9, 0.999, 1e-8
# How much later steps count for more in the mean of the weights: about the last ninth of them makes it.
LATER = 8


class Perceptrons:
    """Weights drawn as Glorot & Bengio (2010) do, moved by Adam (Kingma & Ba 2015), and averaged over the steps.

    Single steps are noisy. The mean counts later ones for more: the polynomial-decay averaging of Shamir & Zhang (2013), which does not ask how many
    steps there will be.
    shape: columns, units of each hidden layer, scores; networks: how many; decay: L2 penalty on the weights, for a step; rate: of the steps.
    """

    def __init__(self, shape: Sequence[int], networks: int, link: Link, decay: float, rate: float, seed: int) -> None:
        self._link, self._decay, self._rate, self._steps = link, np.float32(decay), rate, 0
        draw = np.random.default_rng(seed)
        self._at = np.concatenate([_drawn(draw, networks, *layer) for layer in pairwise(shape)], axis=1).astype(np.float32)
        self._slope, self._mean, self._square = (np.zeros_like(self._at) for _ in range(3))
        self._averaged = self._at.copy()
        self._layers, self._slopes, self._kept = (_views(flat, shape) for flat in (self._at, self._slope, self._averaged))

    def step(self, columns: np.ndarray, outcome: np.ndarray, counted: np.ndarray | None) -> None:
        """Towards some rows. columns: (n, width) Float32; outcome: (n, k) indicators of classes, one column for two of them, or numbers; counted: (n,)."""
        passed = [np.broadcast_to(columns, (len(self._at), *columns.shape))]
        for weights, offsets in self._layers[:-1]:
            passed.append(np.maximum(passed[-1] @ weights + offsets, 0.0))
        away = _answered(passed[-1] @ self._layers[-1][0] + self._layers[-1][1], self._link) - outcome
        if counted is not None:
            away *= counted[:, None]
        away /= np.float32(len(columns))
        for place in range(len(self._layers) - 1, -1, -1):
            weights, offsets = self._slopes[place]
            np.matmul(passed[place].swapaxes(1, 2), away, out=weights)
            weights += self._decay / np.float32(len(columns)) * self._layers[place][0]
            offsets[:] = away.sum(axis=1, keepdims=True)
            if place:
                away = (away @ self._layers[place][0].swapaxes(1, 2)) * (passed[place] > 0)
        self._move()

    def _move(self) -> None:
        self._steps += 1
        self._mean *= np.float32(KEEPS)
        self._mean += np.float32(1 - KEEPS) * self._slope
        self._square *= np.float32(KEEPS_SQUARES)
        self._square += np.float32(1 - KEEPS_SQUARES) * self._slope**2
        rate = self._rate * np.sqrt(1 - KEEPS_SQUARES**self._steps) / (1 - KEEPS**self._steps)
        self._at -= np.float32(rate) * self._mean / (np.sqrt(self._square) + np.float32(SMALL))
        self._averaged += np.float32((LATER + 1) / (self._steps + LATER)) * (self._at - self._averaged)

    def networks(self) -> tuple[Network, ...]:
        """The networks of the mean of the weights so far."""
        return tuple(
            Network(tuple(weights[number].copy() for weights, _ in self._kept), tuple(offsets[number, 0].copy() for _, offsets in self._kept))
            for number in range(len(self._at))
        )


def _drawn(draw: np.random.Generator, networks: int, before: int, after: int) -> np.ndarray:
    """(networks, (before + 1) x after) weights and offsets of a layer."""
    bound = np.sqrt(6.0 / (before + after))
    return draw.uniform(-bound, bound, (networks, (before + 1) * after))


def _views(flat: np.ndarray, shape: Sequence[int]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of all layers the weights (networks, in, out) and offsets (networks, 1, out), as parts of one array."""

    def parts() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        start = 0
        for before, after in pairwise(shape):
            end = start + before * after
            yield flat[:, start:end].reshape(-1, before, after), flat[:, end : end + after].reshape(-1, 1, after)
            start = end + after

    return list(parts())


def _answered(raw: np.ndarray, link: Link) -> np.ndarray:
    """Scores to what they say: numbers, the second class's share, or each class's."""
    if link == "identity":
        return raw
    if link == "logistic":
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(raw, -50.0, 50.0))))
    return softmax(raw)
