"""Whether a pool has an account ready for one that was just requested.

Only sentences and Retry-After depend on it. So a replica serves without it: an upgrade changes the programs, the CRDs
and the Roles one after another, and in between there may be no AccountPools to read, or no permission.
"""

from dataclasses import dataclass

from batteries_apiserver.cache.object_store import Index
from batteries_apiserver.cache.watch_cache import WatchCache
from batteries_crds.account_pool import AccountPool
from batteries_crds.aws_account import AwsAccount
from batteries_crds.names import ProvisioningStep

BY_LINE = "line"
_THE_LINE = "all"


def is_in_line(account: AwsAccount) -> bool:
    """Whether it is about to get an AWS account: from a pool, or from AWS."""
    status = account.status
    is_first = status.provisioning_step is ProvisioningStep.CREATE_ACCOUNT
    return is_first and account.is_wanted and status.aws_account_id is None and status.claim is None


def line_in(home: str) -> Index[AwsAccount]:
    """Indexes the accounts of a namespace that are in line."""

    def line_of(account: AwsAccount) -> tuple[str, ...]:
        return (_THE_LINE,) if account.metadata.namespace == home and is_in_line(account) else ()

    return line_of


@dataclass(frozen=True, slots=True)
class Prepared:
    """The accounts that the pools of the API's own namespace have ready, and who is in line for them."""

    pools: WatchCache[AccountPool]
    accounts: WatchCache[AwsAccount]
    home: str
    fresh_for: float

    def is_there_for(self, account: AwsAccount) -> bool:
        """Whether there is one for `account`, even if all others in line get one before it.

        It promises nothing that it does not know: without news of the pools it says no.
        """
        if account.metadata.namespace != self.home or not is_in_line(account) or self.pools.age > self.fresh_for:
            return False
        ready = sum(pool.status.ready for pool in self.pools.all())
        if ready == 0:  # as mostly, without a pool: the line may be long
            return False
        return sum(other.key != account.key for other in self.accounts.find(BY_LINE, _THE_LINE)) < ready
