from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.report.conftest import files_of_a_run, write_run

from runner.core.faults import FaultsError
from runner.core.files import write_json, write_text
from runner.core.workspace import RunFolders, Workspace
from runner.pipeline.chapters import render
from runner.pipeline.stages import ROOMS

VOID = {"meta", "br", "hr", "img", "input", "link", "rect", "path", "line", "circle"}


class Tree(HTMLParser):
    """Every start tag has its end tag; collects tags, ids and texts."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = dict(attrs)
        self.ids += [given["id"] or ""] if "id" in given else []
        self.links += [given[name] or "" for name in ("href", "src") if name in given]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def parsed(folders: RunFolders, adopted: bool = True) -> tuple[Tree, str]:
    html = render(folders, "credit", adopted).read_text(encoding="utf-8")
    tree = Tree()
    tree.feed(html)
    assert tree.open == []
    return tree, html


@pytest.fixture(name="page", scope="module")
def _page(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tree, str]:
    """The page of a run that passed, rendered once for the tests that only look at it."""
    return parsed(write_run(tmp_path_factory.mktemp("workspace"), files_of_a_run()))


def told(tree: Tree) -> str:
    return " ".join(" ".join(tree.text).split())


def test_the_first_sentence_tells_a_product_owner_the_verdict_in_money_a_month(page: tuple[Tree, str]) -> None:
    tree, _ = page
    assert "GO The linear model earns 21,600 EUR a month more than the officer rule (between 13,100 and 30,200 at 99% confidence)." in told(tree)


def test_without_rows_a_month_money_is_told_per_thousand_rows(tmp_path: Path) -> None:
    files = files_of_a_run()
    files["reports/problem/problem.json"]["payoff"]["rows_per_month"] = None
    files["reports/evaluation/evaluation.json"]["rows_per_month"] = None
    tree, _ = parsed(write_run(tmp_path, files))
    assert "earns 54,000 EUR per 1,000 rows more than the officer rule (between 32,700 and 75,600 at 99% confidence)" in told(tree)


def test_every_room_has_its_chapter_in_order_and_the_navigation_leads_to_each(page: tuple[Tree, str]) -> None:
    tree, _ = page
    assert [name for name in tree.ids if name in ROOMS] == list(ROOMS)
    assert {link for link in tree.links if link.startswith("#")} <= {f"#{name}" for name in tree.ids}


def test_the_page_needs_nothing_from_anywhere_and_runs_no_script(page: tuple[Tree, str]) -> None:
    tree, html = page
    assert {link for link in tree.links if not link.startswith("#")} == set()
    assert not {"script", "iframe", "object", "link", "form"} & set(tree.tags)
    assert not re.search(r"url\((?!#)|@import", html)


def test_no_two_elements_share_an_id(page: tuple[Tree, str]) -> None:
    tree, _ = page
    assert len(tree.ids) == len(set(tree.ids))


def test_a_gate_says_its_status_by_word_colour_and_symbol(page: tuple[Tree, str]) -> None:
    tree, html = page
    assert re.search(r'status-warn"><span aria-hidden="true">!</span> warned', html)
    assert "8.68 ms, clocked" in told(tree)


def test_a_gate_reads_with_its_unit_and_says_what_is_sure(tmp_path: Path) -> None:
    files = files_of_a_run()
    beats = {"name": "beats_constant", "room": "evaluation", "status": "passed", "limit": 0.0, "found": 4.5312, "evidence": "x"}
    files["reports/evaluation/verdict.json"]["gates"].append({**beats, "unit": "EUR per row", "bound": "surely more than"})
    tree, _ = parsed(write_run(tmp_path, files))
    assert "surely more than 0 EUR per row" in told(tree)
    assert "surely at least 4.53 EUR per row" in told(tree)


def test_a_p_at_the_end_of_what_the_draws_can_tell_is_no_number(tmp_path: Path) -> None:
    files = files_of_a_run()
    for gain in files["reports/evaluation/metrics.json"]["gain"].values():
        gain["p"] = 0.0005
    tree, _ = parsed(write_run(tmp_path, files))
    assert "< 0.001" in told(tree)


def test_the_ladder_shows_both_gains_over_the_rung_below_and_says_which_way_is_better(page: tuple[Tree, str]) -> None:
    tree, html = page
    (row,) = re.findall(r"<tr><td data-name=\"Rung\"[^>]*><div>✓.*?</tr>", html)
    assert re.findall(r'data-name="(Gain[^"]*)"[^>]*><div>([^<]*)<', row) == [("Gain", "54.0 (32.7 to 75.6)"), ("Gain in log loss", "0.120 (0.080 to 0.160)")]
    assert "positive where the rung is better: a gain in log loss is how much less of it there is" in told(tree)
    assert "≈ the simplest one within one standard error of linear, the best by payoff" in told(tree)


def test_the_features_that_drive_the_model_are_shown_with_what_the_figure_means(tmp_path: Path) -> None:
    files = files_of_a_run()
    features = [{"feature": "income", "share": 0.7}, {"feature": "age", "share": 0.3}]
    files["reports/training/trials.json"]["importance"] = {"linear": {"how": "how far it spreads the score", "features": features}}
    tree, html = parsed(write_run(tmp_path, files))
    assert "Half of what drives the linear model is income" in told(tree)
    assert "it says what the model uses, not what causes the outcome" in told(tree)
    assert 'class="wide"' in html, "a plot without a neighbour takes the whole width"


def test_what_registers_a_bundle_is_told_as_what_will_happen(page: tuple[Tree, str]) -> None:
    tree, _ = page
    assert "registers as credit, alias challenger, when the records are sent" in told(tree)


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        "\x1b[31mred\x1b[0m",
        '"><img src=x onerror=alert(1)>',
        "{{ 7 * 7 }}",
        "long" * 500,
        "a\u202eb",
        "\ufffe\x00",
        "客户 naïve",
    ],
    ids=["script", "ansi", "attribute", "template", "long", "bidi", "noncharacter", "unicode"],
)
def test_names_from_data_never_act(tmp_path: Path, name: str) -> None:
    tree, html = parsed(write_run(tmp_path, files_of_a_run(label=name, column=name, rule=name)))
    assert not {"script", "img"} & set(tree.tags)
    assert all(c.isprintable() or c in "\n\u00a0" for c in html)
    assert "49" not in re.findall(r">49<", html)


def test_a_refused_run_says_which_room_stopped_it_and_what_was_not_reached(refused: RunFolders) -> None:
    tree, html = parsed(refused)
    assert "REFUSED The data room stopped the run, min rows: found 120, the limit is 300." in told(tree)
    assert html.count("Not reached: an earlier gate refused.") == 3
    assert "Not reached: nothing ships without a verdict that says go." in html


def test_an_empty_run_still_makes_a_page(tmp_path: Path) -> None:
    tree, _ = parsed(RunFolders.adopted(Workspace(tmp_path), "credit"))
    assert "UNFINISHED" in told(tree)
    assert told(tree).count("Not run yet.") == len(ROOMS)
    assert "Not reached" not in told(tree)


def test_a_run_that_is_on_its_way_shows_its_gates_and_what_has_not_run_yet(tmp_path: Path) -> None:
    files = files_of_a_run()
    ran = {path: files[path] for path in ("reports/problem/problem.json", "reports/data/data.json", "data/contract.json")}
    split = {"name": "split", "room": "data", "status": "warned", "limit": "x", "found": "y", "evidence": "bad: asked 20%, got 58%"}
    tree, _ = parsed(write_run(tmp_path, ran | {"reports/data/gate.json": {"status": "passed", "gates": [split]}}))
    assert "UNFINISHED The run has not been judged yet." in told(tree)
    assert "asked 20%, got 58%" in told(tree)
    assert told(tree).count("Not run yet.") == len(ROOMS) - 2
    assert "No gate has been judged yet" not in told(tree)
    assert "refused" not in told(tree)


def test_a_room_that_refused_says_so_before_there_is_a_verdict(tmp_path: Path) -> None:
    files = files_of_a_run()
    few = {"name": "min_rows", "room": "data", "status": "failed", "limit": 300, "found": 120, "evidence": "120 rows are left"}
    ran = {path: files[path] for path in ("reports/problem/problem.json", "reports/data/data.json")}
    tree, _ = parsed(write_run(tmp_path, ran | {"reports/data/gate.json": {"status": "refused", "gates": [few]}}))
    assert "REFUSED The data room stopped the run, min rows: found 120, the limit is 300." in told(tree)
    assert "Not reached: an earlier gate refused." in told(tree)


def test_config_to_copy_keeps_its_lines(tmp_path: Path) -> None:
    files = files_of_a_run()
    lines = "data:\n  columns:\n    lead_time: {type: int, max: 17}"
    files["reports/data/data.json"]["findings"][0]["yaml"] = lines
    _, html = parsed(write_run(tmp_path, files))
    assert f'<pre tabindex="0"><code>{lines}</code></pre>' in html


def test_a_missed_criterion_is_no_go_and_says_what_must_be_sure(tmp_path: Path) -> None:
    tree, _ = parsed(write_run(tmp_path, files_of_a_run(verdict="no_go")))
    assert "NO GO Success criterion is not met: the linear model earns 21,600 EUR" in told(tree)
    assert "at least 800 EUR a month must be sure" in told(tree)


def test_a_bundle_that_an_earlier_run_left_behind_is_not_shown(tmp_path: Path) -> None:
    files = files_of_a_run()
    files["reports/deployment/deployment.json"]["bundle"] = "0" * 64
    _, html = parsed(write_run(tmp_path, files))
    assert "runner score --bundle" not in html
    assert "only a bundle that ships is watched" in html


def test_what_ships_comes_with_the_commands_to_use_and_to_take_it_back(page: tuple[Tree, str]) -> None:
    _, html = page
    assert "python -m runner score --bundle models/credit/bundle --input new.parquet --output scored.parquet" in html
    assert "python -m runner registry rollback credit" in html


def test_an_exploring_run_says_so_first_and_how_to_adopt(tmp_path: Path) -> None:
    folders = RunFolders.exploring(Workspace(tmp_path), "credit", "5ce378e6ffff")
    for path, content in files_of_a_run().items():
        kind, _, rest = path.partition("/")
        write_json(getattr(folders, kind) / rest, content)
    tree, html = parsed(folders, adopted=False)
    main = html[html.index("<main>") :]
    assert main.index("Exploring, judged out of fold") < main.index("<h1>")
    assert "To adopt: python -m runner compose credit" in told(tree)
    assert "--bundle runs/credit/5ce378e6/models/bundle" in html


def test_clocked_figures_stand_in_their_own_section(page: tuple[Tree, str]) -> None:
    _, html = page
    assert "time that 99 of 100 rows keep to" in html
    assert "8.68 ms" in html
    assert "never compared" in html


def test_a_damaged_file_is_named(run: RunFolders) -> None:
    write_text(run.reports / "features" / "features.json", '{"features": [')
    with pytest.raises(FaultsError, match=r"features\.json.*not readable as JSON"):
        render(run, "credit", True)


def test_the_same_files_give_the_same_bytes(run: RunFolders) -> None:
    assert parsed(run)[1] == parsed(run)[1]


def test_pictures_can_be_left_out_and_words_stay(run: RunFolders, page: tuple[Tree, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNNER_PICTURES", "off")
    _, html = parsed(run)
    assert "<svg" in page[1]
    assert "<svg" not in html
    captions = [re.findall("<figcaption>(.*?)</figcaption>", shown) for shown in (html, page[1])]
    assert captions[0] == captions[1] != []
    assert html.count("RUNNER_PICTURES=off") >= len(captions[0])
