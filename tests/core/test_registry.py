"""Kinds are chosen by a word, and one word has one meaning."""

from typing import Annotated, Literal

import pytest
from pydantic import TypeAdapter, ValidationError

from runner.core.registry import Registered, kinds, register
from runner.core.spec import KindSpec
from runner.features.spec import FeaturesSpec

assert FeaturesSpec


def test_an_unknown_kind_names_those_that_exist() -> None:
    with pytest.raises(ValidationError, match="does not match any of the expected tags"):
        TypeAdapter(Annotated[KindSpec, Registered("step")]).validate_python({"kind": "sqll"})


def test_a_taken_word_is_refused() -> None:
    class Twin(KindSpec):
        kind: Literal["sql"]

    with pytest.raises(ValueError, match="already registered"):
        register("step", Twin)


@pytest.mark.parametrize("family", ["source", "split", "step", "candidate", "policy"])
def test_every_registered_spec_explains_itself(family: str) -> None:
    for kind, spec in kinds(family).items():  # type: ignore[arg-type]
        assert spec.__doc__, kind
