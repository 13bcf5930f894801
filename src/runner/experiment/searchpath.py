"""The groups that an installed package brings, on the search path of sweeps, which Hydra composes itself."""

from __future__ import annotations

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin

from runner.experiment.groups import packaged_conf


class PackagedConf(SearchPathPlugin):
    """Puts the packaged groups behind the workspace's own."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        folder = packaged_conf()
        if folder is not None:
            search_path.append(provider="runner", path=f"file://{folder}")


def register() -> None:
    """Tell Hydra; once is enough, twice does no harm."""
    Plugins.instance().register(PackagedConf)
