"""Every run carries the digests of the tables it was made of."""

from __future__ import annotations

import json
from pathlib import Path

from runner.core.digests import of_file, of_value


def test_a_run_names_the_tables_it_was_made_of(tiny_run: Path) -> None:
    digest = of_file(tiny_run / "data/raw/loans.parquet")
    assert json.loads((tiny_run / "reports/tiny/data/data.json").read_text())["sources"]["loans"]["sha256"] == digest
    (record,) = (tiny_run / ".runner/records").glob("*.json")
    assert json.loads(record.read_text())["data"]["loans"]["sha256"] == digest
    (line,) = (tiny_run / "ledger/tiny.jsonl").read_text().splitlines()
    split = json.loads((tiny_run / "data/tiny/split.json").read_text())
    assert json.loads(line)["seal"] == split["seal"]
    manifest = json.loads((tiny_run / "models/tiny/bundle/manifest.json").read_text())
    assert manifest["seal"] == split["seal"]
    assert len(manifest["made_from"]["data"]) == len(of_value(0))
