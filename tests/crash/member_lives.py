"""The lives of a pool's member that nobody takes: it is prepared, brought up to date, and let go by either policy."""

from functools import partial
from typing import Any

from crash.lane import Lane, settings
from crash.life import Life
from crash.points import POOL_DELETED
from crash.pool import add, clear, delete_pool, every_member, fresh, pools_of, requests

from batteries_crds import agent_access
from batteries_crds.account_pool import AccountPool, PoolCondition
from batteries_crds.conditions import is_true
from batteries_crds.github.trust_policy import ROLE_NAME, nobody
from batteries_crds.names import MEMBERS, TAG_OWNER, TAG_POOLED, TAG_RESOURCE, TAG_UID
from batteries_crds.pooled_account import PooledAccount
from batteries_operator.controller.wiring import is_prepared
from batteries_operator.pool.counts import MemberState, state_of

EARLIER = {"BATTERIES_ISSUER_URL": ""}
"""As an operator ran that had no issuer of tokens for agents: it prepared one role and provider less."""


async def pool_of(lane: Lane, name: str) -> AccountPool | None:
    """The pool of that name."""
    return await pools_of(lane).find(lane.namespace, name)


def is_filled(pool: AccountPool | None) -> bool:
    """Whether all that it wants is ready, and it says so of its spec as it is."""
    if pool is None or pool.status.observed_generation != pool.metadata.generation:
        return False
    return is_true(pool.status.conditions, PoolCondition.FILLED) and pool.status.ready == pool.spec.size


def is_no_more(pool: AccountPool | None) -> bool:
    """Whether it is deleted, and its members with it."""
    return pool is None


async def has_one(lane: Lane, pool: AccountPool) -> None:
    """It made one member, and AWS one account, which is ready for somebody and nobody's yet."""
    status = pool.status
    assert (status.members, len(status.creations), status.failures, status.underway) == (1, 1, 0, []), status
    (member,) = await every_member(lane)
    await _is_prepared(lane, member)


async def only_member(lane: Lane, name: str) -> PooledAccount | None:
    """The one that the pool has.

    Raises:
        ValueError: it has more.
    """
    found = [each for each in await every_member(lane) if each.spec.pool_ref.name == name]
    (member,) = found or (None,)
    return member


def is_up_to_date(member: PooledAccount | None) -> bool:
    """Whether it is ready, with everything that the newer operator prepares."""
    return member is not None and state_of(member, partial(is_prepared, settings())) is MemberState.READY


async def is_the_same(lane: Lane, member: PooledAccount) -> None:
    """It has the AWS account that it had, and AWS was asked for no other; its pool never made another member."""
    name = member.spec.pool_ref.name
    await _is_prepared(lane, member)
    pool = await lane.until(name, is_filled, find=pool_of)
    assert len(pool.status.creations) == 1, pool.status
    assert len(await every_member(lane)) == 1


async def _is_prepared(lane: Lane, member: PooledAccount) -> None:
    assert is_up_to_date(member), member.status
    assert (member.status.phase, member.status.error) == ("active", None), member.status
    (account,) = await _in_aws(lane, member.spec.pool_ref.name)
    assert (account["id"], account["state"]) == (member.status.aws_account_id, "ACTIVE")
    assert await _requested(lane, member.spec.pool_ref.name) == 1
    _is_nobodys(account, member)
    await _is_sealed(lane, account)
    iam = await lane.client("iam", account["id"])
    trusts = {each["RoleName"]: each["AssumeRolePolicyDocument"] for each in iam.list_roles()["Roles"]}
    assert trusts.pop(lane.settings.access_role_name)
    assert trusts == {ROLE_NAME: nobody(), agent_access.ROLE_NAME: agent_access.nobody()}
    for role in trusts:
        attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        assert len(attached) == 1, attached
    assert iam.list_users()["Users"] == []
    assert len(iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]) == len(trusts)
    there = {name: count for name, count in (member.status.baseline or {}).items() if count}
    assert there == {"Roles": 1 + len(trusts), "Providers": len(trusts)}, there


