"""Small neural networks on standardised numbers, their ranks and one-hot levels, averaged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from runner.bundle.importance import Importance
from runner.bundle.inputs import Inputs
from runner.bundle.models.linear import Design, in_order
from runner.bundle.models.links import answered
from runner.core.files import write_bytes
from runner.core.registry import register

FILE = "networks.npz"
# Measured on single rows; see runner.bundle.latency.
CALL_MS, COLUMN_MS, WEIGHT_NS = 0.1, 0.004, 0.7
# Of importance: rows, values and scores that are looked at.
LOOKED_AT, MOST_SLOPES, MOST_OUTPUTS = 500, 5_000_000, 10
Product = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Ranks:
    """Where a number stands among those that were learned from; between two knots a straight line.

    knots, scores: of all columns, one after the other; sizes: (columns,) how many each has; bins: 0 where a score is the normal score of the rank and
    a column of its own; else scores are shares of the ranks, and each of so many equal parts has a column that grows from -1 to 1 within it (the
    piecewise linear encoding of Gorishniy et al. 2022).
    """

    knots: np.ndarray
    scores: np.ndarray
    sizes: np.ndarray
    bins: int = 0

    @property
    def each(self) -> int:
        """Columns for each number."""
        return max(1, self.bins)

    def columns(self, numbers: np.ndarray) -> np.ndarray:
        """(n, columns x each). numbers: (n, columns), none missing."""
        scores = self._scores(numbers)
        if not self.bins:
            return scores
        parts = np.clip(scores[:, :, None] * self.bins - np.arange(self.bins), 0.0, 1.0)
        return 2.0 * parts.reshape(len(numbers), numbers.shape[1] * self.bins) - 1.0

    def _scores(self, numbers: np.ndarray) -> np.ndarray:
        ends = np.cumsum(self.sizes)
        found = np.empty(numbers.shape)
        for at, (end, size) in enumerate(zip(ends.tolist(), self.sizes.tolist(), strict=True)):
            found[:, at] = np.interp(numbers[:, at], self.knots[end - size : end], self.scores[end - size : end])
        return found


@dataclass(frozen=True)
class Prepared:
    """How a matrix becomes what a network sees: what a linear model sees, and the ranks of the numbers.

    used: (numeric,) whether a column is looked at.
    """

    design: Design
    ranks: Ranks
    used: np.ndarray

    def columns(self, matrix: np.ndarray) -> np.ndarray:
        """(n, width) Float64."""
        n = len(self.design.inputs.numeric)
        numbers = np.where(np.isfinite(matrix[:, :n]), matrix[:, :n], self.design.fills)
        plain, ranked = self.design.columns(matrix), self.ranks.columns(numbers)
        plain[:, :n] *= self.used
        plain[:, n : 2 * n] *= self.used
        return np.concatenate([plain, ranked * np.repeat(self.used, self.ranks.each)], axis=1)

    @property
    def places(self) -> list[list[int]]:
        """The columns that each input became, in the order of the inputs."""
        own = [list(places) for places in self.design.places]
        width, each = len(self.design.names), self.ranks.each
        for at in range(len(self.design.inputs.numeric)):
            own[at] += range(width + at * each, width + (at + 1) * each)
        return own


@dataclass(frozen=True)
class Network:
    """weights: (in, out) Float32 of each layer; offsets: (out,). Between layers what is below 0 becomes 0."""

    weights: tuple[np.ndarray, ...]
    offsets: tuple[np.ndarray, ...]

    def raw(self, columns: np.ndarray, product: Product) -> np.ndarray:
        """(n, k) scores."""
        return self.above(product(columns, self.weights[0]) + self.offsets[0], product)

    def above(self, found: np.ndarray, product: Product) -> np.ndarray:
        """(n, k) scores. found: (n, units) what the first layer adds up to."""
        for weights, offsets in zip(self.weights[1:], self.offsets[1:], strict=True):
            found = product(np.maximum(found, 0.0), weights) + offsets
        return found

    def slopes(self, columns: np.ndarray, output: int) -> np.ndarray:
        """(n, width) slopes of one of the scores in the columns."""
        layers, alive = list(zip(self.weights, self.offsets, strict=True)), []
        for weights, offsets in layers[:-1]:
            columns = np.maximum(columns @ weights + offsets, 0.0)
            alive.append(columns > 0)
        back = np.repeat(self.weights[-1][None, :, output], len(columns), axis=0)
        for weights, on in zip(reversed(self.weights[:-1]), reversed(alive), strict=True):
            back = (back * on) @ weights.T
        return back


def mean_of(scores: Sequence[np.ndarray], link: str) -> np.ndarray:
    """(n, k) the networks' mean answer. scores: (n, k) of each network."""
    return np.asarray(sum(answered(raw, link) for raw in scores) / len(scores))


