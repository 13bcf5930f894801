"""`explain` answers from the schema: keys, kinds, groups, lists; with an example, and with what an experiment sets."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import ROOT

from runner.cli import main
from runner.cli.completion import candidates


@pytest.fixture(autouse=True)
def inside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Called in the repository, as a person would."""
    monkeypatch.chdir(ROOT)


@pytest.fixture
def explain(capsys: pytest.CaptureFixture[str]) -> Any:
    """What is answered, as JSON."""

    def ask(*words: str) -> Any:
        assert main(["explain", *words, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return ask


def test_alone_it_lists_the_sections(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain"]) == 0
    told = capsys.readouterr().out
    for section in ("problem", "data", "features", "training", "evaluation", "deployment", "monitoring", "seed"):
        assert f"\n{section} " in told
    assert "candidates" in told


def test_a_key_tells_type_limits_default_and_an_example(explain: Any) -> None:
    (told,) = explain("training.tuning.trials")
    assert (told["type"], told["limits"], told["default"], told["required"]) == ("whole number", "at least 1, at most 10000", 8, False)
    assert told["meaning"].startswith("Parameter settings tried per candidate")
    place, line = told["example"]["place"].split(":")
    assert (ROOT / place).read_text(encoding="utf-8").splitlines()[int(line) - 1].strip() == told["example"]["text"]


@pytest.mark.parametrize("name", ["*", "applications"])
def test_a_name_of_ones_own_may_be_given_or_left_open(explain: Any, name: str) -> None:
    told = explain(f"data.sources.{name}.path")
    assert {entry["part"]["kind"] for entry in told} >= {"csv", "parquet"}
    assert all(entry["key"] == "data.sources.*.path" for entry in told)


def test_a_family_names_its_kinds_and_a_kind_its_keys(explain: Any) -> None:
    (policy,) = explain("problem.policy")
    assert list(policy["kinds"]) == ["per_row", "threshold", "top_k"]
    (kind,) = explain("target_encoding")
    assert [row["key"] for row in kind["keys"]] == ["columns", "smoothing"]
    assert kind["traits"] == {"learns": True}
    assert explain("step", "target_encoding") == explain("steps", "target_encoding") == [kind]


def test_a_kind_of_step_shows_rows_in_and_columns_out(explain: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for kind in explain("features.steps.*")[0]["kinds"]:
        (told,) = explain("step", kind)
        assert told["worked"], kind
    assert main(["explain", "step", "target_encoding"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[lines.index("city outcome") + 1] == "Rome 1"
    assert lines[lines.index("city -> city_target") + 2] == "Oslo -> 0.25"


def of_kind(kind: str, told: list[dict[str, Any]]) -> dict[str, Any]:
    """What is said of a key in a part of that kind: other families have settings of the same name."""
    (one,) = [entry for entry in told if entry["part"]["kind"] == kind]
    return one


def test_a_setting_that_is_searched_says_so(explain: Any) -> None:
    told = of_kind("lightgbm", explain("training.candidates.lightgbm.num_leaves"))
    assert told["searched"] == "7 to 127, on a logarithmic scale"
    adjusted = of_kind("lightgbm", explain("training.adjust.lightgbm.num_leaves"))
    assert (adjusted["meaning"], adjusted["required"]) == (told["meaning"], False)


def test_an_experiment_shows_its_values_and_where_they_were_set(explain: Any) -> None:
    (told,) = explain("data.split", "+experiment=bank_campaign", "data.split.folds=3")
    found = {setting["key"]: (setting["value"], setting["place"].partition(":")[0]) for setting in told["set"]}
    assert found == {
        "data.split.kind": ("by_time", "conf/data/split/by_time.yaml"),
        "data.split.column": ("contact_date", "conf/experiment/bank_campaign.yaml"),
        "data.split.test_share": (0.2, "conf/experiment/bank_campaign.yaml"),
        "data.split.folds": (3, "command line"),
        "data.split.starts": ([], ""),
        "data.split.embargo_hours": (0.0, ""),
        "data.split.strict": (False, ""),
    }


def test_what_is_laid_over_a_candidate_is_found_where_it_is_written(explain: Any) -> None:
    for key in ("training.candidates.*.num_leaves", "training.adjust.lightgbm.num_leaves"):
        told = of_kind("lightgbm", explain(key, "+experiment=flight_delay"))
        (setting,) = told["set"]
        assert setting["value"] == 63
        line = int(setting["place"].rpartition(":")[2])
        assert "num_leaves: 63" in (ROOT / "conf/experiment/flight_delay.yaml").read_text(encoding="utf-8").splitlines()[line - 1]


def test_a_key_of_a_kind_is_shown_only_where_the_kind_is_chosen(explain: Any) -> None:
    told = explain("features.steps.*.smoothing", "+experiment=bank_campaign")
    assert [(setting["key"], setting["value"]) for one in told for setting in one["set"]] == [("features.steps.work.smoothing", 50)]


def test_a_default_has_no_place(explain: Any) -> None:
    (told,) = explain("evaluation.max_slice_loss_per_row", "+experiment=credit_risk")
    assert told["set"] == [{"key": "evaluation.max_slice_loss_per_row", "value": None, "place": ""}]


def test_a_group_tells_its_options(explain: Any) -> None:
    (told,) = explain("training/tuning")
    assert [option["name"] for option in told["options"]] == ["quick", "standard", "thorough"]
    assert told["declared"] == ["training.tuning"]


@pytest.mark.parametrize(
    ("what", "known"),
    [
        ("candidates", "lightgbm"),
        ("steps", "target_encoding"),
        ("policies", "top_k"),
        ("sources", "csv"),
        ("splits", "by_time"),
        ("joins", "asof"),
        ("groups", "training/model"),
        ("experiments", "credit_risk"),
        ("verbs", "explain"),
        ("sections", "problem"),
    ],
)
def test_lists_have_one_line_each(explain: Any, what: str, known: str) -> None:
    told = {item["name"]: item["about"] for item in explain("--list", what)}
    assert told[known]
    assert all("\n" not in about for about in told.values())


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("problm", ("unknown key 'problm'", "did you mean 'problem'?")),
        ("training.tuning.trails", ("lag, prune, storage, trials", "did you mean 'trials'?")),
        ("training.trails", ("there is training.budget.plan.trials, training.tuning.trials",)),
        ("smoothing", ("there is features.steps.*.smoothing",)),
        ("lightgbmm", ("did you mean 'lightgbm'?",)),
        ("seed.more", ("it has no keys",)),
        ("training/tunning", ("there is no config group", "did you mean 'training/tuning'?")),
        ("score", ("is a verb", "python -m runner score -h")),
    ],
)
def test_an_unknown_word_is_told_with_the_nearest(capsys: pytest.CaptureFixture[str], word: str, words: tuple[str, ...]) -> None:
    assert main(["explain", word]) == 2
    told = capsys.readouterr().err
    assert all(text in told for text in words), told


def test_all_unknown_words_are_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "problm", "seed", "dta"]) == 2
    assert capsys.readouterr().err.startswith("2 problems to mend")


def test_an_unknown_list_is_told_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "--list", "polices"]) == 2
    assert "did you mean 'policies'?" in capsys.readouterr().err


