"""A person's mistakes in config files: each is told with key path, file and line, what was expected and the nearest name."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

import pytest

from runner.core.faults import FaultsError
from runner.core.workspace import Workspace
from runner.experiment.compose import compose

FILE = "conf/experiment/small.yaml"


@dataclass(frozen=True)
class Mistake:
    """old becomes new in the experiment; told: what the message must hold, each text; at: key path; line: a text of the line that is blamed."""

    name: str
    old: str
    new: str
    at: str
    line: str
    told: tuple[str, ...]
    overrides: tuple[str, ...] = ()


MISTAKES = [
    Mistake("an unknown key", "  row: one", "  rows: one", "problem.rows", "rows: one", ("unknown key 'rows'", "did you mean 'row'?")),
    Mistake("a missing key", "  decision: Call the customer or not\n", "", "problem.decision", "problem:", ("is missing", "The decision in one sentence")),
    Mistake("an unknown top key", "evaluation:", "evalution: {}\nevaluation:", "evalution", "evalution", ("unknown key", "did you mean 'evaluation'?")),
    Mistake("an unknown kind", "kind: threshold", "kind: treshold", "problem.policy.kind", "treshold", ("one of per_row, threshold, top_k", "'threshold'?")),
    Mistake("an unknown step", "kind: sql", "kind: sqll", "features.steps.size.kind", "sqll", ("unknown kind 'sqll'", "did you mean 'sql'?")),
    Mistake("a kind left out", "kind: threshold, ", "", "problem.policy.kind", "policy:", ("is missing", "per_row")),
    Mistake("a kind in place of a section", "{kind: threshold, act: call, otherwise: wait}", "threshold", "problem.policy", "policy:", ("{kind: threshold}",)),
    Mistake("a key of another kind", "otherwise: wait}", "otherwise: wait, capacity: 3}", "problem.policy.capacity", "policy:", ("unknown key", "otherwise")),
    Mistake("a wrong literal", "type: date}", "type: dat}", "data.columns.day.type", "day:", ('found "dat"', "did you mean 'date'?")),
    Mistake("a number for text", "decision: Call the customer or not", "decision: 12:30", "problem.decision", "12:30", ("12:30 is read as 750", '"12:30"')),
    Mistake("an octal for text", "row: one customer", "row: 010", "problem.row", "row:", ("010 is read as 8", 'quotes: "010"')),
    Mistake("no for text", '["yes", "no"]', "[yes, no]", "data.columns.outcome.allowed.1", "outcome:", ("no is read as false", 'quotes: "no"')),
    Mistake("yes as a key", 'call: {"yes"', "call: {yes", "problem.payoff.actions.call.yes", "call:", ("YAML reads the key yes as true",)),
    Mistake("a truth value as label", 'positive: "yes"', "positive: on", "problem.positive", "positive", ("on is read as true",)),
    Mistake("a list for a section", "  slices: {large: amount > 100}", "  - large", "evaluation", "evaluation:", ("is a list", "test_uses")),
    Mistake("a number for a section", "  slices: {large: amount > 100}", "  slices: 3", "evaluation.slices", "slices:", ("found 3", "a section")),
    Mistake(
        "a baseline nobody declared",
        "{baseline: big}",
        "{baseline: bigg}",
        "problem.criterion.baseline",
        "criterion:",
        ("baselines are constant, big", "did you mean 'big'?"),
    ),
    Mistake(
        "a label in other letters", 'positive: "yes"', 'positive: "Yes"', "problem.positive", "positive:", ("expected: one of no, yes", "did you mean 'yes'?")
    ),
    Mistake(
        "an outcome left out",
        '{"yes": "0", "no": "0"}',
        '{"yes": "0"}',
        "problem.payoff.actions.wait",
        "wait:",
        ("prices no label 'no'", "under every action: no, yes"),
    ),
    Mistake(
        "an outcome misspelt",
        '{"yes": "0", "no": "0"}',
        '{"yes": "0", "noo": "0"}',
        "problem.payoff.actions.wait",
        "wait:",
        ("prices no label 'no' and prices the label 'noo', which 'call' does not", "did you mean 'no'?"),
    ),
    Mistake(
        "a budget beyond all", "features:", "training: {tuning: {trials: 1000000000}}\nfeatures:", "training.tuning.trials", "training:", ("at most 10000",)
    ),
    Mistake(
        "a lag beyond the budget",
        "features:",
        "training: {tuning: {trials: 3, lag: 10}}\nfeatures:",
        "training.tuning.lag",
        "training:",
        ("drawn at random", "at most 3"),
    ),
    Mistake("a seed beyond 64 bits", "features:", "seed: 9223372036854775808\nfeatures:", "seed", "seed:", ("at most 9223372036854775807",)),
    Mistake("a file of another kind", "customers.parquet", "customers.csv", "data.sources.customers.path", "customers:", ("ends in .csv", "next: kind: csv")),
    Mistake("a key of two lines", "  row: one customer", '  row: one customer\n  "a\\nb": 1', "problem.a\\nb", '"a\\nb"', ("unknown key 'a\\nb'",)),
    Mistake(
        "a letter of another alphabet", "  row: one", "  r\u043ew: one", "problem.r\u043ew", "w: one", ("'row'? '\u043e' in it is CYRILLIC SMALL LETTER O",)
    ),
    Mistake(
        "an operator twice", "{sql: amount > 100}", "{sql: amount > 1 AND AND amount < 9}", "problem.baselines.big.sql", "big:", ("AND AND, at character 16",)
    ),
    Mistake("an operator left out", "{sql: amount > 100}", "{sql: amount 100}", "problem.baselines.big.sql", "big:", ("missing before 100 at character 8",)),
    Mistake(
        "text in arithmetic",
        "amount - 1",
        "city * 1.5",
        "problem.payoff.actions.call.yes",
        "call:",
        ("it calculates with text and a number", "next: city is text"),
    ),
    Mistake("an interpolation left open", "row: one customer", 'row: "${problem.row"', "problem.row", "row:", ("that is not closed", ": ${problem.row")),
    Mistake("a word for a list", "features:", "plugins: plugins/nope.py\nfeatures:", "plugins", "plugins:", ("expected: a list, such as [plugins/nope.py]",)),
    Mistake("a metric as criterion", "{baseline: big}", "{metric: auc}", "problem.criterion.metric", "criterion:", ("not a business criterion",)),
    Mistake("a primary that is no source", "primary: customers", "primary: customer", "data.primary", "primary:", ("sources are ['customers']",)),
    Mistake("an unknown column in a payoff", "amount - 1", "amuont - 1", "problem.payoff.actions.call.yes", "call:", ("'amuont'", "did you mean 'amount'?")),
    Mistake("a payoff of the future", "amount - 1", "later - 1", "problem.payoff.actions.call.yes", "call:", ("reads 'later'", "known only after")),
    Mistake("a payoff of the outcome", "amount - 1", "outcome", "problem.payoff.actions.call.yes", "call:", ("which is the outcome itself",)),
    Mistake("a payoff that is no number", "amount - 1", "amount > 1", "problem.payoff.actions.call.yes", "call:", ("gives Boolean", "expected: a number")),
    Mistake("a payoff that does not parse", "amount - 1", "amount -", "problem.payoff.actions.call.yes", "call:", ("not a valid expression",)),
    Mistake("a statement", "amount - 1", "SELECT amount", "problem.payoff.actions.call.yes", "call:", ("not a valid expression",)),
    Mistake("a baseline over many rows", "{sql: amount > 100}", "{sql: AVG(amount)}", "problem.baselines.big.sql", "big:", ("columns of one row",)),
    Mistake("a baseline of text", "{sql: amount > 100}", "{sql: city}", "problem.baselines.big.sql", "big:", ("gives String", "a number that ranks")),
    Mistake("a slice that is no truth", "{large: amount > 100}", "{large: city}", "evaluation.slices.large", "slices:", ("gives String", "TRUE or FALSE")),
    Mistake("a rule of no column", "  primary:", "  rules: {r: {sql: amnt > 0}}\n  primary:", "data.rules.r.sql", "rules:", ("'amnt'", "'amount'?")),
    Mistake("a filter that does not parse", "  primary:", "  filter: amount >\n  primary:", "data.filter", "filter:", ("not a valid expression",)),
    Mistake("a target that is no column", "target: outcome", "target: outcom", "problem.target", "target:", ("not a column of the contract", "'outcome'?")),
    Mistake("a key that is no column", "  criterion:", "  key: [id]\n  criterion:", "problem.key", "key: [id]", ("'id' is not a column", "columns: amount")),
    Mistake("a time that is text", "  criterion:", "  time: city\n  criterion:", "problem.time", "time:", ("declared as string", "a date or datetime")),
    Mistake("labels that differ", '["yes", "no"]', '["yes", "nope"]', "problem.payoff.actions", "actions:", ("allows nope, yes", "same labels")),
    Mistake(
        "an action nobody declared",
        "act: call",
        "act: cal",
        "problem.policy.act",
        "policy:",
        ("names the action 'cal'", "one of call, wait", "did you mean 'call'?"),
    ),
    Mistake("one action twice", "otherwise: wait", "otherwise: call", "problem.policy.otherwise", "policy:", ("another action",)),
    Mistake(
        "a protected column", "  criterion:", "  constraints: {protected: [cty]}\n  criterion:", "problem.constraints.protected", "protected", ("'city'?",)
    ),
    Mistake(
        "fairness of nobody",
        "  criterion:",
        "  constraints: {fairness: {max_action_gap: 0.1}}\n  criterion:",
        "problem.constraints.fairness",
        "fairness",
        ("protected",),
    ),
    Mistake(
        "monotone in nothing", "  criterion:", "  constraints: {monotone: {rot: 1}}\n  criterion:", "problem.constraints.monotone.rot", "rot", ("'root'?",)
    ),
    Mistake(
        "monotone in a category",
        "  criterion:",
        "  constraints: {monotone: {city: 1}}\n  criterion:",
        "problem.constraints.monotone.city",
        "city: 1",
        ("no direction",),
    ),
    Mistake(
        "a capacity without time",
        "{kind: threshold, act: call, otherwise: wait}",
        "{kind: top_k, act: call, otherwise: wait, capacity: {rows: 3, per: week}}",
        "problem.policy.capacity.per",
        "policy:",
        ("needs problem.time",),
    ),
    Mistake(
        "nothing to read",
        "  criterion:",
        "  constraints: {interpretable_only: true}\n  criterion:",
        "problem.constraints.interpretable_only",
        "interpretable",
        ("catboost, lightgbm",),
        ("training/model=trees",),
    ),
    Mistake("a dropped column", "  steps:", "  drop: [root, cty]\n  steps:", "features.drop.cty", "drop:", ("did you mean 'city'?",)),
    Mistake("a step of the future", "SQRT(amount)", "SQRT(later)", "features.steps.size.expressions.root", "root:", ("known only after the event",)),
    Mistake("a step over a column", "{root:", "{amount:", "features.steps.size.expressions.amount", "expressions:", ("in the contract already",)),
    Mistake("an unknown function", "SQRT(amount)", "SQRTT(amount)", "features.steps.size.expressions.root", "root:", ("unsupported function",)),
    Mistake(
        "a history over random folds",
        "  steps:",
        "  steps:\n    past: {kind: history, entity: [city], time: day, aggregates: {n: {how: count}}}",
        "features.steps.past",
        "past:",
        ("data/split=by_time",),
    ),
    Mistake("a target for import", "kind: sql", "_target_: os.system", "features.steps.size._target_", "_target_", ("would run code",)),
    Mistake("the environment", "row: one customer", "row: ${oc.env:HOME}", "problem.row", "row:", ("calls a resolver", "under tracking only")),
    Mistake("the environment by pieces", "row: one customer", "row: ${oc.${name}:HOME}", "problem.row", "row:", ("calls a resolver",)),
    Mistake("a private section", "row: one customer", "row: ${tracking.max_wait_s}", "problem.row", "row:", ("never stored",)),
    Mistake("an interpolation of nothing", "row: one customer", "row: ${problem.zz}", "problem.row", "row:", ("'problem.zz', which is not set",)),
    Mistake(
        "an interpolation in a circle", "row: one customer", "row: ${problem.row}", "problem.row", "row:", ("refers to itself: problem.row > problem.row",)
    ),
    Mistake("an interpolation never closed", "row: one customer", "row: ${problem.decision", "problem.row", "row:", ("${problem.decision",)),
    Mistake("a value left open", "row: one customer", "row: ???", "problem.row", "row:", ("left open",)),
    Mistake(
        "a path out of the workspace",
        "data/raw/customers.parquet",
        "../../etc/passwd",
        "data.sources.customers.path",
        "customers: {",
        ("leaves the workspace",),
    ),
    Mistake("an absolute path", "data/raw/customers.parquet", "/etc/passwd", "data.sources.customers.path", "customers: {", ("leaves the workspace",)),
    Mistake("a name that is no name", "name: small", "name: a.b", "name", "name:", ("cannot name an experiment", "lower-case letters")),
    Mistake("a name of another file", "name: small", "name: tiny", "name", "name:", ("is 'tiny' in the experiment 'small'", "name: small")),
    Mistake(
        "an unknown option in defaults",
        "name: small",
        "defaults: [override /training/tuning: quik]\nname: small",
        "training/tuning",
        "quik",
        ("no training/tuning 'quik'", "'quick'?"),
    ),
    Mistake(
        "an unknown group in defaults",
        "name: small",
        "defaults: [override /training/tunning: quick]\nname: small",
        "training/tunning",
        "tunning",
        ("'training/tuning'?",),
    ),
    Mistake("a key twice", "  row: one customer", "  row: one customer\n  row: two", "problem.row", "row: two", ("set twice", "line 5")),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.name)
def test_a_mistake_is_told_with_key_path_line_and_way_out(workspace: Workspace, small: str, mistake: Mistake) -> None:
    assert mistake.old in small
    text = small.replace(mistake.old, mistake.new, 1)
    (workspace.conf / "experiment" / "small.yaml").write_text(text)
    with pytest.raises(FaultsError) as caught:
        compose(workspace, ["+experiment=small", *mistake.overrides])
    blamed = next(n for n, line in enumerate(text.splitlines(), 1) if mistake.line in line)
    told = [str(f) for f in caught.value.faults if f.at == mistake.at]
    assert told, str(caught.value)
    assert f"{mistake.at} ({FILE}:{blamed}): " in told[0]
    for words in mistake.told:
        assert words in "\n".join(told)
    assert caught.value.exit_code == 2


SYNTAX = {
    "tabs": (b"# @package _global_\nproblem:\n\tdecision: x\n", f"{FILE}:3", "spaces for indentation"),
    "latin-1": ("# @package _global_\nname: caf\xe9\n".encode("latin-1"), f"{FILE}:2", "is not UTF-8 (byte 0xe9)"),
    "utf-16": ("# @package _global_\nname: x\n".encode("utf-16"), f"{FILE}:1", "is not UTF-8"),
    "control character": (b"# @package _global_\nname: \x00\n", f"{FILE}:2: ", "control character U+0000"),
    "colon in plain text": (b"# @package _global_\nname: a: b\n", f"{FILE}:2", "quotes"),
    "two documents": (b"# @package _global_\nname: a\n---\nname: b\n", f"{FILE}:3", "second document"),
    "a list": (b"- a\n- b\n", f"{FILE}:1", "is not a mapping"),
    "plain text": (b"hello\n", f"{FILE}:1", "is not a mapping"),
    "an object": (b"# @package _global_\nname: !!python/object:os.system {}\n", f"{FILE}:2", "never code"),
    "an unknown alias": (b"# @package _global_\nname: *x\n", f"{FILE}:2", "undefined alias"),
    "defaults that are text": (b"# @package _global_\ndefaults: base\nname: small\n", f"{FILE}:2", "the defaults are no list"),
    "no header": (b"name: small\n", f"{FILE}:1", "# @package _global_"),
    "a header too late": (b"name: small\n# @package _global_\n", f"{FILE}:1", "the first line"),
    "nothing": (b"", f"{FILE}:1", "# @package _global_"),
    "no name": (b"# @package _global_\nseed: 1\n", "name", "name: small"),
    "a list that holds itself": (b"# @package _global_\nname: &a [1, *a]\n", f"{FILE}:2: ", "holds itself"),
    "deep brackets": (b"# @package _global_\nname: " + b"[" * 3000 + b"]" * 3000, f"{FILE}:2: ", "is nested too deeply"),
    "brackets that are a little too deep": (b"name: x\na:\n" + b"[" * 50 + b"\n" + b"[" * 60 + b"]" * 110, f"{FILE}:4: ", "is nested too deeply"),
    "a bomb of merges": (
        b"a: &a {x: 1}\n" + b"".join(b"%c: &%c {<<: [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]}\n" % (c, c, *[c - 1] * 9) for c in range(98, 106)),
        f"{FILE}:8: ",
        "aliases written out",
    ),
    "a bomb": (
        b"a: &a [1,1,1,1,1,1,1,1,1]\n" + b"".join(b"%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n" % (c, c, *[c - 1] * 9) for c in range(98, 106)),
        f"{FILE}:8: ",
        "aliases",
    ),
    "ten megabytes": (b"# @package _global_\nx: " + b"y" * 10_000_000, FILE, "10,000,023 bytes"),
}

TOO_MUCH = ("a bomb", "a bomb of merges", "ten megabytes", "deep brackets", "a list that holds itself")


@pytest.mark.parametrize("case", SYNTAX, ids=str)
def test_a_file_that_is_no_config_is_told_within_a_second(workspace: Workspace, case: str) -> None:
    content, place, words = SYNTAX[case]
    (workspace.conf / "experiment" / "small.yaml").write_bytes(content)
    compose(workspace, ["+experiment=credit_risk"]) if case not in TOO_MUCH else None
    start = time.process_time()
    with pytest.raises(FaultsError) as caught:
        compose(workspace, ["+experiment=small"])
    assert time.process_time() - start < 1.0
    assert place in str(caught.value)
    assert words in str(caught.value)


def test_a_folder_in_place_of_a_file_is_told(workspace: Workspace) -> None:
    (workspace.conf / "experiment" / "large.yaml").mkdir()
    with pytest.raises(FaultsError, match=r"conf/experiment/large\.yaml: is a folder"):
        compose(workspace, ["+experiment=large"])


def test_a_broken_group_file_is_told(workspace: Workspace) -> None:
    (workspace.conf / "training" / "tuning" / "quick.yaml").write_text("trials: 2\ntrials: 3\n")
    with pytest.raises(FaultsError, match=r"trials \(conf/training/tuning/quick\.yaml:2\): the key is set twice"):
        compose(workspace, ["+experiment=small", "training/tuning=quick"])


def test_a_broken_experiment_does_not_stop_another(workspace: Workspace) -> None:
    (workspace.conf / "experiment" / "draft.yaml").write_text("a: [\n")
    assert compose(workspace, ["+experiment=small"]).name == "small"


def test_all_mistakes_are_told_at_once(workspace: Workspace, small: str) -> None:
    broken = small.replace("  row: one", "  rows: one").replace("baseline: big", "baseline: big, confidnce: 3").replace("path:", "pth:")
    (workspace.conf / "experiment" / "small.yaml").write_text(broken)
    overrides = ["foo", "training.tuning.trails=3", "seed=-1", "training/tunning=quick", "training.confidence=2", "~problm"]
    with pytest.raises(FaultsError) as caught:
        compose(workspace, ["+experiment=small", *overrides])
    told = {fault.at for fault in caught.value.faults}
    assert {"foo", "training.tuning.trails", "seed", "training/tunning", "training.confidence", "problm"} <= told
    assert {"problem.row", "problem.rows", "problem.criterion.confidnce", "data.sources.customers.pth"} <= told


def test_a_regression_payoff_sees_the_decision_and_the_actual_number(workspace: Workspace, small: str) -> None:
    head, tail = small.split("  task:", maxsplit=1)[0], small[small.index("data:") :]
    problem = (
        "  task: regression\n  target: amount\n  payoff: {unit: EUR, sql: -ABS(decision - actual)}\n  policy: {kind: per_row}\n"
        "  baselines: {flat: {sql: '1.0'}}\n  criterion: {baseline: flat}\n"
    )
    text = head + problem + tail.replace("SQRT(amount)", "EXTRACT(month FROM day)").replace("large: amount > 100", "large: outcome = 'yes'")
    path = workspace.conf / "experiment" / "small.yaml"
    path.write_text(text)
    assert compose(workspace, ["+experiment=small"]).problem.task == "regression"
    path.write_text(text.replace("actual)", "actuel)").replace("{sql: '1.0'}", "{sql: amount}"))
    with pytest.raises(FaultsError) as caught:
        compose(workspace, ["+experiment=small"])
    told = str(caught.value)
    assert re.search(r"problem\.payoff\.sql .*'actuel'", told)
    assert re.search(r"problem\.baselines\.flat\.sql .*'amount', which is the outcome itself", told)


def test_a_direction_without_a_positive_label_is_told(workspace: Workspace, small: str) -> None:
    constrained = small.replace("  criterion:", "  constraints: {monotone: {root: 1}}\n  criterion:")
    (workspace.conf / "experiment" / "small.yaml").write_text(constrained.replace("task: binary", "task: multiclass"))
    with pytest.raises(FaultsError, match="a multiclass task has none"):
        compose(workspace, ["+experiment=small"])


def test_what_a_chosen_file_says_is_blamed_on_the_file(workspace: Workspace) -> None:
    (workspace.conf / "evaluation" / "strict.yaml").write_text("# stricter\ntest_uses: 0\n")
    with pytest.raises(FaultsError, match=r"evaluation\.test_uses \(conf/evaluation/strict\.yaml:2\): found 0"):
        compose(workspace, ["+experiment=small", "evaluation=strict"])
    with pytest.raises(FaultsError, match=r"evaluation\.test_uses \(command line\): found -1"):
        compose(workspace, ["+experiment=small", "evaluation=strict", "evaluation.test_uses=-1"])


CIRCLES = [
    ({"experiment/small": "[small, _self_]"}, ["conf/experiment/small.yaml:1"]),
    ({"experiment/small": "[a, _self_]", "experiment/a": "[small, _self_]"}, ["conf/experiment/a.yaml:1", "conf/experiment/small.yaml:1"]),
    (
        {"experiment/small": "[{/training/tuning: a}, _self_]", "training/tuning/a": "[b@_here_]", "training/tuning/b": "[/training/tuning/a@_here_]"},
        ["conf/training/tuning/a.yaml:1", "conf/training/tuning/b.yaml:1"],
    ),
]


@pytest.mark.parametrize(("lists", "places"), CIRCLES, ids=["itself", "two experiments", "two options"])
def test_defaults_that_go_in_circles_are_told_with_their_entries(workspace: Workspace, small: str, lists: dict[str, str], places: list[str]) -> None:
    for name, listed in lists.items():
        content = small if name == "experiment/small" else ""
        (workspace.conf / f"{name}.yaml").write_text(f"defaults: {listed}\n{content}")
    with pytest.raises(FaultsError) as raised:
        compose(workspace, ["+experiment=small"])
    (fault,) = raised.value.faults
    assert fault.at == places[0]
    assert fault.wrong == f"the defaults come back to where they started: {' > '.join([*places, places[0]])}"
    assert "remove" in fault.hint


def test_a_long_file_is_told_its_length_and_not_blamed_for_aliases(workspace: Workspace) -> None:
    (workspace.conf / "experiment" / "small.yaml").write_text("".join(f"k{i}: 1\n" for i in range(80_000)))
    with pytest.raises(FaultsError) as raised:
        compose(workspace, ["+experiment=small"])
    (fault,) = raised.value.faults
    assert (fault.at, fault.wrong, fault.expected) == (FILE, "holds 160,001 keys and values", "at most 100,000")
