"""The door of the deployment room."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from shutil import copytree

from runner.bundle.load import load
from runner.core.digests import files_below
from runner.core.faults import Fault, RefusedError
from runner.core.files import folder_beside, read_json, write_json
from runner.core.stage import Done, Given
from runner.deployment.answerable import Answerable
from runner.deployment.spec import DeploymentSpec


def run(spec: DeploymentSpec, given: Given, out: Mapping[str, Path]) -> Done:
    """Admit the chosen candidate, byte for byte, if the verdict says go.

    Reads problem, verdict, candidates, ladder; writes bundle, deployment_report.
    Raises RefusedError naming every gate that failed.
    """
    verdict = read_json(given["verdict"])
    if verdict["verdict"] != "go":
        raise RefusedError(_refusals(verdict["gates"], given.experiment))
    chosen = read_json(given["ladder"])["chosen"]
    with folder_beside(out["bundle"]) as folder:
        copytree(given["candidates"] / chosen, folder, dirs_exist_ok=True)
    bundle = load(out["bundle"])
    size = sum(path.stat().st_size for path in files_below(out["bundle"]))
    report = {
        "bundle": bundle.digest,
        "candidate": chosen,
        "bytes": size,
        "register_as": spec.register_as or given.experiment,
        "alias": spec.alias,
        "made_from": dict(bundle.manifest["made_from"]),
        "seal": bundle.manifest["seal"],
        "judged_on": verdict["on"],
        **Answerable.of(read_json(given["problem"])).as_json(),
    }
    write_json(out["deployment_report"], report)
    return Done()


def _refusals(gates: list[dict[str, object]], experiment: str) -> list[Fault]:
    failed = [gate for gate in gates if gate["status"] == "failed"]
    return [
        Fault(
            f"{experiment}: gate {gate['name']!r} ({gate['room']})",
            f"failed: found {gate['found']}, {gate['evidence']}",
            f"{gate['limit']}",
            "read the report, then change the model, the data or, with its owner, the declared limit",
        )
        for gate in failed
    ]