async def is_closed(lane: Lane, pool: AccountPool) -> None:
    """The pool and its member are gone, and AWS has closed the account."""
    (account,) = await _left_behind(lane, pool)
    assert account["state"] == "CLOSED", account


async def is_kept(lane: Lane, pool: AccountPool) -> None:
    """The pool and its member are gone; the AWS account is as it was, sealed and nobody's."""
    (account,) = await _left_behind(lane, pool)
    _is_open_and_nobodys(lane, account)
    await _is_sealed(lane, account)


async def is_let_go(lane: Lane, pool: AccountPool) -> None:
    """Deleted while it was filled: AWS made none, or one that is nobody's and can be found by its tags."""
    for account in await _left_behind(lane, pool):
        _is_open_and_nobodys(lane, account)


async def _left_behind(lane: Lane, pool: AccountPool) -> list[Any]:
    """What AWS has of a pool that is gone: at most one account, and no object names any."""
    assert await every_member(lane) == []
    assert await pool_of(lane, pool.metadata.name) is None
    found = await _in_aws(lane, pool.metadata.name)
    assert len(found) == await _requested(lane, pool.metadata.name) <= 1, found
    return found


def _is_open_and_nobodys(lane: Lane, account: Any) -> None:
    assert account["state"] == "ACTIVE", account
    assert TAG_OWNER not in account["tags"]
    assert account["tags"][TAG_RESOURCE].startswith(f"{MEMBERS}/{lane.namespace}/"), account


def _is_nobodys(account: Any, member: PooledAccount) -> None:
    wanted = {
        TAG_RESOURCE: member.holder,
        TAG_UID: member.metadata.uid,
        TAG_POOLED: str(member.account_id),
    }
    assert {name: account["tags"].get(name) for name in (*wanted, TAG_OWNER)} == wanted | {TAG_OWNER: None}


async def _is_sealed(lane: Lane, account: Any) -> None:
    organizations = await lane.client("organizations")
    unit = organizations.describe_organizational_unit(OrganizationalUnitId=account["parentId"])["OrganizationalUnit"]
    assert unit["Name"] == lane.settings.pool_ou_name, unit


async def _requested(lane: Lane, name: str) -> int:
    """How often AWS was asked for an account since the life of that name was prepared."""
    return len(await requests(lane)) - lane.asked[name]


async def _in_aws(lane: Lane, name: str) -> list[Any]:
    """The accounts that AWS has made since, whoever's they are by their tags."""
    made = {each["accountId"] for each in (await requests(lane))[lane.asked[name] :]}
    return [each for each in (await lane.standin("accounts"))["accounts"] if each["id"] in made]


async def _by_an_earlier_operator(lane: Lane, name: str) -> None:
    await lane.kill()
    await lane.start(**EARLIER)
    await fresh(lane, name, 1)


async def _start(lane: Lane, name: str) -> None:
    await lane.start()


async def _to_close(lane: Lane, name: str) -> None:
    await fresh(lane, name, 1, deletionPolicy="Close")


async def _to_keep(lane: Lane, name: str) -> None:
    await fresh(lane, name, 1)


MEMBER_LIVES = (
    Life(
        "preparation",
        (),
        add,
        is_filled,
        has_one,
        before=clear,
        more=(POOL_DELETED,),
        let_go=is_let_go,
        find=pool_of,
    ),
    Life(
        "refresh", (), _start, is_up_to_date, is_the_same, before=_by_an_earlier_operator, find=only_member, starts=True
    ),
    Life("disposal", (), delete_pool, is_no_more, is_closed, before=_to_close, find=pool_of),
    Life("retention", (), delete_pool, is_no_more, is_kept, before=_to_keep, find=pool_of),
)
