"""docs/reference.md: every key and every kind, written from the same schema that editors and `explain` use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from runner.experiment.groups import Groups, package_of
from runner.experiment.reference import ANY, Entry, Node, Reference
from runner.experiment.schema_words import FAMILY, KINDS, SETTINGS_OF, default, is_section, limits, searched, type_words

HEAD = """\
# Reference

<!-- Written by `make reference` from the specs: change the docstrings there, not this page. -->

Every key that config may declare and every kind of part. `python -m runner explain KEY` tells the same in a terminal, with an example, and
[editors](editors.md) show it while you write. `*` stands for a name of your own. A key without a default must be set, by the experiment or by a group.
"""
TABLE = ["| key | type | default | meaning |", "|---|---|---|---|"]


def page(reference: Reference, groups: Groups) -> str:
    """The whole page."""
    headings = _headings(reference)
    plain = [entry for entry in reference.sections() if not reference.below(entry)]
    parts = [[HEAD, "## The whole", "", *TABLE, *(_row(entry, entry.key, headings) for entry in plain), ""]]
    parts += [_section(reference, entry, headings) for entry in reference.sections() if entry not in plain]
    parts += [_family(reference, family, headings) for family in reference.families]
    parts.append(_groups(groups))
    return "\n".join(line for part in parts for line in part)


def _headings(reference: Reference) -> dict[tuple[str, str], str]:
    """Family and kind to a heading that no other has: the kind in words, with its family where two share it."""
    kinds = [(family, kind) for family, kinds in reference.families.items() for kind in kinds]
    taken = Counter(kind for _, kind in kinds) + Counter(entry.key for entry in reference.sections())
    return {(family, kind): (kind if taken[kind] == 1 else f"{kind} {family}").replace("_", " ") for family, kind in kinds}


def _section(reference: Reference, section: Entry, headings: Mapping[tuple[str, str], str]) -> list[str]:
    rows = [_row(entry, entry.key, headings) for entry in _plain_below(reference, section)]
    return [f"## {section.key}", "", *_paragraphs(section.about), *TABLE, *rows, ""]


def _plain_below(reference: Reference, entry: Entry) -> Iterator[Entry]:
    """The keys below a section, as far as they do not depend on a kind."""
    for below in reference.below(entry):
        if not _is_plain_name(below):
            yield below
        if KINDS not in below.node and SETTINGS_OF not in below.node:
            yield from _plain_below(reference, below)


def _family(reference: Reference, family: str, headings: Mapping[tuple[str, str], str]) -> list[str]:
    places = reference.places(family)
    kinds = reference.families[family]
    where = ", ".join(f"`{place.key}`" for place in places)
    lines = [f"## Kinds of {family}", "", f"Declared at {where}." if kinds else f"Declared at {where}. Each kind comes from a plugin.", ""]
    for kind, node in kinds.items():
        lines += [f"### {headings[family, kind]}", "", f"`kind: {kind}`{_traits(node)}", "", *_paragraphs(node.get("about") or node.get("description", ""))]
        own = [entry for place in places[:1] for entry in _of_kind(reference, place, family, kind)]
        rows = [_row(entry, ".".join(entry.path[len(places[0].path) :]), headings) for entry in own]
        lines += [*TABLE, *rows, ""] if rows else []
    return lines


def _of_kind(reference: Reference, entry: Entry, family: str, kind: str) -> Iterator[Entry]:
    for below in reference.below(entry):
        if below.part == (family, kind):
            if not _is_plain_name(below):
                yield below
            yield from _of_kind(reference, below, family, kind)


def _is_plain_name(entry: Entry) -> bool:
    """Whether all that could be said of an entry of a map is said of the map."""
    return entry.path[-1] == ANY and KINDS not in entry.node and not is_section(entry.node)


def _traits(node: Node) -> str:
    told = [f"{name.replace('_', ' ')}: {'yes' if value else 'no'}" for name, value in node.get("x-traits", {}).items()]
    return f" ({', '.join(told)})" if told else ""


def _row(entry: Entry, key: str, headings: Mapping[tuple[str, str], str]) -> str:
    node = entry.node
    kind = type_words(node)
    if KINDS in node:
        links = ", ".join(f"[{word}](#{headings[node[FAMILY], word].replace(' ', '-')})" for word in node[KINDS])
        kind = f"section, one kind of {node[FAMILY]}: {links}" if links else f"section, one kind of {node[FAMILY]}"
    found = limits(node)
    tried = searched(node)
    about = " ".join(entry.about.split()) + (f" A study tries {tried}." if tried else "")
    fixed = "" if entry.required or entry.path[-1] == ANY else f"`{default(node, required=False)}`" if "default" in node else default(node, required=False)
    return f"| `{key}` | {_cell(f'{kind}, {found}' if found else kind)} | {_cell(fixed)} | {_cell(about)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _paragraphs(text: str) -> list[str]:
    return [line for paragraph in text.split("\n\n") if paragraph for line in (*paragraph.splitlines(), "")]


def _groups(groups: Groups) -> list[str]:
    rows = [f"| `{group}` | {_goes_into(groups, group)} | {_names(options)} |" for group, options in groups.known.items() if group]
    intro = "Options are files below `conf/`; `group=option` on the command line or in a defaults list chooses one."
    return ["## Config groups", "", intro, "", "| group | goes into | options |", "|---|---|---|", *rows, ""]


def _goes_into(groups: Groups, group: str) -> str:
    package = package_of(groups.files[f"{group}/{groups.options(group)[0]}"], group)
    return f"`{package}`" if package else "the whole"


def _names(options: Sequence[str]) -> str:
    return ", ".join(f"`{option}`" for option in options)
