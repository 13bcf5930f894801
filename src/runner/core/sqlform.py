"""The form of an SQL expression, judged on its text: one expression over one row, of bounded size, that reads no clock."""

from __future__ import annotations

import re
from collections.abc import Iterator

import polars as pl
from polars.exceptions import PolarsError

from runner.core.faults import Fault

EXPECTED = "a Polars SQL expression over one row"
EXPECTED_OF_TABLE = "a Polars SQL expression of aggregates over all rows, such as COUNT(*) > 1000"
# Polars reads, prints and types an expression by recursion, in a time that grows with the square of its depth: far below what overflows its stack.
MAX_CHARACTERS, MAX_LOGICAL, MAX_OPERATORS = 10_000, 100, 300
# Polars writes the first operand of these out twice, so that each level inside another doubles the expression.
MAX_DOUBLED = 8
# Text, quoted names and comments: what stands in them is no SQL.
QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|--[^\n]*|/\*.*?\*/""", re.DOTALL)
LOGICAL = re.compile(r"(?i)\b(?:and|or)\b")
OPERATORS = re.compile(r"(?i)\|\||[-+*/%<>=]+|\b(?:when|not|case)\b|[a-z_]\w*\s*\(")
TESTS = re.compile(r"(?i)::|[\^&~!]|(?<!\|)\|(?!\|)|\b(?:is|in|i?like|rlike|similar|between|collate|div|xor|at)\b")
DOUBLED = re.compile(r"(?i)\bbetween\b|\bnullif\s*\(|[()]")
BETWEEN_AGAIN = re.compile(r"(?i)\bbetween\b(?:(?!\b(?:and|or|between)\b)[^(),])*\band\b(?:(?!\b(?:and|or|between)\b)[^(),])*(?=\bbetween\b)")
STATEMENT = re.compile(r"(?i)\bselect\b|^\s*(?:with|insert|update|delete|drop|create|alter|truncate|explain|show)\s+[a-z]")
CLOCK = re.compile(r"(?i)\b(?:current_date|current_time|current_timestamp|localtime|localtimestamp)\b|\bnow\s*\(")
WINDOW = re.compile(r"(?i)\bover\s*\(|\b(?:row_number|rank|dense_rank|percent_rank|cume_dist|ntile|lag|lead|first_value|last_value|nth_value)\s*\(")
AGGREGATE = re.compile(
    r"(?i)\b(?:avg|mean|sum|min|max|count|median|first|last|any_value|stddev|stdev|stddev_samp|stdev_samp|stddev_pop|variance|var|var_samp|var_pop"
    r"|corr|covar|covar_pop|covar_samp|quantile_cont|quantile_disc|percentile_cont|percentile_disc|array_agg|string_agg|listagg|mode"
    r"|bool_and|bool_or|every|unnest|explode)\s*\("
)
BY_ZERO = re.compile(r"(?i)[/%]\s*\(*\s*-?\s*0+(?:\.0*)?(?:e[-+]?\d+)?(?![\w.])|\b(?:div|mod)\s*\([^(),]*,\s*-?\s*0+(?:\.0*)?\s*\)")
TWICE = re.compile(r"(?i)\b(?:and|or)\s+((?:and|or)\b)")
CASE, END = re.compile(r"(?i)\bcase\b"), re.compile(r"(?i)\bend\b")
ALIAS = re.compile(r'\.alias\("[^"]*"\)$')
DOTTED = re.compile(r"(?i)\b[a-z_]\w*(?:\.[a-z_]\w*)+")
PARSER = re.compile(r"sql parser error: (?P<what>.*?)(?:,? (?:found: (?P<found>.*?))?)?(?: at Line: (?P<line>\d+), Column: (?P<column>\d+))?$")
WRAPPED = "SELECT ("


def bare(sql: str) -> str:
    """The expression with blanks in place of text, quoted names and comments, so that places stay.

    >>> bare("a = 'sum(' -- x")
    'a =            '
    """
    return QUOTED.sub(lambda found: " " * len(found.group()), sql)


def place(sql: str, index: int) -> str:
    """Where a character stands, for people.

    >>> place("a + b", 4), place("a +\\nb", 4)
    ('at character 5', 'in line 2, character 1')
    """
    before = sql[:index]
    line = before.count("\n")
    return f"in line {line + 1}, character {index - before.rfind(chr(10))}" if line else f"at character {index + 1}"


def size_fault(sql: str, at: str) -> Fault | None:
    """What is too much of an expression: nothing larger may reach Polars, which has no bound of its own and would end the process."""
    shown = shortened(sql)
    if len(sql) > MAX_CHARACTERS:
        return Fault(at, f"{shown} has {len(sql):,} characters", f"at most {MAX_CHARACTERS:,}", "long tables of values are data: join them as a source")
    plain = bare(sql)
    for pattern, most, what in COUNTED:
        n_found = sum(1 for _ in pattern.finditer(plain))
        if n_found > most:
            return Fault(at, f"{shown} has {n_found:,} {what}", f"at most {most}", "build it up from several columns")
    n_doubled = _doublings(plain)
    if n_doubled > MAX_DOUBLED:
        return Fault(at, f"{shown} has {n_doubled} BETWEENs and NULLIFs inside each other", f"at most {MAX_DOUBLED}", "build it up from several columns")
    return None


def _doublings(plain: str) -> int:
    """How many operators that write an operand out twice stand inside each other, at most."""
    deepest = len(BETWEEN_AGAIN.findall(plain))
    # Levels of doubling inside the parentheses that are open, the innermost last.
    inside, opened = [0], [0]
    for found in DOUBLED.finditer(plain):
        word = found.group()
        if word == ")":
            if len(inside) > 1:
                level = inside.pop() + opened.pop()
                inside[-1] = max(inside[-1], level)
        elif word.endswith("("):
            inside.append(0)
            opened.append(int(word != "("))
        else:
            opened[-1] = max(opened[-1], 1)
        deepest = max(deepest, inside[-1] + opened[-1])
    return deepest


def form_fault(sql: str, at: str, *, table: bool = False) -> Fault | None:
    """What is wrong with the form of an expression, before anything tries to parse it. table: it aggregates over all rows."""
    shown = shortened(sql)
    if not sql.strip():
        return Fault(at, "is empty: not a valid expression", EXPECTED_OF_TABLE if table else EXPECTED)
    if large := size_fault(sql, at):
        return large
    plain = bare(sql)
    for pattern, wrong, expected, hint in FORBIDDEN_OF_TABLE if table else FORBIDDEN:
        if found := pattern.search(plain):
            word = sql[found.start() : found.end()].strip("( ")
            where = place(sql, found.start() + len(found.group()) - len(found.group().lstrip()))
            if pattern is WINDOW and not table:
                return Fault(at, f"{shown} {_of_window(plain, wrong)}: {word} {where}", expected, _as_history(sql, plain) or hint)
            return Fault(at, f"{shown} {wrong}: {word} {where}", expected, hint)
    return None


def _of_window(plain: str, wrong: str) -> str:
    """What a window looks at; one without an order, or whose frame goes on after the row, also sees what comes later."""
    later = LATER.search(plain) or (OVER.search(plain) and not ORDERED.search(plain))
    return f"{wrong}, also at later ones, which nobody knows at the decision" if later else wrong


def _as_history(sql: str, plain: str) -> str:
    """The history step that says of the rows before this one what a window was meant to say of them; '' where there is none."""
    found = PARTITIONED.search(plain)
    how = next((how for how, pattern in HISTORIES if pattern.search(plain)), "")
    if not found or not how:
        return ""
    # Quoted names are blanks in the bare text, so that what follows tells where they end.
    entity = sql[found.start("by") : found.start("then")].strip()
    time = sql[found.start("order") : found.start("frame") if found["frame"] else found.end("order")].strip() if found["order"] else ""
    return f"a `history` step sees earlier rows only: entity: [{entity}], time: {time or '<when the row happened>'}, aggregates with how: {how}"


LATER = re.compile(r"(?i)\bfollowing\b|\blead\s*\(")
OVER, ORDERED = re.compile(r"(?i)\bover\s*\("), re.compile(r"(?i)\border\s+by\b")
PARTITIONED = re.compile(r"(?i)\bpartition\s+by(?P<by>[^()]+?)(?P<then>\border\s+by(?P<order>[^(),]+?)(?P<frame>\b(?:asc|rows|range|groups)\b[^)]*)?\)|\))")
# What a history makes, by the functions that make it in a window.
HISTORIES = tuple(
    (how, re.compile(rf"(?i)\b(?:{words})\s*\("))
    for how, words in (
        ("last", "lag|last_value"),
        ("mean", "avg|mean"),
        ("sum", "sum"),
        ("min", "min"),
        ("max", "max"),
        ("count", "count|row_number|rank|dense_rank"),
    )
)
COUNTED = ((LOGICAL, MAX_LOGICAL, "ANDs and ORs"), (OPERATORS, MAX_OPERATORS, "operators and functions"), (TESTS, MAX_OPERATORS, "tests and casts"))
FORBIDDEN = (
    (STATEMENT, "is not a valid expression but a statement", EXPECTED, "write the expression alone"),
    (WINDOW, "looks at other rows", "an expression over the columns of one row", "use a `history` step for what happened before"),
    (AGGREGATE, "aggregates over rows", "an expression over the columns of one row", "GREATEST and LEAST compare columns of one row"),
    (CLOCK, "reads the clock", "an expression whose value the row decides", "compare with a date column, or write the day: DATE '2025-01-31'"),
    (BY_ZERO, "divides by zero", "a divisor that can be other than zero", "x / NULLIF(y, 0) gives nothing where y is zero"),
)
FORBIDDEN_OF_TABLE = (
    (STATEMENT, "is not a valid expression but a statement", EXPECTED_OF_TABLE, "write the expression alone"),
    (WINDOW, "gives a value a row", EXPECTED_OF_TABLE, "compare aggregates: AVG, SUM, COUNT, MIN, MAX"),
    (CLOCK, "reads the clock", "an expression whose value the rows decide", "compare with a day: DATE '2025-01-31', or declare max_age_hours"),
    (BY_ZERO, "divides by zero", "a divisor that can be other than zero", "x / NULLIF(y, 0) gives nothing where y is zero"),
)


def shortened(sql: str) -> str:
    """The expression for a message, on one line and not too long."""
    text = " ".join(sql.split())
    return f"`{text if len(text) <= 200 else f'{text[:197]}...'}`"


def parse_fault(error: PolarsError, sql: str, at: str) -> Fault:
    """Why an expression does not parse, with the place."""
    first = " ".join(str(error).split("\n")[0].split())
    found = next(iter(_parser_says(sql)), "") or _plain(first)
    hint = 'a name with a dot needs double quotes: "a.b"' if DOTTED.search(bare(sql)) else ""
    return Fault(at, f"{shortened(sql)} is not a valid expression: {found}", EXPECTED, hint)


def _parser_says(sql: str) -> Iterator[str]:
    """What the parser expected and where, which the expression reader keeps to itself."""
    plain = bare(sql)
    if plain.count("(") != plain.count(")"):
        more, less = ("opened", "closed") if plain.count("(") > plain.count(")") else ("closed", "opened")
        yield f"a parenthesis is {more} and never {less}"
        return
    if twice := TWICE.search(plain):
        yield f"two operators in a row, {' '.join(sql[twice.start() : twice.end()].split())}, {place(sql, twice.start(1))}"
        return
    if len(CASE.findall(plain)) > len(END.findall(plain)):
        yield "a CASE is never ended: END is missing"
        return
    try:
        # Parsed, never run: there are no tables, and a statement was refused before.
        pl.SQLContext().execute(f"{WRAPPED}{sql}\n)")
    except PolarsError as error:
        said = PARSER.match(str(error).split("\n")[0])
        if said and said["line"]:
            index = _index(sql, int(said["line"]), int(said["column"]))
            where = place(sql, index) if index < len(sql) else "at the end"
            if said["what"].endswith("Expected: )"):
                # The parenthesis is the one of WRAPPED, or stands too far on: what comes before it is the matter.
                yield f"an operator is missing before {said['found']} {where}"
                return
            yield f"{said['what'].removesuffix('.').replace('Expected:', 'expected')} {where}".strip()


def _index(sql: str, line: int, column: int) -> int:
    """The position of a parser's line and column in the expression, which stands behind WRAPPED."""
    lines = f"{WRAPPED}{sql}\n)".split("\n")
    return sum(len(text) + 1 for text in lines[: line - 1]) + column - 1 - len(WRAPPED)


def _plain(message: str) -> str:
    return re.sub(r"^unable to parse '.*' as Expr$", "it ends too early, or holds a sign that is no SQL", message)
