"""params.yaml: what is adopted, resolved, by one writer, read the same by every YAML."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml
from pydantic import ValidationError

from runner.core.digests import canonical
from runner.core.faults import Fault, FaultsError, fault, listed, nearest
from runner.core.files import write_text
from runner.core.workspace import Workspace
from runner.experiment import plugins
from runner.experiment.adoption import adoption_faults
from runner.experiment.faults import from_validation, shown
from runner.experiment.model import Experiment
from runner.experiment.reproduce import adopt, reproduce_names

__all__ = ["adopt", "compose_all", "from_params", "is_adopted", "parsed", "read", "read_all", "reproduce_names", "stale", "text_of", "validated", "write"]

FILE = "params.yaml"
HEAD = "# Written by `python -m runner compose` from conf/; changes made here by hand are lost.\n"
COMPOSE = "python -m runner compose"
TOP_LINE = re.compile(rb"^[^ \n]", re.MULTILINE)
LONGEST_KEY = 1000
SHOWN_CHANGES = 5


def text_of(experiments: Sequence[Experiment]) -> str:
    """The file's text: sorted by name, every string in quotes, so that YAML 1.1 and 1.2 read the same values."""
    return HEAD + yaml_text({e.name: e.stored() for e in sorted(experiments, key=lambda e: e.name)})


def yaml_text(value: Mapping[str, Any]) -> str:
    """A mapping of plain JSON values as YAML that versions 1.1 and 1.2 read the same."""
    return "".join(_lines(value, 0))


def _lines(value: Mapping[str, Any], depth: int) -> Iterator[str]:
    indent = "  " * depth
    for key, below in value.items():
        name = _quoted(key)
        # A key on one line may have 1,024 signs at most.
        head = f"{indent}{name}:" if len(name) < LONGEST_KEY else f"{indent}? {name}\n{indent}:"
        if isinstance(below, Mapping) and below:
            yield f"{head}\n"
            yield from _lines(below, depth + 1)
        else:
            yield f"{head} {_flow(below)}\n"


def _flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"? {_quoted(k)} : {_flow(v)}" for k, v in value.items()) + "}"
    return json.dumps(value)


def _number(value: float) -> str:
    """The shortest text that reads back to the number. YAML 1.1 takes 1e-05 for text: it needs a dot and a sign.

    >>> _number(1e-05), _number(1e22), _number(0.5)
    ('1.0e-05', '1.0e+22', '0.5')
    """
    mantissa, mark, exponent = repr(value).partition("e")
    if not mark:
        return mantissa
    return f"{mantissa if '.' in mantissa else f'{mantissa}.0'}e{exponent if exponent[0] in '+-' else f'+{exponent}'}"


def _quoted(text: str) -> str:
    """A text in double quotes; signs that a reader could take for a line break, or refuse, are escaped.

    JSON's own escapes do not do: YAML 1.1 reads its surrogate pairs as two broken signs.
    """
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(_escaped(sign) for sign in text) + '"'


def _escaped(sign: str) -> str:
    if sign in '"\\':
        return f"\\{sign}"
    if sign.isprintable():
        return sign
    code = ord(sign)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def write(workspace: Workspace, experiments: Sequence[Experiment]) -> None:
    """Write params.yaml, whole or not at all; a file that is right already is left alone."""
    path, text = workspace.root / FILE, text_of(experiments)
    if not path.is_file() or path.read_bytes() != text.encode():
        write_text(path, text)


def read_all(workspace: Workspace) -> dict[str, Any]:
    """Every entry by name; empty when there is no file. Raises FaultsError when it is damaged."""
    content = _content(workspace)
    return {} if content is None else parsed(content, FILE)


def read(workspace: Workspace, name: str) -> dict[str, Any] | None:
    """One entry, or None. Raises FaultsError when the file is damaged where it stands."""
    content = _content(workspace)
    if content is None:
        return None
    part = _part(content, name)
    entry = parsed(content if part is None else part, FILE).get(name)
    return dict(entry) if isinstance(entry, dict) else None


def _content(workspace: Workspace) -> bytes | None:
    path = workspace.root / FILE
    if not path.exists():
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise fault(FILE, f"cannot be read ({error})", "the file that compose writes", COMPOSE) from None


def _part(content: bytes, name: str) -> bytes | None:
    """The lines of one entry of a file as compose writes it, so that hundreds of others need not be read; None where they are not plain to see."""
    head = f"{_quoted(name)}:\n".encode()
    if not content.startswith(HEAD.encode()) or content.count(b"\n" + head) != 1:
        return None
    start = content.index(b"\n" + head) + 1
    below = TOP_LINE.search(content, start + len(head))
    return content[start : below.start() if below else len(content)]


