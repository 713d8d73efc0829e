"""A pool's member: made for nobody, sealed, prepared, ready; once, whatever happens on the way."""

from typing import Any

import pytest
from fakes.crashes import dies_at
from fakes.factory import ISSUER, NAMESPACE, Factory, Process, acts, refusal, settings, tally
from fakes.members import add_member, claim, is_ready, member, ready_member, ready_reason, walk
from fakes.pool import members
from prometheus_client import REGISTRY

from batteries_crds.base import utc_now
from batteries_crds.names import ANNOTATION_RETRY, TAG_OWNER, TAG_POOLED, TAG_RESOURCE, TAG_UID
from batteries_crds.pooled_account import PooledAccount
from batteries_operator.aws.error_meanings import NO_ANSWER
from batteries_operator.aws.errors import AwsError
from batteries_operator.aws.guardrails import DENY_ALL
from batteries_operator.controller.slot_recovery import recover_slots
from batteries_operator.steps.preparation import preparation

MEASURED = "batteries_account_provisioning_duration_seconds_count"
PEOPLE = {"iam:CreateUser", "iam:CreateLoginProfile", "sso:CreateAccountAssignment", "ses:SendEmail"}


async def unit_of(factory: Factory, aws_account_id: str) -> str:
    organizations = await factory.client("organizations")
    (parent,) = organizations.list_parents(ChildId=aws_account_id)["Parents"]
    if parent["Type"] == "ROOT":
        return "the root"
    unit = organizations.describe_organizational_unit(OrganizationalUnitId=parent["Id"])
    return str(unit["OrganizationalUnit"]["Name"])


async def assert_prepared(factory: Factory, one: PooledAccount) -> None:
    """It is ready, and AWS has one account for it with what was promised in it, and nothing else."""
    assert is_ready(one), one.status
    (made,) = await factory.members(one)
    aws_account_id = one.status.aws_account_id
    assert made["id"] == aws_account_id
    assert {made["tags"][TAG_RESOURCE], made["tags"][TAG_UID], made["tags"][TAG_POOLED]} == {
        *(one.holder, one.metadata.uid, str(one.account_id))
    }
    assert TAG_OWNER not in made["tags"]
    assert made["name"].startswith("batteries "), "a neutral name"
    assert await unit_of(factory, str(aws_account_id)) == factory.settings.pool_ou_name
    iam = await factory.client("iam", aws_account_id)
    assert iam.list_users()["Users"] == []
    roles = {each["RoleName"]: each for each in iam.list_roles()["Roles"]}
    assert roles.keys() == {factory.settings.access_role_name, "GitHubActionsDeployRole", "BatteriesAgentRole"}
    for name in ("GitHubActionsDeployRole", "BatteriesAgentRole"):
        assert [each["Effect"] for each in roles[name]["AssumeRolePolicyDocument"]["Statement"]] == ["Deny"]
    assert len(iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]) == 2
    assert one.status.baseline is not None
    assert {name: count for name, count in one.status.baseline.items() if count} == {"Roles": 3, "Providers": 2}


async def test_a_member_is_made_for_nobody_and_sealed(factory: Factory) -> None:
    before = REGISTRY.get_sample_value(MEASURED)
    process = await ready_member(factory)
    one = await member(factory)
    await assert_prepared(factory, one)
    assert not PEOPLE & {*process.calls}
    assert (one.status.owner, one.status.iam_user_name, one.status.github_repos) == (None, None, [])
    assert one.status.phase == "active"
    told = [reason for kind, reason in process.events]
    assert sorted(told) == sorted([*(step.condition for step in preparation(factory.settings)), "Ready"])
    twice = {name for name, times in tally(filter(acts, process.calls)).items() if times != 1}
    assert twice == {"iam:CreateOpenIDConnectProvider", "iam:CreateRole", "iam:AttachRolePolicy"}, "for both doors"
    assert REGISTRY.get_sample_value(MEASURED) == before, "nobody waited for it"


@pytest.mark.parametrize("operator_settings", [settings(issuer_url="", public_url="http://localhost:8080")])
async def test_without_tokens_no_role_for_them_is_prepared(factory: Factory) -> None:
    await ready_member(factory)
    one = await member(factory)
    assert one.status.baseline is not None
    assert (one.status.baseline["Roles"], one.status.baseline["Providers"]) == (2, 1)
    assert one.status.agent_role_arn is None


async def test_an_issuer_that_aws_does_not_reach_holds_no_member_up(factory: Factory) -> None:
    await add_member(factory)
    process = await factory.start()

    def unreachable(operation: str, number: int) -> None:
        if tally(process.calls).get("iam:CreateOpenIDConnectProvider") == 2:
            refusal("iam:CreateOpenIDConnectProvider", "OpenIdIdpCommunicationError")(operation, number)

    process.before_call = unreachable
    one = await walk(process)
    assert is_ready(one)
    assert one.status.agent_role_arn is None
    assert ("Warning", "RolesPrepared") in process.events


