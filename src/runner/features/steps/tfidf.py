"""What a text is about, in a few numbers."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from runner.bundle.operations.ngrams import TextProjection, plain
from runner.core.registry import register
from runner.core.seeds import seed_for
from runner.core.spec import Complaint, ComplaintsError
from runner.features.steps.fitting import FittedStep, Fitting, StepSpec, suffixed


class TfidfSpec(StepSpec):
    """TF-IDF of a text's runs of characters, projected on its main directions by a truncated SVD, named `<column>_text_1` and so on.

    Texts with the same roots, endings or spelling mistakes come out near each other. Case and repeated white space do not count.
    Source: Salton and Buckley (1988), term-weighting approaches in automatic text retrieval; Deerwester et al. (1990), indexing by
    latent semantic analysis.
    """

    learns: ClassVar[bool] = True
    takes: ClassVar[Literal["text"]] = "text"
    kind: Literal["tfidf"]
    columns: list[str] = Field(min_length=1)
    """Columns of free text."""
    components: int = Field(default=8, ge=1, le=100)
    """How many numbers each text becomes."""
    shortest: int = Field(default=2, ge=1, le=8)
    """Characters of the shortest runs."""
    longest: int = Field(default=4, ge=1, le=8)
    """Characters of the longest runs."""
    vocabulary: int = Field(default=5000, ge=1, le=100_000)
    """How many runs are kept, the most common ones."""
    max_rows: int = Field(default=20_000, ge=1)
    """Texts that are looked at to learn, a seeded draw where there are more."""

    @model_validator(mode="after")
    def _in_order(self) -> Any:
        if self.shortest > self.longest:
            raise ComplaintsError([Complaint(("shortest",), f"is {self.shortest}, longer than `longest`, which is {self.longest}", f"at most {self.longest}")])
        return self


@register("step", TfidfSpec)
def fit(spec: TfidfSpec, given: Fitting) -> FittedStep:
    """Vocabulary, weights and components of each column."""
    operations = tuple(_projection(spec, given, column) for column in spec.columns)
    return FittedStep(operations, tuple(name for o in operations for name in o.made))


def _projection(spec: TfidfSpec, given: Fitting, column: str) -> TextProjection:
    texts = given.rows.select(plain(pl.col(column))).to_series().drop_nulls()
    seed = seed_for(given.seed, given.step, column)
    if texts.len() > spec.max_rows:
        texts = texts.gather(np.sort(np.random.default_rng(seed).choice(texts.len(), spec.max_rows, replace=False)))
    vocabulary, idf, counts = _counted(spec, texts)
    components = _components(counts, spec.components, seed)
    made = tuple(suffixed(column, "text", str(i + 1)) for i in range(spec.components))
    return TextProjection(f"{given.step}__{column}", column, made, (spec.shortest, spec.longest), vocabulary, idf, components)


def _counted(spec: TfidfSpec, texts: pl.Series) -> tuple[tuple[str, ...], np.ndarray, Any]:
    """The vocabulary, its weights (V,) and the texts' sparse (n, V) TF-IDF; V is 0 where no text is long enough."""
    if not (texts.str.len_chars() >= spec.shortest).any():
        return (), np.empty(0), np.empty((0, 0))
    from sklearn.feature_extraction.text import TfidfVectorizer

    counter = TfidfVectorizer(
        analyzer="char", ngram_range=(spec.shortest, spec.longest), lowercase=False, max_features=spec.vocabulary, sublinear_tf=True, dtype=np.float64
    )
    found = counter.fit_transform(texts.to_list())
    return tuple(map(str, counter.get_feature_names_out())), np.asarray(counter.idf_, dtype=float), found


def _components(texts: Any, k: int, seed: int) -> np.ndarray:
    """(V, k) the first right singular vectors of sparse (n, V) rows, each with its largest weight positive; zeros beyond the rank."""
    from threadpoolctl import threadpool_limits

    weights = np.zeros((texts.shape[1], k))
    room = min(texts.shape)
    if not room:
        return weights
    # How BLAS adds depends on its threads.
    with threadpool_limits(limits=1):
        if room <= 2 * k:
            _, size, found = np.linalg.svd(texts.toarray(), full_matrices=False)
            found = found[size > size[0] * 1e-10][:k]
        else:
            from sklearn.decomposition import TruncatedSVD

            found = TruncatedSVD(n_components=k, algorithm="arpack", random_state=seed).fit(texts).components_
    weights[:, : len(found)] = found.T
    largest = weights[np.abs(weights).argmax(axis=0), np.arange(k)]
    return np.asarray(weights * np.where(largest < 0, -1.0, 1.0))
