"""The section on selection: what each number of features earns, which features are kept, and how honest that figure is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runner.report import plots
from runner.report.numbers import Interval, confidence, figure
from runner.report.parts import Cell, Figure, Part, Text, counted, facts, figures, folded, numeral, plain, share, spanned, table
from runner.report.reading import Record, amount, at, record, records, text, values
from runner.report.words import listed, sentence, shorten, some

SHOWN = 20


def parts(found: Record) -> tuple[Part, ...]:
    """From `selection` of features.json; nothing where none was asked for."""
    if not found:
        return ()
    points = records(found, "curve")
    if not points:
        return (Text(f"{sentence(text(found, 'why'))} All features ship."),)
    return (Text(_answer(found)), *figures(_curve(found, points)), *facts(_honest(found)), *_features(found), *_sizes(points), *_copies(found))


def _answer(found: Record) -> str:
    n, total = len(values(found, "smallest")), round(amount(found, "all") or 0)
    gain = Interval.of(at(found, "nested", "gain_over_all"))
    told = f"{some(n, 'feature')} of {total} {'earns' if n == 1 else 'earn'} about as much as the best set."
    honest = f" Chosen without the rows that judge it, such a set earns {gain.span()} {gain.unit} against all of them." if gain else ""
    return f"{told}{honest} {sentence(text(found, 'why'))}"


def _curve(found: Record, points: Sequence[Record]) -> Figure | None:
    known = [(amount(p, "features") or 0.0, payoff) for p in points if (payoff := Interval.of(at(p, "payoff"))) is not None]
    if not known:
        return None
    total, chosen, best = (amount(found, name) or 0.0 for name in ("all", "chosen", "best"))
    by_size = {size: payoff.value for size, payoff in known}
    names: dict[float, str] = {total: "all"}
    names |= {best: "best"} if best in by_size else {}
    names |= {chosen: "smallest as good" if chosen != best else "chosen"} if chosen in by_size else {}
    marked = [(size, by_size[size], f"{name}: {size:g}") for size, name in sorted(names.items()) if size in by_size]
    ends = [_ends(payoff) for _, payoff in known]
    costly = any(amount(p, "cost") for p in points)
    earned, whole = figure(by_size.get(chosen, 0.0)), figure(by_size.get(total, 0.0))
    title = f"With {some(round(chosen), 'feature')} {earned} {text(found, 'unit')}, with all {total:g} of them {whole}"
    axis = f"payoff{' less cost' if costly else ''}, {text(found, 'unit')}"
    picture = plots.banded(
        [size for size, _ in known],
        [payoff.value for _, payoff in known],
        ([low for low, _ in ends], [high for _, high in ends]),
        ("number of features", axis),
        title,
        marked,
    )
    level = next((payoff.confidence for _, payoff in known), None)
    note = "Each fold ranks the features on its own training rows and is judged on the rows it left out, by a quick model. "
    note += (
        f"The band is the {confidence(level)} interval of each point; neighbours move together, so that their differences are surer than the band."
        if level
        else ""
    )
    return Figure(title, picture, note, wide=True)


def _ends(payoff: Interval) -> tuple[float, float]:
    return (payoff.value if payoff.low is None else payoff.low), (payoff.value if payoff.high is None else payoff.high)


def _honest(found: Record) -> Iterable[tuple[str, Cell]]:
    nested, sizes = record(found, "nested"), [f"{size:g}" for size in values(found, "nested", "sizes")]
    payoff = Interval.of(at(nested, "payoff"))
    if payoff is not None:
        yield "chosen without the fold that judges it", plain(f"{payoff.span()} {payoff.unit}, with {listed(sizes)} features")
    same, optimism = amount(found, "chosen_on_all_folds"), amount(found, "optimism")
    if same is not None and optimism is not None:
        yield (
            "the set as it stands, on the rows that chose it",
            plain(f"{figure(same)} {text(found, 'unit')}: {figure(optimism, signed=True)} of it from having chosen"),
        )
    unread = [str(name) for name in values(found, "no_longer_read")]
    if unread:
        yield "need not be obtained for the smaller set", plain(listed(unread))


def _features(found: Record) -> tuple[Part, ...]:
    costly = any(amount(f, "cost") for f in records(found, "features"))
    head = ("Feature", "Kept by", "Payoff lost when shuffled", *(("Cost",) if costly else ()), "Loss added when shuffled", "Verdict")
    rows = [
        (
            plain(("✓ " if at(f, "kept") else "") + shorten(text(f, "name"), 60), "key" if at(f, "kept") else ""),
            share(amount(f, "stability")),
            numeral(amount(f, "payoff"), signed=True),
            *((numeral(amount(f, "cost")),) if costly else ()),
            numeral(amount(f, "loss"), signed=True),
            plain(text(f, "verdict")),
        )
        for f in records(found, "features")
    ]
    fits = round((amount(found, "folds") or 0) * (amount(found, "repeats") or 0))
    note = f"✓ is in the smaller set. Kept by: the share of {fits} fits, over folds and repeats, in which it told more than chance and paid."
    note += f" Payoff in {text(found, 'unit')}."
    shown = table(head, rows[:SHOWN], "Features, from the first to keep", note)
    return (*shown, *folded(f"All {some(len(rows), 'feature')}", table(head, rows))) if len(rows) > SHOWN else shown


def _sizes(points: Sequence[Record]) -> tuple[Part, ...]:
    rows = [
        (counted(amount(p, "features")), spanned(Interval.of(at(p, "payoff"))), spanned(Interval.of(at(p, "gain_over_all"))), numeral(amount(p, "cost")))
        for p in points
    ]
    unit = next((text(p, "payoff", "unit") for p in points), "")
    return folded("Every number of features", table(("Features", "Payoff less cost", "Against all", "Cost"), rows, note=f"In {unit}."))


def _copies(found: Record) -> tuple[Part, ...]:
    rows = [(plain(listed([shorten(str(name), 40) for name in cluster], 12)),) for cluster in values(found, "copies") if isinstance(cluster, list)]
    return folded(f"{some(len(rows), 'set')} of features that say the same", table(("Near-equal",), rows)) if rows else ()
