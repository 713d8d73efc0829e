"""Cached ids and credentials are forgotten when AWS reports them as wrong, and looked up once more by name."""

import asyncio
from typing import Any

import pytest
from fakes.factory import NAMESPACE, Factory, Process

from batteries_crds.aws_account import AwsAccount
from batteries_operator.aws.cache import LONGEST_SECONDS, IdCaches
from batteries_operator.aws.errors import AwsError


def wrong(named: str, code: str = "ResourceNotFoundException") -> AwsError:
    error = AwsError("sso:ListAccountAssignments", code, "It is not there.", http_status=400)
    error.named = frozenset({named})
    return error


def str_itself(value: str) -> tuple[str]:
    return (value,)


def other_itself(value: str) -> tuple[str]:
    return (f"other-{value}",)


class Looks:
    """Returns one id after the other, and counts."""

    def __init__(self) -> None:
        self.count = 0

    async def __call__(self) -> str:
        self.count += 1
        await asyncio.sleep(0)
        return f"id-{self.count}"


async def test_it_is_asked_once_also_by_those_who_ask_together() -> None:
    part, look = IdCaches().of(str_itself), Looks()
    assert set(await asyncio.gather(*(part.get("name", look) for _ in range(5)))) == {"id-1"}


async def test_it_is_not_older_than_an_hour() -> None:
    now = [0.0]
    part, look = IdCaches(lambda: now[0]).of(str_itself), Looks()
    await part.get("name", look)
    now[0] = LONGEST_SECONDS
    assert await part.get("name", look) == "id-1"
    now[0] += 1
    assert await part.get("name", look) == "id-2"


async def test_no_more_than_so_many_are_kept() -> None:
    part, look = IdCaches().of(str_itself, most=2), Looks()
    for name in "abca":
        await part.get(name, look)
    assert look.count == 4, "a was dropped for c"


@pytest.mark.parametrize(
    ("code", "forgotten", "again"),
    [
        ("ResourceNotFoundException", True, True),
        ("OrganizationalUnitNotFoundException", True, True),
        ("InvalidClientTokenId", True, True),
        ("ExpiredToken", True, True),
        ("AccessDeniedException", True, False),
        ("ValidationException", True, False),
        ("ThrottlingException", False, False),
        ("ConflictException", False, False),
    ],
)
async def test_what_aws_calls_wrong_is_forgotten(code: str, forgotten: bool, again: bool) -> None:
    memory, look = IdCaches(), Looks()
    part, other = memory.of(str_itself), memory.of(other_itself)
    await part.get("name", look)
    assert await other.get("name", look) == "id-2"
    assert memory.forget(wrong("id-1", code)) == again
    assert (await part.get("name", look) != "id-1") == forgotten
    assert await other.get("name", look) == "id-2", "it was not named"


async def test_what_is_not_there_is_not_remembered() -> None:
    part = IdCaches().of(str_itself)

    async def nothing() -> None:
        return None

    assert await part.get("name", nothing) is None
    assert await part.get("name", Looks()) == "id-1"


# The real gateways, of which each thing was made again behind the operator's back.


async def make_ou_again(factory: Factory, name: str) -> None:
    organizations = await factory.client("organizations")
    root = organizations.list_roots()["Roots"][0]["Id"]
    units = organizations.list_organizational_units_for_parent(ParentId=root)["OrganizationalUnits"]
    (old,) = (unit["Id"] for unit in units if unit["Name"] == name)
    for child in organizations.list_accounts_for_parent(ParentId=old)["Accounts"]:
        organizations.move_account(AccountId=child["Id"], SourceParentId=old, DestinationParentId=root)
    for policy in organizations.list_policies_for_target(TargetId=old, Filter="SERVICE_CONTROL_POLICY")["Policies"]:
        if policy["Name"] != "FullAWSAccess":  # which goes with the OU
            organizations.detach_policy(PolicyId=policy["Id"], TargetId=old)
    organizations.delete_organizational_unit(OrganizationalUnitId=old)
    await factory.bootstrap()


async def forge(process: Process, account: AwsAccount, what: str) -> None:
    """Makes the caches wrong from here on, as if the resource was deleted and created again in AWS."""
    aws = process.deps.aws
    if what == "permission set":
        name = process.deps.settings.permission_set_name
        instance = (await aws.identity_center.instance()).arn.rsplit("/", 1)[1]
        arn = f"arn:aws:sso:::permissionSet/{instance}/ps-0000000000000000"
        aws.identity_center._permission_sets._values[name] = (float("inf"), arn)
    else:
        owned = await aws.ownership.prove(account, account.status.aws_account_id or "")
        known: Any = await aws.sts.assume(owned)
        wrong = type(known)(known.account, "ASIAGONE000000000000", "gone", "gone", known.expires_at)
        for session in [each for each in aws.sts._known._values if each.startswith(f"{owned.id}/")]:
            aws.sts._known._values[session] = (float("inf"), wrong)


@pytest.mark.parametrize("name", ["Customers", "Suspended"])
async def test_an_ou_that_was_made_again_is_found_again(factory: Factory, name: str) -> None:
    process = await factory.active()
    await factory.change(suspended=True)
    await process.until("acme")
    await factory.change(suspended=False)
    await process.until("acme")
    await make_ou_again(factory, name)
    await factory.change(suspended=True)
    suspended = await process.until("acme", lambda each: each.status.phase == "suspended")
    assert suspended.status.phase == "suspended"
    await factory.change(suspended=False)
    opened = await process.until("acme", lambda each: each.status.phase == "active")
    assert (opened.status.phase, opened.status.error) == ("active", None)


@pytest.mark.parametrize("what", ["permission set", "credentials"])
async def test_a_step_looks_once_more_and_is_done(factory: Factory, what: str) -> None:
    process = await factory.active(githubRepos=["octo-org/web"])
    account = await factory.account()
    await forge(process, account, what)
    wrong_one = await remembered(process, account, what)
    opened = ("SSOAssigned", "OIDCConfigured")
    conditions = [each.to_wire() for each in account.status.conditions if each.type not in opened]
    steps = {"setup_sso_access": None, "setup_oidc": None}
    await factory.accounts.merge_status(NAMESPACE, "acme", {"status": {"conditions": conditions, "steps": steps}})
    process.events.clear()
    done = await process.until("acme")
    assert (done.status.phase, done.status.error) == ("active", None)
    assert {kind for kind, _ in process.events} == {"Normal"}, "it was looked up at once, and is no news"
    assert await remembered(process, done, what) != wrong_one


async def remembered(process: Process, account: AwsAccount, what: str) -> object:
    aws = process.deps.aws
    if what == "permission set":
        return await aws.identity_center.permission_set(process.deps.settings.permission_set_name)
    return await aws.sts.assume(await aws.ownership.prove(account, account.status.aws_account_id or ""))
