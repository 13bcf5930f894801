"""Draws that hang on a row's number and a seed alone: the same whatever rows stand beside it, whatever threads or chunks."""

from __future__ import annotations

import polars as pl

# Multipliers of splitmix64 (Steele, Lea & Flood 2014): every bit of a number reaches every bit of the draw.
GAMMA, MIX = 0x9E3779B97F4A7C15, (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
WORD = 1 << 64


def mixed(number: pl.Expr, seed: int) -> pl.Expr:
    """UInt64 draws, even over all of UInt64, from whole numbers that are not negative, by splitmix64; products wrap around."""
    state = number.cast(pl.UInt64) + pl.lit((seed * GAMMA + GAMMA) % WORD, pl.UInt64)
    for shift, factor in ((30, MIX[0]), (27, MIX[1])):
        state = (state ^ (state // pl.lit(1 << shift, pl.UInt64))) * pl.lit(factor, pl.UInt64)
    return state ^ (state // pl.lit(1 << 31, pl.UInt64))
