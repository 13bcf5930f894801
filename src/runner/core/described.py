"""What the docstring under a field of a spec says. Read when somebody asks: most processes never do, and should not pay for it when they start."""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import cache
from itertools import pairwise

from runner.core.spec import Spec


@cache
def described(spec: type[Spec]) -> dict[str, str]:
    """Field name to its docstring, inherited ones too; a field that is declared anew without one has none."""
    found: dict[str, str] = {}
    for base in reversed(spec.__mro__):
        if issubclass(base, Spec):
            anew = inspect.get_annotations(base)
            found = {name: text for name, text in found.items() if name not in anew} | _own(base)
    return found


def _own(spec: type[Spec]) -> dict[str, str]:
    try:
        source = textwrap.dedent("".join(inspect.getsourcelines(spec)[0]))
    except (OSError, TypeError):
        # Made on the fly: there is no text to read.
        return {}
    body = [statement for declared in ast.parse(source).body if isinstance(declared, ast.ClassDef) for statement in declared.body]
    found = {}
    for field, said in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and (text := _text(said)):
            found[field.target.id] = inspect.cleandoc(text)
    return found


def _text(statement: ast.stmt) -> str:
    value = statement.value if isinstance(statement, ast.Expr) else None
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""
