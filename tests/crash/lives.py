"""The lives that every fault is set against: how each begins, when it is over, and what AWS must hold then."""

import asyncio
from datetime import timedelta
from typing import Any

from crash.lane import PROFILE, Lane
from crash.life import Life, Seen
from crash.points import DELETED
from fakes.aws_world import expected, observe

from batteries_crds import agent_access
from batteries_crds.aws_account import AwsAccount
from batteries_crds.aws_account_status import Hold
from batteries_crds.base import to_rfc3339, utc_now
from batteries_crds.conditions import is_true
from batteries_crds.github.trust_policy import nobody

BEFORE, AFTER = ["octo-org/web"], ["octo-org/api", "octo-org@12/web@34"]
PAST = "2020-01-01T00:00:00Z"
ENDED = {"expiresAt": PAST, "expiryPolicy": "Close"}


def at_rest(account: Seen) -> bool:
    """Whether the operator has said its last word on the spec as it is."""
    if account is None or account.status.observed_generation != account.metadata.generation:
        return False
    if (Hold.EXPIRED in account.holds) != _has_expired(account):
        return False  # the operator has yet to write that the end came, or was moved
    wanted = "Suspended" if account.is_suspended else "Ready"
    return is_true(account.status.conditions, wanted)


def _has_expired(account: AwsAccount) -> bool:
    return account.spec.expires_at is not None and account.spec.expires_at <= utc_now()


def gone(account: Seen) -> bool:
    """Whether the object is no more."""
    return account is None


async def create(lane: Lane, name: str, **spec: Any) -> None:
    """Makes the AwsAccount."""
    spec = {"email": f"{name}@example.com", "githubRepos": BEFORE, "readOnlyFrom": {"pullRequests": True}, **spec}
    await lane.accounts.create(lane.namespace, {"metadata": {"name": name}, "spec": spec})


async def create_for_customer(lane: Lane, name: str, **spec: Any) -> None:
    """Makes a Customer who can pay, and its AwsAccount."""
    meta = {"metadata": {"name": name}}
    await lane.customers.create(lane.namespace, {**meta, "spec": {"email": f"{name}@example.com"}})
    await lane.customers.merge_status(lane.namespace, name, {"status": {"paymentMethod": "valid"}})
    spec = {"customerRef": {"name": name}, "githubRepos": BEFORE, **spec}
    await lane.accounts.create(lane.namespace, {**meta, "spec": spec})


async def _stop_paying(lane: Lane, name: str) -> None:
    lost = {"paymentMethod": "missing", "paymentGraceSince": PAST}
    await lane.customers.merge_status(lane.namespace, name, {"status": lost})


def is_held(account: Seen) -> bool:
    """Whether it is suspended for a missing payment method, and it is known when it is closed."""
    return account is not None and account.closes_at is not None and at_rest(account)


async def is_closing(lane: Lane, account: AwsAccount) -> None:
    """Every door is closed, AWS closes it after the whole time, and nobody was mailed twice."""
    await is_closed(lane, account)
    record = account.status.holds["PaymentMethodMissing"]
    assert record.closes_at is not None
    assert record.closes_at - record.since >= lane.close_after, record
    await _mails(lane, account)


async def _mails(lane: Lane, account: AwsAccount) -> list[str]:
    """What its Customer was mailed of, in no order; nothing twice."""
    name = account.metadata.name
    kinds = sorted(
        [one.spec.kind.value async for one in lane.notifications.all(lane.namespace) if one.customer == name]
    )
    assert len(kinds) == len(set(kinds)), kinds
    return kinds


async def _expire(lane: Lane, name: str) -> None:
    """Its end has just come; it is to be closed some time after."""
    ended = {"expiresAt": to_rfc3339(utc_now() - timedelta(seconds=1)), "expiryPolicy": "Close"}
    await lane.accounts.merge(lane.namespace, name, {"spec": ended})


