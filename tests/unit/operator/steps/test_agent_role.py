"""The agents' door: when it is opened, moved and shut, and that it and GitHub's door don't hold each other up."""

import asyncio
from typing import Any

import pytest
from fakes.aws_world import GITHUB, assert_exactly_right, observe
from fakes.deletion import delete
from fakes.factory import ISSUER, NAMESPACE, Factory, Process, acts, settings

from batteries_crds import agent_access
from batteries_crds.agent_access import MAX_SESSION_SECONDS, ROLE_NAME
from batteries_crds.conditions import find
from batteries_operator.runtime.settings import Settings

REPOSITORIES = ["octo-org/web"]
TOO_MANY = [f"octo-org/{'r' * 80}-{number}" for number in range(40)]
DENIES = '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}]}'
OTHER = "https://tokens.example"
READS = "arn:aws:iam::aws:policy/ReadOnlyAccess"
BOUND = "arn:aws:iam::aws:policy/PowerUserAccess"
OFF = settings(issuer_url="")


async def _with(factory: Factory, chosen: Settings) -> Process:
    """The operator, started again with other settings."""
    factory.settings = chosen
    return await factory.start()


async def _role(factory: Factory) -> Any:
    iam = await factory.client("iam", (await factory.account()).status.aws_account_id)
    return (await asyncio.to_thread(iam.get_role, RoleName=ROLE_NAME))["Role"]


async def _resynced_quietly(factory: Factory, process: Process) -> None:
    """Compared with AWS, in which nobody had changed anything; a second comparison finds nothing to do."""
    await process.resync(await factory.account())
    assert "Drift" not in {reason for _, reason in process.events}
    calls, writes = len(process.calls), len(factory.cluster.writes)
    assert not await process.resync(await factory.account())
    assert not any(acts(each) for each in process.calls[calls:])
    assert len(factory.cluster.writes) == writes


@pytest.mark.parametrize("operator_settings", [OFF])
async def test_an_account_of_before_gets_the_role_at_its_next_comparison(factory: Factory) -> None:
    await factory.active(githubRepos=REPOSITORIES)
    process = await _with(factory, settings())
    account, writes = await factory.account(), len(factory.cluster.writes)
    assert (account.status.agent_role_arn, account.status.agent_issuer) == (None, None)
    assert (await process.reconciler.reconcile(NAMESPACE, "acme")).requeue_after is None
    assert (process.calls, len(factory.cluster.writes)) == ([], writes), "a restart asks and writes nothing"
    await _resynced_quietly(factory, process)
    account = await factory.account()
    assert account.status.agent_role_arn == f"arn:aws:iam::{account.status.aws_account_id}:role/{ROLE_NAME}"
    assert account.status.agent_issuer == ISSUER
    await assert_exactly_right(factory, account)


async def test_another_issuer_reaches_an_account_at_its_next_comparison(factory: Factory) -> None:
    await factory.active(githubRepos=REPOSITORIES)
    process = await _with(factory, settings(issuer_url=OTHER))
    await _resynced_quietly(factory, process)
    account = await factory.account()
    assert account.status.agent_issuer == OTHER
    seen = await observe(factory, account)
    assert factory.settings.issuer is not None
    aws_account_id = str(account.status.aws_account_id)
    assert seen.agents_trust == agent_access.trust_policy(factory.settings.issuer, account.account_id, aws_account_id)
    hosts = {arn.partition("oidc-provider/")[2] for arn in seen.providers}
    assert hosts == {GITHUB, "tokens.example", "batteries.example"}, "a role of the owner's may trust the old one"


@pytest.mark.parametrize("operator_settings", [OFF])
async def test_no_role_is_made_where_there_is_no_issuer(factory: Factory) -> None:
    process = await factory.active(githubRepos=REPOSITORIES)
    await assert_exactly_right(factory, await factory.account())
    await _resynced_quietly(factory, process)
    await factory.change(suspended=True)
    assert (await process.until("acme")).status.phase == "suspended"


async def test_the_role_is_shut_when_there_is_no_issuer_any_more(factory: Factory) -> None:
    await factory.active(githubRepos=REPOSITORIES)
    process = await _with(factory, OFF)
    await _resynced_quietly(factory, process)
    account = await factory.account()
    assert (account.status.agent_role_arn, account.status.agent_issuer) == (None, None)
    assert account.status.phase == "active"
    assert (await _role(factory))["AssumeRolePolicyDocument"] == agent_access.nobody()
    process = await _with(factory, settings())
    await _resynced_quietly(factory, process)
    await assert_exactly_right(factory, await factory.account())


