"""What the sizes of the AccountPools mean for the organization's quota of accounts; for `doctor`."""

from collections.abc import Sequence

from kubernetes.aio.client import ApiException

from batteries_crds.account_pool import AccountPool
from batteries_crds.kube.client import NOT_FOUND, UNANSWERED, NoClusterError, Resources, connect, said_in, status_of
from batteries_operator.cli.findings import Finding, Verdict, finding
from batteries_operator.runtime.field_manager import FIELD_MANAGER
from batteries_operator.runtime.settings import Settings

Pools = Sequence[AccountPool] | str
"""The pools of the namespaces that the operator watches, or why they could not be read."""


async def read_pools(settings: Settings) -> Pools:
    """None where no Kubernetes is configured, or it has no such resource: there are none then."""
    found: list[AccountPool] = []
    try:
        async with await connect(settings.kubeconfig) as api:
            pools = Resources(api, AccountPool, FIELD_MANAGER)
            for namespace in settings.listed_namespaces:
                found += [each async for each in pools.all(namespace, unreadable=lambda error: None)]
    except NoClusterError:
        return []
    except ApiException as error:
        return [] if status_of(error) == NOT_FOUND else said_in(error)
    except UNANSWERED as error:
        return str(error) or type(error).__name__
    return found


def compare(pools: Pools, left: int, allowed: int) -> Finding:
    """Whether the members that are still missing fit into what the quota leaves."""
    if isinstance(pools, str):
        return Finding(Verdict.WARNING, f"AccountPools could not be read from Kubernetes: {pools}")
    size = sum(pool.spec.size for pool in pools)
    missing = sum(max(pool.spec.size - pool.status.members, 0) for pool in pools)
    reserve = max((pool.spec.quota_reserve for pool in pools), default=0)
    sizes = f"AccountPools want {size} of {allowed} accounts and lack {missing} of them"
    return finding(
        missing + reserve <= left,
        f"{sizes}; {left} are left",
        "lower spec.size, or have 'Maximum number of accounts' raised in Service Quotas",
        problem=f"{sizes}, but {left} are left, of which they leave {reserve} to customers",
        bad=Verdict.WARNING,
    )