@pytest.mark.parametrize("kind", ["write", "act"])
async def test_a_crash_at_any_point_makes_exactly_one_account(factory: Factory, kind: str) -> None:
    number, died = 0, True
    while died:
        number += 1
        name = f"{kind}-{number}"
        one = await add_member(factory, name)
        died = await dies_at(factory, kind, number, lambda process, name=name: walk(process, name))  # type: ignore[misc]
        if died:
            await walk(await factory.start(), name)
        one = await member(factory, name)
        await assert_prepared(factory, one)
        assert await factory.requests(one) == 1, f"after {kind} {number}"
    assert number > {"write": 4, "act": 7}[kind]


async def test_two_operators_make_one_account(factory: Factory) -> None:
    one = await add_member(factory)
    first, second = await factory.start(), await factory.start()
    await first.until("one", lambda account: account.status.create_request is not None, of=first.members)
    await walk(second)
    await walk(first)
    await assert_prepared(factory, await member(factory))
    assert await factory.requests(one) == 1


async def test_nothing_is_asked_of_aws_for_a_member_at_rest_after_a_restart(factory: Factory) -> None:
    await ready_member(factory)
    before, process = len(factory.cluster.writes), await factory.start()
    one = await walk(process)
    assert process.calls == []
    assert len(factory.cluster.writes) == before
    assert not process.members.observe(one)


async def test_without_the_pool_ou_no_account_is_made(factory: Factory) -> None:
    organizations = await factory.client("organizations")
    root = organizations.list_roots()["Roots"][0]["Id"]
    units = organizations.list_organizational_units_for_parent(ParentId=root)["OrganizationalUnits"]
    (pool,) = [each["Id"] for each in units if each["Name"] == factory.settings.pool_ou_name]
    policies = organizations.list_policies_for_target(TargetId=pool, Filter="SERVICE_CONTROL_POLICY")["Policies"]
    (closes,) = [each["Id"] for each in policies if each["Name"] == DENY_ALL]
    organizations.detach_policy(PolicyId=closes, TargetId=pool)
    one, process = await add_member(factory), await factory.start()
    waits = await walk(process, reached=lambda account: account.status.error is not None)
    assert "batteries-operator bootstrap" in str(waits.status.error)
    assert ready_reason(waits) == "OrganizationNotPrepared"
    assert await factory.requests(one) == 0
    organizations.attach_policy(PolicyId=closes, TargetId=pool)
    await walk(process)
    await assert_prepared(factory, await member(factory))