@pytest.mark.parametrize("operator_settings", [OFF])
async def test_an_issuer_that_aws_does_not_reach_holds_nothing_up(factory: Factory) -> None:
    await factory.active(githubRepos=REPOSITORIES)
    process = await _with(factory, settings())
    unreachable = {"service": "iam", "operation": "CreateOpenIDConnectProvider", "code": "OpenIdIdpCommunicationError"}
    assert await factory.standin("faults", {"kind": "error", "times": 10_000, **unreachable})
    writes = len(factory.cluster.writes)
    for _ in range(2):
        assert not await process.resync(await factory.account())
    assert len(factory.cluster.writes) == writes, "each comparison tries again and says nothing new"
    await factory.change(githubRepos=["octo-org/api"])
    account = await process.until("acme")
    said = find(account.status.conditions, "OIDCConfigured")
    assert said is not None
    assert f"AWS does not reach {ISSUER}" in said.message
    assert (account.status.phase, account.status.agent_role_arn) == ("active", None)
    assert ("Warning", "OIDCConfigured") in process.events
    factory.clear_faults()
    await _resynced_quietly(factory, process)
    await assert_exactly_right(factory, await factory.account())


async def test_a_list_that_is_too_long_does_not_keep_agents_out(factory: Factory) -> None:
    await factory.active(githubRepos=REPOSITORIES)
    account = await factory.account()
    iam = await factory.client("iam", account.status.aws_account_id)
    await asyncio.to_thread(iam.update_assume_role_policy, RoleName=ROLE_NAME, PolicyDocument=DENIES)
    await factory.change(githubRepos=TOO_MANY)
    process = await factory.start()
    account = await process.until("acme")
    said = find(account.status.conditions, "OIDCConfigured")
    assert said is not None
    assert said.reason == "TrustPolicyTooLarge"
    assert account.status.agent_issuer == ISSUER
    seen = await observe(factory, account)
    assert factory.settings.issuer is not None
    aws_account_id = str(account.status.aws_account_id)
    assert seen.agents_trust == agent_access.trust_policy(factory.settings.issuer, account.account_id, aws_account_id)


async def test_agents_role_is_compared_although_githubs_is_not_done(factory: Factory) -> None:
    """Else a list that is too long would end the comparisons, and another issuer would not reach the account."""
    await factory.active(githubRepos=REPOSITORIES)
    await factory.change(githubRepos=TOO_MANY)
    process = await factory.start()
    await process.until("acme")
    writes = len(factory.cluster.writes)
    assert not await process.resync(await factory.account())
    assert len(factory.cluster.writes) == writes, "said once"
    iam = await factory.client("iam", (await factory.account()).status.aws_account_id)
    await asyncio.to_thread(iam.update_assume_role_policy, RoleName=ROLE_NAME, PolicyDocument=DENIES)
    assert await process.resync(await factory.account())
    assert ("Warning", "Drift") in process.events
    process = await _with(factory, settings(issuer_url=OTHER))
    await process.resync(await factory.account())
    assert "Drift" not in {reason for _, reason in process.events}
    account = await factory.account()
    assert account.status.agent_issuer == OTHER
    (condition,) = (await _role(factory))["AssumeRolePolicyDocument"]["Statement"]
    assert condition["Principal"]["Federated"].endswith("/tokens.example")
    said = find(account.status.conditions, "OIDCConfigured")
    assert said is not None
    assert said.reason == "TrustPolicyTooLarge"