def parsed(content: bytes, called: str) -> dict[str, Any]:
    """Every entry by name in the file's bytes; called: what the file is called in a fault. Raises FaultsError when they are damaged."""
    try:
        # libyaml where the platform has it: ten times faster on a long file.
        found = yaml.load(content.decode("utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise fault(called, f"cannot be read ({str(error).splitlines()[0]})", "the file that compose writes", COMPOSE) from None
    if found is not None and not isinstance(found, dict):
        raise fault(called, "holds no experiments", "the file that compose writes", COMPOSE)
    return dict(found or {})


def from_params(workspace: Workspace, name: str) -> Experiment:
    """The adopted experiment of that name, validated again; execution and tracking have their defaults. Raises FaultsError."""
    entry = read(workspace, name)
    if entry is None:
        known = [str(key) for key in read_all(workspace)]
        expected = f"one of {listed(known, 40)}" if known else "a name that compose has written"
        raise fault(FILE, f"there is no adopted experiment {name!r}", expected, nearest(name, known) or f"{COMPOSE} {name}")
    experiment = validated(workspace, name, entry)
    changed = [Fault(f"{name}.{f.at}", f.wrong, f.expected, COMPOSE, FILE) for f in plugins.changed(experiment)]
    if changed:
        raise FaultsError(changed)
    return experiment


def validated(workspace: Workspace, name: str, entry: Mapping[str, Any]) -> Experiment:
    """The experiment that an entry declares. Raises FaultsError with everything that this version of the specs refuses."""
    given = {"name": name, **{key: value for key, value in entry.items() if key != "name"}}
    plugins.bring(workspace, given.get("plugins"))
    try:
        return Experiment.model_validate_json(json.dumps(given, default=str))
    except ValidationError as error:
        faults = from_validation(error, given, Experiment, {})
        raise FaultsError(Fault(f"{name}.{f.at}", f.wrong, f.expected, f"{COMPOSE}; the file is generated", FILE) for f in faults) from None


def is_adopted(workspace: Workspace, experiment: Experiment) -> bool:
    """Whether params.yaml holds just this experiment, to the last value; a hand edit makes it another one."""
    entry = read(workspace, experiment.name)
    return entry is not None and _same(entry, experiment.stored())


def _same(entry: Any, stored: Any) -> bool:
    # As text, because to Python 1, 1.0 and True are the same; dates can only come from a hand edit.
    return json.dumps(entry, sort_keys=True, default=str) == json.dumps(json.loads(canonical(stored)), sort_keys=True)


def compose_all(workspace: Workspace) -> list[Experiment]:
    """Every adopted experiment from conf/. Raises FaultsError with the faults of all of them."""
    # Here alone Hydra is needed: a stage that DVC starts reads what is written, and starts sooner without it.
    from runner.experiment.compose import compose
    from runner.experiment.composer import Composer

    experiments: list[Experiment] = []
    faults: list[Fault] = []
    composer = Composer(workspace)
    for name in reproduce_names(workspace):
        try:
            experiments.append(compose(workspace, [f"+experiment={name}"], composer))
            faults += adoption_faults(experiments[-1])
        except FaultsError as error:
            faults += error.faults
    if faults:
        raise FaultsError(dict.fromkeys(faults))
    return experiments


def stale(workspace: Workspace) -> list[Fault]:
    """What `compose --check` finds: nothing when params.yaml is, to the byte, what conf/ composes to. Raises FaultsError."""
    experiments = compose_all(workspace)
    path = workspace.root / FILE
    if path.is_file() and path.read_bytes() == text_of(experiments).encode():
        return []
    if not path.exists():
        return [Fault(FILE, "is missing", "the file that compose writes", f"{COMPOSE}, then commit it")]
    written, fresh = read_all(workspace), {e.name: json.loads(json.dumps(e.stored())) for e in experiments}
    changes = list(_changes(written, fresh, ""))
    told = [Fault(at, wrong, "what conf/ composes to", f"{COMPOSE}, then commit {FILE}", FILE) for at, wrong in changes[:SHOWN_CHANGES]]
    if len(changes) > SHOWN_CHANGES:
        told.append(Fault(FILE, f"{len(changes) - SHOWN_CHANGES} more values differ", "what conf/ composes to", COMPOSE))
    return told or [Fault(FILE, "is not written as compose writes it", "the same values in the same order, no comments", COMPOSE)]


def _changes(written: Any, fresh: Any, at: str) -> Iterator[tuple[str, str]]:
    """Key path and words for every value that differs."""
    if isinstance(written, dict) and isinstance(fresh, dict):
        for key in [*fresh, *(key for key in written if key not in fresh)]:
            path = f"{at}.{key}" if at else str(key)
            if key not in written:
                yield path, "is missing"
            elif key not in fresh:
                yield path, "is no longer in conf/"
            else:
                yield from _changes(written[key], fresh[key], path)
    elif not _same(written, fresh):
        yield at, f"holds {shown(written)}, conf/ has {shown(fresh)}"
