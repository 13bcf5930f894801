"""Loading a bundle and scoring rows with it: the one path of evaluation, batch, service and monitoring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from runner.bundle import operations, recipe  # noqa: F401 - the first import registers its readers
from runner.bundle.calibrate import calibrated
from runner.bundle.contract import Check, conform, judged_online, reasons
from runner.bundle.decide import as_ruled, decide, decide_number
from runner.bundle.format import MANIFEST, verify
from runner.bundle.history.operation import History, Source
from runner.bundle.in_parts import predicted
from runner.bundle.intervals import bounded
from runner.bundle.models import Model, read
from runner.bundle.models.rule import RuleModel
from runner.core import plugins
from runner.core.digests import of_file
from runner.core.faults import fault
from runner.core.files import read_json

TOLERANCE = 1e-9


@dataclass(frozen=True)
class Bundle:
    """A loaded bundle; `score` is the only way from rows to decisions."""

    digest: str
    manifest: Mapping[str, Any]
    contract: Mapping[str, Any]
    operations: Sequence[recipe.Operation]
    model: Model
    combine: Mapping[str, Any]
    _parsed: dict[tuple[str, ...], list[Check]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def task(self) -> str:
        return str(self.manifest["task"])

    @property
    def classes(self) -> list[str]:
        return list(self.manifest["classes"])

    @property
    def policy(self) -> dict[str, Any]:
        return dict(self.combine["policy"])

    @property
    def payoff(self) -> dict[str, Any]:
        return dict(self.combine["payoff"])

    def with_events(self, source: Source) -> Bundle:
        """The same bundle with the events of a store counted: histories are as of each row's own time."""
        return replace(self, operations=[o.reading(source) if isinstance(o, History) else o for o in self.operations])

    def predict(self, rows: pl.DataFrame) -> np.ndarray:
        """Calibrated probabilities (n, classes), or predictions (n, 1), of rows that keep the contract's types."""
        return calibrated(predicted(self.model, recipe.apply(self.operations, rows)), self.combine["calibration"])

    def score(self, rows: pl.DataFrame, at: str = "rows") -> pl.DataFrame:
        """One output row per input row, in order.

        Columns: the declared keys, `prediction`, `p_<label>` per class, `decision`, `expected_payoff`, where intervals are declared
        `low` and `high` or `set`, and `flags` (the contract's rules that the row breaks). Raises FaultsError when columns are missing or of
        another type.
        """
        fitting = conform(rows, self.contract, at)
        keys = fitting.select(c for c in self.contract.get("key", []) if c in fitting.columns)
        scored = self._scored(fitting)
        flags = reasons(fitting, self._checks(tuple(fitting.columns))).alias("flags")
        return pl.concat([keys, scored, flags.to_frame()], how="horizontal")

    def _checks(self, columns: tuple[str, ...]) -> list[Check]:
        """The contract's checks of these columns, parsed once: a request of one row has no time to parse SQL."""
        if columns not in self._parsed:
            self._parsed[columns] = judged_online(self.contract, columns)
        return self._parsed[columns]

    def _scored(self, rows: pl.DataFrame) -> pl.DataFrame:
        p = self.predict(rows)
        scored = self._decided(rows, p)
        intervals = self.combine.get("intervals")
        return scored if intervals is None else scored.hstack(bounded(rows, p, self.classes, intervals))

    def _decided(self, rows: pl.DataFrame, p: np.ndarray) -> pl.DataFrame:
        if self.task == "regression":
            decided = decide_number(rows, p[:, 0], self.policy, self.payoff, self.combine["errors"])
            return pl.DataFrame({"prediction": p[:, 0]}).hstack(decided)
        labels = self.classes
        predicted = pl.Series("prediction", [labels[i] for i in p.argmax(axis=1)], dtype=pl.String)
        shares = [pl.Series(f"p_{label}", p[:, i]) for i, label in enumerate(labels)]
        if self.policy["kind"] == "as_ruled":
            answer = rule_of(self.model).answer(rows)
            decided = as_ruled(rows, answer, p, labels, self.policy, self.payoff)
        else:
            decided = decide(rows, p, labels, self.policy, self.payoff)
        return pl.DataFrame([predicted, *shares]).hstack(decided)


def rule_of(model: Model) -> RuleModel:
    """The model as a rule. Raises TypeError for any other family: only a rule decides by itself."""
    if not isinstance(model, RuleModel):
        raise TypeError(f"the policy as_ruled needs a rule, not {type(model).__name__}")
    return model


def load(folder: Path, check_examples: bool = True) -> Bundle:
    """Read a bundle; every file is checked against the manifest, and the examples are scored again.

    Runs no code from the files; plugins that it needs are those of the workspace. Raises FaultsError when a file is damaged, a
    plugin is missing or another one by now, or the examples come out differently.
    """
    manifest = verify(folder)
    plugins.require(manifest.get("plugins", {}), str(folder))
    written = read_json(folder / "recipe" / "steps.json")
    described = read_json(folder / "models" / "model.json")
    bundle = Bundle(
        digest=of_file(folder / MANIFEST),
        manifest=manifest,
        contract=read_json(folder / "contract.json"),
        operations=recipe.parse(written["operations"], folder / "recipe"),
        model=read(described, folder / "models"),
        combine=read_json(folder / "combine.json"),
    )
    if check_examples:
        _check_examples(bundle, folder)
    return bundle


def _check_examples(bundle: Bundle, folder: Path) -> None:
    examples = pl.read_parquet(folder / "examples.parquet")
    expected = examples["__runner_expected"].struct.unnest()
    found = bundle.score(examples.drop("__runner_expected"), "examples.parquet").select(expected.columns)
    numbers = [c for c in expected.columns if expected.schema[c].is_float()]
    far = [c for c in numbers if not np.allclose(expected[c].to_numpy(), found[c].to_numpy(), rtol=1e-6, atol=TOLERANCE, equal_nan=True)]
    if far:
        raise fault(
            str(folder),
            f"the examples score differently here in {', '.join(far)}",
            "the outputs packed with the bundle",
            "install the locked versions of runner",
        )