async def test_another_policy_makes_a_member_stale_and_it_is_brought_up_to_date_in_place(factory: Factory) -> None:
    await ready_member(factory)
    old = await member(factory)
    factory.settings = settings(agent_boundary_arn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    process = await factory.start()
    assert process.members.observe(old), "stale, although it says that it is ready"
    before, lapses = len(factory.cluster.writes), list[bool]()
    factory.cluster.after_write = lambda _: lapses.append(
        is_ready(PooledAccount.model_validate(factory.cluster.get("PooledAccount", NAMESPACE, "one")))
    )
    one = await walk(process)
    assert lapses[0] is False, "from the first write on it is not ready"
    assert len(factory.cluster.writes) > before
    await assert_prepared(factory, one)
    assert one.status.aws_account_id == old.status.aws_account_id
    iam = await factory.client("iam", one.status.aws_account_id)
    boundary = iam.get_role(RoleName="BatteriesAgentRole")["Role"]["PermissionsBoundary"]
    assert boundary["PermissionsBoundaryArn"].endswith("ReadOnlyAccess")
    assert {call for call in process.calls if acts(call)} == {"iam:PutRolePermissionsBoundary"}


async def make_stale(factory: Factory) -> Process:
    """A new process whose release prepares more."""
    factory.settings = settings(agent_boundary_arn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    return await factory.start()


async def test_a_stale_member_in_which_somebody_was_is_not_called_prepared_by_us(factory: Factory) -> None:
    await ready_member(factory)
    one = await member(factory)
    iam = await factory.client("iam", one.status.aws_account_id)
    iam.create_user(UserName="mallory")
    process = await make_stale(factory)
    seen = await walk(process)
    assert ready_reason(seen) == "Touched"
    assert "Users: 1 instead of 0" in str(seen.status.error)
    assert not [call for call in process.calls if acts(call)]
    assert ("Warning", "Touched") in process.events
    iam.delete_user(UserName="mallory")
    await members(factory).merge(NAMESPACE, "one", {"metadata": {"annotations": {ANNOTATION_RETRY: "1"}}})
    await assert_prepared(factory, await walk(process))


@pytest.mark.parametrize("operator_settings", [settings(issuer_url="", public_url="http://localhost:8080")])
async def test_a_crash_while_a_stale_member_gets_more_does_not_make_it_touched(factory: Factory) -> None:
    """What was added before the crash is ours."""
    await ready_member(factory)
    died, number = True, 0
    factory.settings = settings(issuer_url=ISSUER)
    while died:
        number += 1
        died = await dies_at(factory, "act", number, walk)
    one = await walk(await factory.start())
    await assert_prepared(factory, one)
    assert number > 1


async def test_a_restart_counts_creations_of_members_in_flight(factory: Factory) -> None:
    one = await add_member(factory)
    await members(factory).merge_status(
        NAMESPACE,
        "one",
        {"status": {"createRequest": {"email": "a@b.co", "accountName": "a", "recordedAt": utc_now().isoformat()}}},
    )
    process: Any = await factory.start()
    await recover_slots(process.members.accounts, [None], process.deps, "pooledaccounts")
    assert process.deps.creations.held == 1
    assert process.deps.creations.acquire(one.metadata.uid, one.line, one.since)


async def test_a_forged_status_gets_no_account_of_somebody_else(factory: Factory) -> None:
    await factory.active()
    theirs = (await factory.account()).status.aws_account_id
    await add_member(factory)
    await members(factory).merge_status(NAMESPACE, "one", {"status": {"awsAccountId": theirs}})
    process = await factory.start()
    one = await walk(process)
    assert not is_ready(one)
    assert ready_reason(one) == "NotOurAccount"
    assert not [call for call in process.calls if acts(call) or call == "sts:AssumeRole"]


async def test_an_account_of_the_same_name_gets_an_account_of_its_own(factory: Factory) -> None:
    await factory.active("acme")
    await ready_member(factory, "acme")
    prepared = (await member(factory, "acme")).status.aws_account_id
    assert (await factory.account("acme")).status.aws_account_id != prepared
    await factory.accounts.merge_status(NAMESPACE, "acme", {"status": {"awsAccountId": prepared}})
    process = await factory.start()
    process.deps.aws.ownership.forget((await factory.account("acme")).metadata.uid)
    await factory.change("acme", githubRepos=["octo-org/web"])
    stolen = await process.until("acme")
    assert ready_reason(stolen) == "NotOurAccount"
    await assert_prepared(factory, await member(factory, "acme"))


@pytest.mark.parametrize("taken_out", [False, True], ids=["sealed", "taken out"])
async def test_the_account_of_an_earlier_member_of_that_name_is_as_good_as_new_while_it_is_sealed(
    factory: Factory, taken_out: bool
) -> None:
    await ready_member(factory)
    before = await member(factory)
    if taken_out:
        organizations = await factory.client("organizations")
        root, where = organizations.list_roots()["Roots"][0]["Id"], before.status.aws_account_id
        (parent,) = [each["Id"] for each in organizations.list_parents(ChildId=where)["Parents"]]
        organizations.move_account(AccountId=where, SourceParentId=parent, DestinationParentId=root)
    factory.cluster.delete("PooledAccount", NAMESPACE, "one")
    await add_member(factory)
    one = await walk(await factory.start())
    assert is_ready(one) is not taken_out
    assert one.status.aws_account_id == (None if taken_out else before.status.aws_account_id)
    if taken_out:
        assert "Delete this PooledAccount" in str(one.status.error)


async def test_a_claimed_member_does_nothing_and_says_who_has_it(factory: Factory) -> None:
    await ready_member(factory)
    account = await factory.add("acme")
    taken = await claim(factory, account)
    process = await make_stale(factory)
    assert process.members.observe(taken), "it still says that it is ready"
    one = await walk(process)
    assert process.calls == []
    assert ready_reason(one) == "Claimed"
    assert "was taken by AwsAccount customers/acme" in one.status.conditions[-2].message or any(
        "customers/acme" in each.message for each in one.status.conditions
    )
    assert "Suspended" not in {each.type for each in one.status.conditions}
    assert not process.members.observe(one)


async def test_a_lost_answer_of_any_call_makes_exactly_one_account(factory: Factory) -> None:
    number, lost = 0, ["first"]
    while lost:
        number += 1
        name, left = f"m-{number}", [number]
        lost.clear()
        one, process = await add_member(factory, name), await factory.start()

        def lose(operation: str, _: int, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                lost.append(operation)
                raise AwsError(operation, NO_ANSWER, "lost by the test")

        process.after_call = lose
        await walk(process, name)
        await assert_prepared(factory, await member(factory, name))
        assert await factory.requests(one) == 1, f"after losing the answer of {lost}"
    assert number > 20


async def test_what_was_prepared_counts_although_iam_does_not_show_it_yet(
    factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise it would be somebody else's as soon as it is shown."""
    await add_member(factory)
    process = await factory.start()
    counts = process.deps.aws.counts

    async def too_early(*arguments: Any) -> dict[str, int]:
        return await counts(*arguments) | {"Roles": 1, "Providers": 0}

    monkeypatch.setattr(process.deps.aws, "counts", too_early)
    one = await walk(process)
    await assert_prepared(factory, one)


@pytest.mark.parametrize("code", ["AccessDenied", "UnauthorizedOperation"])
async def test_a_member_that_can_not_be_looked_into_is_not_ready(factory: Factory, code: str) -> None:
    await add_member(factory)
    process = await factory.start()
    process.before_call = refusal("iam:GetAccountSummary", code)
    one = await walk(process, reached=lambda account: "look_inside" in account.status.steps)
    assert not is_ready(one)
    assert one.status.baseline is None
    process.before_call = lambda *_: None
    await assert_prepared(factory, await walk(process))
