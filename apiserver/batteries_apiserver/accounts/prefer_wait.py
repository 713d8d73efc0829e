"""`Prefer: wait=N` (RFC 7240): responds as soon as the account's state is final, or after N seconds with what it is.

Nothing polls: the accounts' cache wakes the waiting requests. The wait is always shorter than a request's time limit,
and at shutdown all waiting requests get their responses at once.

A `wait` that is not a number of seconds is no error: "MUST ignore those tokens and continue processing instead of
signaling an error" (RFC 7240, section 2). But whoever sent it expects a wait, so the response says `wait=0`: every
request that names `wait` learns from Preference-Applied how long the server would have waited.
"""

import asyncio
import re
from collections.abc import Iterator
from contextlib import suppress

from aiohttp import web
from multidict import istr

from batteries_apiserver.http.route import LONGEST_WAIT, Header, Parameter
from batteries_apiserver.kube.clients import KUBE, Kube
from batteries_apiserver.settings import SETTINGS
from batteries_crds.aws_account import AwsAccount
from batteries_crds.conditions import RECONCILING, is_true
from batteries_crds.names import Phase

_HEADER = istr("Prefer")
_PREFERENCE = re.compile(r'(?:[^,;"]|"(?:[^"\\]|\\.)*"?)*')
"""Text up to a comma or semicolon that no quotes enclose."""
_SECONDS = re.compile(r"[0-9]+", re.ASCII)
_MOST_DIGITS = 9
_UNDER_WAY = frozenset({Phase.PENDING, Phase.CREATING})

PREFER = Parameter(
    name="Prefer",
    where="header",
    description="`wait=N` (RFC 7240): respond once the account is active, failed or suspended and no change is in "
    f"progress, at the latest after N seconds. At most {LONGEST_WAIT} seconds; `Preference-Applied` says what applied.",
)
APPLIED = Header(
    name="Preference-Applied",
    description="The longest time that this response could have waited, as `wait=N`: what you preferred, but at most "
    f"`wait={LONGEST_WAIT}`, and `wait=0` if your `wait` was not a whole number of seconds. Only present if you sent "
    "`Prefer: wait`.",
)


async def wait_as_preferred(request: web.Request, account: AwsAccount) -> tuple[AwsAccount, dict[str, str]]:
    """Waits as long as the request prefers for the account to settle. Returns it, and the headers that say so."""
    seconds = _preferred_seconds(request)
    if seconds is None:
        return account, {}
    applied = min(seconds, request.app[SETTINGS].longest_wait)
    return await until_settled(request.app[KUBE], account, applied), {"Preference-Applied": f"wait={applied}"}


def _preferred_seconds(request: web.Request) -> int | None:
    """The first wait preference (later ones don't count); None without one, 0 if it is not a number of seconds."""
    if _HEADER not in request.headers:
        return None
    for name, value in _preferences(",".join(request.headers.getall(_HEADER))):
        if name == "wait":
            return int(value[:_MOST_DIGITS]) if _SECONDS.fullmatch(value) else 0
    return None


def _preferences(header: str) -> Iterator[tuple[str, str]]:
    """The names, in lower case, and values of the preferences, without their parameters, which follow semicolons."""
    place, is_parameter = 0, False
    while place <= len(header):
        found = _PREFERENCE.match(header, place)
        assert found is not None, "the pattern matches the empty text too"
        if not is_parameter:
            name, _, value = found[0].partition("=")
            yield name.strip().lower(), value.strip().removeprefix('"').removesuffix('"')
        is_parameter = header[found.end() : found.end() + 1] == ";"
        place = found.end() + 1


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
