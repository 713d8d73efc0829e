"""GovCloud and China: names, trust policies and sign-in URLs follow that partition of AWS."""

import json
from typing import Any

import pytest
from fakes.aws_world import observe
from fakes.factory import Factory, settings

from batteries_operator.aws import partition
from batteries_operator.aws.gateways import Aws
from batteries_operator.aws.partition import CHINA, GOVCLOUD, UnsupportedPartitionError
from batteries_operator.cli import main as command

REGIONS = {"us-east-1": "aws", "eu-central-1": "aws", "us-gov-east-1": "aws-us-gov", "cn-north-1": "aws-cn"}


def in_region(*regions: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("standin_settings", [{"region": region} for region in regions], ids=regions)


@in_region("cn-north-1", "cn-northwest-1")
async def test_an_account_in_china_is_provisioned_with_that_partition_everywhere(factory: Factory) -> None:
    await factory.active(githubRepos=["octo-org/web"])
    account = await factory.account()
    status = account.status
    assert status.oidc_role_arn == f"arn:aws-cn:iam::{status.aws_account_id}:role/GitHubActionsDeployRole"
    assert status.sign_in_url == f"https://{status.aws_account_id}.signin.amazonaws.cn/console"
    assert status.sso_portal_url is not None
    assert status.sso_portal_url.startswith("https://start.home.awsapps.cn/directory/d-")
    assert await factory.admits(account, "repo:octo-org/web:ref:refs/heads/main")
    assert "arn:aws:" not in json.dumps(account.to_wire(), default=str)
    seen = repr(await observe(factory, account))
    assert "arn:aws:" not in seen
    assert "arn:aws-cn:iam::aws:policy/AdministratorAccess" in seen


@in_region("cn-north-1", "us-gov-west-1")
async def test_the_organization_is_prepared_with_that_partition(bare_factory: Factory) -> None:
    await bare_factory.bootstrap()
    organizations = await bare_factory.client("organizations")
    policies = organizations.list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]
    ours = [each for each in policies if each["Name"].startswith("Batteries")]
    assert ours
    for each in ours:
        content = organizations.describe_policy(PolicyId=each["Id"])["Policy"]["Content"]
        assert "arn:aws:" not in content
        assert "arn:aws-" in content or "arn:" not in content


@in_region("us-gov-west-1")
async def test_govcloud_creates_no_account_and_adopts_one_that_was_made_elsewhere(factory: Factory) -> None:
    process = await factory.start()
    await factory.add()
    account = await process.until("acme")
    assert account.status.phase == "failed"
    assert "CreateGovCloudAccount" in str(account.status.error)
    assert "organizations:CreateAccount" not in process.calls
    assert account.status.create_request is None


@pytest.mark.parametrize(("region", "name"), REGIONS.items())
def test_a_region_names_its_partition(region: str, name: str) -> None:
    assert partition.of_region(region).name == name


@pytest.mark.parametrize("region", ["us-iso-east-1", "us-isob-east-1", "eusc-de-east-1", "nowhere-1", ""])
def test_a_region_that_we_cant_work_in_is_refused_with_a_sentence(region: str) -> None:
    with pytest.raises(UnsupportedPartitionError, match=r"AWS_REGION.*\.$"):
        partition.of_region(region)


def test_credentials_of_another_partition_are_refused_with_a_sentence() -> None:
    with pytest.raises(UnsupportedPartitionError, match=r"aws-iso.*not supported"):
        partition.of_arn("arn:aws-iso:sts::123456789012:assumed-role/batteries/session")
    assert partition.of_arn("arn:aws-us-gov:iam::123456789012:user/operator") is GOVCLOUD
    assert partition.of_arn("arn:aws-cn:sts::123456789012:assumed-role/r/s") is CHINA


def test_only_policies_of_awss_own_are_taken_from_the_partition() -> None:
    assert CHINA.managed_policy("arn:aws:iam::aws:policy/job-function/Billing") == (
        "arn:aws-cn:iam::aws:policy/job-function/Billing"
    )
    assert CHINA.managed_policy("arn:aws:iam::123456789012:policy/Own") == "arn:aws:iam::123456789012:policy/Own"


def test_the_policy_is_printed_for_the_partition(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_REGION", "us-gov-west-1")
    monkeypatch.setattr("batteries_operator.runtime.logs.configure", lambda *_: None)
    monkeypatch.setattr("sys.argv", ["batteries-operator", "policy"])
    assert command.main() == 0
    printed = capsys.readouterr().out
    assert "arn:aws-us-gov:iam::*:role/AIBatteriesIncludedAccess" in printed
    assert "arn:aws:" not in printed


@pytest.mark.parametrize("word", ["run", "doctor", "bootstrap"])
def test_a_command_refuses_at_its_start(
    word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def opened(settings: Any, *_: Any) -> None:
        await Aws.open(settings)

    monkeypatch.setenv("AWS_REGION", "us-iso-east-1")
    monkeypatch.setenv("BATTERIES_ACCOUNT_EMAIL_TEMPLATE", "aws+{id}@mail.acme.test")
    monkeypatch.setattr(
        "batteries_operator.runtime.logs.configure", lambda *_: None
    )  # it would hold for all tests after
    monkeypatch.setattr("batteries_operator.cli.run.run", opened)
    monkeypatch.setattr("sys.argv", ["batteries-operator", word])
    assert command.main() == 1
    assert "aws-iso" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("environment", "region"),
    [
        ({"AWS_REGION": "eu-west-1"}, "eu-west-1"),
        # EKS sets AWS_DEFAULT_REGION to the cluster's region in each pod with a role; the chart sets AWS_REGION.
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-north-1"}, "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "eu-north-1"}, "eu-north-1"),
        ({}, "us-east-1"),
    ],
)
async def test_the_region_is_the_one_that_was_set(
    environment: dict[str, str], region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    aws = await Aws.open(settings())
    client = await aws.caller.client("sso-admin")
    aws.close()
    assert client.meta.region_name == region
