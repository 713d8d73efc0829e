"""Programs that only tests need, built in advance: no test could wait for them."""

import sys
from collections.abc import Callable

from batteries_sandbox import argocd, grafana, helm, kstatus, prometheus, redis, stripe_mock
from batteries_sandbox.errors import SandboxError

PROGRAMS: dict[str, Callable[[], object]] = {
    "helm": helm.provide,
    "stripe-mock": stripe_mock.provide,
    "Prometheus": prometheus.provide,
    "the check of dashboards": grafana.provide,
    "kstatus": kstatus.provide,
    "Redis": redis.provide,
    "Argo CD": argocd.provide,
}


def provide() -> None:
    """Builds each of them, or says why not; the tests that need that one are skipped."""
    for name, provide_one in PROGRAMS.items():
        try:
            provide_one()
        except SandboxError as error:
            print(f"The tests that need {name} will be skipped. {error}", file=sys.stderr)
