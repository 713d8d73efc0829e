"""How the integration and e2e tests are spread over two cores (`--dist loadscope`)."""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling


class ByWorld(LoadScopeScheduling):
    """What shares a sandbox or a kube-apiserver, a folder, stays on one core; a file in `alone` has a world of its own.

    They wait more than they compute, so two cores are through with them in little more than half the time. A mark for
    each group would say the same, but pytest 9.2 has xdist's groups do nothing (pytest-dev/pytest-xdist#1386).
    """

    def _split_scope(self, nodeid: str) -> str:
        folder, _, file = nodeid.split("::")[0].rpartition("/")
        return f"{folder}/{file}" if folder.endswith("/alone") else folder


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling | None:
    """xdist's own hook; None leaves it to `--dist`."""
    return ByWorld(config, log) if config.getoption("dist") == "loadscope" else None
