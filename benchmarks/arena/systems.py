"""The systems that are compared, where each is installed, and how each is started."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
PEERS = ROOT / "benchmarks" / "peers"
ENVS = Path(os.environ.get("RUNNER_BENCH_ENVS", ROOT / ".runner" / "bench" / "envs"))
THREAD_KEYS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS", "LOKY_MAX_CPU_COUNT")
RUNNER = "runner"


@dataclass(frozen=True)
class System:
    """adapter: its file in benchmarks/peers; env: its environment there, `PEER.txt` beside the adapters; options: told to the adapter."""

    name: str
    label: str
    adapter: str
    env: str
    package: str
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def python(self) -> Path:
        """The interpreter with the system in it."""
        return Path(sys.executable) if self.env == RUNNER else ENVS / self.env / "bin" / "python"

    @property
    def missing(self) -> str:
        """Why it cannot be run, or nothing."""
        if self.env == RUNNER or self.python.is_file():
            return ""
        said = ENVS / f"{self.env}.error"
        return said.read_text().strip() if said.is_file() else f"not installed: python -m benchmarks.quality install --peers {self.env}"

    def version(self) -> str:
        """The pinned version, or the commit of runner."""
        if self.env == RUNNER:
            said = [["rev-parse", "--short", "HEAD"], ["status", "--porcelain", "--", "src"]]
            commit, changed = (subprocess.run(["git", *s], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip() for s in said)
            return commit + ("+" if changed else "")
        pins = dict(line.split("==") for line in (PEERS / f"{self.env}.txt").read_text().split())
        return pins[self.package]

    def environment(self, threads: int) -> dict[str, str]:
        """The environment of its processes: its threads bounded, no search for weights on the net."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        bounded = dict.fromkeys(THREAD_KEYS, str(threads))
        said = {"POLARS_MAX_THREADS": str(threads), "HF_HUB_OFFLINE": "1", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0", "RAY_USAGE_STATS_ENABLED": "0"}
        return {**kept, **bounded, **said, **({"PYTHONPATH": str(ROOT / "src")} if self.env == RUNNER else {})}

    def fit_command(self, job_file: Path, job: dict[str, Any]) -> list[str]:
        """runner is started as its users do; a peer through the protocol."""
        if self.env != RUNNER:
            return self._protocol("fit", job_file)
        said = {"data": job["train"], "target": job["target"], "task": job["task"], "minutes": f"{job['budget'] / 60:g}", "output": job["folder"]}
        said["workers"] = str(job["threads"])
        if job["time"]:
            said["time-column"] = job["time"]
        return [str(self.python), "-m", "runner", "fit", *(word for name, value in said.items() for word in (f"--{name}", value))]

    def predict_command(self, job_file: Path) -> list[str]:
        return self._protocol("predict", job_file)

    def _protocol(self, act: str, job_file: Path) -> list[str]:
        return [str(self.python), "-P", str(PEERS / "protocol.py"), self.adapter, act, str(job_file)]


def _autogluon(name: str) -> System:
    return System(f"autogluon_{name}", f"AutoGluon {name}", "autogluon", "autogluon", "autogluon.tabular", {"preset": f"{name}_quality"})


SYSTEMS: tuple[System, ...] = (
    System(RUNNER, "runner", RUNNER, RUNNER, RUNNER),
    _autogluon("medium"),
    _autogluon("good"),
    _autogluon("best"),
    System("flaml", "FLAML", "flaml", "flaml", "flaml"),
    System("mljar", "MLJAR", "mljar", "mljar", "mljar-supervised"),
    System("h2o", "H2O", "h2o", "h2o", "h2o"),
    System("catboost", "CatBoost, default", "catboost", "catboost", "catboost"),
    System("lightgbm", "LightGBM, default", "lightgbm", "lightgbm", "lightgbm"),
    System("linear", "linear", "linear", "lightgbm", "scikit-learn"),
)
PEER_ENVS = ("autogluon", "flaml", "mljar", "h2o", "catboost", "lightgbm")


def picked(names: str) -> list[System]:
    """Systems by a list with commas of names, or `all`. Raises ValueError for an unknown one."""
    known = {system.name: system for system in SYSTEMS}
    asked = list(known) if names == "all" else names.split(",")
    unknown = [name for name in asked if name not in known]
    if unknown:
        raise ValueError(f"no system {unknown}: all, or {', '.join(known)}")
    return [known[name] for name in asked]


def install(env: str) -> str:
    """Make the environment of a peer from its pins, unless it is there, without a look at what they declare; what went wrong, or nothing.

    pip and not uv, since pip takes a PyTorch for the processor from where the machine's settings say.
    """
    folder, said, pins = ENVS / env, ENVS / f"{env}.error", PEERS / f"{env}.txt"
    if (folder / pins.name).is_file() and (folder / pins.name).read_text() == pins.read_text():
        return ""
    ENVS.mkdir(parents=True, exist_ok=True)
    said.unlink(missing_ok=True)
    steps = [[sys.executable, "-m", "venv", str(folder)]]
    steps += [[str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps", "-r", str(pins)]]
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode:
            shutil.rmtree(folder, ignore_errors=True)
            said.write_text("\n".join((done.stderr or done.stdout).strip().splitlines()[-3:]))
            return said.read_text()
    shutil.copy(pins, folder)
    return ""
