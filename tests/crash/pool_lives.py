"""The lives of accounts that come from a pool: one that claims, and two that want the only one there is."""

from collections import Counter

from crash.lane import Lane
from crash.life import Life
from crash.lives import at_rest, create, members
from crash.points import AWS, DELETED, MEMBER_DELETED, RESIZED, WRITE, Point
from crash.pool import every_member, fresh
from fakes.aws_world import expected, observe

from batteries_crds.aws_account import AwsAccount
from batteries_crds.names import TAG_RESOURCE, TAG_UID

_EARLY = 6
"""So many writes of a kind two AwsAccounts make until each has an AWS account, or has asked for one."""


async def _two(lane: Lane, name: str) -> None:
    await fresh(lane, name, 2)


async def _one(lane: Lane, name: str) -> None:
    await fresh(lane, name, 1)


async def _rival(lane: Lane, name: str) -> None:
    await create(lane, name)
    await create(lane, _rival_of(name))


def _rival_of(name: str) -> str:
    return f"{name}-rival"


async def is_claimed(lane: Lane, account: AwsAccount) -> None:
    """It is open, AWS was asked for none, and its AWS account is the member's that it wished for."""
    assert await _asked(lane, account) == 0, "AWS was asked for an account although the pool had one"
    claim = account.status.claim
    assert claim is not None
    assert claim.aws_account_id == account.status.aws_account_id, account.status
    await _is_open(lane, account)
    await _is_one_each(lane)


async def is_shared_out(lane: Lane, account: AwsAccount) -> None:
    """One of the two has the member, and AWS made the other's."""
    rival = await lane.until(_rival_of(account.metadata.name), at_rest)
    assert rival is not None
    both = account, rival
    assert sorted([await _asked(lane, one) for one in both]) == [0, 1], [one.status.claim for one in both]
    for one in both:
        await _is_open(lane, one)
        assert (await _asked(lane, one) == 0) is (one.status.claim is not None), one.status
    await _is_one_each(lane)


async def is_returned_or_kept(lane: Lane, account: AwsAccount) -> None:
    """Deleted while it claimed: it had got none, or one that carries its tag and can be found by it."""
    assert await _asked(lane, account) == 0
    assert len(await members(lane, account)) <= 1
    await _is_one_each(lane)


def _while_shared(points: list[Point]) -> list[Point]:
    """Until one has the member and AWS was asked for the other's account: what follows is in other lives."""
    calls = [point for point in points if point.where == AWS]
    last = max(calls.index(Point(AWS, f"organizations:{name}", 1)) for name in ("TagResource", "CreateAccount"))
    writes = [point for point in points if point.where == WRITE and (point.nth <= _EARLY or "pooled" in point.what)]
    return [*calls[: last + 1], *writes]


async def _asked(lane: Lane, account: AwsAccount) -> int:
    every = (await lane.standin("creations"))["creations"]
    return sum(str(account.account_id) in each["tags"].values() for each in every)


async def _is_open(lane: Lane, account: AwsAccount) -> None:
    seen = await observe(lane, account)  # type: ignore[arg-type]  # a lane answers what a factory does
    assert (account.status.phase, account.status.error) == ("active", None), account.status
    wished = expected(lane, account, seen, mails=0)  # type: ignore[arg-type]  # as above
    assert seen == wished, f"AWS holds {seen}, and should hold {wished}"


async def _is_one_each(lane: Lane) -> None:
    """No AWS account has two owners, no holder has two AWS accounts, and what nobody took is the member's still."""
    in_aws = {each["id"]: each["tags"] for each in (await lane.standin("accounts"))["accounts"]}
    holders = Counter(tags[TAG_RESOURCE] for tags in in_aws.values() if TAG_RESOURCE in tags)
    assert max(holders.values()) == 1, holders
    accounts = [one async for one in lane.accounts.all(lane.namespace) if one.status.aws_account_id]
    owners = Counter(str(one.status.aws_account_id) for one in accounts)
    assert max(owners.values(), default=1) == 1, owners
    for account in accounts:
        assert in_aws[str(account.status.aws_account_id)][TAG_UID] == account.metadata.uid, account.metadata.name
    for member in await every_member(lane):
        if member.status.aws_account_id is not None and member.is_wanted:
            assert in_aws[member.status.aws_account_id][TAG_UID] == member.metadata.uid, member.metadata.name


POOL_LIVES = (
    Life(
        "claim",
        (),
        create,
        at_rest,
        is_claimed,
        before=_two,
        more=(DELETED, MEMBER_DELETED, RESIZED),
        let_go=is_returned_or_kept,
    ),
    Life("rivals", (), _rival, at_rest, is_shared_out, before=_one, meant=_while_shared),
)
