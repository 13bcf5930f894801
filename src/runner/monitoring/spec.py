"""What may be declared of monitoring."""

from __future__ import annotations

from pydantic import Field

from runner.core.around import RoomSpec


class MonitoringSpec(RoomSpec):
    """How new data is compared with what the model learned from."""

    window_rows: int = Field(default=1000, ge=50)
    """Rows of a usual monitored batch; alarms are calibrated for this size."""
    windows_per_year: int = Field(default=52, ge=1)
    """How many such batches a usual year brings: 52 is one a week."""
    false_alarms_per_year: float = Field(default=1.0, gt=0)
    """The budget: alarms to expect in a year in which nothing changes."""
    smallest_shift_sd: float = Field(default=0.1, ge=0)
    """Shifts smaller than this, in standard deviations, never alarm."""
    smallest_share_points: float = Field(default=1.0, ge=0)
    """Changes of a missing or unseen share smaller than this, in percentage points, never alarm."""
    rehearsal_windows: int = Field(default=200, ge=20)
    """Resampled quiet windows on which the alarms are rehearsed."""
