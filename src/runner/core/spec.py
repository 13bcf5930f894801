"""The one base class of everything that config may declare."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Spec(BaseModel):
    """Frozen, strict, and deaf to unknown keys: a typing error in config is a fault, never a default."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


class KindSpec(Spec):
    """A spec that config chooses by its `kind` word; subclasses narrow it to a literal."""

    kind: str
