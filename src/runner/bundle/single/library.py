"""Functions of the C library: Python and Polars both call them, so that they give the same to the bit, where they are the same."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from random import Random

import polars as pl

from runner.bundle.single.functions import HandBackError

# Two libraries that both round to the nearest number in all but rare cases still differ in one of some thousand values.
N_TRIED = 20_000
CALLS: dict[str, tuple[Callable[[pl.Expr], pl.Expr], Callable[[float], float]]] = {
    '{"Trigonometry": "Sin"}': (pl.Expr.sin, math.sin),
    '{"Trigonometry": "Cos"}': (pl.Expr.cos, math.cos),
    '{"Trigonometry": "ArcSin"}': (pl.Expr.arcsin, math.asin),
    '{"Trigonometry": "Radians"}': (pl.Expr.radians, math.radians),
    '"Log"': (pl.Expr.log, math.log),
    '"Log1p"': (pl.Expr.log1p, math.log1p),
    '"Exp"': (pl.Expr.exp, math.exp),
}


def shared(name: str) -> Callable[[float], float] | None:
    """The function of a name in an expression; None where there is none, or it is not the same here."""
    return _handing_back(CALLS[name][1]) if name in CALLS and _is_same(name) else None


@cache
def _is_same(name: str) -> bool:
    by_polars, own = CALLS[name]
    draw = Random(0)  # noqa: S311 - the same values each time; nothing secret
    values = [draw.uniform(-1, 1) * 10.0 ** draw.uniform(-3, 2) for _ in range(N_TRIED)]
    expected = pl.DataFrame({"x": values}).select(by_polars(pl.col("x"))).to_series().to_list()
    plain = _handing_back(own)
    for value, wanted in zip(values, expected, strict=True):
        try:
            if plain(value) != wanted:
                return False
        except HandBackError:
            continue
    return True


def _handing_back(own: Callable[[float], float]) -> Callable[[float], float]:
    """Python refuses what is out of a function's domain or too large."""

    def result(value: float) -> float:
        try:
            return own(value)
        except (ValueError, OverflowError):
            raise HandBackError from None

    return result
