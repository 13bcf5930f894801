"""Seeds named by where they are used."""

from __future__ import annotations

from hashlib import sha256


def seed_for(experiment_seed: int, *path: str | int) -> int:
    """A seed in [0, 2**31) named by its use, so that adding a fold never shifts another fold's draws.

    >>> seed_for(7, "training", "trees", 0) == seed_for(7, "training", "trees", 0)
    True
    >>> seed_for(7, "training", "trees", 0) == seed_for(7, "training", "trees", 1)
    False
    """
    name = "/".join(map(str, (experiment_seed, *path)))
    # LightGBM and CatBoost take signed 32-bit seeds: keep 31 bits.
    return int.from_bytes(sha256(name.encode()).digest()[:4], "big") >> 1
