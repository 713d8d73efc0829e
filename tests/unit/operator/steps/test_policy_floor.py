"""An account is ready under all policies for customers; one that is in use stays so; profiles have OUs of their own."""

import contextlib
from typing import Any

import pytest
from fakes.factory import NAMESPACE, CrashError, Factory, settings

from batteries_crds.aws_account import AwsAccount
from batteries_crds.conditions import find
from batteries_crds.names import ANNOTATION_RETRY
from batteries_operator.aws.error_meanings import NO_ANSWER
from batteries_operator.aws.errors import AwsError
from batteries_operator.aws.guardrails import FLOOR, KEEP_ACCESS, LIMITS
from batteries_operator.runtime.metrics import GUARDRAILS
from batteries_operator.steps.move_to_ou import in_use

MOVE = "organizations:MoveAccount"
SCP: Any = "SERVICE_CONTROL_POLICY"
GPU = settings(policy_profiles='{"gpu": {"purchases": "allow"}, "eu": {"allowedRegions": "eu-west-1"}}')
OTHER = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:PutBucketAcl","Resource":"*"}]}'


async def ou_of(factory: Factory, name: str = "acme") -> str:
    """The path of OUs that the account is in."""
    organizations, path = await factory.client("organizations"), list[str]()
    below = (await factory.account(name)).status.aws_account_id
    while (parent := organizations.list_parents(ChildId=below)["Parents"][0])["Type"] != "ROOT":
        below = parent["Id"]
        unit = organizations.describe_organizational_unit(OrganizationalUnitId=below)["OrganizationalUnit"]
        path.insert(0, unit["Name"])
    return "/".join(path)


async def spoil(factory: Factory, name: str) -> None:
    """Somebody writes something else into one of our policies."""
    organizations = await factory.client("organizations")
    (policy,) = [each["Id"] for each in organizations.list_policies(Filter=SCP)["Policies"] if each["Name"] == name]
    organizations.update_policy(PolicyId=policy, Content=OTHER)


def told(account: Any) -> tuple[str, str, str]:
    condition = find(account.status.conditions, "InCustomersOU")
    assert condition is not None
    return condition.status, condition.reason, condition.message


@pytest.mark.parametrize("name", [KEEP_ACCESS, FLOOR, LIMITS])
async def test_a_new_account_waits_for_each_policy_and_nobody_is_let_in_meanwhile(factory: Factory, name: str) -> None:
    await spoil(factory, name)
    await factory.add(githubRepos=["octo-org/web"])
    process = await factory.start()
    account = await process.until("acme", lambda account: told(account)[1] == "OrganizationNotPrepared")
    assert f"The policy {name} on the OU Customers differs" in told(account)[2]
    assert "batteries-operator bootstrap" in told(account)[2]
    assert not {"iam:CreateUser", "iam:CreateRole", "sso:CreateAccountAssignment", "organizations:MoveAccount"} & {
        *process.calls
    }
    assert GUARDRAILS.labels(name)._value.get() == 0
    await factory.bootstrap()
    account = await (await factory.start()).until("acme")
    assert account.status.phase == "active"
    assert GUARDRAILS.labels(name)._value.get() == 1


async def test_an_account_that_is_in_use_stays_ready_without_them_and_is_resumed(factory: Factory) -> None:
    """As after an upgrade for which bootstrap was not run."""
    await factory.active()
    for name in (KEEP_ACCESS, FLOOR, LIMITS):
        await spoil(factory, name)
    process = await factory.start()
    assert not await process.resync(await factory.account())
    assert (await factory.account()).status.phase == "active"
    assert [GUARDRAILS.labels(name)._value.get() for name in (KEEP_ACCESS, FLOOR, LIMITS)] == [0, 0, 0]
    await factory.change(suspended=True)
    await process.until("acme")
    assert await ou_of(factory) == "Suspended"
    await factory.change(suspended=False)
    assert (await process.until("acme")).status.phase == "active"
    assert await ou_of(factory) == "Customers"


