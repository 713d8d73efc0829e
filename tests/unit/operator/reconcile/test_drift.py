"""Somebody changes AWS behind our back: a resync finds it, mends it and tells; where all is well it writes nothing."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from fakes.aws_world import assert_exactly_right
from fakes.factory import ISSUER, NAMESPACE, Factory, acts, left_the_organization, refusal, settings
from kubernetes.aio.client import ApiException

from batteries_crds import agent_access
from batteries_crds.aws_account import AwsAccount
from batteries_crds.conditions import find, is_true
from batteries_crds.github.trust_policy import PROVIDER_HOST, ROLE_NAME, nobody

REPOSITORIES = ["octo-org/web"]
ROLE = {"RoleName": ROLE_NAME}
AGENTS = {"RoleName": agent_access.ROLE_NAME}
BOUNDARY = "arn:aws:iam::aws:policy/PowerUserAccess"


Spoil = Callable[[Factory, AwsAccount], Any]

ANYBODY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}'


def _spoil_trust(role: dict[str, str], policy: str = ANYBODY) -> Spoil:
    async def spoil_trust(factory: Factory, account: AwsAccount) -> None:
        iam = await factory.client("iam", account.status.aws_account_id)
        await asyncio.to_thread(iam.update_assume_role_policy, **role, PolicyDocument=policy)

    return spoil_trust


def _any_account(factory: Factory, account: AwsAccount) -> str:
    """A trust policy that is ours but for the subject: tokens for every account are let in."""
    assert factory.settings.issuer is not None
    trust = agent_access.trust_policy(factory.settings.issuer, account.account_id, str(account.status.aws_account_id))
    del trust["Statement"][0]["Condition"]["StringEquals"][f"{factory.settings.issuer.host}:sub"]
    return json.dumps(trust)


async def _let_in_any_account(factory: Factory, account: AwsAccount) -> None:
    await _spoil_trust(AGENTS, _any_account(factory, account))(factory, account)


def _delete_role(role: dict[str, str]) -> Spoil:
    async def delete_role(factory: Factory, account: AwsAccount) -> None:
        await _detach_policy(role)(factory, account)
        iam = await factory.client("iam", account.status.aws_account_id)
        iam.delete_role(**role)

    return delete_role


def _detach_policy(role: dict[str, str]) -> Spoil:
    async def detach_policy(factory: Factory, account: AwsAccount) -> None:
        iam = await factory.client("iam", account.status.aws_account_id)
        for policy in iam.list_attached_role_policies(**role)["AttachedPolicies"]:
            iam.detach_role_policy(**role, PolicyArn=policy["PolicyArn"])

    return detach_policy


def _delete_provider(host: str) -> Spoil:
    async def delete_provider(factory: Factory, account: AwsAccount) -> None:
        iam = await factory.client("iam", account.status.aws_account_id)
        arn = f"arn:aws:iam::{account.status.aws_account_id}:oidc-provider/{host}"
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)

    return delete_provider


def _take_audience(host: str) -> Spoil:
    async def take_audience(factory: Factory, account: AwsAccount) -> None:
        iam = await factory.client("iam", account.status.aws_account_id)
        arn = f"arn:aws:iam::{account.status.aws_account_id}:oidc-provider/{host}"
        iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="sts.amazonaws.com")

    return take_audience


async def _lengthen_sessions(factory: Factory, account: AwsAccount) -> None:
    iam = await factory.client("iam", account.status.aws_account_id)
    iam.update_role(**AGENTS, MaxSessionDuration=43_200)


async def _unbind(factory: Factory, account: AwsAccount) -> None:
    iam = await factory.client("iam", account.status.aws_account_id)
    iam.delete_role_permissions_boundary(**AGENTS)


async def _move_away(factory: Factory, account: AwsAccount) -> None:
    organizations = await factory.client("organizations")
    parent = organizations.list_parents(ChildId=account.status.aws_account_id)["Parents"][0]["Id"]
    root = organizations.list_roots()["Roots"][0]["Id"]
    organizations.move_account(AccountId=account.status.aws_account_id, SourceParentId=parent, DestinationParentId=root)


async def _unassign(factory: Factory, account: AwsAccount) -> None:
    admin = await factory.client("sso-admin")
    where: dict[str, Any] = {"InstanceArn": admin.list_instances()["Instances"][0]["InstanceArn"]}
    for arn in admin.list_permission_sets(**where)["PermissionSets"]:
        request = admin.delete_account_assignment(
            **where,
            TargetId=account.status.aws_account_id,
            TargetType="AWS_ACCOUNT",
            PermissionSetArn=arn,
            PrincipalType="USER",
            PrincipalId=account.status.sso_user_id,
        )["AccountAssignmentDeletionStatus"]["RequestId"]
        while (
            admin.describe_account_assignment_deletion_status(**where, AccountAssignmentDeletionRequestId=request)[
                "AccountAssignmentDeletionStatus"
            ]["Status"]
            == "IN_PROGRESS"
        ):
            await asyncio.sleep(0.02)


async def _delete_user(factory: Factory, account: AwsAccount) -> None:
    """Identity Center goes on listing the assignment."""
    admin, store = await factory.client("sso-admin"), await factory.client("identitystore")
    directory = admin.list_instances()["Instances"][0]["IdentityStoreId"]
    store.delete_user(IdentityStoreId=directory, UserId=account.status.sso_user_id)


async def test_the_owner_s_user_that_was_deleted_is_made_again_and_told(factory: Factory) -> None:
    process = await factory.active()
    before = await factory.account()
    await _delete_user(factory, before)
    told: list[str] = []
    process.reconciler._results._post_event = lambda account, kind, reason, message: told.append(
        f"{kind} {reason} {message}"
    )
    assert await process.resync(before)
    (drift,) = [each for each in told if each.startswith("Warning Drift")]
    assert "the owner's user in Identity Center was gone" in drift
    account = await process.until("acme")
    assert account.status.sso_user_id != before.status.sso_user_id
    assert account.status.phase == "active"
    center, status = process.deps.aws.identity_center, account.status
    permission_set = await center.permission_set(factory.settings.permission_set_name)
    assert status.aws_account_id is not None
    assert status.sso_user_id is not None
    assert await center.is_assigned(status.aws_account_id, permission_set, status.sso_user_id)
    assert await process.deps.aws.directory.user_name(status.sso_user_id) == "acme@example.com"
    calls, writes = len(process.calls), len(factory.cluster.writes)
    assert not await process.resync(account)
    assert not any(acts(operation) for operation in process.calls[calls:])
    assert len(factory.cluster.writes) == writes


@pytest.mark.parametrize("again", [False, True])
async def test_a_deleted_user_holds_up_no_suspension_and_one_made_again_is_closed_too(
    factory: Factory, again: bool
) -> None:
    process = await factory.active()
    before = await factory.account()
    await _delete_user(factory, before)
    if again:
        assert await process.resync(before)
        stale = (await process.until("acme")).status.sso_user_id
        assert stale != before.status.sso_user_id
        # What a crash or a restore leaves: the status names the user that was.
        await factory.accounts.merge_status(NAMESPACE, "acme", {"status": {"ssoUserId": before.status.sso_user_id}})
    await factory.change(suspended=True)
    account = await process.until("acme")
    assert account.status.phase == "suspended"
    center = process.deps.aws.identity_center
    permission_set = await center.permission_set(factory.settings.permission_set_name)
    left = {user async for user in center.assigned_users(str(account.status.aws_account_id), permission_set)}
    assert left <= {before.status.sso_user_id}


async def _jdoe(factory: Factory) -> str:
    admin, store = await factory.client("sso-admin"), await factory.client("identitystore")
    made = store.create_user(
        IdentityStoreId=admin.list_instances()["Instances"][0]["IdentityStoreId"],
        UserName="jdoe",
        DisplayName="J. Doe",
        Name={"GivenName": "J", "FamilyName": "Doe"},
        Emails=[{"Value": "acme@example.com", "Type": "work", "Primary": True}],
    )
    return str(made["UserId"])


async def test_the_name_that_signs_in_is_shown_and_mailed(factory: Factory) -> None:
    user_id = await _jdoe(factory)
    process = await factory.active()
    account = await factory.account()
    assert (account.status.sso_user_id, account.status.sso_user_name) == (user_id, "jdoe")
    (mail,) = (await factory.standin("mails"))["mails"]
    assert "Sign in as jdoe." in str(mail)
    assert "Sign in as acme" not in str(mail)
    # What an earlier release has written is put right by the next comparison, without an act.
    await factory.accounts.merge_status(NAMESPACE, "acme", {"status": {"ssoUserName": "acme@example.com"}})
    await process.resync(await factory.account())
    assert (await factory.account()).status.sso_user_name == "jdoe"
    assert not any(reason == "Drift" for _, reason in process.events)


OURS = ISSUER.removeprefix("https://")
SPOILS: list[tuple[Spoil, str]] = [
    (_spoil_trust(ROLE), "the deploy role's trust policy was changed"),
    (_delete_role(ROLE), "the deploy role was gone"),
    (_detach_policy(ROLE), "the deploy role had lost its policy"),
    (_delete_provider(PROVIDER_HOST), "GitHub's OIDC provider was gone"),
    (_take_audience(PROVIDER_HOST), "GitHub's OIDC provider did not know our audience"),
    (_spoil_trust(AGENTS), "the agents' role's trust policy was changed"),
    (_spoil_trust(AGENTS, json.dumps(agent_access.nobody())), "the agents' role's trust policy was changed"),
    (_let_in_any_account, "the agents' role's trust policy was changed"),
    (_delete_role(AGENTS), "the agents' role was gone"),
    (_detach_policy(AGENTS), "the agents' role had lost its policy"),
    (_lengthen_sessions, "the agents' role's longest session was changed"),
    (_unbind, "the agents' role had lost its permissions boundary"),
    (_delete_provider(OURS), "our OIDC provider was gone"),
    (_take_audience(OURS), "our OIDC provider did not know our audience"),
    (_move_away, "the account was in another OU"),
    (_unassign, "the owner's assignment was gone"),
]


@pytest.mark.parametrize("operator_settings", [settings(agent_boundary_arn=BOUNDARY)])
@pytest.mark.parametrize(("spoil", "found"), SPOILS, ids=[each.__name__ for each, _ in SPOILS])
async def test_what_was_changed_in_aws_is_found_mended_and_told(factory: Factory, spoil: Spoil, found: str) -> None:
    process = await factory.active(githubRepos=REPOSITORIES)
    await spoil(factory, await factory.account())
    told: list[str] = []
    process.reconciler._results._post_event = lambda account, kind, reason, message: told.append(
        f"{kind} {reason} {message}"
    )
    assert await process.resync(await factory.account())
    drifts = [each for each in told if each.startswith("Warning Drift")]
    assert len(drifts) == 1
    assert found in drifts[0]
    await assert_exactly_right(factory, await process.until("acme"), mails=0)


async def test_what_can_not_be_mended_at_once_is_pending_from_then_on(factory: Factory) -> None:
    process = await factory.active(githubRepos=REPOSITORIES)
    await _unassign(factory, await factory.account())
    slots = factory.settings.assignments_in_flight
    for number in range(slots):
        process.deps.assignments.restore(f"other-{number}")
    assert await process.resync(await factory.account())
    account = await factory.account()
    assigned = find(account.status.conditions, "SSOAssigned")
    assert assigned is not None
    assert (assigned.status, assigned.reason) == ("False", "WaitingInLine")
    for number in range(slots):
        process.deps.assignments.release(f"other-{number}")
    await assert_exactly_right(factory, await process.until("acme"), mails=0)


async def test_an_account_as_it_should_be_costs_looks_and_no_write(factory: Factory) -> None:
    process = await factory.active(githubRepos=REPOSITORIES)
    calls, writes = len(process.calls), len(factory.cluster.writes)
    assert not await process.resync(await factory.account())
    made = process.calls[calls:]
    assert made
    assert not any(acts(operation) for operation in made)
    assert len(factory.cluster.writes) == writes


async def test_a_suspended_account_that_was_moved_out_is_moved_back(factory: Factory) -> None:
    process = await factory.active(githubRepos=REPOSITORIES)
    await factory.change(suspended=True)
    await process.until("acme")
    await _move_away(factory, await factory.account())
    assert await process.resync(await factory.account())
    account = await process.until("acme")
    member = (await factory.members(account))[0]
    organizations = await factory.client("organizations")
    unit = organizations.describe_organizational_unit(OrganizationalUnitId=member["parentId"])["OrganizationalUnit"]
    assert (unit["Name"], account.status.phase) == (factory.settings.suspended_ou_name, "suspended")


@pytest.mark.parametrize("spec", [{"suspended": True}, {"githubRepos": []}])
async def test_a_resync_leaves_an_account_with_a_pending_step_to_its_reconciles(
    factory: Factory, spec: dict[str, Any]
) -> None:
    process = await factory.active(githubRepos=REPOSITORIES)
    await factory.change(**spec)
    calls = len(process.calls)
    assert not await process.resync(await factory.account())
    assert len(process.calls) == calls


async def test_a_throttle_is_no_answer_and_nothing_is_written(factory: Factory) -> None:
    process = await factory.active()
    process.before_call = refusal("organizations:ListParents", "ThrottlingException")
    writes = len(factory.cluster.writes)
    assert await process.resync(await factory.account()) is None
    assert len(factory.cluster.writes) == writes


@pytest.mark.parametrize("driven", [False, True])
async def test_the_slot_for_a_call_that_was_throttled_is_released(factory: Factory, driven: bool) -> None:
    process = await factory.active()
    account = await factory.account()
    await _unassign(factory, account)
    process.before_call = refusal("sso:CreateAccountAssignment", "ThrottlingException")
    if driven:
        process.wakeups.of(account.metadata.uid)
    assert await process.resync(account) is None
    assert process.deps.assignments.held == driven, "who drives it gives it back"


@pytest.mark.parametrize("line", [False, True])
async def test_a_slot_or_queue_position_is_released_if_the_status_write_fails(factory: Factory, line: bool) -> None:
    process = await factory.active()
    await _unassign(factory, await factory.account())
    slots = factory.settings.assignments_in_flight if line else 0
    for number in range(slots):
        process.deps.assignments.restore(f"other-{number}")

    def fail(kind: str, body: dict[str, Any]) -> None:
        raise ApiException(status=500, reason="the test wants it")

    factory.cluster.before_write = fail
    with pytest.raises(ApiException, match="the test wants it"):
        await process.resync(await factory.account())
    assert (process.deps.assignments.held, process.deps.assignments.waiting) == (slots, 0)


@pytest.mark.parametrize("standin_settings", [{"assignment_seconds": 0.3}])
async def test_an_assignment_that_a_resync_began_keeps_its_slot(factory: Factory) -> None:
    process = await factory.active()
    await _unassign(factory, await factory.account())
    assert await process.resync(await factory.account())
    assert (await factory.account()).status.sso_assignment_request_id is not None
    assert process.deps.assignments.held == 1
    await assert_exactly_right(factory, await process.until("acme"), mails=0)
    assert process.deps.assignments.held == 0


async def test_an_account_that_left_is_said_and_goes_on_by_itself_when_it_is_back(factory: Factory) -> None:
    process = await factory.active()
    process.before_call = refusal("organizations:DescribeAccount", "AccountNotFoundException")
    assert await process.resync(await factory.account())
    account = await factory.account()
    said = find(account.status.conditions, "Stalled")
    assert said is not None
    assert said.reason == "AccountGone"
    assert "not a member of the organization" in (account.status.error or "")
    assert account.status.phase == "failed", "nobody can use it, though it was provisioned once"
    calls, writes = len(process.calls), len(factory.cluster.writes)
    assert (await process.reconciler.reconcile(NAMESPACE, "acme")).requeue_after is None, "it is at rest"
    assert (len(process.calls), len(factory.cluster.writes)) == (calls, writes)
    assert await process.resync(account) is None, "the same is seen; a comparison comes soon again"
    assert len(factory.cluster.writes) == writes, "said once"
    assert not is_true(account.status.conditions, "Ready")
    process.before_call = lambda operation, number: None
    assert await process.resync(account)
    back = await process.until("acme")
    assert (back.status.phase, back.status.error) == ("active", None)
    await assert_exactly_right(factory, back, mails=0)


async def test_a_suspension_of_an_account_that_left_is_done_by_itself_when_it_is_back(factory: Factory) -> None:
    """Also by a process that has proved nothing yet: that its tags can't be read is seen, and is no verdict."""
    await factory.active()
    process = await factory.start()
    process.before_call = left_the_organization
    await factory.change(suspended=True)
    account = await process.until("acme")
    assert not is_true(account.status.conditions, "Suspended")
    reasons = {each.reason for each in account.status.conditions if each.status == "False"}
    assert "AccountGone" in reasons
    assert "NotOurAccount" not in reasons
    process.before_call = lambda operation, number: None
    assert await process.resync(account)
    back = await process.until("acme")
    assert (back.status.phase, back.status.error) == ("suspended", None)


def test_the_policy_that_admits_nobody_is_no_drift_of_itself() -> None:
    assert nobody() == nobody()
