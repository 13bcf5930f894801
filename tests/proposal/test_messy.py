"""Tables as people have them: each is proposed, composes, and goes through the first three rooms without a fault or a failed gate."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.proposal.conftest import csv_text, customers

from runner.core.progress import Silent
from runner.core.workspace import Workspace
from runner.experiment.model import Experiment
from runner.pipeline.execute import run_stage
from runner.pipeline.run import Run
from runner.pipeline.stages import STAGES
from runner.proposal.propose import Proposal

N = 400
PLAIN = customers(N)
LEFT = PLAIN["left"]
DAYS = [f"{i % 28 + 1:02d}/{i % 12 + 1:02d}/{2020 + i % 3}" for i in range(N)]
GERMAN = [f"{fee:,.2f}".replace(",", " ").replace(".", ",").replace(" ", ".") for fee in PLAIN["fee"]]
ODD_NAMES = ["select", "a.b", 'say "hi"', "it's", "ünï 数", "x y", "user", "1st", "row_id", "_target_", "interval", "# c", "null", "yes", "a: b", "end", "a\nb"]
ODD_NAMES += ["{x}", "[y]", "%z", "- d", "&e", "*f", "${g}", "decision", "a" * 150, "\u202ertl", "😀", "=1+1", "<b>", "case when", "@h", "`i`", "!j", "k|l"]

Begin = Callable[..., tuple[Experiment, Proposal]]


def first_rooms(workspace: Workspace, experiment: Experiment) -> None:
    """Run problem, data and features; each must pass."""
    run = Run.of(workspace, experiment, 1, Silent())
    for stage in STAGES[:3]:
        run_stage(run, stage)
        judged = json.loads(stage.gate.under(run.folders).read_text())
        assert judged["status"] == "passed", judged["gates"]


MESSY: dict[str, tuple[Mapping[str, Sequence[Any]], str]] = {
    "plain": (PLAIN, "left"),
    "odd names": ({**{name: PLAIN["tenure"] if i % 2 else PLAIN["plan"] for i, name in enumerate(ODD_NAMES)}, "tenure": PLAIN["fee"], "left": LEFT}, "left"),
    "an odd target": ({'"y" = 1': LEFT, "tenure": PLAIN["tenure"]}, '"y" = 1'),
    "a column without a name": ({"": range(N), **PLAIN}, "left"),
    "empty and constant columns": ({**PLAIN, "nothing": [None] * N, "always": ["x"] * N}, "left"),
    "rows twice": ({name: [*values, *values[:10]] for name, values in PLAIN.items()}, "left"),
    "outcomes missing": ({**PLAIN, "left": [None if i % 7 == 0 else label for i, label in enumerate(LEFT)]}, "left"),
    "labels in several spellings": ({**PLAIN, "left": [f"{label.upper()} " if i % 3 == 0 else label for i, label in enumerate(LEFT)]}, "left"),
    "truth values in several spellings": (
        {**PLAIN, "left": ["TRUE" if i % 2 else "true" if label == "yes" else "False" for i, label in enumerate(LEFT)]},
        "left",
    ),
    "a number as label": ({**PLAIN, "left": [float(label == "yes") for label in LEFT]}, "left"),
    "day first": ({**PLAIN, "signup date": DAYS}, "left"),
    "moments and a birthday": ({**PLAIN, "created": [f"{day} 10:{i % 60:02d}" for i, day in enumerate(DAYS)], "birth_date": DAYS}, "left"),
    "decimal commas": ({**PLAIN, "fee": GERMAN}, "left"),
    "money and percents": ({**PLAIN, "fee": [f"€ {fee}" for fee in PLAIN["fee"]], "share": [f"{t}%" for t in PLAIN["tenure"]]}, "left"),
    "blanks for missing": ({**PLAIN, "fee": [" " if i % 9 == 0 else fee for i, fee in enumerate(PLAIN["fee"])]}, "left"),
    "words for missing": ({**PLAIN, "fee": [("n/a", "unknown")[i % 2] if i % 9 == 0 else fee for i, fee in enumerate(PLAIN["fee"])]}, "left"),
    "a number for unknown": ({**PLAIN, "days": [-999 if i % 9 == 0 else i for i in range(N)]}, "left"),
    "leaks": ({**PLAIN, "score": [0.9 if x == "yes" else 0.1 for x in LEFT], "closing_reason": ["price" if x == "yes" else None for x in LEFT]}, "left"),
    "an entity in time": ({**PLAIN, "id": [f"C{i % 90}" for i in range(N)], "event_date": DAYS}, "left"),
    "many values and free text": ({**PLAIN, "town": [f"T{i % 60}" for i in range(N)], "remark": [f"remark {i}" for i in range(N)]}, "left"),
    "codes and huge numbers": ({**PLAIN, "zip": [f"{i % 90:05d}" for i in range(N)], "account": [10**20 + i for i in range(N)]}, "left"),
    "three labels": (PLAIN, "plan"),
    "three labels and two rare ones": ({**PLAIN, "plan": ["odd" if i in (3, 7) else plan for i, plan in enumerate(PLAIN["plan"])]}, "plan"),
    "numbers as three labels": ({**PLAIN, "stars": [t % 3 + 1 for t in range(N)]}, "stars"),
    "a number": (PLAIN, "fee"),
    "a number with a decimal comma": ({**PLAIN, "fee": GERMAN}, "fee"),
    "names that a payoff needs": ({**PLAIN, "decision": PLAIN["fee"], "actual": [t % 9 for t in range(N)]}, "decision"),
    "few rows": ({name: values[:40] for name, values in PLAIN.items()}, "left"),
    "text that means something else in config": ({**PLAIN, "plan": ["???" if plan == "pro" else "${a}" for plan in PLAIN["plan"]]}, "left"),
    "cells like formulas and markup": ({**PLAIN, "plan": [("=1+1", "<b>x</b>", "\x1b[31mred", "@a")[i % 4] for i in range(N)]}, "left"),
}


@pytest.mark.parametrize("name", MESSY)
def test_a_messy_table_becomes_an_experiment_that_runs(name: str, begin: Begin, workspace: Workspace) -> None:
    columns, target = MESSY[name]
    experiment, proposal = begin(csv_text(columns, ";"), target)
    first_rooms(workspace, experiment)
    assert "open_questions" in proposal.config["problem"]
    assert all(line.isprintable() for line in proposal.text().splitlines())


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8-sig"])
def test_a_text_in_another_encoding_becomes_one_too(encoding: str, begin: Begin, workspace: Workspace) -> None:
    content = csv_text({**PLAIN, "città": ["Zürich", "Genève"] * (N // 2)}).encode(encoding)
    first_rooms(workspace, begin(content, "left")[0])


def test_what_a_person_says_takes_the_place_of_placeholders(begin: Begin, workspace: Workspace) -> None:
    said = {"unit": "EUR", "right": 60.0, "wrong": 10.0, "minimum_gain": 0.5, "owner": "head of retention", "approvers": ("compliance",)}
    experiment, proposal = begin(csv_text(PLAIN), "left", decision="Call or wait", after_event=("fee",), **said)
    problem = experiment.problem
    assert problem.open_questions == {}
    assert proposal.questions == {}
    assert "ASK" not in proposal.text()
    assert problem.payoff.actions == {"act": {"yes": "60", "no": "-10"}, "leave": {"yes": "0", "no": "0"}}
    assert (problem.owner, problem.approvers, problem.criterion.minimum_gain_per_row) == ("head of retention", ["compliance"], 0.5)
    assert experiment.data.columns["fee"].available == "after_event"


def test_the_placeholder_payoff_earns_nothing_by_acting_on_everybody(begin: Begin, workspace: Workspace) -> None:
    experiment, _ = begin(csv_text(PLAIN), "left")
    actions = experiment.problem.payoff.actions
    assert actions is not None
    shares = {label: LEFT.count(label) / N for label in ("yes", "no")}
    assert abs(sum(float(actions["act"][label]) * share for label, share in shares.items())) < 0.1


NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(["0", "*"])
@example(["^.*$", "1"])
@given(st.lists(NAMES, min_size=2, max_size=6, unique=True).filter(lambda names: not any(name.startswith("__runner_") for name in names)))
def test_any_name_of_a_column_can_be_spoken_of(begin: Begin, workspace: Workspace, names: list[str]) -> None:
    (workspace.conf / "experiment" / "mine.yaml").unlink(missing_ok=True)
    for path in (workspace.root / "data").glob("raw/*"):
        path.unlink()
    columns = {name: [(i * (place + 3)) % (7 + place) for i in range(60)] for place, name in enumerate(names)}
    # A name without which nothing is left, and an outcome that is always there.
    columns |= {"steady": [i * 37 % 11 for i in range(60)], "the outcome": ["no", "no", "yes"] * 20}
    experiment, proposal = begin(csv_text(columns, quoting=csv.QUOTE_ALL), "the outcome")
    assert "steady" in experiment.data.columns
    assert len(experiment.data.columns) + proposal.text().count("# left out: ") == len(columns)
