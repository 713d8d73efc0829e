"""Takes an AWS account out of a pool of the namespace: the part of create_account that makes AWS wait for nobody.

Whose an AWS account is, its tag says, before, while and after it is taken. The order of the writes makes sure that it
is one AwsAccount's and that the AwsAccount has one, after a crash anywhere and with a second operator beside us:

1. The wish for one member is written to the AwsAccount (`status.claim`), fenced by its resourceVersion.
2. The AWS account is proved to be the member's and nobody else's yet, to be open, and to be as it was prepared.
3. The member is marked as taken (`status.claimedBy`), fenced by the version that was seen. The mark stays.
4. The AWS account's tags are replaced in one call. From here it is the AwsAccount's.

A wish leads until its end: what follows it looks, and does what is left. Before the mark it may be dropped. A member
that does not pass is told so (`Members.refuse`), and the next one is tried, or AWS is asked as if there were no pool.
"""

from collections.abc import Coroutine
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

from batteries_crds.aws_account import AwsAccount
from batteries_crds.aws_account_status import PoolClaim
from batteries_crds.base import utc_now
from batteries_crds.pooled_account import Claimant, PooledAccount
from batteries_operator.aws.errors import AwsError
from batteries_operator.aws.organizations import ManagementAccountError
from batteries_operator.aws.ownership import NotOurAccountError
from batteries_operator.runtime.metrics import POOL_CLAIM_SECONDS, POOL_CLAIMS
from batteries_operator.runtime.watchdog import both
from batteries_operator.steps import early_access
from batteries_operator.steps.fitness import AGAIN_SECONDS, UnfitError, inspected
from batteries_operator.steps.outcome import Done, Fail, Wait
from batteries_operator.steps.step import Scope

TRIES = 3
"""So many members are tried before AWS is asked for an account."""

PATIENCE = timedelta(seconds=20)
"""How long an AwsAccount waits for a member that AWS gives no answer about."""


class Missed(StrEnum):
    """Why an AwsAccount got none, although there are pools; for the metrics."""

    EMPTY = "empty"
    UNFIT = "unfit"


async def follow(scope: Scope, owner: str) -> Done | None:
    """Follows the wish in the status to its end; None if it leads to nothing, so that it is dropped.

    Of an AwsAccount that is not wanted any more only a wish leads anywhere whose member is taken; the caller drops
    another.

    Raises:
        AwsError, LostRaceError, ApiException: it is followed at the next try.
    """
    try:
        done = await _followed(scope, owner)
    except AwsError as error:
        if not await _gave_up(scope, error):
            raise
        done = None
    if done is None:
        scope.deps.pool.unreserve(scope.account.metadata.uid)
        if scope.account.is_wanted:
            await scope.record(claim=None)
    return done


async def take(scope: Scope, owner: str) -> Done | Missed:
    """Wishes for a member, and takes it; done once one is this AwsAccount's.

    Raises:
        AwsError, LostRaceError, ApiException: the wish is followed at the next try.
    """
    tried: set[str] = set()
    while (member := await _next(scope, tried)) is not None:
        # Looks change nothing: they need not wait for the write, and everything else does.
        if (done := await _taken(scope, member, owner, _wish(scope, member, owner))) is not None:
            return done
    scope.deps.pool.unreserve(scope.account.metadata.uid)
    if scope.account.status.claim is not None:
        await scope.record(claim=None)
    return Missed.UNFIT if tried else Missed.EMPTY


async def _followed(scope: Scope, owner: str) -> Done | None:
    account, wish = scope.account, _wish_of(scope)
    member = await _wished(scope, wish)
    if member is not None and (_is_marked(member, account) or (account.is_wanted and scope.deps.pool.is_ready(member))):
        return await _taken(scope, member, owner)
    # The member is gone, another's, or as it was yesterday: the tag decides.
    return await _own(scope, wish.aws_account_id, owner)


async def _gave_up(scope: Scope, error: AwsError) -> bool:
    """Whether AWS is asked for an account instead, because it does not tell what is to be known about the member.

    Not once the member is taken: then its tags may have been replaced. So it is told first; if that fails, because it
    has changed, it may just have been taken.
    """
    wish = _wish_of(scope)
    if not scope.account.is_wanted or utc_now() - wish.recorded_at <= PATIENCE:
        return False
    member = await _wished(scope, wish)
    if member is None or _is_marked(member, scope.account):
        return False
    if member.is_claimed:
        return True
    message = f"AWS does not tell whether AWS account {wish.aws_account_id} can be handed out. {error.words}"
    told = Wait.retrying(AGAIN_SECONDS, error.meaning.reason, message, cause=error.cause)
    return await scope.deps.members.refuse(member, told)


async def withdrawn(scope: Scope, held: Wait) -> Wait:
    """The wait of an AwsAccount that must not be given anything now; with it a wish is dropped that is not taken."""
    wish = scope.account.status.claim
    if wish is None:
        return held
    member = await _wished(scope, wish)
    if member is not None and _is_marked(member, scope.account):
        return held
    scope.deps.pool.unreserve(scope.account.metadata.uid)
    scope.deps.early_access.forget(scope.account.metadata.uid)
    return replace(held, facts={"claim": None})


def _wish_of(scope: Scope) -> PoolClaim:
    wish = scope.account.status.claim
    assert wish is not None  # the caller has seen it
    return wish


