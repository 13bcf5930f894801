"""Packing a candidate: everything that is needed to score, and nothing that was only needed to learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from runner.bundle import examples, recipe
from runner.bundle.format import seal_manifest
from runner.bundle.load import Bundle
from runner.bundle.models import Model, families, families_in
from runner.core import plugins
from runner.core.faults import fault
from runner.core.files import write_json, write_parquet

EXAMPLES = 100


@dataclass(frozen=True)
class Packing:
    """What goes into a bundle.

    features: [{"name", "kind"}] the model reads; made_from: digests of config, data, code, lock;
    levels: text values to make examples from.
    """

    name: str
    task: str
    classes: Sequence[str]
    contract: Mapping[str, Any]
    operations: Sequence[recipe.Operation]
    features: Sequence[Mapping[str, str]]
    model: Model
    combine: Mapping[str, Any]
    made_from: Mapping[str, str]
    seal: str
    seed: int
    levels: Mapping[str, list[str]]


def pack(packing: Packing, folder: Path) -> str:
    """Write a bundle into an empty folder and return its digest."""
    for part in ("recipe", "models"):
        (folder / part).mkdir(parents=True)
    written = recipe.dump(packing.operations, folder / "recipe")
    described = packing.model.save(folder / "models")
    unread = [family for family in families_in(described) if family not in families()]
    if unread:
        wrong = f"its model is saved as {unread[0]!r}, which nothing reads"
        raise fault(f"training.candidates.{packing.name}", wrong, f'@register("model", {unread[0]!r})', "see docs/plugins.md")
    write_json(folder / "recipe" / "steps.json", {"operations": written, "features": list(packing.features)})
    write_json(folder / "models" / "model.json", described)
    write_json(folder / "contract.json", packing.contract)
    write_json(folder / "combine.json", packing.combine)
    write_parquet(folder / "examples.parquet", _examples(packing))
    about = {
        "name": packing.name,
        "task": packing.task,
        "classes": list(packing.classes),
        "made_from": dict(packing.made_from),
        "seal": packing.seal,
        "plugins": plugins.naming([*(("model", family) for family in families_in(described)), *(("operation", operation["op"]) for operation in written)]),
    }
    return seal_manifest(folder, about)


def _examples(packing: Packing) -> pl.DataFrame:
    made = examples.rows(packing.contract, EXAMPLES, packing.seed, packing.levels)
    about = {"task": packing.task, "classes": list(packing.classes)}
    bundle = Bundle("", about, packing.contract, packing.operations, packing.model, packing.combine)
    return made.with_columns(bundle.score(made).to_struct("__runner_expected"))
