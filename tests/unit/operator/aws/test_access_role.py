"""The role by which an account is entered, and how little a session may do in it."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError
from fakes.factory import NAMESPACE, Factory

from batteries_crds.conditions import is_true
from batteries_crds.names import TAG_RESOURCE
from batteries_operator.aws.partition import AWS, CHINA, GOVCLOUD
from batteries_operator.aws.session_policies import MAX_LENGTH, Purpose, SessionPolicies
from batteries_operator.runtime.settings import OWN_ROLE, Settings

EARLIER = "OrganizationAccountAccessRole"


async def test_a_new_account_has_a_role_of_our_own_and_its_status_says_which(factory: Factory) -> None:
    await factory.active()
    calls = (await factory.standin("calls"))["calls"]
    asked = [call["params"]["RoleName"] for call in calls if call["operation"] == "CreateAccount"]
    assert asked == [OWN_ROLE]
    assert (await factory.account()).status.access_role_name == OWN_ROLE


async def made_with(factory: Factory, role: str) -> str:
    """A member account with our tag and that role, as an earlier release or a person made it; its id."""
    organizations = await factory.client("organizations")
    tag = {"Key": TAG_RESOURCE, "Value": f"{NAMESPACE}/acme"}
    asked = organizations.create_account(Email="a@acme.io", AccountName="a", RoleName=role, Tags=[tag])
    request = asked["CreateAccountStatus"]["Id"]
    async with asyncio.timeout(5):
        while True:
            status = organizations.describe_create_account_status(CreateAccountRequestId=request)["CreateAccountStatus"]
            if status["State"] == "SUCCEEDED":
                return str(status["AccountId"])
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("role", [OWN_ROLE, EARLIER])
async def test_an_account_is_adopted_by_whichever_role_it_has(factory: Factory, role: str) -> None:
    aws_account_id = await made_with(factory, role)
    await factory.add(awsAccountId=aws_account_id, githubRepos=["octo-org/web"])
    account = await (await factory.start()).until("acme")
    assert (account.status.phase, account.status.access_role_name) == ("active", role)


async def test_an_account_of_the_release_before_is_entered_as_then(factory: Factory) -> None:
    """Its status names no role, and RoleReady is true already."""
    await factory.add(awsAccountId=await made_with(factory, EARLIER), githubRepos=["octo-org/web"])
    await (await factory.start()).until("acme")
    await factory.accounts.merge_status(NAMESPACE, "acme", {"status": {"accessRoleName": None}})
    await factory.change(suspended=True)
    account = await (await factory.start()).until("acme")
    assert is_true(account.status.conditions, "Suspended"), account.status.conditions
    await factory.change(suspended=False)
    assert (await (await factory.start()).until("acme")).status.phase == "active"


@pytest.mark.parametrize(
    ("chosen", "role"),
    [({}, EARLIER), ({"earlier_access_role_name": "Other"}, "Other"), ({"access_role_name": "TheirOwn"}, "TheirOwn")],
)
def test_an_account_whose_status_names_none_is_entered_by_the_role_of_before(chosen: Any, role: str) -> None:
    assert Settings(**chosen).role_of(None) == role
    assert Settings(**chosen).role_of("Recorded") == "Recorded"


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("partition", [AWS, GOVCLOUD, CHINA])
def test_a_session_policy_fits(purpose: Purpose, partition: Any) -> None:
    policy = "arn:aws-us-gov:iam::aws:policy/"
    settings = Settings(
        iam_user_name="a" * 64,
        issuer_url="https://" + "i" * 247,
        agent_policy_arn=policy.ljust(160, "p"),
        agent_boundary_arn=policy.ljust(160, "b"),
        read_only_policy_arn=policy.ljust(160, "r"),
        deploy_boundary_arn=policy.ljust(160, "d"),
    )
    assert settings.issuer is not None
    longest = SessionPolicies(settings).text(purpose, partition, cast(Any, SimpleNamespace(id="123456789012")))
    assert len(longest) <= MAX_LENGTH
    assert json.loads(longest)["Statement"]


@pytest.mark.parametrize("purpose", Purpose)
async def test_a_session_does_no_more_than_it_is_for(factory: Factory, purpose: Purpose) -> None:
    process = await factory.active(githubRepos=["octo-org/web"])
    account = await factory.account()
    owned = await process.deps.aws.ownership.prove(account, str(account.status.aws_account_id))
    iam: Any = (await process.deps.aws.iam(owned, purpose, OWN_ROLE)).session.client
    beyond: dict[str, dict[str, Any]] = {
        "create_access_key": {"UserName": "admin"},
        "create_user": {"UserName": "other"},
        "delete_role": {"RoleName": OWN_ROLE},
        "attach_user_policy": {"UserName": "admin", "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
        "update_assume_role_policy": {"RoleName": OWN_ROLE, "PolicyDocument": "{}"},
    }
    beyond |= {} if purpose is Purpose.CONSOLE else {"get_login_profile": {"UserName": "admin"}}
    if purpose is Purpose.ROLES:
        agents = {"RoleName": "BatteriesAgentRole"}
        iam.get_role(**agents)
        beyond |= {
            "attach_role_policy": agents | {"PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
            "put_role_permissions_boundary": agents | {"PermissionsBoundary": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
            "put_role_policy": agents | {"PolicyName": "more", "PolicyDocument": "{}"},
            "create_open_id_connect_provider": {"Url": "https://evil.example", "ClientIDList": ["sts.amazonaws.com"]},
        }
    else:
        beyond |= {"get_role": {"RoleName": "GitHubActionsDeployRole"}}
    for operation, asked in beyond.items():
        with pytest.raises(ClientError, match="no session policy allows"):
            getattr(iam, operation)(**asked)


@pytest.mark.parametrize("standin_settings", [{"role_seconds": 0}])  # nobody asks in vain for one
async def test_credentials_are_kept_for_each_purpose(factory: Factory) -> None:
    process = await factory.active(githubRepos=["octo-org/web"])
    used = len({*Purpose} - {Purpose.READERS, Purpose.LOOK})  # no run of a repository reads, and there is no pool
    assert process.calls.count("sts:AssumeRole") == used, "one session for each"
    await factory.change(githubRepos=["octo-org/api"])
    await process.until("acme")
    assert process.calls.count("sts:AssumeRole") == used
