"""The exploration as a product owner reads it: titles say the finding, and whatever was explored can be shown."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml
from tests.features.test_explore import dated, noise, problem, seen

from runner.core.stage import Given
from runner.core.workspace import RunFolders, Workspace
from runner.features import stage
from runner.features.explore.exploration import explore
from runner.features.explore.shown.sections import sections
from runner.features.explore.view import Declared
from runner.features.recipe import plan
from runner.features.spec import FeaturesSpec
from runner.pipeline.stages import stage_of
from runner.report.page import templates
from runner.report.parts import Code, Figure, Figures, Folded, Section


def figures(parts: Iterable[Any]) -> list[Figure]:
    found: list[Figure] = []
    for part in parts:
        found += part.items if isinstance(part, Figures) else figures(part.parts) if isinstance(part, Folded) else []
    return found


def titles(found: dict[str, Any]) -> list[str]:
    return [figure.title for section in sections(found) for figure in figures(section.parts)]


def html(shown: Iterable[Section]) -> str:
    macros = templates().get_template("parts.html").module
    return "".join(str(macros.show(part)) for section in shown for part in section.parts)


def lending(n: int = 1500) -> pl.DataFrame:
    draw = np.random.default_rng(0)
    age, home = draw.integers(18, 80, n), draw.choice(["rent", "own"], n)
    p = np.where((age < 40) ^ (home == "own"), 0.6, 0.1)
    return pl.DataFrame({"age": age, "home": home, "months": age * 12, "y": np.where(draw.random(n) < p, "yes", "no")})


def test_titles_say_what_was_found_with_names_and_figures() -> None:
    told = explore(seen(lending(), power={"age": 0.6, "home": 0.5}, age={"unit": "years"}))
    found = titles(told)
    assert any(title.startswith("y is yes in ") and " where home is own, " in title and title.endswith("where it is rent") for title in found)
    assert any("; each by itself would make it " in title for title in found)
    assert any(title.startswith("Between one decision for all rows and a perfect one lie ") and title.endswith(" EUR a month") for title in found)


def test_the_page_names_what_to_keep_what_to_drop_and_what_a_right_decision_is_worth() -> None:
    page = html(sections(explore(seen(lending(), power={"age": 0.6, "months": 0.6}, months={"cost": 1.0}))))
    assert "drop: [months]" in page
    assert "cheapest to obtain" in page
    assert "One more row that is rightly taken for yes (act instead of wait) is worth 5 EUR; a row wrongly taken for it costs 1 EUR." in page
    assert "pays on average where more than 17% of the rows are yes" in page


def test_the_config_that_is_printed_composes_whatever_the_columns_are_called() -> None:
    draw = np.random.default_rng(3)
    names = ["order", "a: b", 'say "it"', "ünit", "yes", "plain"]
    values = {name: np.exp(draw.normal(3, 1.2, 800)) for name in names}
    rows = pl.DataFrame(values | {"no, copy": values["plain"], "y": ["yes", "no"] * 400})
    told = explore(replace(seen(rows, power={"plain": 0.6}), declared=Declared(drop=("gone",))))
    pasted: dict[str, Any] = {}
    for section in sections(told):
        for part in section.parts:
            for inner in part.parts if isinstance(part, Folded) else ():
                if isinstance(inner, Code):
                    pasted |= yaml.safe_load(inner.text)["features"]
    assert pasted["drop"] == ["gone", "no, copy"]
    spec = FeaturesSpec.model_validate({"steps": pasted["steps"], "drop": pasted["drop"][1:]})
    made, enriched = plan(spec, rows, np.zeros((rows.height, 1)), [""], ["y"])
    assert len(pasted["steps"]["scales"]["expressions"]) == len(names)
    assert len(made.features) == 2 * len(names)
    assert not enriched.select(pl.all().null_count()).sum_horizontal().item()


def test_being_right_often_is_only_said_to_pay_little_where_another_label_pays_more() -> None:
    moral = "being right often is not what pays"
    rows = pl.DataFrame({"x": list(range(100)), "y": ["yes"] * 10 + ["no"] * 90})
    assert moral in html(sections(explore(seen(rows))))
    for right, wrong in (("1", "0"), ("0", "-1")):
        actions = {"act": {"no": wrong, "yes": right}, "wait": {"no": right, "yes": wrong}}
        told = problem(payoff={"unit": "points", "actions": actions, "sql": None, "rows_per_month": None})
        page = html(sections(explore(seen(rows, told))))
        assert "is right in 90.0% of them" in page
        assert moral not in page


def test_every_cell_of_the_table_of_features_says_something() -> None:
    page = html(sections(explore(seen(noise(0), problem()))))
    assert "too alike" in page
    assert "hardly any" not in page
    assert "fewer than 20 rows get none" in page


def test_what_a_step_drops_is_neither_counted_nor_explored_nor_priced(tiny_run: Path, tmp_path: Path) -> None:
    places, folders = stage_of("features"), RunFolders.adopted(Workspace(tiny_run), "tiny")
    files = {name: place.under(folders) for name, place in places.reads.items() if not name.startswith("gate.")}
    written = {name: tmp_path / place.path for name, place in places.writes.items()}
    steps = {"again": {"kind": "sql", "expressions": {"twice": "income * 2.0"}}, "apart": {"kind": "screen", "max_correlation": 0.99}}
    stage.run(FeaturesSpec.model_validate({"steps": steps}), Given(files, "tiny", 20130, tiny_run, tmp_path / "home"), written)
    report, explored = (json.loads(written[name].read_text()) for name in ("features_report", "exploration"))
    assert list(report["dropped"]) == ["twice"]
    assert "twice" not in json.dumps([report["features"], report["leakage"], explored])
    assert "income" in [price["column"] for price in report["leakage"]["prices"]]


def test_over_time_the_finding_is_in_the_title() -> None:
    found = titles(explore(seen(dated(), problem(time="when"))))
    assert "What turning tells of y changes over time" in found
    assert any(title.startswith("drifting is on average ") for title in found)


def test_where_nothing_was_found_that_is_said() -> None:
    page = html(sections(explore(seen(noise(0)))))
    assert "none tells more together than its two features by themselves" in page
    assert "No feature is told by another one so fully that it could be left out." in page


@pytest.mark.parametrize(("n", "task"), [(2, "binary"), (3, "multiclass"), (2, "regression"), (60, "multiclass"), (60, "regression")])
def test_whatever_was_explored_can_be_shown_and_nothing_in_it_acts(n: int, task: str) -> None:
    draw = np.random.default_rng(n)
    bad = "<script>alert(1)</script>\x1b[31m" + "x" * 300
    rows = pl.DataFrame(
        {
            bad: draw.normal(size=n),
            "text": [bad] * (n // 2) + ["b"] * (n - n // 2),
            "nothing": pl.Series([None] * n, dtype=pl.Float64),
            "constant": [1] * n,
            "when": [date(2024, 1, 1) + timedelta(days=k) for k in range(n)],
            "y": {"binary": ["no", "yes"] * (n // 2), "multiclass": ["a", "b", "c"] * (n // 3), "regression": draw.normal(size=n).tolist()}[task],
        }
    )
    page = html(sections(explore(seen(rows, problem(task, time="when")))))
    assert "<script>" not in page
    assert "\x1b" not in page


def test_without_an_exploration_there_is_no_section() -> None:
    assert sections({}) == ()
