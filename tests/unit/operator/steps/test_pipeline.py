"""The pipeline against AWS's stand-in, step by step: what it leaves in AWS, and that doing it again changes nothing."""

import pytest
from fakes.aws_world import assert_exactly_right, observe
from fakes.factory import ISSUER, NAMESPACE, Factory, acts, tally

from batteries_crds.aws_account import AwsAccount
from batteries_crds.names import EventStatus
from batteries_operator.steps.pipeline import PROVISIONING
from batteries_operator.steps.step import Step

REPOSITORIES = ["octo-org/web", "octo-org@123/api@456"]
FOR_EACH_ROLE = {"iam:CreateOpenIDConnectProvider", "iam:CreateRole", "iam:AttachRolePolicy"}
"""Called for GitHub's role and for the agents' role."""
EACH_STEP = pytest.mark.parametrize("step", PROVISIONING, ids=lambda step: step.name)


async def test_an_account_is_made_exactly_as_promised(factory: Factory) -> None:
    process = await factory.active(githubRepos=REPOSITORIES, displayName="Web team")
    account = await factory.account()
    await assert_exactly_right(factory, account)
    [member] = await factory.members(account)
    assert member["name"].startswith("Web team ")
    status = account.status
    assert status.sign_in_url == f"https://{status.aws_account_id}.signin.aws.amazon.com/console"
    assert status.oidc_role_arn == f"arn:aws:iam::{status.aws_account_id}:role/GitHubActionsDeployRole"
    assert status.sso_portal_url is not None
    assert status.sso_portal_url.endswith(".awsapps.com/start")
    assert status.sso_user_name == "acme@example.com"
    assert status.github_repos == REPOSITORIES
    told = [reason for kind, reason in process.events]
    assert sorted(told) == sorted([*(step.condition for step in PROVISIONING), "Ready"]), "each once"
    assert told[-1] == "Ready"
    for step in PROVISIONING:
        for needed in step.needs or ():
            assert told.index(needed) < told.index(step.condition)
    assert {kind for kind, _ in process.events} == {"Normal"}
    steps = [(event.step, event.status) for event in status.history]
    assert sorted(steps) == sorted((step.name, word) for step in PROVISIONING for word in ("started", "succeeded"))
    started, succeeded = EventStatus.STARTED, EventStatus.SUCCEEDED
    assert all(steps.index((step.name, started)) < steps.index((step.name, succeeded)) for step in PROVISIONING)
    twice = {name for name, times in tally(filter(acts, process.calls)).items() if times != 1}
    assert twice == FOR_EACH_ROLE, "nothing else was asked for twice"
    assert status.agent_role_arn == f"arn:aws:iam::{status.aws_account_id}:role/BatteriesAgentRole"
    assert status.agent_issuer == ISSUER


async def test_the_welcome_mail_says_where_everything_is_and_holds_no_secret(factory: Factory) -> None:
    await factory.active()
    account = await factory.account()
    [mail] = (await factory.standin("mails"))["mails"]
    status = account.status
    for word in (status.aws_account_id, status.sso_portal_url, status.sign_in_url, status.oidc_role_arn):
        assert word in mail["text"]
    process = await factory.start()
    stored = await process.deps.passwords.get_or_create(account, "admin")
    assert stored.password not in mail["text"]
    assert stored.password not in repr(stored)
    assert stored.password not in account.model_dump_json()


def forget(account: AwsAccount, step: Step) -> dict[str, object]:
    """The status patch that wipes all that says the step is done."""
    conditions = [c.to_wire() for c in account.status.conditions if c.type != step.condition]
    return {"conditions": conditions, "steps": {step.name: None}}


@EACH_STEP
async def test_a_step_done_again_changes_nothing_in_aws(factory: Factory, step: Step) -> None:
    await factory.active(githubRepos=REPOSITORIES)
    before = await observe(factory, await factory.account())
    await factory.accounts.merge_status(NAMESPACE, "acme", {"status": forget(await factory.account(), step)})
    process = await factory.start()
    account = await process.until("acme")
    assert process.events == [("Normal", step.condition)], "that step alone was done again"
    again = await observe(factory, account)
    mailed = step.name == "send_welcome_email"
    assert (again.mails, before.mails) == (2 if mailed else 1, 1)
    assert again == await assert_exactly_right(factory, account, mails=0)
    assert {**vars(again), "mails": 1} == vars(before)
    harmless_twice = {"iam:AttachUserPolicy", "iam:AttachRolePolicy", "ses:SendEmail"}
    assert set(filter(acts, process.calls)) <= harmless_twice, "what is there is seen, and not asked for again"


async def test_with_nothing_pending_no_step_calls_aws_or_writes(factory: Factory) -> None:
    await factory.active(githubRepos=REPOSITORIES)
    account = await factory.account()
    writes = len(factory.cluster.writes)
    process = await factory.start()
    assert (await process.until("acme")).metadata.resource_version == account.metadata.resource_version
    assert (process.calls, len(factory.cluster.writes)) == ([], writes)


async def test_a_status_restored_from_yesterday_finds_its_account_again(factory: Factory) -> None:
    await factory.active(githubRepos=REPOSITORIES)
    before = await factory.account()
    factory.cluster.objects["AwsAccount", NAMESPACE, "acme"].pop("status")
    process = await factory.start()
    account = await process.until("acme")
    assert account.status.aws_account_id == before.status.aws_account_id
    await assert_exactly_right(factory, account, mails=0)
    created = (await factory.standin("creations"))["creations"]
    assert len([each for each in created if each["state"] == "SUCCEEDED"]) == 1
    assert "sso:CreateAccountAssignment" not in process.calls


async def test_a_password_that_its_owner_took_is_not_replaced(factory: Factory) -> None:
    await factory.active()
    account = await factory.account()
    iam = await factory.client("iam", account.status.aws_account_id)
    before = iam.get_login_profile(UserName="admin")["LoginProfile"]
    factory.cluster.delete("Secret", NAMESPACE, "acme-credentials")
    # The status still names the Secret: it was there, and somebody has it.
    await factory.accounts.merge_status(NAMESPACE, "acme", {"status": forget(account, PROVISIONING[4])})
    process = await factory.start()
    assert (await process.until("acme")).status.phase == "active"
    assert iam.get_login_profile(UserName="admin")["LoginProfile"] == before
    assert ("Secret", NAMESPACE, "acme-credentials") not in factory.cluster.objects


async def test_the_password_of_a_user_who_has_signed_in_is_left_alone(factory: Factory) -> None:
    await factory.active()
    account = await factory.account()
    iam = await factory.client("iam", account.status.aws_account_id)
    iam.update_login_profile(UserName="admin", Password="My-own-choice-1", PasswordResetRequired=False)
    await factory.accounts.merge_status(NAMESPACE, "acme", {"status": forget(account, PROVISIONING[4])})
    await (await factory.start()).until("acme")
    words = {"accountId": account.status.aws_account_id, "userName": "admin", "password": "My-own-choice-1"}
    assert await factory.standin("console-sign-in", words) == {"passwordResetRequired": False}
