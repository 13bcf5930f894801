"""Where a drift report goes when nobody says where."""

from __future__ import annotations

from pathlib import Path

from runner.core.digests import of_file

SHORT, LONGEST = 12, 60


def default_report(root: Path | None, source: Path, bundle: str) -> Path:
    """runs/monitoring/BUNDLE/BATCH.json of the workspace, or beside the batch where there is none.

    The name holds the digests of bundle and batch: the same two give the same place again, and another batch of the same
    name, as it comes every week, takes nothing away. root: of the workspace, None outside of one; source: the batch, which is
    there; bundle: its digest. No stage and no comparison reads runs/monitoring.
    """
    name = f"{source.stem[:LONGEST]}-{of_file(source)[:SHORT]}"
    if root is None:
        return source.parent / f"{name}.drift.json"
    return root / "runs" / "monitoring" / bundle[:SHORT] / f"{name}.json"
