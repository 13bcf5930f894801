"""Training rows against the later rows of the test: what would tell a model whence a row comes?

Only which columns tell them apart, never an outcome, is read of the sealed rows.
"""

from __future__ import annotations

from runner.core.seeds import seed_for
from runner.data.quality.finding import Finding
from runner.data.quality.look import Look, sampled
from runner.data.quality.two_samples import ROWS, told_apart

LEAST_ROWS = 50


def check(look: Look) -> list[Finding]:
    """Only where the split goes by time: a test drawn at random differs from training by chance alone."""
    if look.test is None or not look.in_time:
        return []
    columns = [name for name in look.seen if name != look.clock]
    n_rows = int(look.test.select("row_id").collect(engine="streaming").height)
    if min(n_rows, look.sample.height) < LEAST_ROWS or not columns:
        return []
    theirs = sampled(look.test.select("row_id", *columns), n_rows, ROWS, seed_for(look.seed, "data", "quality", "later"))
    apart = told_apart(look.sample, theirs, columns, seed_for(look.seed, "data", "quality", "later trees"))
    if apart is None:
        return []
    hint = "expect less than out of fold: what these columns taught belongs to their time; a ratio, or the difference to the usual, lasts longer"
    return [Finding("info", "the test's rows are not like the training rows", apart.evidence, n_rows, "two_samples", apart.leading, next=hint)]