def test_a_wrong_experiment_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "seed", "+experiment=credit_rsk"]) == 2
    assert "did you mean 'credit_risk'?" in capsys.readouterr().err


def test_text_has_no_trailing_blanks(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "problem.policy", "history", "training/model", "data.columns.*.unit", "+experiment=credit_risk"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line != line.rstrip()] == []
    assert "    data.columns.Amount.unit      EUR            conf/experiment/credit_risk.yaml:65" in lines


def test_it_needs_none_of_the_heavy_libraries() -> None:
    heavy = "{'polars', 'pydantic', 'numpy', 'omegaconf', 'hydra'}"
    asked = f"import sys; from runner.cli import main; code = main(['explain', 'problem.policy']); assert not {heavy} & set(sys.modules); sys.exit(code)"
    done = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_schema_of_a_workspace_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    (tmp_path / "conf" / "schema.json").unlink()
    (tmp_path / "conf" / "schema" / "gone.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    assert main(["explain", "--write"]) == 0
    assert capsys.readouterr().out.split() == ["conf/schema.json", "conf/schema/gone.json", ".vscode/settings.json"]
    assert (tmp_path / "conf" / "schema.json").read_bytes() == (ROOT / "conf" / "schema.json").read_bytes()
    assert not (tmp_path / "conf" / "schema" / "gone.json").exists()
    (tmp_path / ".vscode" / "settings.json").write_text('{"mine": 1}')
    assert main(["explain", "--write"]) == 0
    assert capsys.readouterr().out == "conf/schema.json is current\n"
    assert (tmp_path / ".vscode" / "settings.json").read_text() == '{"mine": 1}'


PLUGIN = '''"""A step of one's own."""

from __future__ import annotations

from typing import ClassVar, Literal

from runner.core.registry import register
from runner.features.steps.fitting import FittedStep, Fitting, StepSpec


class RankSpec(StepSpec):
    """The place of a value among all others."""

    learns: ClassVar[bool] = True
    kind: Literal["rank"]
    columns: list[str]
    """Columns to rank."""


@register("step", RankSpec)
def fit(spec: RankSpec, given: Fitting) -> FittedStep:
    return FittedStep((), ())
'''


def test_a_kind_of_a_plugin_is_explained_and_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, explain: Any) -> None:
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "rank.py").write_text(PLUGIN)
    own = tmp_path / "conf" / "experiment" / "own.yaml"
    own.write_text("# @package _global_\nplugins: [plugins/rank.py]\nfeatures: {steps: {place: {kind: rank, columns: [a]}}}\n")
    monkeypatch.chdir(tmp_path)
    (told,) = explain("rank")
    assert (told["family"], told["meaning"], told["traits"]) == ("step", "The place of a value among all others.", {"learns": True})
    assert told["example"]["place"] == "conf/experiment/own.yaml:3"
    # A key press runs no plugin: it reads what was written.
    assert [word for word, _ in candidates("runner explain ran")] == ["ranks"]
    assert main(["explain", "--write"]) == 0
    assert [word for word, _ in candidates("runner explain ran")] == ["rank", "ranks"]
