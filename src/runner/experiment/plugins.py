"""Plugins of an experiment: brought before config is validated, and their digests kept where the rooms that use them declare themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from runner.bundle.decide import POLICIES
from runner.core import plugins
from runner.core.around import AroundSpec, RoomSpec
from runner.core.faults import Fault, FaultsError, listed, nearest
from runner.core.plugins import Plugin
from runner.core.registry import Registration, part
from runner.core.spec import KindSpec, Spec
from runner.core.workspace import NAME_PATTERN, Workspace
from runner.data.sources.source import FileSourceSpec
from runner.data.splits.split import SplitSpec
from runner.experiment.model import ROOMS, Experiment
from runner.features.steps.fitting import StepSpec
from runner.stats.metrics import MetricSpec
from runner.stats.scores import SCORES
from runner.training.models.space import CandidateSpec

# What a family's specs are made of: the class they extend, and what they must have beside it.
FORMS: dict[str, tuple[type[Spec], tuple[str, ...]]] = {
    "source": (FileSourceSpec, ()),
    "split": (SplitSpec, ("walks_forward", "folds")),
    "step": (StepSpec, ("learns",)),
    "candidate": (CandidateSpec, ("interpretable", "space")),
    "policy": (KindSpec, ()),
    "metric": (MetricSpec, ("tasks",)),
    "before": (AroundSpec, ("rooms",)),
    "after": (AroundSpec, ("rooms",)),
}
# After these rooms nothing is left that a refusal could stop; a check of what evaluation found stands before deployment.
NOTHING_AFTER = ("evaluation", "deployment", "monitoring")


def bring(workspace: Workspace, named: Any) -> None:
    """Let config choose the parts of the listed plugins and of no others; their code runs here, once per process.

    named: the value of the key `plugins`; anything but a list of text is left to validation. Raises FaultsError.
    """
    paths = named if isinstance(named, list) and all(isinstance(path, str) for path in named) else []
    found = plugins.load(workspace.root, paths)
    faults = [fault for i, plugin in enumerate(found) for fault in _malformed(plugin, f"plugins.{i}")]
    if faults:
        raise FaultsError(faults)
    plugins.use(found)


def _malformed(plugin: Plugin, at: str) -> Iterator[Fault]:
    for registered in plugin.parts:
        told = f"{plugin.path}: the {registered.family} kind {registered.kind!r}"
        form = FORMS.get(registered.family)
        if (form is None) != (registered.spec is None):
            yield Fault(at, f"{told} is registered with {'a word' if form else 'a spec'}", "a spec class" if form else "a word", "see docs/plugins.md")
        elif form is not None and registered.spec is not None:
            yield from (Fault(at, f"{told}: {wrong}", expected, "see docs/plugins.md") for wrong, expected in _shape(registered, *form))


def _shape(registered: Registration, base: type[Spec], needed: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    spec: Any = registered.spec
    if not issubclass(spec, base):
        yield f"its spec is no {base.__name__}", f"class {spec.__name__}({base.__name__})"
    lacking = [name for name in needed if not hasattr(spec, name) and name not in spec.model_fields]
    if lacking:
        yield f"its spec lacks {listed(lacking)}", f"what every {registered.family} declares"
    if not spec.__doc__:
        yield "its spec has no docstring", "a sentence that `explain` can show"


def with_digests(experiment: Experiment) -> Experiment:
    """The experiment with `plugins` filled in: for each room the plugin files that it uses, with their SHA-256."""
    return experiment.model_copy(update={room: _filled(experiment, room) for room in ROOMS})


def _filled(experiment: Experiment, room: str) -> RoomSpec:
    section: RoomSpec = getattr(experiment, room)
    used = behind_room(experiment, room) | plugins.behind([section.before, section.after])
    return section.model_copy(update={"plugins": dict(sorted(used.items()))})


def behind_room(experiment: Experiment, room: str) -> dict[str, str]:
    """The plugins whose code is part of what a room does, without the steps around it: path to SHA-256."""
    section = getattr(experiment, room)
    used = plugins.behind([getattr(section, name) for name in type(section).model_fields if name not in RoomSpec.common()])
    # A room may run more than its own section names: the source it has a first look at, steps that are fitted inside folds.
    if room == "problem":
        used |= plugins.behind(experiment.data.sources.get(experiment.data.primary))
    if room == "features":
        used |= plugins.registering("operation")
    if room == "training":
        used |= plugins.behind(experiment.features.steps) | plugins.registering("model", "operation")
    return dict(sorted(used.items()))


def digests(experiment: Experiment) -> dict[str, str]:
    """Every plugin that some room uses: path to SHA-256."""
    return {path: digest for room in ROOMS for path, digest in getattr(experiment, room).plugins.items()}


def changed(written: Experiment) -> Iterator[Fault]:
    """What params.yaml says of plugins and is no longer so."""
    now = with_digests(written)
    for room in ROOMS:
        before, after = getattr(written, room).plugins, getattr(now, room).plugins
        for path in sorted(before.keys() | after.keys()):
            if before.get(path) != after.get(path):
                yield Fault(f"{room}.plugins", f"{path} is not the file that was composed with", "the plugin as params.yaml names it")


def given_faults(given: Mapping[str, Any]) -> Iterator[Fault]:
    """Digests are filled in; what conf/ says of them would be an opinion."""
    for room in ROOMS:
        section = given.get(room)
        if isinstance(section, Mapping) and "plugins" in section:
            yield Fault(f"{room}.plugins", "is filled in by compose", "nothing here", "list plugin files under the key `plugins` of the experiment")


def faults(experiment: Experiment) -> list[Fault]:
    """Faults of declared parts that only their plugins can tell, and of steps around rooms."""
    found = [fault for room in ROOMS for when in ("before", "after") for fault in _around(room, when, getattr(getattr(experiment, room), when))]
    return [*found, *_candidates(experiment), *_metrics(experiment), *_policy(experiment)]


def _around(room: str, when: str, steps: Mapping[str, AroundSpec]) -> Iterator[Fault]:
    for name, step in steps.items():
        at = f"{room}.{when}.{name}"
        if not NAME_PATTERN.fullmatch(name):
            yield Fault(at, f"{name!r} cannot name a step", "lower-case letters, digits and underscores, starting with a letter")
        if room not in type(step).rooms:
            yield Fault(at, f"the kind {step.kind!r} does not stand at {room}", f"one of {listed(type(step).rooms)}")
        if when == "after" and room in NOTHING_AFTER:
            yield Fault(at, f"nothing that it refuses could be stopped after {room}", "an earlier room", "deployment.before looks at what evaluation found")


def _candidates(experiment: Experiment) -> Iterator[Fault]:
    task = experiment.problem.task
    for name, candidate in experiment.training.candidates.items():
        if task not in type(candidate).tasks:
            wrong = f"the kind {candidate.kind!r} cannot learn a {task} task"
            yield Fault(f"training.candidates.{name}", wrong, f"a kind that can; this one is for {listed(type(candidate).tasks)}")


def _metrics(experiment: Experiment) -> Iterator[Fault]:
    task = experiment.problem.task
    for name, metric in experiment.evaluation.metrics.items():
        at = f"evaluation.metrics.{name}"
        if task not in type(metric).tasks:
            yield Fault(at, f"the metric {metric.kind!r} has no meaning for a {task} task", f"a metric for it; this one is for {listed(type(metric).tasks)}")
        if name in SCORES[task]:
            yield Fault(at, f"{name!r} is the name of a score that is always shown", "a name of its own")


def _policy(experiment: Experiment) -> Iterator[Fault]:
    """A plugin's policy comes down to one that bundles know: scoring decides without its code."""
    policy = experiment.problem.policy
    if not plugins.behind(policy):
        return
    resolved = part("policy", policy.kind)(policy, experiment.problem.positive)
    kind = resolved.get("kind") if isinstance(resolved, Mapping) else None
    if kind not in POLICIES:
        near = nearest(str(kind), POLICIES)
        yield Fault("problem.policy", f"the kind {policy.kind!r} comes down to {kind!r}, which no bundle decides by", f"one of {listed(POLICIES)}", near)
    elif lacking := [key for key in POLICIES[kind] if key not in resolved]:
        yield Fault("problem.policy", f"the kind {policy.kind!r} comes down to {kind} without {listed(lacking)}", f"all of {listed(POLICIES[kind])}")
