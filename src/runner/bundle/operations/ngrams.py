"""Text as a few numbers: counts of short runs of characters, weighted, projected and added up."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from runner.bundle.columns import beside
from runner.core.files import write_parquet
from runner.core.registry import register

# Texts at a time: their n-grams stay in the processor's cache.
BLOCK = 2048
# Stands between texts; `plain` leaves none inside.
END = "\n"
DEAD, ROOT = 0, 1
WHITE = re.compile(r"[\t\n\x0b\x0c\r ]+")


def plain(text: pl.Expr) -> pl.Expr:
    """Text in lower case, with one blank for each run of white space and none at the ends."""
    return text.cast(pl.String).str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()


def plain_ascii(text: str) -> str:
    """The same of one text of ASCII signs, without a query.

    >>> plain_ascii("  Late\\t AGAIN ")
    'late again'
    """
    return " ".join(part for part in WHITE.split(text.lower()) if part)


class Trie:
    """Finds every n-gram of a vocabulary in text, all characters at a time.

    vocabulary: non-empty texts without line ends; lengths: least and greatest number of characters.
    """

    def __init__(self, vocabulary: Sequence[str], lengths: tuple[int, int]) -> None:
        self.lengths = lengths
        signs = sorted({ord(sign) for gram in vocabulary for sign in gram})
        # Position 0 is any character that no n-gram holds; so is whatever lies beyond the last one.
        self._code = np.zeros((signs[-1] if signs else 0) + 2, dtype=np.int32)
        self._code[signs] = np.arange(1, len(signs) + 1)
        steps: dict[tuple[int, int], int] = {}
        ends: dict[int, int] = {}
        for number, gram in enumerate(vocabulary):
            node = ROOT
            for sign in gram:
                node = steps.setdefault((node, int(self._code[ord(sign)])), len(steps) + 2)
            ends[node] = number
        self._next = np.full((len(steps) + 2, len(signs) + 1), DEAD, dtype=np.int32)
        self._term = np.full(len(steps) + 2, -1, dtype=np.int64)
        for (node, code), after in steps.items():
            self._next[node, code] = after
        self._term[list(ends)] = list(ends.values())

    def found(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Text number and vocabulary position of each n-gram found, Int64, in no order to rely on."""
        signs = np.frombuffer(END.join(texts).encode("utf-32-le"), dtype=np.uint32)
        codes = self._code[np.minimum(signs, len(self._code) - 1)]
        owner = np.repeat(np.arange(len(texts)), [len(text) + 1 for text in texts])
        node = np.full(len(codes), ROOT, dtype=np.int32)
        owners, terms = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for n in range(self.lengths[1]):
            node = self._next[node[: len(codes) - n], codes[n:]]
            if n + 1 >= self.lengths[0]:
                term = self._term[node]
                at = np.flatnonzero(term >= 0)
                owners.append(owner[at])
                terms.append(term[at])
        return np.concatenate(owners), np.concatenate(terms)


@dataclass(frozen=True)
class TextProjection:
    """Add columns that tell what a text is about: TF-IDF of its character n-grams, scaled to length 1, times the components.

    name: of its file; of: the column of text; made: the k new columns; lengths: of the n-grams; vocabulary: V n-grams;
    idf: (V,) Float64; components: (V, k) Float64. Term frequency is 1 + ln(count).
    Text without a known n-gram gets zeros, a missing one no values.
    """

    name: str
    of: str
    made: tuple[str, ...]
    lengths: tuple[int, int]
    vocabulary: tuple[str, ...]
    idf: np.ndarray
    components: np.ndarray
    _trie: Trie = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_trie", Trie(self.vocabulary, self.lengths))

    def apply(self, rows: pl.DataFrame) -> pl.DataFrame:
        given = rows.get_column(self.of).cast(pl.String)
        if rows.height == 1 and (given[0] is None or given[0].isascii()):
            return beside(rows, self._projected(given if given[0] is None else pl.Series(self.of, [plain_ascii(given[0])])))
        text = given.to_frame().select(plain(pl.col(self.of))).to_series()
        if rows.height == 1:
            return beside(rows, self._projected(text))
        known = text.drop_nulls().unique(maintain_order=True)
        table = pl.DataFrame([known.alias(self.of), *self._projected(known)])
        found = text.alias(self.of).to_frame().join(table, on=self.of, how="left", maintain_order="left")
        return rows.with_columns(found.select(self.made).get_columns())

    def _projected(self, text: pl.Series) -> list[pl.Series]:
        texts = text.fill_null("").to_list()
        values = np.zeros((len(texts), len(self.made)))
        for start in range(0, len(texts), BLOCK):
            values[start : start + BLOCK] = self._block(texts[start : start + BLOCK])
        columns = [pl.Series(made, values[:, i]) for i, made in enumerate(self.made)]
        return [column.set(text.is_null(), None) for column in columns] if text.null_count() else columns

    def _block(self, texts: list[str]) -> np.ndarray:
        owner, term, weight = self.weights(texts)
        n = len(texts)
        # bincount adds in the order of the terms, whatever texts stand beside one.
        size = np.sqrt(np.bincount(owner, weight * weight, minlength=n))
        weight = weight / size[owner]
        return np.column_stack([np.bincount(owner, weight * self.components[term, i], minlength=n) for i in range(len(self.made))])

    def weights(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Text number, vocabulary position and TF-IDF of each n-gram that a text holds, by text and position; texts are `plain`."""
        owners, terms = self._trie.found(texts)
        width = max(1, len(self.vocabulary))
        cells = np.sort(owners * width + terms)
        starts = np.flatnonzero(np.diff(cells, prepend=-1))
        counts = np.diff(starts, append=len(cells))
        owner, term = np.divmod(cells[starts], width)
        frequency = np.array([0.0, *(1.0 + log(n) for n in range(1, int(counts.max(initial=0)) + 1))])
        return owner, term, frequency[counts] * self.idf[term]

    def save(self, folder: Path) -> dict[str, Any]:
        file = f"{self.name}.parquet"
        components = {f"component_{i}": self.components[:, i] for i in range(len(self.made))}
        write_parquet(folder / file, pl.DataFrame({"ngram": pl.Series(self.vocabulary, dtype=pl.String), "idf": self.idf, **components}))
        return {"op": "text_projection", "table": file, "of": self.of, "made": list(self.made), "lengths": list(self.lengths)}


@register("operation", "text_projection")
def read_text_projection(written: Mapping[str, Any], folder: Path) -> TextProjection:
    """Read what save wrote."""
    table = pl.read_parquet(folder / written["table"])
    made, (least, greatest) = tuple(written["made"]), written["lengths"]
    components = table.select(f"component_{i}" for i in range(len(made))).to_numpy(order="c")
    stem = Path(written["table"]).stem
    return TextProjection(stem, written["of"], made, (least, greatest), tuple(table["ngram"]), table["idf"].to_numpy(), components)
