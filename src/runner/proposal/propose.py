"""From a table and what a person says of it to a whole experiment, with the questions that are left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runner.core.faults import listed
from runner.proposal.asked import Asked
from runner.proposal.found import Found, work_out
from runner.proposal.remarks import head, remarks_of, target_told
from runner.proposal.table import Table
from runner.proposal.values import values_of
from runner.proposal.write import KeyPath, Remark, text

SPACED = frozenset({"name", "problem", "data", "features", "training", "evaluation", "monitoring"})
FEW_ROWS = 200


@dataclass(frozen=True)
class Proposal:
    """config: the experiment's file as plain values; remarks: what is said of its keys; questions: those that only a person can answer;
    notes: what a person should hear at once; head: the lines that open the file;
    found: what was made of the table, in a sentence."""

    name: str
    config: Mapping[str, Any]
    remarks: Mapping[KeyPath, Remark]
    questions: Mapping[str, str]
    notes: tuple[str, ...]
    head: tuple[str, ...]
    found: str

    def text(self) -> str:
        """The content of conf/experiment/<name>.yaml."""
        return "# @package _global_\n" + "".join(f"# {line}\n" for line in self.head) + text(self.config, self.remarks, SPACED)


def propose(table: Table, asked: Asked, raw_columns: list[str]) -> Proposal:
    """The proposal for a table. Raises FaultsError where the target, or a column that was asked for, does not fit."""
    found = work_out(table, asked, raw_columns)
    return Proposal(asked.name, values_of(found), dict(remarks_of(found)), found.questions, tuple(_notes(found)), tuple(head(found)), _in_a_sentence(found))


def _notes(found: Found) -> list[str]:
    """What should be said at once, beside the file."""
    notes = [found.table.source.note] if found.table.source.note else []
    if found.roles.after:
        notes.append(f"taken for known only after the event, and kept from the models: {listed(found.roles.after)}")
    if found.roles.protected:
        notes.append(f"protected, compared but never used: {listed(found.roles.protected)}")
    if found.table.rows.height < FEW_ROWS:
        notes.append(f"{found.table.rows.height} rows with an outcome are very few: expect wide intervals, or a refusal that says so")
    entities = [name for name in found.roles.entities if found.table.columns[name].facts.distinct < found.table.columns[name].facts.known]
    if found.split.group:
        notes.append(f"rows of one {found.split.group} are alike: the split keeps them together")
    elif entities and found.split.kind != "by_time":
        notes.append(f"several rows share one {entities[0]}: a random split may show a model the same one in training and test, which flatters")
    return notes


def _in_a_sentence(found: Found) -> str:
    table, outcome, roles, split = found.table, found.outcome, found.roles, found.split
    parts = [
        f"{table.size[0]:,} rows x {table.size[1]} columns",
        target_told(outcome).removesuffix("."),
        f"key {roles.key}" if roles.key else "",
        f"in time by {roles.time}" if roles.time else f"grouped by {split.group}" if split.group else "random split",
        f"{split.folds} folds",
    ]
    return "; ".join(part for part in parts if part)
