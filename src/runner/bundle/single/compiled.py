"""Polars expressions as Python functions of one row's values, for the part of the language in which both give the same to the bit.

Polars takes some thirty microseconds to plan and run an expression, whether over one row or a thousand; a function of plain values
takes one. What is not known here to be the same stays with Polars: `compiled` has no function for it. What depends on the values
(whole numbers that overflow, NaN in a comparison) is handed back when it happens: the function raises HandBackError.
"""

from __future__ import annotations

import io
import json
import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from runner.bundle.single.functions import (
    BITS,
    BOOLEAN,
    DAY,
    FLOAT,
    MOMENT,
    NOTHING,
    PARTS_OF_TIME,
    PLAIN,
    TEXT,
    TRUTH,
    Function,
    HandBackError,
    Values,
    bounded,
    coalesce,
    divide,
    extreme,
    kleene,
    nanoseconds,
    of_one,
    of_two,
    root,
    whole_part,
)
from runner.bundle.single.library import shared

Node = Mapping[str, Any]

ARITHMETIC = {"Plus": operator.add, "Minus": operator.sub, "Multiply": operator.mul, "Mul": operator.mul, "Div": None, "TrueDivide": None, "RustDivide": None}
COMPARISONS = {"Eq": operator.eq, "NotEq": operator.ne, "Lt": operator.lt, "LtEq": operator.le, "Gt": operator.gt, "GtEq": operator.ge}


class NotPlainError(Exception):
    """The expression is for Polars, whatever the values."""


def compiled(expressions: Mapping[str, pl.Expr], schema: Mapping[str, pl.DataType]) -> dict[str, Function]:
    """Name to function, for those of the expressions that are plain. schema: of the columns that they read."""
    trees: dict[str, Node] = {name: json.loads(e.meta.serialize(format="json")) for name, e in expressions.items()}
    found = {}
    for name, tree in trees.items():
        try:
            types = _types(tree, schema)
            found[name] = _Compiler(types).function(tree)
        except (NotPlainError, PolarsError, ValueError):
            continue  # it stays with Polars
    return found


def literals(expressions: Iterable[pl.Expr]) -> Iterator[Any]:
    """Texts and numbers that stand in expressions: where their values may turn."""
    for expression in expressions:
        for node in _nodes(json.loads(expression.meta.serialize(format="json"))):
            if "Literal" in node:
                try:
                    value = _constant(node)[0]
                except NotPlainError:
                    continue
                yield from value if isinstance(value, frozenset) else [value]


def _nodes(tree: Any) -> Iterator[Node]:
    """Every sub-expression of a serialised expression."""
    if isinstance(tree, Mapping):
        if len(tree) == 1 and next(iter(tree)) in ("Column", "Literal", "BinaryExpr", "Function", "Ternary", "Cast"):
            yield tree
        for name, below in tree.items():
            # A cast's type is written as a literal too.
            if name not in ("Literal", "dtype"):
                yield from _nodes(below)
    elif isinstance(tree, Sequence) and not isinstance(tree, str):
        for below in tree:
            yield from _nodes(below)


def _types(tree: Node, schema: Mapping[str, pl.DataType]) -> dict[int, pl.DataType]:
    """The type that Polars gives each sub-expression, by its identity."""
    nodes = [node for node in _nodes(tree) if "Literal" not in node]
    frame = pl.LazyFrame(schema=dict(schema))
    asked = [pl.Expr.deserialize(io.StringIO(json.dumps(node)), format="json").alias(str(i)) for i, node in enumerate(nodes)]
    found = frame.select(asked).collect_schema().dtypes()
    return {id(node): dtype for node, dtype in zip(nodes, found, strict=True)}


