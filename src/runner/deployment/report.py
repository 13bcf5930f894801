"""The chapter of the deployment room: what ships, how to use it, and how to take it back."""

from __future__ import annotations

from runner.core.workspace import RunFolders
from runner.deployment.answerable import Answerable
from runner.report.numbers import size
from runner.report.parts import Chapter, Code, Section, code, digest, facts, plain
from runner.report.reading import Record, amount, has_shipped, load, record, shown, text, why_missing
from runner.report.words import sentence, words

ROOM = "deployment"
QUESTION = "What ships, and how is it taken back?"


def chapter(folders: RunFolders) -> Chapter:
    """From deployment.json."""
    found = load(folders.reports / ROOM / "deployment.json")
    if not found or not has_shipped(folders):
        return Chapter.not_reached(ROOM, QUESTION, why_missing(folders, ROOM))
    bundle, name, alias = shown(folders.models / "bundle", folders), text(found, "register_as"), text(found, "alias")
    on_test = text(found, "judged_on") == "test"
    items = [
        ("bundle", code(bundle)),
        ("digest", digest(text(found, "bundle"))),
        ("size", plain(size(amount(found, "bytes") or 0))),
        ("model", plain(words(text(found, "candidate")))),
        ("registers as", plain(f"{name}, alias {alias}, when the records are sent" if on_test else "nothing while exploring")),
        ("promotion", plain(_promotion(found))),
        ("judged on", plain("the sealed test" if on_test else "out-of-fold predictions")),
        ("seal of the test", digest(text(found, "seal"))),
        *((f"made from {part}", digest(str(value))) for part, value in sorted(record(found, "made_from").items())),
    ]
    use = (
        Code(f"python -m runner score --bundle {bundle} --input new.parquet --output scored.parquet", "Score a batch"),
        Code(f"python -m runner monitor --bundle {bundle} --input new.parquet", "Watch what comes in"),
    )
    back = (Code(f"python -m runner registry rollback {name}", "Go back to the version before"),) if on_test and name else ()
    answer = sentence(f"the bundle of {words(text(found, 'candidate'))} is admitted, the very bytes that were judged")
    return Chapter(ROOM, QUESTION, answer, (Section("The bundle", facts(items)), Section("How to use it", (*use, *back))))


def _promotion(found: Record) -> str:
    missing = [fault.wrong for fault in Answerable.of(found).faults("")]
    return f"blocked: {'; '.join(missing)}" if missing else "open to its approvers"