async def is_expired(lane: Lane, account: AwsAccount) -> None:
    """Every door is closed, and its owner was told once, of the end and of the closure after it."""
    await is_closed(lane, account)
    record, told = account.status.holds[Hold.EXPIRED], account.status.notices["Expiry"]
    assert account.spec.expires_at is not None
    assert record.since >= account.spec.expires_at == told.about, account.status
    assert record.closes_at == account.spec.expires_at + timedelta(days=30), record
    assert [each.step for each in account.status.history].count("expiry") == 1, account.status.history
    assert "AccountExpired" in await _mails(lane, account)


async def _extend(lane: Lane, name: str) -> None:
    later = to_rfc3339(utc_now() + timedelta(days=30))
    await lane.accounts.merge(lane.namespace, name, {"spec": {"expiresAt": later}})


async def _leave(lane: Lane, name: str) -> None:
    await lane.accounts.merge(lane.namespace, name, {"spec": {"closeAt": PAST}})


async def _outlast_the_grace(lane: Lane, name: str) -> None:
    """As if the account had expired a month ago, and its owner had been told in time of the closure."""
    at, told = to_rfc3339(utc_now()), to_rfc3339(utc_now() - timedelta(days=2))
    notice = {"about": at, "stage": "Day", "since": told}
    status = {"holds": {Hold.EXPIRED.value: {"closesAt": at}}, "notices": {"Closure": notice}}
    await lane.accounts.merge_status(lane.namespace, name, {"status": status})


def is_closed_in_aws(account: Seen) -> bool:
    """Whether the object says that AWS closed it, and its owner was told."""
    told = account.status.notices.get("Closure") if account is not None else None
    return account is not None and account.is_closed and told is not None and told.stage == "Past" and at_rest(account)


async def is_left(lane: Lane, account: AwsAccount) -> None:
    """The AWS account is closed, the object stays and says so, and its Customer was told once."""
    await is_ended(lane, account)
    status = account.status
    assert (status.phase, status.error) == ("suspended", None), status
    assert status.closure_due_at == account.closes_at, status
    assert status.closed_at is not None
    # Killed between CloseAccount and its write, the next operator finds it closed, and does not know since when.
    assert status.closure_requested_at is None or status.closed_at >= status.closure_requested_at, status
    assert "AccountClosed" in await _mails(lane, account)


async def _suspend(lane: Lane, name: str) -> None:
    await lane.accounts.merge(lane.namespace, name, {"spec": {"suspended": True}})


async def _resume(lane: Lane, name: str) -> None:
    spec = {"suspended": False, "githubRepos": AFTER, "deployFrom": {"branches": ["main"], "tags": ["v*"]}}
    await lane.accounts.merge(lane.namespace, name, {"spec": spec})


async def _change_profile(lane: Lane, name: str) -> None:
    await lane.accounts.merge(lane.namespace, name, {"spec": {"policyProfile": PROFILE}})


async def delete(lane: Lane, name: str) -> None:
    """Deletes the AwsAccount; it goes when the operator lets it."""
    await lane.accounts.delete(lane.namespace, name)


async def is_open(lane: Lane, account: AwsAccount) -> None:
    """One of everything, as the spec says now, and the password in the Secret is the one that works."""
    await _asked_once(lane, account)
    seen = await observe(lane, account)  # type: ignore[arg-type]  # a lane answers what a factory does
    assert (account.status.phase, account.status.error) == ("active", None), account.status
    wished = expected(lane, account, seen, mails=0)  # type: ignore[arg-type]  # as above
    assert seen == wished, f"AWS holds {seen}, and should hold {wished}"


