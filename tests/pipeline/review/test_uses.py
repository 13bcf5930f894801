"""The ledger of test uses and the sign-offs, as a reviewer needs them."""

from __future__ import annotations

import json

import pytest
import yaml
from tests.pipeline.review.conftest import History

from runner.pipeline.review.comment import comment
from runner.pipeline.review.document import document
from runner.pipeline.review.review import ExperimentReview
from runner.pipeline.review.uses import Signoffs, Uses

pytestmark = pytest.mark.xdist_group("two_runs")


def uses(history: History, base: str, head: str | None = None) -> Uses:
    (found,) = history.review(base, head).experiments
    assert found.uses is not None
    return found.uses


def signed(history: History) -> tuple[ExperimentReview, Signoffs]:
    (found,) = history.review("main").experiments
    assert found.signoffs is not None
    return found, found.signoffs


def test_a_declaration_in_the_ledger_spends_nothing_more(two_runs: History) -> None:
    found = uses(two_runs, "main", "change")
    assert (found.state, found.number, found.used, found.allowed, found.added) == ("spent", 2, 2, 5, 1)


def test_one_that_was_not_run_will_open_the_test_once_more(copied: History) -> None:
    copied.edit(("age < 45", "age < 50"))
    found = uses(copied, "change")
    assert (found.state, found.number) == ("next", 3)
    assert "opens the sealed test once more, use 3 of 5" in comment(document(copied.review("change")))


def test_what_deployment_or_monitoring_declare_opens_no_test(copied: History) -> None:
    copied.edit(("window_rows: 100", "window_rows: 120"))
    assert uses(copied, "change").state == "spent"


def test_the_last_use_is_told_before_it_is_refused(copied: History) -> None:
    copied.edit(("age < 45", "age < 50"), ("evaluation:\n", "evaluation:\n  test_uses: 2\n"))
    assert uses(copied, "change").state == "refused"
    assert "**TEST SPENT.**" in comment(document(copied.review("change")))


def test_another_split_sets_another_test_apart_that_is_not_known_yet(copied: History) -> None:
    copied.edit(("folds: 3", "folds: 3, test_share: 0.3"))
    found = uses(copied, "change")
    assert (found.state, found.seal) == ("unknown", "")


def test_a_ledger_that_was_cut_is_told_loudly(copied: History) -> None:
    (copied.root / "ledger/tiny.jsonl").write_text("")
    shown = comment(document(copied.review("main")))
    assert "**LEDGER CHANGED.**" in shown
    assert "does not go on from the one at" in shown


def test_a_ledger_that_was_edited_is_told_loudly(copied: History) -> None:
    path = copied.root / "ledger/tiny.jsonl"
    first, second = path.read_text().splitlines()
    path.write_text(first.replace('"result":"go"', '"result":"no_go"') + "\n" + second + "\n")
    found = uses(copied, "main")
    assert "the ledger was changed by hand" in found.rewritten
    assert path.read_text().count("\n") == 2


def sign(history: History, bundle: str, *entries: dict[str, str]) -> None:
    path = history.root / "signoffs/tiny" / f"{bundle}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(list(entries)))


def test_sign_offs_belong_to_the_bundle_that_ships(copied: History) -> None:
    copied.edit(("  row: one loan", "  row: one loan\n  approvers: [risk officer, auditor]"))
    copied.run()
    found, missing = signed(copied)
    assert missing.missing == ("risk officer", "auditor")
    bundle = json.loads((copied.root / "reports/tiny/deployment/deployment.json").read_text())["bundle"]
    assert missing.bundle == found.compared.after.bundle == bundle
    sign(copied, bundle, {"role": "risk officer", "decision": "approved"}, {"role": "a passer-by", "decision": "approved"})
    _, given = signed(copied)
    assert (dict(given.given), given.missing, given.others) == ({"risk officer": "approved"}, ("auditor",), ("a passer-by: approved",))
    assert "1 sign-off is missing" in comment(document(copied.review("main")))


def test_a_sign_off_file_that_cannot_be_read_signs_nothing(copied: History) -> None:
    copied.edit(("  row: one loan", "  row: one loan\n  approvers: [risk officer]"))
    copied.run()
    _, before = signed(copied)
    sign(copied, before.bundle)
    for content in ("a: [", "3", "- 3\n", "{}"):
        (copied.root / "signoffs/tiny" / f"{before.bundle}.yaml").write_text(content)
        _, after = signed(copied)
        assert after.missing == ("risk officer",), content