def _constant(node: Node) -> tuple[Any, pl.DataType]:
    """Value and type of a literal; whole numbers have the narrowest type, which gives way to any other."""
    written = node["Literal"]
    if "Series" in written:
        listed = pl.select(pl.Expr.deserialize(io.StringIO(json.dumps(node)), format="json")).to_series()
        if listed.dtype.is_nested() and listed.len() == 1:
            listed = listed.explode()
        if listed.dtype not in (*BITS, FLOAT, TEXT) or listed.has_nulls():
            raise NotPlainError
        return frozenset(listed.to_list()), listed.dtype
    word, value = next(iter((written["Dyn"] if "Dyn" in written else written["Scalar"]).items()))
    if "Dyn" in written:
        kinds: dict[str, pl.DataType] = {"Int": pl.Int8(), "Float": FLOAT}
    else:
        kinds = {"String": TEXT, "Boolean": TRUTH, "Int64": pl.Int64(), "Int32": pl.Int32(), "Float64": FLOAT, "Null": NOTHING}
    if word not in kinds:
        raise NotPlainError
    return (None if word == "Null" else value), kinds[word]


class _Compiler:
    """Makes the function of a tree; each method makes that of one sort of node."""

    def __init__(self, types: Mapping[int, pl.DataType]) -> None:
        self._types = types

    def function(self, node: Node) -> Function:
        word = next(iter(node))
        if word == "Column":
            return self._column(node)
        if word == "Literal":
            value = _constant(node)[0]
            if isinstance(value, frozenset):
                raise NotPlainError
            return lambda row: value
        if word == "BinaryExpr":
            inner = node[word]
            return self._binary(inner["op"], inner["left"], inner["right"], node)
        if word == "Ternary":
            return self._choice(node)
        if word == "Cast":
            inner = node[word]
            return self._as(inner["expr"], self._type(node))
        if word == "Function":
            return self._function(node)
        raise NotPlainError

    def _type(self, node: Node) -> pl.DataType:
        if "Literal" in node:
            return _constant(node)[1]
        found = self._types[id(node)]
        if found not in PLAIN and found != NOTHING:
            raise NotPlainError
        return found

    def _as(self, node: Node, wanted: pl.DataType) -> Function:
        """A node's value as another type, where that changes nothing but the type."""
        made, have = self.function(node), self._type(node)
        if have in (wanted, NOTHING):
            return made
        if wanted == FLOAT and have in BITS:
            if "Literal" in node:
                constant = float(made({}))
                return lambda row: constant

            def number(row: Values) -> Any:
                value = made(row)
                return None if value is None else float(value)

            return number
        if wanted in BITS and have in BITS and BITS[wanted] >= BITS[have]:
            return made
        if wanted == DAY and have == MOMENT:
            return of_one(lambda at: at.date(), made)
        if wanted == TEXT and have in BITS:
            return lambda row: None if (value := made(row)) is None else str(value)
        raise NotPlainError

    def _column(self, node: Node) -> Function:
        name = node["Column"]
        self._type(node)
        return operator.itemgetter(name)

    def _binary(self, op: str, left: Node, right: Node, node: Node) -> Function:
        if op in ("And", "Or"):
            return kleene(self._as(left, TRUTH), self._as(right, TRUTH), op == "Or")
        if op in COMPARISONS:
            return self._comparison(COMPARISONS[op], left, right)
        made = self._type(node)
        if op not in ARITHMETIC or made not in (*BITS, FLOAT, TEXT) or (made == TEXT and op != "Plus") or (made in BITS and op in ("Div", "TrueDivide")):
            raise NotPlainError
        a, b = self._as(left, made), self._as(right, made)
        if made == FLOAT:
            if ARITHMETIC[op] is None and "Literal" in right and b({}):
                # As Polars divides a table by a constant.
                inverse = divide(1.0, b({}))
                return of_one(lambda value: value * inverse, a)
            return of_two(ARITHMETIC[op] or divide, a, b)
        plain = of_two(ARITHMETIC[op] or whole_part, a, b)
        return plain if made == TEXT else bounded(plain, BITS[made])

    def _comparison(self, op: Callable[[Any, Any], bool], left: Node, right: Node) -> Function:
        kinds = (self._type(left), self._type(right))
        if FLOAT in kinds:
            a, b = self._as(left, FLOAT), self._as(right, FLOAT)

            def compared(row: Values) -> Any:
                one, two = a(row), b(row)
                if one is None or two is None:
                    return None
                if one != one or two != two:  # noqa: PLR0124 - NaN, which Polars puts above all numbers
                    raise HandBackError
                return op(one, two)

            return compared
        whole = all(kind in BITS for kind in kinds)
        if not whole and (kinds[0] != kinds[1] or kinds[0] not in (TEXT, TRUTH, DAY, MOMENT)):
            raise NotPlainError
        return of_two(op, self.function(left), self.function(right))

    def _choice(self, node: Node) -> Function:
        inner, made = node["Ternary"], self._type(node)
        test, yes, no = self._as(inner["predicate"], TRUTH), self._as(inner["truthy"], made), self._as(inner["falsy"], made)
        return lambda row: yes(row) if test(row) else no(row)

    def _function(self, node: Node) -> Function:
        inner = node["Function"]
        inputs, name = inner["input"], json.dumps(inner["function"])
        if name in ('{"Sql": {"Binary": "Div"}}', '{"Sql": {"Binary": "Mul"}}'):
            return self._binary(inner["function"]["Sql"]["Binary"], inputs[0], inputs[1], node)
        if name in ('{"Boolean": "IsNull"}', '{"Boolean": "IsNotNull"}', '{"Boolean": "Not"}'):
            made = self._as(inputs[0], TRUTH) if name.endswith('"Not"}') else self.function(inputs[0])
            return BOOLEAN[name](made)
        if name.startswith('{"Boolean": {"IsIn"'):
            return self._is_in(inputs)
        if name in ('"Coalesce"', '"MaxHorizontal"', '"MinHorizontal"'):
            made_of = [self._as(given, self._type(node)) for given in inputs]
            return coalesce(made_of) if name == '"Coalesce"' else extreme(made_of, max if "Max" in name else min)
        if name.startswith('{"TemporalExpr"'):
            return self._part_of_time(inner["function"]["TemporalExpr"], inputs[0], self._type(node))
        return self._of_one(name, inputs, self._type(node))

    def _of_one(self, name: str, inputs: Sequence[Node], made: pl.DataType) -> Function:
        if name == '{"Sql": "ToFloat"}' or (name == '{"Pow": "Sqrt"}' and made == FLOAT):
            number = self._as(inputs[0], FLOAT)
            return number if "ToFloat" in name else of_one(root, number)
        if made == FLOAT and (call := shared(name)) is not None and (len(inputs) == 1 or inputs[1] == {"Literal": {"Dyn": {"Float": math.e}}}):
            return of_one(call, self._as(inputs[0], FLOAT))
        if name == '"Abs"' and made in (FLOAT, *BITS):
            size = of_one(abs, self._as(inputs[0], made))
            return size if made == FLOAT else bounded(size, BITS[made])
        if name == '{"StringExpr": "LenChars"}':
            return of_one(len, self._as(inputs[0], TEXT))
        raise NotPlainError

    def _is_in(self, inputs: Sequence[Node]) -> Function:
        known, kind = _constant(inputs[1])
        have = self._type(inputs[0])
        if have != kind and not (have in BITS and kind in BITS):
            raise NotPlainError
        made = self.function(inputs[0])

        def among(row: Values) -> Any:
            value = made(row)
            if value is None:
                return None
            if value != value:  # noqa: PLR0124 - NaN
                raise HandBackError
            return value in known

        return among

    def _part_of_time(self, word: Any, given: Node, made: pl.DataType) -> Function:
        if word == {"TimeStamp": "Nanoseconds"} and self._type(given) in (MOMENT, DAY):
            return bounded(of_one(nanoseconds, self.function(given)), BITS[made])
        if not isinstance(word, str) or word not in PARTS_OF_TIME:
            raise NotPlainError
        only_of, part = PARTS_OF_TIME[word]
        if self._type(given) not in only_of:
            raise NotPlainError
        return of_one(part, self.function(given))
