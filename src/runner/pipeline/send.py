"""The child process that talks to MLflow, so that no server and no import can hold up a run.

Reads one JSON order on standard input, prints one line per finished step: `ready`, `step`, `sent DIGEST`, `registered VERSION`,
or `busy` where another sender does not finish in time.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from runner.core.files import read_json, write_text
from runner.deployment.answerable import Answerable
from runner.deployment.mlflow_client import client, experiment_id
from runner.deployment.registry import Registry

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

Json = Mapping[str, Any]
COMPLETE, DIGEST = "runner.complete", "runner.digest"
VALUE_LIMIT, BATCH = 500, 100
# What the table of trials has beside what a record always had; records that were spooled by an earlier version lack it.
MORE = ("state", "rounds", "work", "seconds", "seed", "data", "code")


def main() -> int:
    """Send what the order names; a marker file remembers each finished part."""
    order = json.loads(sys.stdin.read())
    import mlflow

    _say("ready")
    mlflow.set_tracking_uri(order["uri"])
    Path(order["lock"]).parent.mkdir(parents=True, exist_ok=True)
    try:
        # Two senders that both look whether a run is there yet would both make it.
        with FileLock(order["lock"], timeout=order["patience_s"]):
            _send_all(order)
    except Timeout:
        _say("busy")
    return 0


def _send_all(order: Json) -> None:
    home, uri, root = Path(order["home"]), order["uri"], Path(order["root"])
    api = client(home, uri)
    for path in order["records"]:
        record = read_json(Path(path))
        marker = Path(order["markers"]) / record["digest"]
        if not marker.exists():
            _send(api, home, uri, root, record)
            write_text(marker, "")
        _say(f"sent {record['digest']}")
    for asked in order["register"]:
        version = Registry(home, uri).add(Path(asked["bundle"]), asked["name"], asked["alias"], Answerable.of(asked["answerable"]))
        write_text(Path(asked["marker"]), "")
        _say(f"registered {version.version}")


def _say(line: str) -> None:
    # A run that has ended listens no more; its records are sent all the same.
    with suppress(BrokenPipeError):
        os.write(sys.stdout.fileno(), f"{line}\n".encode())


def _send(api: MlflowClient, home: Path, uri: str, root: Path, record: Json) -> None:
    """One MLflow run per record; what a killed sender left half done is finished, never doubled."""
    experiment = experiment_id(api, home, uri, record["experiment"])
    found = api.search_runs([experiment], f"tags.`{DIGEST}` = '{record['digest']}'", max_results=1)
    if found and found[0].data.tags.get(COMPLETE) == "true":
        return
    run_id = found[0].info.run_id if found else api.create_run(experiment, tags=_tags(record)).info.run_id
    _say("step")
    for batch in _batches(record):
        api.log_batch(run_id, **batch)
        _say("step")
    _inputs(api, run_id, record)
    _say("step")
    for name, content in (
        ("config.json", record["config"]),
        ("trials.json", _trial_table(record)),
        ("verdict.json", record["verdict"]),
        ("ladder.json", record["ladder"]),
    ):
        api.log_text(run_id, json.dumps(content, indent=2), name)
        _say("step")
    for name in ("report", "model_card"):
        path = root / record["files"][name]
        if path.is_file():
            api.log_artifact(run_id, str(path))
            _say("step")
    api.set_tag(run_id, COMPLETE, "true")
    api.set_terminated(run_id, "FINISHED")


def _tags(record: Json) -> dict[str, str]:
    return {
        DIGEST: record["digest"],
        "runner.adopted": str(record["adopted"]).lower(),
        "runner.commit": record["commit"] or "",
        "runner.verdict": record["verdict"]["verdict"],
        "runner.seed": str(record["seeds"]["experiment"]),
        "mlflow.runName": f"{'adopted' if record['adopted'] else 'exploring'} {record['digest'][:8]}",
    }


def _batches(record: Json) -> Iterator[dict[str, Any]]:
    """Parameters and metrics in as few calls as MLflow allows; fixed times make a repeated call change nothing."""
    from datetime import datetime

    from mlflow.entities import Metric, Param

    flat = dict(_flat(record["config"], ""))
    flat |= {f"environment.{name}": value for name, value in record["environment"].items()}
    params = [Param(name[:250], str(value)[:VALUE_LIMIT]) for name, value in flat.items()]
    for start in range(0, len(params), BATCH):
        yield {"params": params[start : start + BATCH]}
    moment = int(datetime.fromisoformat(record["at"]).timestamp() * 1000)
    metrics = [Metric(name, value, moment, 0) for name, value in _metrics(record)]
    for start in range(0, len(metrics), BATCH):
        yield {"metrics": metrics[start : start + BATCH]}


def _metrics(record: Json) -> Iterator[tuple[str, float]]:
    for rung in record["ladder"].get("rungs", []):
        yield f"ladder.{rung['name']}.payoff", rung["payoff"]["value"]
        yield from ((f"ladder.{rung['name']}.{score}", i["value"]) for score, i in rung["scores"].items() if i["value"] is not None)
    metrics = record["metrics"]
    if "payoff" in metrics:
        yield "payoff", metrics["payoff"]["value"]
        yield from ((f"gain.{name}", gain["value"]) for name, gain in metrics["gain"].items())
        yield from ((f"score.{name}", score["value"]) for name, score in metrics["scores"].items() if score["value"] is not None)


def _inputs(api: MlflowClient, run_id: str, record: Json) -> None:
    from mlflow.entities import Dataset, DatasetInput

    inputs = [
        DatasetInput(Dataset(name=name, digest=str(source.get("sha256", ""))[:36], source_type="local", source=json.dumps({"uri": source.get("path", "")})), [])
        for name, source in record["data"].items()
    ]
    if inputs:
        api.log_inputs(run_id, inputs)


def _trial_table(record: Json) -> dict[str, Any]:
    """MLflow's table form: columns and rows."""
    rows = [
        [t["candidate"], t["trial"], t["value"], json.dumps(t["params"], sort_keys=True), json.dumps(t["fold_scores"]), *(_cell(t.get(name)) for name in MORE)]
        for t in record["trials"]
    ]
    return {"columns": ["candidate", "trial", "loss", "params", "fold_losses", *MORE], "data": rows}


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list) else value


def _flat(value: Any, at: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, below in value.items():
            # MLflow allows fewer characters in names than config does.
            safe = "".join(c if c.isalnum() or c in "_-. /" else "_" for c in str(key))
            yield from _flat(below, f"{at}.{safe}".lstrip("."))
    else:
        yield at, value


if __name__ == "__main__":
    sys.exit(main())
