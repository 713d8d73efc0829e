"""What `kubectl delete` does while a finalizer stands, and the operator's answer to it."""

import asyncio

from fakes.factory import NAMESPACE, Factory, Process

from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import to_rfc3339, utc_now


def delete(factory: Factory, name: str = "acme") -> None:
    """The API server notes the time and counts the generation up."""
    meta = factory.cluster.objects["AwsAccount", NAMESPACE, name]["metadata"]
    meta["deletionTimestamp"] = to_rfc3339(utc_now())
    meta["generation"] += 1
    factory.cluster.touch("AwsAccount", NAMESPACE, name)


async def released(process: Process, name: str = "acme", seconds: float = 20) -> None:
    """Waits until the operator lets the account go.

    Raises:
        TimeoutError: it does not.
    """
    account: AwsAccount = await process.accounts.get(NAMESPACE, name)
    await asyncio.wait_for(process.release(account), seconds)
