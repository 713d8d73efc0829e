"""`Prefer: wait=N` (RFC 7240): responds as soon as the account's state is final, or after N seconds with what it is.

Nothing polls: the accounts' cache wakes the waiting requests. The wait is always shorter than a request's time limit,
and at shutdown all waiting requests get their responses at once.
"""

import asyncio
import re
from contextlib import suppress

from aiohttp import web
from multidict import istr

from batteries_apiserver.http.route import Header, Parameter
from batteries_apiserver.kube.clients import KUBE, Kube
from batteries_apiserver.settings import SETTINGS
from batteries_crds.aws_account import AwsAccount
from batteries_crds.conditions import RECONCILING, is_true
from batteries_crds.names import Phase

_WAIT = re.compile(r'(?:^|[,;])\s*wait\s*=\s*(?:"(\d{1,9})"|(\d{1,9}))\s*(?=[,;]|$)', re.ASCII | re.IGNORECASE)
_HEADER = istr("Prefer")
_UNDER_WAY = frozenset({Phase.PENDING, Phase.CREATING})

PREFER = Parameter(
    name="Prefer",
    where="header",
    description="`wait=N` (RFC 7240): respond once the account is active, failed or suspended and no change is in "
    "progress, at the latest after N seconds. The server may wait less.",
)
APPLIED = Header(
    name="Preference-Applied", description="The longest time that this response could have waited, as `wait=N`."
)


async def wait_as_preferred(request: web.Request, account: AwsAccount) -> tuple[AwsAccount, dict[str, str]]:
    """Waits as long as the request prefers for the account to settle. Returns it, and the headers that say so."""
    seconds = _preferred_seconds(request)
    if seconds is None:
        return account, {}
    applied = min(seconds, int(request.app[SETTINGS].longest_wait))
    return await until_settled(request.app[KUBE], account, applied), {"Preference-Applied": f"wait={applied}"}


def _preferred_seconds(request: web.Request) -> int | None:
    """The first wait preference; a malformed one is ignored (RFC 7240, section 2)."""
    if _HEADER not in request.headers:
        return None
    found = _WAIT.search(",".join(request.headers.getall(_HEADER)))
    return int(found[1] or found[2]) if found else None


async def until_settled(kube: Kube, account: AwsAccount, seconds: float) -> AwsAccount:
    """Returns the account when it is settled or deleted, or when the time is up."""
    changes, accounts = kube.caches.changes, kube.caches.accounts
    with changes.of(account.key) as changed, suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not changes.stopping:
                changed.clear()
                now = accounts.get(account.metadata.name)
                if now is None:
                    break
                account = now
                if is_settled(account):
                    break
                await changed.wait()
    return account


def is_settled(account: AwsAccount) -> bool:
    """Whether the operator has observed the newest spec and has nothing left to do."""
    status = account.status
    return (
        status.observed_generation == account.metadata.generation
        and status.phase not in _UNDER_WAY
        and not is_true(status.conditions, RECONCILING)
    )