async def _wished(scope: Scope, wish: PoolClaim) -> PooledAccount | None:
    """The member that the wish is for, as it is now; None if there is none that has that AWS account."""
    member = await scope.deps.members.find(scope.account.metadata.namespace, wish.member)
    is_same = member is not None and member.metadata.uid == wish.member_uid
    return member if is_same and member is not None and member.status.aws_account_id == wish.aws_account_id else None


def _is_marked(member: PooledAccount, account: AwsAccount) -> bool:
    """Whether it is taken for this AwsAccount."""
    return member.status.claimed_by is not None and member.status.claimed_by.uid == account.metadata.uid


async def _next(scope: Scope, tried: set[str]) -> PooledAccount | None:
    """The next member that can be had, as it is now: one that was marked for this AwsAccount before, if there is any.

    A mark without a wish is what a lost status leaves behind.
    """
    account, pool = scope.account, scope.deps.pool
    namespace, uid = account.metadata.namespace, account.metadata.uid
    marked = pool.taken_by(uid)
    while len(tried) < TRIES:
        seen = marked if marked is not None and marked.metadata.uid not in tried else None
        seen = seen or pool.reserve(namespace, uid, tried)
        if seen is None:
            return None
        tried.add(seen.metadata.uid)
        member = await scope.deps.members.find(namespace, seen.metadata.name)
        if member is None or member.metadata.uid != seen.metadata.uid or member.status.aws_account_id is None:
            continue
        if _is_marked(member, account) or pool.is_ready(member):
            return member
    return None


async def _wish(scope: Scope, member: PooledAccount, owner: str) -> None:
    """Writes down which member is to be taken, before anything is done about it."""
    account = scope.account
    wish = PoolClaim(
        member=member.metadata.name,
        member_uid=member.metadata.uid,
        aws_account_id=str(member.status.aws_account_id),
        pooled_id=str(member.account_id),
        recorded_at=utc_now(),
    )
    await scope.record(claim=wish, owner=owner, account_id=str(account.account_id))


async def _taken(
    scope: Scope, member: PooledAccount, owner: str, wish: Coroutine[Any, Any, None] | None = None
) -> Done | None:
    """Takes the member that is wished for; None if it can't be had. `wish` writes the wish, where it is not written."""
    account, deps = scope.account, scope.deps
    is_marked = _is_marked(member, account)
    try:
        begun = _begun(scope, member, owner, wish)
        _, prepared = await both(begun, inspected(scope, member, looks=account.is_wanted))
    except NotOurAccountError as error:
        if error.holder == account.holder and (own := await _own(scope, str(member.status.aws_account_id), owner)):
            return own  # its tags were replaced before, and we did not hear of it
        return await _told(scope, member, owner, UnfitError.of(error).outcome)
    except UnfitError as error:
        return await _told(scope, member, owner, error.outcome)
    if not is_marked and not await deps.members.claim(member, claimant(account)):
        return None
    owned = await deps.aws.ownership.hand_over(prepared, account, owner)
    deps.aws.ownership.forget(member.metadata.uid)
    return _done(scope, owned.id, owner, member.status.access_role_name)


async def _begun(scope: Scope, member: PooledAccount, owner: str, wish: Coroutine[Any, Any, None] | None) -> None:
    """Once the wish is written, what concerns the owner is looked up too: nothing is made for an account that goes."""
    if wish is not None:
        await wish
    if scope.account.is_wanted:
        early_access.begin(scope, owner, member)


def claimant(account: AwsAccount) -> Claimant:
    """The AwsAccount, as the mark on a member names it."""
    meta = account.metadata
    return Claimant(name=meta.name, uid=meta.uid, account_id=str(account.account_id), at=utc_now())


async def _told(scope: Scope, member: PooledAccount, owner: str, outcome: Fail | Wait) -> Done | None:
    """Tells the member that it can't be had, and why. If another operator has just taken it for us, it is ours."""
    if not await scope.deps.members.refuse(member, outcome):
        now = await _wished(scope, _wish_of(scope))
        if now is not None and _is_marked(now, scope.account) and not _is_marked(member, scope.account):
            return await _taken(scope, now, owner)
    return None


async def _own(scope: Scope, aws_account_id: str, owner: str) -> Done | None:
    """Done if the AWS account is this AwsAccount's by its tags."""
    try:
        owned = await scope.deps.aws.ownership.prove(scope.account, aws_account_id, owner)
    except (NotOurAccountError, ManagementAccountError):
        return None
    return _done(scope, owned.id, owner, None)


def _done(scope: Scope, aws_account_id: str, owner: str, role: str | None) -> Done:
    """Without the role it is found out when the account is entered."""
    account, deps = scope.account, scope.deps
    deps.lost_claims.note(account.holder, aws_account_id)
    deps.pool.unreserve(account.metadata.uid)
    POOL_CLAIMS.labels("pool").inc()
    POOL_CLAIM_SECONDS.observe((utc_now() - account.since).total_seconds())
    facts = {"aws_account_id": aws_account_id, "owner": owner, "account_id": str(account.account_id)}
    return Done(
        f"The AWS account {aws_account_id} was prepared beforehand and is this AwsAccount's.",
        facts | {"access_role_name": role},
    )