@dataclass(frozen=True)
class MLPModel:
    """link: as a linear model has it; offset, scale: of a number, as the networks answer in its standard deviations."""

    prepared: Prepared
    networks: tuple[Network, ...]
    link: str
    offset: float = 0.0
    scale: float = 1.0

    @cached_property
    def _first(self) -> tuple[np.ndarray, np.ndarray]:
        """Weights (width, units of all) and offsets of all networks' first layers, side by side: one pass through the columns is enough."""
        weights, offsets = ([network.weights[0] for network in self.networks], [network.offsets[0] for network in self.networks])
        return np.concatenate(weights, axis=1), np.concatenate(offsets)

    def predict(self, rows: pl.DataFrame) -> np.ndarray:
        return self.predict_matrix(self.prepared.design.inputs.matrix(rows))

    def predict_matrix(self, matrix: np.ndarray) -> np.ndarray:
        # Learned in Float32, they are read in it; what they say is Float64.
        weights, offsets = self._first
        found = in_order(self.prepared.columns(matrix).astype(np.float32), weights) + offsets
        each = np.split(found, len(self.networks), axis=1)
        answer = mean_of([network.above(own, in_order).astype(float) for network, own in zip(self.networks, each, strict=True)], self.link)
        return self.offset + self.scale * answer if self.link == "identity" else answer

    def importance(self, values: np.ndarray) -> Importance:
        """How far a feature moves the score from row to row: the slope in its columns times their distance from the mean."""
        columns = self.prepared.columns(values[:: max(1, len(values) // LOOKED_AT)])
        columns = columns[: max(2, MOST_SLOPES // max(1, columns.shape[1]))]
        away, outputs = columns - columns.mean(axis=0), self.networks[0].offsets[-1].size
        moved = np.zeros(len(self.prepared.design.inputs.names))
        for output in range(0, outputs, -(-outputs // MOST_OUTPUTS)):
            added = np.mean([network.slopes(columns, output) for network in self.networks], axis=0) * away
            moved += [added[:, own].sum(axis=1).std() for own in self.prepared.places]
        return Importance.of("how far the feature moves the score from row to row", self.prepared.design.inputs.names, moved)

    def latency_ms(self) -> float:
        """The columns one by one, and a multiplication for each weight."""
        weights = sum(w.size for network in self.networks for w in network.weights)
        return CALL_MS + COLUMN_MS * len(self.prepared.design.inputs.names) + weights * WEIGHT_NS / 1e6

    def save(self, folder: Path) -> dict[str, Any]:
        design, ranks = self.prepared.design, self.prepared.ranks
        arrays: dict[str, np.ndarray] = {
            "fills": design.fills,
            "means": design.means,
            "scales": design.scales,
            "knots": ranks.knots,
            "scores": ranks.scores,
            "sizes": ranks.sizes.astype(np.int32),
            "used": self.prepared.used,
        }
        if design.kept is not None:
            arrays |= {f"kept_{place}": np.array(own, np.int32) for place, own in enumerate(design.kept)}
        for number, network in enumerate(self.networks):
            arrays |= {f"weights_{number}_{layer}": w for layer, w in enumerate(network.weights)}
            arrays |= {f"offsets_{number}_{layer}": o for layer, o in enumerate(network.offsets)}
        held = BytesIO()
        np.savez_compressed(held, **arrays)  # type: ignore[arg-type]
        write_bytes(folder / FILE, held.getvalue())
        layers = len(self.networks[0].weights)
        described = {"family": "mlp", "file": FILE, "inputs": design.inputs.as_json(), "networks": len(self.networks), "layers": layers, "bins": ranks.bins}
        return {**described, "link": self.link, "offset": self.offset, "scale": self.scale}


@register("model", "mlp")
def load(written: Mapping[str, Any], folder: Path) -> MLPModel:
    """Read what save wrote. Raises ValueError when the file is damaged."""
    with np.load(folder / written["file"], allow_pickle=False) as held:
        inputs = Inputs.from_json(written["inputs"])
        kept = tuple(tuple(held[f"kept_{place}"].tolist()) for place in range(len(inputs.categorical))) if "kept_0" in held else None
        design = Design(inputs, held["fills"], held["means"], held["scales"], kept)
        ranks = Ranks(held["knots"], held["scores"], held["sizes"].astype(np.int64), written.get("bins", 0))
        layers = range(written["layers"])
        networks = tuple(
            Network(tuple(held[f"weights_{n}_{layer}"] for layer in layers), tuple(held[f"offsets_{n}_{layer}"] for layer in layers))
            for n in range(written["networks"])
        )
        return MLPModel(Prepared(design, ranks, held["used"]), networks, written["link"], written["offset"], written["scale"])