@pytest.mark.parametrize("operator_settings", [settings(policy_size=2048, denied_instance_types="p*,g*,trn*,inf*")])
async def test_settings_that_do_not_fit_keep_new_accounts_waiting_and_others_going(bare_factory: Factory) -> None:
    chosen = bare_factory.settings
    bare_factory.settings = settings()
    await bare_factory.prepare()
    await bare_factory.active()
    bare_factory.settings = chosen.model_copy(update={"policies_per_target": 4})
    process = await bare_factory.start()
    assert not await process.resync(await bare_factory.account())
    await bare_factory.add("other")
    account = await process.until("other", lambda account: told(account)[1] == "OrganizationNotPrepared")
    assert "The settings need 2 policies on the OU Customers" in told(account)[2]
    await bare_factory.change(suspended=True)
    assert (await process.until("acme")).status.phase == "suspended", "the closing policy fits"
    bare_factory.settings = settings()
    assert (await (await bare_factory.start()).until("other")).status.phase == "active"


@pytest.mark.parametrize("operator_settings", [GPU])
async def test_an_account_is_in_the_ou_of_its_profile_and_follows_a_change(factory: Factory) -> None:
    await factory.active(policyProfile="gpu")
    assert await ou_of(factory) == "Customers/gpu"
    await factory.change(policyProfile="eu")
    process = await factory.start()
    await process.until("acme")
    assert await ou_of(factory) == "Customers/eu"
    services = {call.split(":")[0] for call in process.calls}
    assert services == {"organizations", "sts"}, "no other step runs"
    assert "sts:AssumeRole" not in process.calls
    await factory.change(policyProfile=None)
    account = await (await factory.start()).until("acme")
    assert await ou_of(factory) == "Customers/default"
    assert told(account) == ("True", "Done", "The account is in the OU Customers/default.")


@pytest.mark.parametrize("operator_settings", [GPU])
async def test_suspension_leads_out_of_the_profile_and_back(factory: Factory) -> None:
    process = await factory.active(policyProfile="gpu")
    await factory.change(suspended=True)
    await process.until("acme")
    assert await ou_of(factory) == "Suspended"
    await factory.change(suspended=False)
    await process.until("acme")
    assert await ou_of(factory) == "Customers/gpu"


@pytest.mark.parametrize("operator_settings", [GPU])
async def test_a_comparison_brings_it_back_and_finds_nothing_where_all_is_well(factory: Factory) -> None:
    process = await factory.active(policyProfile="gpu")
    assert not await process.resync(await factory.account())
    organizations = await factory.client("organizations")
    account = (await factory.account()).status.aws_account_id
    source = organizations.list_parents(ChildId=account)["Parents"][0]["Id"]
    root = organizations.list_roots()["Roots"][0]["Id"]
    organizations.move_account(AccountId=account, SourceParentId=source, DestinationParentId=root)
    assert await process.resync(await factory.account())
    assert await ou_of(factory) == "Customers/gpu"
    assert ("Warning", "Drift") in process.events


@pytest.mark.parametrize("operator_settings", [GPU])
async def test_an_unknown_profile_fails_with_a_sentence_and_moves_nothing(factory: Factory) -> None:
    await factory.active(policyProfile="gpu")
    await factory.change(policyProfile="gpus")
    process = await factory.start()
    account = await process.until("acme")
    status, reason, message = told(account)
    assert (status, reason) == ("False", "PolicyProfileUnknown")
    assert (account.status.phase, account.status.error) == ("active", message), "in use, and told"
    assert message.startswith("There is no policy profile 'gpus'; there are: default, gpu, eu. Set spec.policyProfile")
    assert "organizations:MoveAccount" not in process.calls
    assert await ou_of(factory) == "Customers/gpu"
    await factory.change(policyProfile="eu")
    await process.until("acme")
    assert await ou_of(factory) == "Customers/eu"
    await factory.change(policyProfile="gpus")
    await process.until("acme")
    await factory.change(policyProfile=None)
    assert (await process.until("acme")).status.error is None
    assert await ou_of(factory) == "Customers/default"