@pytest.mark.parametrize("operator_settings", [OFF])
@pytest.mark.parametrize("theirs", ["role", "provider"])
async def test_somebody_elses_role_or_provider_is_told_and_does_not_hold_up_githubs(
    factory: Factory, theirs: str
) -> None:
    await factory.active(githubRepos=REPOSITORIES)
    iam = await factory.client("iam", (await factory.account()).status.aws_account_id)
    if theirs == "role":
        await asyncio.to_thread(iam.create_role, RoleName=ROLE_NAME, AssumeRolePolicyDocument=DENIES)
    else:
        await asyncio.to_thread(iam.create_open_id_connect_provider, Url=ISSUER, ClientIDList=["theirs"])
    process = await _with(factory, settings())
    await factory.change(githubRepos=["octo-org/api"])
    account = await process.until("acme")
    said = find(account.status.conditions, "OIDCConfigured")
    assert said is not None
    assert said.reason == ("RoleNotOurs" if theirs == "role" else "ProviderNotOurs")
    assert (ROLE_NAME if theirs == "role" else ISSUER) in said.message
    assert account.status.github_repos == ["octo-org/api"]
    assert await factory.admits(account, "repo:octo-org/api:ref:refs/heads/main")
    assert account.status.agent_role_arn is None
    if theirs == "role":
        assert (await _role(factory))["AssumeRolePolicyDocument"] != agent_access.nobody(), "left as it was"
        await asyncio.to_thread(iam.delete_role, RoleName=ROLE_NAME)
    else:
        arn = f"arn:aws:iam::{account.status.aws_account_id}:oidc-provider/{ISSUER.removeprefix('https://')}"
        await asyncio.to_thread(iam.delete_open_id_connect_provider, OpenIDConnectProviderArn=arn)
    await _resynced_quietly(factory, process)
    assert (await factory.account()).status.agent_issuer == ISSUER, "it goes on when that is gone"


async def test_suspension_shuts_the_role_and_resumption_opens_it(factory: Factory) -> None:
    process = await factory.active(githubRepos=REPOSITORIES)
    arn = (await factory.account()).status.agent_role_arn
    await factory.change(suspended=True)
    account = await process.until("acme")
    assert (account.status.phase, account.status.agent_issuer) == ("suspended", None)
    assert account.status.agent_role_arn == arn
    assert (await _role(factory))["AssumeRolePolicyDocument"] == agent_access.nobody()
    await factory.change(suspended=False)
    account = await process.until("acme")
    assert (account.status.agent_issuer, account.status.agent_role_arn) == (ISSUER, arn)
    await assert_exactly_right(factory, account, mails=0)


async def test_an_owner_can_not_open_the_role_of_a_suspended_account(factory: Factory) -> None:
    process = await factory.active(githubRepos=REPOSITORIES)
    await factory.change(suspended=True)
    account = await process.until("acme")
    iam = await factory.client("iam", account.status.aws_account_id)
    await asyncio.to_thread(iam.update_assume_role_policy, RoleName=ROLE_NAME, PolicyDocument=DENIES)
    await process.resync(account)
    assert (await _role(factory))["AssumeRolePolicyDocument"] == agent_access.nobody()
    assert ("Warning", "Drift") in process.events


@pytest.mark.parametrize("operator_settings", [settings(retained_access="remove")])
async def test_a_deletion_that_removes_access_shuts_the_role(factory: Factory) -> None:
    process = await factory.active(githubRepos=REPOSITORIES)
    delete(factory)
    iam = await factory.client("iam", (await factory.account()).status.aws_account_id)
    await process.until("acme")
    role = (await asyncio.to_thread(iam.get_role, RoleName=ROLE_NAME))["Role"]
    assert role["AssumeRolePolicyDocument"] == agent_access.nobody()


@pytest.mark.parametrize("operator_settings", [settings(agent_policy_arn=READS, agent_boundary_arn=BOUND)])
async def test_agents_get_the_policy_and_the_boundary_of_the_settings(factory: Factory) -> None:
    process = await factory.active(githubRepos=REPOSITORIES)
    account, role = await factory.account(), await _role(factory)
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == BOUND
    assert role["MaxSessionDuration"] == MAX_SESSION_SECONDS
    seen = await observe(factory, account)
    assert seen.roles[ROLE_NAME] == [READS]
    assert READS not in seen.roles["GitHubActionsDeployRole"]
    await _resynced_quietly(factory, process)
    process = await _with(factory, settings(agent_policy_arn=READS))
    await _resynced_quietly(factory, process)
    role = await _role(factory)
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == BOUND, "no setting, no change"


@pytest.mark.parametrize("wrong", ["ReadOnlyAccess", "arn:aws:iam::111122223333:policy/Ours"])
def test_a_policy_must_be_one_that_every_account_has(wrong: str) -> None:
    for name in ("agent_policy_arn", "agent_boundary_arn"):
        with pytest.raises(ValueError, match="should match pattern"):
            Settings.model_validate({name: wrong})
