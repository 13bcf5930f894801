"""The learning curve: what the best candidate learns from fewer rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from runner.core.digests import of_value
from runner.core.seeds import seed_for
from runner.core.stage import Given
from runner.features.matrices import Matrices
from runner.training.balancing import UNTRAINED
from runner.training.budget.level import drawn
from runner.training.course import Job
from runner.training.fold_store import FoldStore
from runner.training.spec import TrainingSpec
from runner.training.studies import Studies

SHARES = (0.25, 0.5, 0.75)


def learned(studies: Studies, spec: TrainingSpec, given: Given) -> dict[str, Any] | None:
    """Loss of the best candidate's best setting by the share of each fold's training rows; smaller shares are parts of larger ones.

    None where nothing was trained, or the safety stop has come.
    """
    trained = [name for name in studies.studied if studies.specs[name].kind not in UNTRAINED]
    if not trained or studies.engine.clock.over():
        return None
    name = min(trained, key=lambda n: studies.studied[n].best.loss)
    best, store = studies.studied[name].best, studies.studied[name].store
    points = []
    for share in SHARES:
        engine = studies.engine
        seed = engine.learner.seed
        folds = [
            replace(fold, train=drawn(fold.train, max(1, round(share * len(fold.train))), seed_for(seed, "training", "curve", fold.number)))
            for fold in engine.folds
        ]
        whole = replace(engine, folds=folds, matrices=Matrices(engine.learner, folds), failures={})
        fewer = FoldStore(store.folder.with_name(of_value([store.folder.name, share])[:24]))
        found = whole.study_all([Job(name, studies.specs[name].laid(best.params), 1, fewer, None)], given.workers)
        if name not in found:
            return None
        points.append({"share": share, "rows": sum(len(f.train) for f in folds) // len(folds), "loss": found[name].best.loss})
    points.append({"share": 1.0, "rows": sum(len(f.train) for f in studies.folds) // len(studies.folds), "loss": best.loss})
    return {"candidate": name, "trial": best.number, "points": points}