async def test_a_profile_that_is_described_later_is_taken_with_the_next_try(factory: Factory) -> None:
    await factory.add(policyProfile="gpu")
    assert (await (await factory.start()).until("acme")).status.phase == "failed"
    factory.settings = GPU
    await factory.bootstrap()
    annotated = {"metadata": {"annotations": {ANNOTATION_RETRY: "1"}}}
    await factory.accounts.merge(NAMESPACE, "acme", annotated)
    assert (await (await factory.start()).until("acme")).status.phase == "active"
    assert await ou_of(factory) == "Customers/gpu"


async def test_profiles_that_bootstrap_has_not_made_yet_break_no_account_that_is_in_use(factory: Factory) -> None:
    await factory.active()
    factory.settings = GPU
    process = await factory.start()
    assert not await process.resync(await factory.account())
    assert await ou_of(factory) == "Customers"
    await factory.add("new")
    account = await process.until("new", lambda account: told(account)[1] == "OrganizationNotPrepared")
    assert "no OU 'default' in its OU 'Customers'" in told(account)[2]
    await factory.bootstrap()
    process = await factory.start()
    assert await process.resync(await factory.account())
    assert await ou_of(factory) == "Customers/default"


async def test_an_account_without_profile_has_the_same_fingerprint_as_before_there_were_any(factory: Factory) -> None:
    """So that a restart with this release calls AWS for none of them."""
    await factory.active()
    account = await factory.account()
    assert account.status.steps["move_to_ou"].inputs == "a833885365632ac9"


@pytest.mark.parametrize("operator_settings", [GPU])
@pytest.mark.parametrize("harm", ["before the move", "after the move", "the answer is lost"])
async def test_a_crash_at_the_move_to_another_profile_loses_nothing(factory: Factory, harm: str) -> None:
    await factory.active(policyProfile="gpu")
    await factory.change(policyProfile="eu")
    process = await factory.start()

    def strike(operation: str, _: int) -> None:
        if operation == MOVE:
            raise CrashError if harm != "the answer is lost" else AwsError(operation, NO_ANSWER, "lost")

    if harm == "before the move":
        process.before_call = strike
    else:
        process.after_call = strike
    with contextlib.suppress(CrashError):
        await process.until("acme")
    account = await (await factory.start()).until("acme")
    assert (account.status.phase, await ou_of(factory)) == ("active", "Customers/eu")
    assert told(account)[0] == "True"


OPEN = settings(purchases="allow", policy_profiles='{"gpu": {}}')


@pytest.mark.parametrize("operator_settings", [settings(purchases="allow")])
async def test_an_ou_that_is_not_there_yet_is_waited_for_by_new_accounts_and_by_those_that_name_it(
    factory: Factory,
) -> None:
    """There are no limits here, so that no missing policy holds anything up."""
    await factory.active()
    factory.settings = OPEN
    process = await factory.start()
    assert not await process.resync(await factory.account()), "in use, and without a profile"
    await factory.add("new")
    account = await process.until("new", lambda account: told(account)[1] == "OrganizationNotPrepared")
    assert "no OU 'default' in its OU 'Customers'" in told(account)[2]
    await factory.change(policyProfile="gpu")
    account = await process.until("acme", lambda account: told(account)[1] == "OrganizationNotPrepared")
    assert "no OU 'gpu' in its OU 'Customers'" in told(account)[2]
    assert await ou_of(factory) == "Customers"
    await factory.bootstrap()
    process = await factory.start()
    for name, place in (("acme", "Customers/gpu"), ("new", "Customers/default")):
        assert (await process.until(name)).status.phase == "active"
        assert await ou_of(factory, name) == place


@pytest.mark.parametrize(
    ("status", "used"),
    [
        ({}, False),
        ({"iamUserName": "admin"}, False),
        ({"oidcRoleArn": "arn:aws:iam::111122223333:role/GitHubActionsDeployRole"}, False),
        ({"iamUserName": "admin", "oidcRoleArn": "arn:aws:iam::111122223333:role/GitHubActionsDeployRole"}, True),
    ],
)
def test_an_account_is_in_use_once_all_were_let_in(status: dict[str, Any], used: bool) -> None:
    account = AwsAccount.model_validate({"metadata": {"name": "acme"}, "spec": {"email": "a@b.c"}, "status": status})
    assert in_use(account) is used