async def is_closed(lane: Lane, account: AwsAccount) -> None:
    """Every door is closed, and still there is one of everything."""
    await _asked_once(lane, account)
    seen = await observe(lane, account)  # type: ignore[arg-type]  # a lane answers what a factory does
    assert account.status.phase == "suspended", account.status
    assert len(seen.members) == 1, seen
    assert seen.parent == lane.settings.suspended_ou_name, seen
    assert seen.assignments == [], seen
    readers = nobody() if account.spec.reading else None
    assert (seen.trust, seen.readers_trust, seen.agents_trust) == (nobody(), readers, agent_access.nobody()), seen
    assert seen.signs_in is None, "the old password still opens the console"
    assert (list(seen.users), seen.access_keys, len(seen.roles), len(seen.providers)) == (
        ["admin"],
        [],
        3 if readers else 2,
        2,
    ), seen
    iam = await lane.client("iam", account.status.aws_account_id)
    try:
        iam.get_login_profile(UserName="admin")
    except iam.exceptions.NoSuchEntityException:
        return
    raise AssertionError("the IAM user still has a password")


async def is_ended(lane: Lane, account: AwsAccount) -> None:
    """The AWS account is closed, quarantined, and was the only one."""
    await _asked_once(lane, account)
    (member,) = await members(lane, account)
    assert member["state"] == "CLOSED", member
    organizations, admin = await lane.client("organizations"), await lane.client("sso-admin")
    unit = organizations.describe_organizational_unit(OrganizationalUnitId=member["parentId"])["OrganizationalUnit"]
    assert unit["Name"] == lane.settings.suspended_ou_name, unit
    where = {"InstanceArn": admin.list_instances()["Instances"][0]["InstanceArn"]}
    for arn in admin.list_permission_sets(**where)["PermissionSets"]:
        found = admin.list_account_assignments(**where, AccountId=member["id"], PermissionSetArn=arn)
        assert found["AccountAssignments"] == []


async def is_let_go(lane: Lane, account: AwsAccount) -> None:
    """Deleted while it was made, and kept: AWS made none, or one that carries our tag and can be found by it."""
    made = await _made(lane, account)
    assert len(made) <= 1, made
    assert len(await members(lane, account)) == len(made)


async def members(lane: Lane, account: AwsAccount) -> list[Any]:
    """The member accounts that carry this account's tag."""
    everyone = (await lane.standin("accounts"))["accounts"]
    return [each for each in everyone if str(account.account_id) in each["tags"].values()]


async def _made(lane: Lane, account: AwsAccount) -> list[Any]:
    """The requests from which AWS made, or makes, an account; those in progress are waited for."""
    async with asyncio.timeout(10):
        while True:
            every = (await lane.standin("creations"))["creations"]
            ours = [each for each in every if str(account.account_id) in each["tags"].values()]
            if all(each["state"] != "IN_PROGRESS" for each in ours):
                return [each for each in ours if each["state"] == "SUCCEEDED"]
            await asyncio.sleep(0.02)


async def _asked_once(lane: Lane, account: AwsAccount) -> None:
    every = (await lane.standin("creations"))["creations"]
    ours = [each for each in every if str(account.account_id) in each["tags"].values()]
    assert len(ours) == 1, f"AWS was asked for the account {len(ours)} times"


LIVES = (
    Life("provisioning", (), create, at_rest, is_open, more=(DELETED,), let_go=is_let_go),
    Life("suspension", ({},), _suspend, at_rest, is_closed),
    Life("resume", ({}, {"suspended": True}), _resume, at_rest, is_open),
    Life("unpaid", ({},), _stop_paying, is_held, is_closing, has_customer=True),
    Life("expiry", ({},), _expire, at_rest, is_expired, has_customer=True),
    Life("extension", ({}, {"expiresAt": PAST}), _extend, at_rest, is_open, has_customer=True),
    Life("leaving", ({},), _leave, is_closed_in_aws, is_left, has_customer=True),
    Life("grace", ({}, ENDED), _outlast_the_grace, is_closed_in_aws, is_left, has_customer=True),
    Life("profile", ({},), _change_profile, at_rest, is_open),
    Life("deletion", ({"deletionPolicy": "Close"},), delete, gone, is_ended),
)
