"""Which AWS accounts are an AwsAccount's by their tag, whatever its status says.

The root e-mail address of an account that AWS was asked for follows from the AwsAccount's id, so that a lost status
costs nothing: AWS accepts the address once. An account that came from a pool has another address, and only its tag says
whose it is. If its AwsAccount has lost its status, as after a restore of yesterday's etcd, it would be given a second
one. So where there are pools, the tags of all accounts that no status explains are read before the first account of a
process is handed out or asked for. What is handed out later is noted.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import structlog

from batteries_crds.aws_account import AwsAccount
from batteries_operator.aws.account_tags import AccountTags
from batteries_operator.aws.error_meanings import DENIED
from batteries_operator.aws.errors import AwsError
from batteries_operator.aws.organizations import Organizations
from batteries_operator.runtime.watchdog import acquired, concurrent_step

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

OVER = frozenset({"CLOSED", "PENDING_CLOSURE"})
"""States of accounts of which nobody has anything any more."""

AT_ONCE = 8
"""So many accounts' tags are read at one time."""

Named = Callable[[], Awaitable[Mapping[str, str]]]
"""The AWS accounts that statuses name, by the AwsAccount that does."""


class LostClaims:
    """The AWS accounts by the AwsAccount that their tag names, as far as AWS alone may know them."""

    def __init__(self, organizations: Organizations, named: Named, pool_ou: str) -> None:
        """`pool_ou` is the name of the OU of accounts that nobody has."""
        self._organizations = organizations
        self._named = named
        self._pool_ou = pool_ou
        self._by_holder: dict[str, dict[str, None]] = {}
        self._unread: set[str] | None = None
        self._asking = asyncio.Lock()  # accounts that begin side by side share the search

    async def of(self, account: AwsAccount) -> list[str]:
        """The AWS accounts that were, or may have been, this AwsAccount's; each has to be proved.

        The first call of a process asks AWS: one call for twenty accounts, and one for each that nothing explains.

        Raises:
            AwsError: AWS did not tell; the next call goes on where this one ended.
        """
        async with acquired(self._asking):
            if self._unread is None:
                named = await self._named()
                for holder, aws_account_id in named.items():
                    self.note(holder, aws_account_id)
                self._unread = {each async for each in self._unexplained(frozenset(named.values()))}
            await self._read_all(self._unread)
        return [*self._by_holder.get(account.holder, ())]

    def note(self, holder: str, aws_account_id: str) -> None:
        """Remembers that the AWS account was given to that AwsAccount."""
        self._by_holder.setdefault(holder, {})[aws_account_id] = None

    async def _unexplained(self, named: frozenset[str]) -> AsyncIterator[str]:
        """The accounts that no status names and that are not where those are which nobody has."""
        pooled = await self._in_pool()
        async for member in self._organizations.members():
            if member.state not in OVER and member.id not in named | pooled:
                yield member.id

    async def _in_pool(self) -> set[str]:
        """Those that nobody has. Without the permission, which older policies lack, the tags of all are read."""
        unit = await self._organizations.find_ou(self._pool_ou)
        try:
            return {each async for each in self._organizations.accounts_in(unit)} if unit else set()
        except AwsError as error:
            if error.meaning is not DENIED:
                raise
            log.warning("pool_ou_not_listed", error=str(error), meaning="More calls are needed instead.")
            return set()

    async def _read_all(self, unread: set[str]) -> None:
        """Reads the tags of these accounts, and takes each out of them that was read."""
        turns = asyncio.Semaphore(AT_ONCE)

        async def read(aws_account_id: str) -> None:
            with concurrent_step():
                async with acquired(turns):
                    await self._read(aws_account_id)
            unread.discard(aws_account_id)

        for error in await asyncio.gather(*map(read, sorted(unread)), return_exceptions=True):
            if error is not None:
                raise error

    async def _read(self, aws_account_id: str) -> None:
        tags = await self._organizations.tags_if_member(aws_account_id)
        holder = None if tags is None else AccountTags.read(tags).resource
        if holder is not None:
            self.note(holder, aws_account_id)
