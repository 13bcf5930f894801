"""Many numbers as a few, as scikit-learn has it."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from tests.features.steps.made import applied, fitted


def measures(n: int = 500, seed: int = 0) -> pl.DataFrame:
    draw = np.random.default_rng(seed)
    hidden = draw.normal(size=(n, 2))
    values = hidden @ draw.normal(size=(2, 6)) + draw.normal(0, 0.1, (n, 6))
    return pl.DataFrame(values * [1, 10, 100, 1, 1, 1e6] + 50, schema=list("abcdef"))


def test_pca_is_that_of_scikit_learn_on_standardised_columns() -> None:
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    rows = measures()
    theirs = PCA(3).fit_transform(StandardScaler().fit_transform(rows.to_numpy()))
    ours = applied(fitted(rows, kind="reduce", columns=list("abcdef"), components=3), rows).to_numpy()
    assert np.allclose(np.abs(ours), np.abs(theirs), atol=1e-8)


def test_svd_is_that_of_scikit_learn_without_the_mean_taken_off() -> None:
    from sklearn.decomposition import TruncatedSVD

    rows = measures()
    theirs = TruncatedSVD(2, algorithm="arpack", random_state=0).fit_transform(rows.to_numpy() / rows.to_numpy().std(axis=0))
    ours = applied(fitted(rows, kind="reduce", columns=list("abcdef"), components=2, how="svd"), rows).to_numpy()
    assert np.allclose(np.abs(ours), np.abs(theirs), atol=1e-6)


def test_rows_in_another_order_give_the_same_signs() -> None:
    rows = measures()
    one, two = (applied(fitted(taught, kind="reduce", columns=list("abcdef"), components=2), rows).to_numpy() for taught in (rows, rows.reverse()))
    assert np.allclose(one, two, atol=1e-8)


@pytest.mark.parametrize("how", ["pca", "svd"])
def test_a_missing_value_counts_as_the_mean(how: str) -> None:
    rows = measures()
    step = fitted(rows, kind="reduce", columns=list("abcdef"), components=2, how=how)
    gap, mean = rows[:1].with_columns(a=pl.lit(None, pl.Float64)), rows[:1].with_columns(a=rows["a"].mean())
    assert applied(step, gap).to_numpy() == pytest.approx(applied(step, mean).to_numpy(), rel=1e-9)
