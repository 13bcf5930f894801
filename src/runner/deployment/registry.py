"""Bundles in MLflow's registry: versions by digest, aliases for who serves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from runner.bundle.format import MANIFEST, verify
from runner.core.digests import of_file
from runner.core.faults import Fault, FaultsError, RefusedError, fault
from runner.core.files import folder_beside
from runner.deployment.answerable import Answerable
from runner.deployment.mlflow_client import client, experiment_id, tracking_uri
from runner.deployment.names import CHAMPION, alias_faults, name_faults

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

DIGEST, ARCHIVED, HISTORY = "runner.bundle", "runner.archived", "runner.champions"
ANSWERABLE = "runner.answerable"


@dataclass(frozen=True)
class Version:
    """One registered bundle."""

    name: str
    version: int
    bundle: str
    aliases: tuple[str, ...]
    archived: bool
    created: str
    source: str
    answerable: Answerable
    """Nobody where that was not told at registration."""

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "answerable": self.answerable.as_json()}


@dataclass(frozen=True)
class Registry:
    """The registry behind a tracking URI. home: the workspace's private folder; uri: None for the workspace's own file."""

    home: Path
    uri: str

    @classmethod
    def at(cls, home: Path, declared: str | None) -> Registry:
        return cls(home, tracking_uri(home, declared))

    @property
    def _mlflow(self) -> MlflowClient:
        return client(self.home, self.uri)

    def add(self, folder: Path, name: str, alias: str, answerable: Answerable) -> Version:
        """Register a bundle once: the same digest again moves the alias, and brings an archived version back into use.

        answerable: who answers for the bundle; promotion asks for it. Nobody, where that is not known here, leaves what the version says.
        Raises FaultsError for a damaged bundle, and for a name or an alias that cannot be given.
        """
        wrong = [*name_faults(name, "registry: NAME"), *alias_faults(alias, "registry: --alias")]
        if wrong:
            raise FaultsError(wrong)
        verify(folder)
        digest, mlflow = of_file(folder / MANIFEST), self._mlflow
        known = next((v for v in self.versions(name) if v.bundle == digest), None)
        if known is None:
            known = self._upload(mlflow, folder, name, digest)
        if answerable not in (Answerable(), known.answerable):
            mlflow.set_model_version_tag(name, str(known.version), ANSWERABLE, answerable.as_text())
        if known.archived:
            mlflow.delete_model_version_tag(name, str(known.version), ARCHIVED)
        if alias not in known.aliases:
            mlflow.set_registered_model_alias(name, alias, str(known.version))
        return next(v for v in self.versions(name) if v.bundle == digest)

    def _upload(self, mlflow: MlflowClient, folder: Path, name: str, digest: str) -> Version:
        from mlflow.exceptions import MlflowException

        try:
            mlflow.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        run = mlflow.create_run(experiment_id(mlflow, self.home, self.uri, name), tags={DIGEST: digest, "mlflow.runName": f"bundle {digest[:12]}"})
        mlflow.log_artifacts(run.info.run_id, str(folder), "bundle")
        mlflow.set_terminated(run.info.run_id)
        mlflow.create_model_version(name, f"{run.info.artifact_uri}/bundle", run.info.run_id, tags={DIGEST: digest})
        return next(v for v in self.versions(name) if v.bundle == digest)

    def names(self) -> list[str]:
        """Every registered name."""
        return sorted(str(model.name) for model in self._mlflow.search_registered_models(max_results=1000))

    def versions(self, name: str) -> list[Version]:
        """All versions of a name, newest first; none when the name is not known."""
        from datetime import UTC, datetime

        if name_faults(name, name):
            return []
        mlflow = self._mlflow
        found = mlflow.search_model_versions(f"name = '{name}'", max_results=1000)
        if not found:
            return []
        aliases: dict[str, str] = dict(mlflow.get_registered_model(name).aliases)
        return sorted(
            (
                Version(
                    name=name,
                    version=int(v.version),
                    bundle=str(v.tags.get(DIGEST, "")),
                    aliases=tuple(sorted(a for a, at in aliases.items() if int(at) == int(v.version))),
                    archived=v.tags.get(ARCHIVED) == "true",
                    created=datetime.fromtimestamp(v.creation_timestamp / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                    source=str(v.source),
                    answerable=Answerable.of_text(v.tags.get(ANSWERABLE, "")),
                )
                for v in found
            ),
            key=lambda v: -v.version,
        )

    def version(self, name: str, wanted: str) -> Version:
        """A version by its number or alias. Raises FaultsError naming what there is."""
        known = self.versions(name)
        if not known:
            names = self.names()
            expected = f"one of {', '.join(names)}" if names else "a registered name; there is none yet"
            hint = "python -m runner registry list shows their versions" if names else f"python -m runner registry add {name} --bundle FOLDER"
            raise fault(f"registry: {name}", "there is no such model", expected, hint)
        match = next((v for v in known if str(v.version) == wanted or wanted in v.aliases), None)
        if match is None:
            have = ", ".join(f"{v.version}{' @' + ' @'.join(v.aliases) if v.aliases else ''}" for v in known)
            raise fault(f"registry: {name}", f"no version {wanted!r}", f"one of {have}", f"name one of them, as in registry:{name}@{known[0].version}")
        return match

    def promote(self, name: str, wanted: str) -> Version:
        """Make a version the champion; the one it replaces is remembered for rollback.

        Raises RefusedError for an archived one, for one that nobody answers for, and while a question of its problem is open.
        """
        chosen = self.version(name, wanted)
        if chosen.archived:
            raise RefusedError([Fault(f"registry: {name}", f"version {chosen.version} is archived", "a version in use", "register its bundle again")])
        history = self._history(name)
        is_crowned = bool(history) and history[-1] == chosen.version
        if is_crowned and CHAMPION in chosen.aliases:
            return chosen
        unanswered = chosen.answerable.faults(f"registry: {name}, version {chosen.version}")
        if unanswered:
            raise RefusedError(unanswered)
        mlflow = self._mlflow
        # The history first, the alias after it: a promotion that is killed in between is finished by repeating it, or undone by a rollback.
        if not is_crowned:
            self._remember(mlflow, name, [*history, chosen.version])
        mlflow.set_registered_model_alias(name, CHAMPION, str(chosen.version))
        return self.version(name, str(chosen.version))

    def rollback(self, name: str) -> Version:
        """Make the champion before the present one the champion again. Raises RefusedError when there is none."""
        self.version(name, CHAMPION)
        history = self._history(name)
        if len(history) < 2:
            raise RefusedError(
                [Fault(f"registry: {name}", "no earlier champion to go back to", "at least two promotions", "promote another version by its number")]
            )
        earlier = self.version(name, str(history[-2]))
        if earlier.archived:
            raise RefusedError(
                [Fault(f"registry: {name}", f"the earlier champion, version {earlier.version}, is archived", "a version in use", "promote another version")]
            )
        mlflow = self._mlflow
        # The alias first: a rollback that is killed in between is finished, not doubled, by repeating it.
        mlflow.set_registered_model_alias(name, CHAMPION, str(earlier.version))
        self._remember(mlflow, name, history[:-1])
        return self.version(name, CHAMPION)

    def archive(self, name: str, wanted: str) -> Version:
        """Take a version out of use. Raises RefusedError for the champion."""
        chosen = self.version(name, wanted)
        if CHAMPION in chosen.aliases:
            raise RefusedError(
                [Fault(f"registry: {name}", f"version {chosen.version} is the champion", "a version that does not serve", "promote or roll back first")]
            )
        self._mlflow.set_model_version_tag(name, str(chosen.version), ARCHIVED, "true")
        return self.version(name, str(chosen.version))

    def fetch(self, name: str, wanted: str) -> Path:
        """The folder of a registered bundle, fetched once, checked by its digest. Raises FaultsError."""
        from mlflow.artifacts import download_artifacts

        chosen = self.version(name, wanted)
        if not chosen.bundle:
            raise fault(f"registry: {name}@{wanted}", "was not registered by runner", "a bundle", f"python -m runner registry add {name} --bundle FOLDER")
        target = self.home / "registry" / chosen.bundle
        if not target.is_dir():
            with TemporaryDirectory() as scratch:
                fetched = Path(download_artifacts(artifact_uri=chosen.source, dst_path=scratch, tracking_uri=self.uri))
                verify(fetched)
                with folder_beside(target) as folder:
                    copytree(fetched, folder, dirs_exist_ok=True)
        if of_file(target / MANIFEST) != chosen.bundle:
            raise fault(f"registry: {name}@{wanted}", "what was fetched is not the bundle that was registered", chosen.bundle, "register the bundle again")
        return target

    def _history(self, name: str) -> list[int]:
        content = json.loads(self._mlflow.get_registered_model(name).tags.get(HISTORY, "[]"))
        return [int(n) for n in content]

    def _remember(self, mlflow: MlflowClient, name: str, history: Sequence[int]) -> None:
        mlflow.set_registered_model_tag(name, HISTORY, json.dumps(list(history)))


def split_name(text: str) -> tuple[str, str]:
    """Name and version of `registry:NAME@ALIAS`. Raises FaultsError.

    >>> split_name("registry:credit_risk@champion")
    ('credit_risk', 'champion')
    """
    name, _, wanted = text.removeprefix("registry:").partition("@")
    if not name or not wanted:
        raise fault(
            "--bundle",
            f"{text!r} does not name a registered bundle",
            "registry:NAME@ALIAS or registry:NAME@VERSION",
            "python -m runner registry list shows what there is",
        )
    return name, wanted
