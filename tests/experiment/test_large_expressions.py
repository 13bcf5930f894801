"""Expressions that would overflow the stack of the engine are refused in words, wherever they stand, before the engine sees them."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from runner.core.expressions import TooLargeError, parse, syntax_fault
from runner.core.faults import FaultsError
from runner.core.workspace import Workspace

LONG = "+".join(["amount"] * 9_000)
MANY = "+".join(["n"] * 4_000)
FILE = "conf/experiment/small.yaml"


def test_long_expressions_end_a_check_in_words(workspace: Workspace, small: str) -> None:
    broken = (
        small.replace("SQRT(amount)", LONG)
        .replace('"yes": amount - 1', f'"yes": "{LONG}"')
        .replace("{large: amount > 100}", f'{{large: "{" AND ".join(["amount > 1"] * 20_000)}"}}')
        .replace("{sql: amount > 100}", f'{{sql: "{LONG} > 1"}}')
        .replace("  primary: customers\n", f'  primary: customers\n  derive: {{twice: "{LONG}"}}\n  filter: "{LONG} > 1"\n')
    )
    (workspace.root / FILE).write_text(broken)
    words = [sys.executable, "-m", "runner", "check", "--no-data", "+experiment=small"]
    done = subprocess.run(words, cwd=workspace.root, env=os.environ | {"NO_COLOR": "1"}, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2, done.stderr
    told = done.stdout + done.stderr
    for at in ("features.steps.size.expressions.root", "problem.payoff.actions.call.yes", "evaluation.slices.large", "problem.baselines.big.sql"):
        assert f"{at} ({FILE}:" in told
    for at in ("data.derive.twice", "data.filter"):
        assert f"{at} ({FILE}:" in told
    assert "62,999 characters" in told
    assert "expected: at most 10,000" in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("sql", "wrong"),
    [
        (MANY, "3,999 operators"),
        ("n = 1" + " AND n = 1" * 600, "600 ANDs and ORs"),
        ("n" + "::int" * 1_500, "1,500 tests and casts"),
        ("n" + " IS NULL" * 1_000, "1,000 tests and casts"),
        ("n" + " BETWEEN 1 AND 2" * 30, "BETWEENs and NULLIFs inside each other"),
        ("NULLIF(" * 30 + "n" + ", 1)" * 30, "30 BETWEENs and NULLIFs inside each other"),
        ("(" * 30 + "n" + " BETWEEN 1 AND 2)" * 30, "30 BETWEENs and NULLIFs inside each other"),
    ],
)
def test_nothing_too_large_reaches_the_engine(sql: str, wrong: str) -> None:
    start = time.process_time()
    with pytest.raises(TooLargeError, match="at most"):
        parse(sql)
    fault = syntax_fault(sql, "data.filter")
    assert time.process_time() - start < 1
    assert fault is not None
    assert wrong in fault.wrong
    assert issubclass(TooLargeError, FaultsError), "told in words even where nobody catches it"


@pytest.mark.parametrize(
    "sql",
    [
        " + ".join(["n / NULLIF(n, 0)"] * 60),
        " AND ".join(["n BETWEEN 1 AND 2"] * 20),
        f"n IN ({', '.join(map(str, range(1_500)))})",
        f"CASE {' '.join(f'WHEN n = {i} THEN {i}' for i in range(100))} END",
    ],
)
def test_what_is_long_and_flat_is_fine(sql: str) -> None:
    assert syntax_fault(sql, "data.filter") is None
