"""A plugin is one reviewed file: run as just the bytes that were digested, told about by its own line when it fails."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import TypeAdapter

from runner.core import plugins
from runner.core.digests import of_bytes
from runner.core.faults import FaultsError
from runner.core.registry import Registered, kinds, part, words
from runner.core.spec import KindSpec
from runner.core.workspace import Workspace

HEAD = """\
from typing import ClassVar, Literal
from runner.extend import FittedStep, Fitting, StepSpec, register

"""
STEP = (
    HEAD
    + '''
class DoubledSpec(StepSpec):
    """Twice the column."""

    learns: ClassVar[bool] = False
    kind: Literal["doubled"]
    column: str
    """Which one."""


@register("step", DoubledSpec)
def fit(spec: DoubledSpec, given: Fitting) -> FittedStep:
    return FittedStep((), ())
'''
)
Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def _none_in_use() -> Iterator[None]:
    plugins.use([])
    yield
    plugins.use([])


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A workspace with one plugin of that text; returns its root."""

    def make(text: str, name: str = "own.py") -> Path:
        (tmp_path / "plugins").mkdir(exist_ok=True)
        (tmp_path / "plugins" / name).write_text(text)
        return tmp_path

    return make


def told(root: Path, *paths: str) -> str:
    with pytest.raises(FaultsError) as caught:
        plugins.use(plugins.load(root, paths))
    return str(caught.value)


def test_config_can_choose_what_a_plugin_in_use_registers_and_nothing_else(write: Write) -> None:
    union = TypeAdapter(Annotated[KindSpec, Registered("step")])
    given = {"kind": "doubled", "column": "a"}
    with pytest.raises(ValueError, match=r"'doubled'.*does not match any of the expected tags"):
        union.validate_python(given)
    (loaded,) = plugins.load(write(STEP), ["plugins/own.py"])
    assert "doubled" not in kinds("step")
    plugins.use([loaded])
    assert "doubled" in kinds("step")
    for spec in (union.validate_python(given), union.validate_json('{"kind": "doubled", "column": "a"}')):
        assert union.dump_python(spec, mode="json") == given
        assert plugins.behind({"any": [spec]}) == {"plugins/own.py": of_bytes(STEP.encode())}
    assert "DoubledSpec" in str(union.json_schema())
    plugins.use([])
    assert "doubled" not in kinds("step")


