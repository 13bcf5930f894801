"""Consensus, agreement and annotator quality, against known confusion and published examples."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from runner.data.labels.agreement import alpha, alpha_of
from runner.data.labels.annotations import Annotated, gather
from runner.data.labels.consensus import consensus_of, posterior_with
from runner.data.labels.quality import annotators, information
from runner.data.labels.spec import AnnotationsSpec
from runner.problem.task import Task

SPEC = AnnotationsSpec(source="s", keys={"id": "id"}, annotator="who", label="says")


def annotated(said: dict[str, str], labels: str) -> Annotated:
    """Annotator to what it says of item 0, 1, ..., one letter each; '.' where it says nothing."""
    rows = [{"id": i, "who": who, "says": mark} for who, marks in said.items() for i, mark in enumerate(marks) if mark != "."]
    task = Task("multiclass", "y", "a row", None, tuple(labels))
    return gather(SPEC, pl.DataFrame(rows), task, "string", "said")


def simulated(n: int, errors: np.ndarray, prior: list[float], share: float, seed: int) -> tuple[Annotated, np.ndarray]:
    """n items labelled by annotators with known error rates, each seeing a share of them."""
    draw = np.random.default_rng(seed)
    labels = [chr(97 + k) for k in range(len(prior))]
    truth = draw.choice(len(prior), n, p=prior)
    item, who = (draw.random((n, len(errors))) < share).nonzero()
    said = (draw.random(len(item))[:, None] > errors[who, truth[item]].cumsum(axis=1)).sum(axis=1).clip(0, len(prior) - 1)
    rows = pl.DataFrame({"id": item, "who": [f"w{j}" for j in who], "says": [labels[k] for k in said]})
    task = Task("multiclass", "y", "a row", None, tuple(labels))
    found = gather(SPEC, rows, task, "string", "said")
    return found, truth[found.keys["id"].to_numpy()]


ERRORS = np.array([[[0.95, 0.05], [0.1, 0.9]], [[0.8, 0.2], [0.3, 0.7]], [[0.9, 0.1], [0.4, 0.6]], [[0.5, 0.5], [0.5, 0.5]], [[0.3, 0.7], [0.8, 0.2]]])


def test_known_error_rates_are_recovered() -> None:
    found, truth = simulated(2500, ERRORS, [0.7, 0.3], 0.8, seed=1)
    consensus = consensus_of(found)
    assert consensus.converged
    assert np.abs(consensus.errors - ERRORS).max() < 0.06
    assert abs(consensus.prior[1] - 0.3) < 0.03
    votes = np.zeros((len(truth), 2))
    np.add.at(votes, (found.item, found.label), 1)
    right, majority = (consensus.posterior.argmax(1) == truth).mean(), (votes.argmax(1) == truth).mean()
    assert right > majority + 0.05, "one who is always wrong helps, once it is known"


def test_probabilities_of_the_consensus_can_be_taken_at_their_word() -> None:
    found, truth = simulated(4000, ERRORS, [0.7, 0.3], 0.5, seed=2)
    posterior = consensus_of(found).posterior
    sure = posterior.max(axis=1)
    for low, high in ((0.5, 0.7), (0.7, 0.9), (0.9, 1.0)):
        here = (sure > low) & (sure <= high)
        assert abs((posterior.argmax(1) == truth)[here].mean() - sure[here].mean()) < 0.05


def test_annotators_are_ranked_by_what_their_labels_tell() -> None:
    found, _ = simulated(2500, ERRORS, [0.7, 0.3], 0.8, seed=1)
    told = annotators(found, consensus_of(found))
    assert [told[0]["annotator"], told[-1]["annotator"]] == ["w0", "w3"]
    assert told[-1]["information"] < 0.01
    assert abs(told[0]["accuracy"] - (0.7 * 0.95 + 0.3 * 0.9)) < 0.03
    mirrored = next(one for one in told if one["annotator"] == "w4")
    assert mirrored["most_often"] == {"says": "b", "for": "a", "share": pytest.approx(0.7, abs=0.05)}
    assert mirrored["accuracy"] < 0.5 < mirrored["information"] * 10, "always wrong is worth more than guessing"
    assert information(np.array([0.5, 0.5]), np.eye(2)) == pytest.approx(1.0)


def test_a_single_label_by_a_stranger_is_believed_as_one_of_the_average_annotator() -> None:
    found, _ = simulated(500, ERRORS[:2], [0.5, 0.5], 1.0, seed=3)
    rows = [{"id": i, "who": f"w{j}", "says": found.labels[k]} for i, j, k in zip(found.item, found.annotator, found.label, strict=True)]
    rows.append({"id": 500, "who": "new", "says": "a"})
    more = gather(SPEC, pl.DataFrame(rows), Task("multiclass", "y", "a row", None, ("a", "b")), "string", "said")
    consensus = consensus_of(more)
    assert 0.6 < consensus.posterior[500, 0] < 0.99


def test_a_model_s_probability_joins_in_as_the_probability_before() -> None:
    found = annotated({"ann": "aab", "bo": "aab"}, "ab")
    consensus = consensus_of(found)
    surer = posterior_with(consensus.likelihood, np.array([[0.01, 0.99]] * 3))
    assert surer[0, 0] < consensus.posterior[0, 0]


# Krippendorff (2011), Computing Krippendorff's alpha-reliability, sections B and C, and the three observers of his Content Analysis.
TWO = {"Ben": "aabbdcccedda", "Gerry": "babbbccceddd"}
FOUR = {"A": "123321412...", "B": "1233224125.3", "C": ".3332342251.", "D": "12332441251."}
THREE = {"A": ".....34121133.3", "B": "1.213343.......", "C": "..21344.21133.4"}


@pytest.mark.parametrize(("said", "labels", "published"), [(TWO, "abcde", 0.692), (FOUR, "12345", 0.743), (THREE, "1234", 0.691)])
def test_alpha_is_that_of_the_published_examples(said: dict[str, str], labels: str, published: float) -> None:
    assert alpha_of(annotated(said, labels), 1)["value"] == pytest.approx(published, abs=5e-4)


def test_alpha_is_one_for_perfect_agreement_and_near_zero_for_chance() -> None:
    assert alpha_of(annotated({"a": "xyxy", "b": "xyxy"}, "xy"), 1)["value"] == 1.0
    draw = np.random.default_rng(0)
    chance = {who: "".join(draw.choice(["x", "y"], 400)) for who in "abc"}
    told = alpha_of(annotated(chance, "xy"), 1)
    assert told["low"] < 0 < told["high"]


@pytest.mark.parametrize(("said", "why"), [({"a": "xy", "b": ".."}, "no row has labels by two"), ({"a": "xx", "b": "xx"}, "only one label")])
def test_alpha_is_unknown_where_nothing_can_be_compared(said: dict[str, str], why: str) -> None:
    told = alpha_of(annotated(said, "xy"), 1)
    assert told["value"] is None
    assert why in told["why"]


def test_the_interval_of_alpha_holds_the_truth_as_often_as_it_says() -> None:
    """40 samples of 150 items from one world: the intervals at 95% miss its alpha a few times at most."""
    errors = ERRORS[:3]
    world, _ = simulated(20000, errors, [0.7, 0.3], 1.0, seed=9)
    truth = alpha_of(world, 1)["value"]
    missed = 0
    for seed in range(40):
        told = alpha_of(simulated(150, errors, [0.7, 0.3], 1.0, seed=seed)[0], seed)
        missed += not told["low"] <= truth <= told["high"]
    assert missed <= 6


def test_alpha_weighs_rows_as_if_they_stood_there_that_often() -> None:
    patterns = np.array([[2, 0], [1, 1], [0, 3]])
    once = alpha(np.repeat(patterns, [3, 2, 4], axis=0), np.ones((1, 9)))
    assert alpha(patterns, np.array([[3.0, 2.0, 4.0]])) == pytest.approx(once)
