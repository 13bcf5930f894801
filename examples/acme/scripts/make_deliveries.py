"""Makes what stands in data/raw/: invented deliveries, the same bytes every time."""

import csv
import json
from math import cos, exp, tau
from pathlib import Path
from typing import Any

import numpy as np

RAW = Path(__file__).parent.parent / "data" / "raw"
PAST, TOMORROW = 1500, 40


def main(raw: Path = RAW) -> None:
    """Past deliveries, one JSON object a line, and those of tomorrow, whose end nobody knows yet, as a table."""
    draw = np.random.default_rng(1909)
    rows = [delivery(draw, number) for number in range(PAST + TOMORROW)]
    lines = [json.dumps({key: value for key, value in row.items() if value is not None}) for row in rows[:PAST]]
    (raw / "deliveries.ndjson").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    with (raw / "tomorrow.csv").open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, [key for key in rows[0] if key != "missed"], extrasaction="ignore", lineterminator="\n")
        table.writeheader()
        table.writerows(rows[PAST:])


def delivery(draw: np.random.Generator, number: int) -> dict[str, Any]:
    """One delivery. Nobody opens in the small hours, first customers are missed more often, and far ones too."""
    hour = int(draw.integers(0, 24))
    depot = str(draw.choice(["harbour", "north", "old town"], p=[0.5, 0.3, 0.2]))
    distance, first = round(float(draw.gamma(3.0, 3.0)), 1), bool(draw.random() < 0.3)
    weight = None if draw.random() < 0.06 else round(float(draw.lognormal(1.0, 0.8)), 2)
    told = -1.6 + 1.8 * cos(tau * (hour - 2) / 24) + 0.9 * first + 0.07 * distance + 0.4 * (depot == "old town")
    missed = int(draw.random() < 1 / (1 + exp(-told)))
    return {"number": number, "hour": hour, "depot": depot, "distance_km": distance, "weight_kg": weight, "first_order": first, "missed": missed}


if __name__ == "__main__":
    main()
