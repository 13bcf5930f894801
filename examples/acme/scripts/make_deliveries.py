"""Makes data/raw/deliveries.ndjson: invented deliveries, the same bytes every time."""

import json
from math import cos, exp, tau
from pathlib import Path

import numpy as np

ROWS = 1500


def main() -> None:
    """Write one delivery a line."""
    draw = np.random.default_rng(1909)
    lines = []
    for number in range(ROWS):
        hour = int(draw.integers(0, 24))
        depot = str(draw.choice(["harbour", "north", "old town"], p=[0.5, 0.3, 0.2]))
        distance, first = round(float(draw.gamma(3.0, 3.0)), 1), bool(draw.random() < 0.3)
        weight = None if draw.random() < 0.06 else round(float(draw.lognormal(1.0, 0.8)), 2)
        # Nobody opens in the small hours, first customers are missed more often, and far ones too.
        told = -1.6 + 1.8 * cos(tau * (hour - 2) / 24) + 0.9 * first + 0.07 * distance + 0.4 * (depot == "old town")
        missed = int(draw.random() < 1 / (1 + exp(-told)))
        row = {"number": number, "hour": hour, "depot": depot, "distance_km": distance, "weight_kg": weight, "first_order": first, "missed": missed}
        lines.append(json.dumps({key: value for key, value in row.items() if value is not None}))
    path = Path(__file__).parent.parent / "data" / "raw" / "deliveries.ndjson"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
