"""Text as a few numbers: the same as scikit-learn's, without it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
from tests.features.steps.made import applied, fitted

from runner.bundle import recipe
from runner.bundle.operations.ngrams import TextProjection, plain


def items(n: int = 300, seed: int = 0) -> pl.DataFrame:
    draw = np.random.default_rng(seed)
    words = [draw.choice(w, n) for w in (["red", "green", "Blue", "🙂"], ["shoe", "shoes", "hat", "Größe"], ["new", "old  ", "", "second hand"])]
    return pl.DataFrame({"item": [" ".join(row) for row in zip(*words, strict=True)]})


def test_the_weights_are_those_of_scikit_learn() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    rows = items()
    (operation,) = fitted(rows, kind="tfidf", columns=["item"], components=4, vocabulary=150).operations
    assert isinstance(operation, TextProjection)
    theirs = TfidfVectorizer(analyzer="char", ngram_range=(2, 4), lowercase=False, sublinear_tf=True, max_features=150)
    texts = rows.select(plain(pl.col("item"))).to_series().to_list()
    theirs.fit(texts)
    assert tuple(theirs.get_feature_names_out()) == operation.vocabulary
    later = [*items(100, 1).select(plain(pl.col("item"))).to_series(), "", "q", "red\u00a0hat hat hat"]
    read = pl.DataFrame({"item": later}).select(plain(pl.col("item"))).to_series()
    expected = theirs.transform(read).toarray() @ operation.components
    assert np.allclose(
        applied(fitted(rows, kind="tfidf", columns=["item"], components=4, vocabulary=150), pl.DataFrame({"item": later})).to_numpy(), expected, atol=1e-12
    )


def test_components_are_the_main_directions_the_strongest_first() -> None:
    rows = items()
    made = applied(fitted(rows, kind="tfidf", columns=["item"], components=5), rows).to_numpy()
    size = (made**2).sum(axis=0)
    assert (np.diff(size) <= 1e-9).all()
    assert np.allclose(made.T @ made, np.diag(size), atol=1e-8)


def test_learning_from_a_draw_of_the_texts_repeats_itself() -> None:
    rows = items()
    one, two = (applied(fitted(rows, kind="tfidf", columns=["item"], max_rows=50), rows) for _ in range(2))
    assert one.equals(two)


def test_scoring_needs_no_scikit_learn(tmp_path: Path) -> None:
    (operation,) = fitted(items(), kind="tfidf", columns=["item"]).operations
    (written,) = recipe.dump([operation], tmp_path)
    program = (
        "import sys, polars as pl; from pathlib import Path; from runner.bundle import load, recipe\n"
        f"rows = recipe.apply(recipe.parse([{written!r}], Path({str(tmp_path)!r})), pl.DataFrame({{'item': ['red hat']}}))\n"
        "assert rows.width == 9; assert 'sklearn' not in sys.modules and 'scipy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