def test_a_file_is_run_once_for_each_content(write: Write) -> None:
    counted = STEP + "\nimport os\nos.environ['RUNNER_TEST_RUNS'] = os.environ.get('RUNNER_TEST_RUNS', '') + 'x'\n"
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setenv("RUNNER_TEST_RUNS", "")
    import os

    first = plugins.load(write(counted), ["plugins/own.py"])
    assert plugins.load(write(counted), ["plugins/own.py"]) == first
    assert os.environ["RUNNER_TEST_RUNS"] == "x"
    # The same length in the same second: a compiled copy would still look current.
    other = plugins.load(write(counted.replace("Twice", "Thice")), ["plugins/own.py"])
    assert other[0].digest != first[0].digest
    assert other[0].module.DoubledSpec.__doc__ == "Thice the column."
    assert os.environ["RUNNER_TEST_RUNS"] == "xx"
    monkeypatch.undo()
    assert not list(write(counted).rglob("__pycache__"))


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("own.py", "'own.py' is not below plugins/"),
        ("/etc/own.py", "not below plugins/"),
        ("plugins/../own.py", "not below plugins/"),
        ("plugins/./own.py", "not below plugins/"),
        ("https://example.com/own.py", "not below plugins/"),
        ("os.path", "not below plugins/"),
        ("plugins/own.txt", "not below plugins/"),
        ("plugins\\own.py", "not below plugins/"),
        ("plugins/ow\0n.py", "not below plugins/"),
        ("models/x/bundle/own.py", "not below plugins/"),
        ("plugins/none.py", "there is no file plugins/none.py\n    expected: one of plugins/own.py"),
        ("plugins/folder.py", "there is no file plugins/folder.py"),
        ("plugins/out.py", "plugins/out.py is a link that leaves plugins/"),
    ],
)
def test_only_a_python_file_below_plugins_can_be_listed(write: Write, path: str, wrong: str) -> None:
    root = write(STEP)
    (root / "plugins" / "folder.py").mkdir()
    (root / "elsewhere.py").write_text(STEP)
    (root / "plugins" / "out.py").symlink_to(root / "elsewhere.py")
    assert wrong in told(root, path)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("import sys\ndef broken(:\n    pass\n", "plugins/own.py, line 2: SyntaxError: invalid syntax: `def broken(:`"),
        (HEAD + "LIMIT = 1 / 0\n", "plugins/own.py, line 4: ZeroDivisionError: division by zero: `LIMIT = 1 / 0`"),
        (HEAD + "import json\njson.loads('{')\n", "plugins/own.py, line 5: JSONDecodeError: Expecting property name"),
        (HEAD + "raise SystemExit('no')\n", "plugins/own.py, line 4: SystemExit: no"),
        (HEAD + "import acme_that_nobody_installed\n", "line 4: ModuleNotFoundError: No module named 'acme_that_nobody_installed'"),
        (HEAD, "plugins/own.py registers nothing"),
        ("", "plugins/own.py registers nothing"),
        (STEP.replace('Literal["doubled"]', 'Literal["sql"]'), "ValueError: the step kind 'sql' is already registered: `@register(\"step\", DoubledSpec)`"),
        (STEP + STEP.replace("Twice", "Again"), "ValueError: the step kind 'doubled' is already registered"),
        (HEAD + "import helpers\n", "plugins/own.py, line 4: imports helpers, another file of the workspace"),
        (HEAD + "from plugins import helpers\n", "plugins/own.py, line 4: imports plugins, another file of the workspace"),
        (HEAD + "from .helpers import x\n", "plugins/own.py, line 4: imports .helpers, another file of the workspace"),
    ],
)
def test_a_plugin_that_fails_is_told_by_its_own_line(write: Write, text: str, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from runner.features.spec import FeaturesSpec

    assert FeaturesSpec
    root = write(text)
    for place in (root / "helpers.py", root / "plugins" / "helpers.py"):
        place.write_text("x = 1\n")
    monkeypatch.syspath_prepend(root)
    before = set(sys.modules)
    assert wrong in told(root, "plugins/own.py")
    assert not [name for name in set(sys.modules) - before if "helpers" in name]
    assert "doubled" not in kinds("step")


def test_everything_that_is_wrong_is_told_at_once(write: Write) -> None:
    root = write(STEP)
    write("1 / 0\n", "bad.py")
    message = told(root, "plugins/own.py", "plugins/bad.py", "plugins/none.py", "plugins/own.py")
    assert "plugins.1: plugins/bad.py, line 1: ZeroDivisionError" in message
    assert "plugins.2: there is no file" in message
    assert "plugins.3: plugins/own.py is listed twice" in message


def test_two_plugins_cannot_give_one_word_two_meanings(write: Write) -> None:
    root = write(STEP)
    write(STEP + "\n# another\n", "twin.py")
    assert "plugins/twin.py registers the step kind 'doubled', as plugins/own.py does" in told(root, "plugins/own.py", "plugins/twin.py")


# ---- what a bundle needs ---------------------------------------------------------------------------------------------

MODEL = """\
from runner.extend import register

@register("model", "coin")
def load(written, folder):
    return None
"""
DIGEST = of_bytes(MODEL.encode())


@pytest.fixture
def listing(write: Write, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace whose conf/ lists a plugin, and the current folder."""
    root = write(MODEL)
    (root / "conf" / "experiment").mkdir(parents=True)
    (root / "conf" / "config.yaml").write_text("name: null\n")
    (root / "conf" / "experiment" / "x.yaml").write_text("# @package _global_\nname: x\nplugins: [plugins/own.py]\n")
    monkeypatch.chdir(root)
    return root


def refused(needed: object) -> str:
    with pytest.raises(FaultsError) as caught:
        plugins.require(needed, "models/x/bundle")
    assert int(caught.value.exit_code) == 2
    return str(caught.value)


def test_a_bundle_gets_the_reviewed_file_it_was_made_with(listing: Path) -> None:
    assert "coin" not in words("model")
    plugins.require({}, "models/x/bundle")
    assert "coin" not in words("model")
    plugins.require({"plugins/own.py": DIGEST}, "models/x/bundle")
    assert part("model", "coin")({}, listing) is None


def test_a_bundle_is_refused_when_the_plugin_is_another_by_now(listing: Path) -> None:
    ran = listing / "ran"
    (listing / "plugins" / "own.py").write_text(f"{MODEL}open({str(ran)!r}, 'w')\n")
    message = refused({"plugins/own.py": DIGEST})
    assert f"models/x/bundle: was made with another plugins/own.py\n    expected: SHA-256 {DIGEST[:12]}, found" in message
    assert not ran.exists()


def test_a_bundle_cannot_name_a_file_that_conf_does_not_list(listing: Path) -> None:
    (listing / "plugins" / "planted.py").write_text(MODEL)
    assert "was made with the plugin plugins/planted.py, which conf/ does not list" in refused({"plugins/planted.py": DIGEST})
    assert "conf/ does not list" in refused({"../planted.py": DIGEST})


def test_a_bundle_is_refused_when_the_plugin_is_missing(listing: Path) -> None:
    (listing / "plugins" / "own.py").unlink()
    assert "there is no file plugins/own.py" in refused({"plugins/own.py": DIGEST})


def test_a_bundle_is_refused_outside_a_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "needs the plugins plugins/own.py\n    expected: the workspace that lists them" in refused({"plugins/own.py": DIGEST})


@pytest.mark.parametrize("needed", [["plugins/own.py"], {"plugins/own.py": 1}, "plugins/own.py", None])
def test_a_manifest_that_names_plugins_otherwise_is_refused(needed: object) -> None:
    assert "its plugins are not named as path and SHA-256" in refused(needed)


def test_a_file_of_conf_that_is_no_yaml_lists_nothing(listing: Path) -> None:
    (listing / "conf" / "bad.yaml").write_text("plugins: [plugins/a.py\n")
    (listing / "conf" / "text.yaml").write_text("plugins: plugins/b.py\n")
    assert plugins.listed_in(Workspace(listing)) == {"plugins/own.py"}
