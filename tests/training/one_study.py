"""The studies of test_engine in a process of their own: `python -m tests.training.one_study HOME WORKERS [GO]` prints what came out as JSON.

GO: a file that is waited for, so that several begin together.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from tests.training.test_engine import engine, jobs, made_folds, made_learner

from runner.training.course import Studied

TRIALS = 6


def told(found: dict[str, Studied]) -> dict[str, Any]:
    return {
        name: {
            "trials": [[t.number, dict(t.params), t.loss, list(t.fold_losses), t.pruned] for t in studied.trials],
            "best": studied.best.number,
            "predictions": studied.predictions.tolist(),
        }
        for name, studied in found.items()
    }


if __name__ == "__main__":
    home, learner = Path(sys.argv[1]), made_learner()
    (home / f"ready-{sys.argv[-1][-1]}").touch()
    while len(sys.argv) > 3 and not Path(sys.argv[3]).exists():
        time.sleep(0.01)
    done = engine(learner, made_folds(learner)).study_all(jobs(home, TRIALS), int(sys.argv[2]))
    print(json.dumps({"studies": told(done), "seconds": sum(studied.seconds for studied in done.values())}))
