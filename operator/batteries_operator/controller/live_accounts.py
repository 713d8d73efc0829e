"""Reads an account as Kubernetes has it now, with the time that has come on both clocks."""

from collections.abc import Sequence
from datetime import datetime

from batteries_crds.aws_account import AwsAccount
from batteries_crds.identity import ObjectRef
from batteries_crds.kube.client import Resources, UnreadableError
from batteries_operator.runtime.two_clocks import come


class LiveAccounts:
    """Reads without a cache, for what can't be undone."""

    def __init__(self, accounts: Resources[AwsAccount]) -> None:
        self._accounts = accounts

    async def read(self, account: ObjectRef) -> tuple[AwsAccount | None, datetime]:
        """The same object as it is now, or None if it is gone or replaced; and the time.

        Raises:
            ApiException, UnreadableError, aiohttp.ClientError, OSError, TimeoutError: it can't be read now.
        """
        found, answered_at = await self._accounts.find_dated(account.namespace, account.name)
        is_same = found is not None and found.metadata.uid == account.uid
        return (found if is_same else None), come(answered_at)


async def aws_accounts_named(accounts: Resources[AwsAccount], namespaces: Sequence[str | None]) -> dict[str, str]:
    """The AWS account that each AwsAccount names in its status, by the value of its tag.

    One that can't be read is passed over: what its AWS account's tag says is read instead.
    """
    found = {}
    for namespace in namespaces:
        async for account in accounts.all(namespace, unreadable=_pass_over):
            if account.status.aws_account_id is not None:
                found[account.holder] = account.status.aws_account_id
    return found


def _pass_over(_: UnreadableError) -> None:
    pass
