"""The file that is written reads back as the values it was written from, whichever YAML reads it."""

from __future__ import annotations

import io
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf._utils import get_yaml_loader
from ruamel.yaml import YAML

from runner.proposal.write import OneLine, Remark, scalar, text

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    [
        "no",
        "Yes",
        "on",
        "y",
        "null",
        "~",
        "12:30",
        "010",
        "1e3",
        "1_000",
        "0x1f",
        ".5",
        "- a",
        "a: b",
        "a #b",
        "#",
        "<<",
        "=",
        "%a",
        "@b",
        "'",
        '"',
        "a ",
        "NaN",
        "e",
    ]
)
PLAIN = st.one_of(st.none(), st.booleans(), st.integers(-(10**9), 10**9), st.floats(allow_nan=False, allow_infinity=False), WORDS)
LISTS = st.lists(PLAIN, max_size=4)


def trees(depth: int) -> st.SearchStrategy[dict[str, Any]]:
    below = PLAIN | LISTS | st.dictionaries(WORDS, PLAIN | LISTS, min_size=1, max_size=3).map(OneLine)
    if depth:
        below |= trees(depth - 1).filter(bool)
    return st.dictionaries(WORDS, below, max_size=4)


@settings(deadline=None, max_examples=200)
@given(trees(2), WORDS)
def test_a_config_reads_back_in_every_yaml(config: dict[str, Any], said: str) -> None:
    remarks = {(key,): Remark(above=(said, "two"), beside=said) for key in config}
    written = text(config, remarks, frozenset(config))
    if not config:
        assert written == ""
        return
    assert yaml.safe_load(written) == config
    assert yaml.load(written, Loader=get_yaml_loader()) == config
    assert YAML(typ="safe", pure=True).load(io.StringIO(written)) == config


def test_plain_words_stay_plain() -> None:
    assert text({"a": {"sql": "tenure <= 12 AND plan = 'basic'", "b": [1, "x"]}}, {("a", "sql"): Remark(beside="why")}) == (
        "a:\n  sql: tenure <= 12 AND plan = 'basic' # why\n  b: [1, x]\n"
    )
    assert [scalar(word) for word in ("credit_risk", "no", "12:30")] == ["credit_risk", '"no"', '"12:30"']
