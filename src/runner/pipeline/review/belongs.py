"""Whether results were made from what a revision declares: numbers of another declaration would mislead its reviewer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from runner.core.digests import of_file, of_value
from runner.core.faults import FaultsError
from runner.data.labels.spec import CORRECTIONS
from runner.experiment.diff import same
from runner.experiment.model import Experiment
from runner.experiment.plugins import behind_room
from runner.pipeline.keys import code_digest, origin_digest, with_plugins
from runner.pipeline.review.reading import Results
from runner.pipeline.review.revision import Revision
from runner.pipeline.review.uses import ledger_at
from runner.pipeline.stages import FEATURES, PROBLEM, stage_of
from runner.pipeline.uses import declared_of
from runner.report.reading import amount, at, record, text, values

# What the problem stage copies into problem.json as it was declared; the policy is resolved there.
COPIED = ("decision", "row", "owner", "task", "target", "positive", "payoff", "baselines", "criterion", "constraints", "feasibility")


def doubts(results: Results, revision: Revision, name: str, same_code: bool) -> list[str]:
    """What the results were surely made from another state of: sections, the raw data, the code; empty where nothing speaks against them.

    DVC's lock holds each section as it was; without it, what the outputs repeat of their declaration is compared.
    same_code: whether the code that is running is the revision's.
    """
    entry, experiment = revision.entries[name], revision.experiment(name)
    raw = [] if _same_raw(results, revision.source_digests(name)) else ["the raw data"]
    if results.locked is not None and results.locked.params:
        declared = sorted({key.partition(".")[0] for key, value in results.locked.params.items() if not same(value, at(entry, *key.split(".")))})
    else:
        declared = _sections(results, entry, experiment) or (["the declaration"] if not raw and _opened_by_another(results, revision, name) else [])
    return [*declared, *raw, *(["the code"] if same_code and experiment is not None and _other_code(results, experiment) else [])]


def _opened_by_another(results: Results, revision: Revision, name: str) -> bool:
    """Whether a ledger says that it was another declaration that opened the test for this verdict."""
    sources, number, seal = revision.source_digests(name), at(results.verdict, "use", "number"), text(results.split, "seal")
    experiment = revision.experiment(name)
    if sources is None or number is None or not seal or experiment is None:
        return False
    entries = [entry for side in (revision, replace(revision, commit=None)) for entry in _ledger(side, name)]
    opened_by = {entry["declared"] for entry in entries if entry.get("seal") == seal and entry.get("use") == number}
    return bool(opened_by) and declared_of(experiment, sources) not in opened_by


def _ledger(revision: Revision, name: str) -> list[dict[str, Any]]:
    try:
        return ledger_at(revision, name)
    except FaultsError:
        return []


def _same_raw(results: Results, digests: Mapping[str, str] | None) -> bool:
    reported = {f"source.{name}": text(source, "sha256") for name, source in record(results.data, "sources").items()}
    verdicts = text(record(results.data, "label", "corrections"), "sha256")
    found = reported | ({f"source.{CORRECTIONS}": verdicts} if verdicts else {})
    return digests is None or not reported or found == digests


def _other_code(results: Results, experiment: Experiment) -> bool:
    made_from = text(record(results.manifest(), "made_from"), "code")
    return bool(made_from) and made_from != with_plugins(code_digest(stage_of("training").code), behind_room(experiment, "training"))


def _sections(results: Results, entry: Mapping[str, Any], experiment: Experiment | None) -> list[str]:
    found = []
    problem = results.problem
    if problem and any(not same(problem.get(key), entry["problem"].get(key)) for key in COPIED):
        found.append("problem")
    split = record(entry["data"], "split")
    if text(results.split, "seal") and (text(results.split, "kind"), len(values(results.split, "folds"))) != (text(split, "kind"), amount(split, "folds")):
        found.append("data")
    steps = results.json(FEATURES["features_report"]).get("steps")
    if steps is not None and not _same_steps(steps, entry["features"].get("steps") or {}):
        found.append("features")
    if experiment is not None and not _trained_from(results, experiment):
        found.append("training")
    slices = {name: text(report, "sql") for name, report in record(results.metrics, "slices").items()}
    if results.metrics and not same(slices, entry["evaluation"].get("slices")):
        found.append("evaluation")
    return found


def _same_steps(reported: Any, declared: Mapping[str, Any]) -> bool:
    """Steps as features.json repeats them, which may leave out what is not said of every kind."""
    if not isinstance(reported, Mapping) or set(reported) != set(declared):
        return False
    return all(same(value, at(declared, name, key)) for name, step in reported.items() for key, value in record(step).items())


def _trained_from(results: Results, experiment: Experiment) -> bool:
    """Whether the chosen candidate says that it was made from this training section, this seed and this problem.json."""
    made_from = text(record(results.manifest(), "made_from"), "config")
    problem = results.path(PROBLEM["problem"])
    if not made_from or problem is None:
        return True
    return made_from == of_value([origin_digest(experiment.training, experiment.seed), of_value({".": of_file(problem)})])
