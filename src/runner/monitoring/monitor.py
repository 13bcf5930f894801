"""The monitor that stands beside a bundle: profiles, calibrated signals, and what they were made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.core.faults import fault
from runner.core.files import read_json, write_json
from runner.monitoring.alarms import Signal, signal_json
from runner.monitoring.profile import ColumnProfile

FORMAT = 1
PROFILE = "profile.json"
ALARMS = "alarms.json"
AGAIN = "restore the monitor (`dvc checkout` or a backup), or run the monitoring stage again"


@dataclass(frozen=True)
class Monitor:
    """A reference and its alarms, bound to one bundle.

    bundle: its digest; profiles: watched column to profile; signals: calibrated; unit: of payoffs;
    window_rows, windows_per_year, false_alarms_per_year, share_floor: as declared; rows_per_month: null where not declared;
    breaches: contract check to its share of reference rows; reference: {rows, windows, phi, from, to, why} for people.
    """

    bundle: str
    profiles: Mapping[str, ColumnProfile]
    signals: tuple[Signal, ...]
    unit: str
    window_rows: int
    windows_per_year: int
    false_alarms_per_year: float
    share_floor: float
    rows_per_month: int | None
    breaches: Mapping[str, float]
    reference: Mapping[str, Any]

    def save(self, folder: Path) -> None:
        """Write profile.json and alarms.json into a folder; both name the bundle."""
        columns = [profile.as_json() for profile in self.profiles.values()]
        write_json(folder / PROFILE, {"format": FORMAT, "bundle": self.bundle, "columns": columns, "breaches": dict(self.breaches)})
        alarms = {
            "format": FORMAT,
            "bundle": self.bundle,
            "unit": self.unit,
            "window_rows": self.window_rows,
            "windows_per_year": self.windows_per_year,
            "false_alarms_per_year": self.false_alarms_per_year,
            "share_floor": self.share_floor,
            "rows_per_month": self.rows_per_month,
            "reference": dict(self.reference),
            "signals": [signal_json(s) for s in self.signals],
        }
        write_json(folder / ALARMS, alarms)


def load(folder: Path, digest: str) -> Monitor:
    """The monitor in a folder. digest: of the bundle it must belong to.

    Raises FaultsError when the folder is no monitor, is damaged, or belongs to another bundle.
    """
    if not (folder / ALARMS).is_file():
        hint = "give the one beside the bundle, models/<experiment>/monitor, by --monitor"
        raise fault(str(folder), "no monitor here", f"a folder with {PROFILE} and {ALARMS}", hint)
    profile, alarms = read_json(folder / PROFILE, AGAIN), read_json(folder / ALARMS, AGAIN)
    for file, written in ((PROFILE, profile), (ALARMS, alarms)):
        _check(folder / file, written, digest)
    try:
        return _parsed(profile, alarms)
    except (KeyError, TypeError, ValueError) as error:
        expected = "the files that the monitoring stage wrote"
        raise fault(str(folder), f"the monitor is damaged ({error!r})", expected, "run the stage again") from None


def _check(path: Path, written: Any, digest: str) -> None:
    if not isinstance(written, dict) or written.get("format") != FORMAT:
        raise fault(str(path), "not a monitor of this version", f"format {FORMAT}", "run the monitoring stage again")
    if written.get("bundle") != digest:
        found = f"it was made for the bundle {str(written.get('bundle'))[:12]}, not for {digest[:12]}"
        hint = "give the bundle's own monitor by --monitor, or run the monitoring stage"
        raise fault(str(path), found, "the monitor of the very bundle that scores", hint)


def _parsed(profile: Mapping[str, Any], alarms: Mapping[str, Any]) -> Monitor:
    columns = [ColumnProfile.from_json(written) for written in profile["columns"]]
    return Monitor(
        bundle=alarms["bundle"],
        profiles={column.name: column for column in columns},
        signals=tuple(Signal(**written) for written in alarms["signals"]),
        unit=alarms["unit"],
        window_rows=alarms["window_rows"],
        windows_per_year=alarms["windows_per_year"],
        false_alarms_per_year=alarms["false_alarms_per_year"],
        share_floor=alarms["share_floor"],
        rows_per_month=alarms["rows_per_month"],
        breaches=profile["breaches"],
        reference=alarms["reference"],
    )
