"""The doctor's checks: what each finds, and which remedy it names."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from fakes.factory import Factory, settings
from moto.backends import get_backend

from batteries_operator.aws.permissions import Reach, for_running, policy
from batteries_operator.aws.quotas import Quotas
from batteries_operator.cli.checks import Checks
from batteries_operator.cli.findings import Verdict

REACH = Reach((settings().access_role_name,), settings().mail_sender)


async def line_about(factory: Factory, what: str) -> str:
    """The doctor's line that has these words."""
    process = await factory.start()
    findings = [await check() for check in Checks(process.deps.aws, factory.settings).all()]
    (found,) = [f"{finding.verdict} {finding.text}" for finding in findings if what in finding.text]
    return found


@pytest.mark.parametrize(
    ("allowed", "verdict"), [(100, "ok accounts left: 99 of 100"), (4, "warn accounts left: 3 of 4"), (1, "FAIL")]
)
async def test_the_accounts_left_of_the_quota(bare_factory: Factory, allowed: int, verdict: str) -> None:
    await bare_factory.bootstrap()
    await bare_factory.standin("limits", {"max_accounts": allowed})
    line = await line_about(bare_factory, "accounts left")
    assert line.startswith(verdict)
    assert ("Service Quotas" in line) == (allowed < 100)


@pytest.fixture
def lacking(tmp_path: Path) -> str:
    """The operator's policy without two actions, one of which is granted on some resources only."""
    lacks = {"organizations:CloseAccount", "organizations:ListParents"}
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(policy(each for each in for_running("", REACH) if each.action not in lacks)))
    return str(file)


@pytest.fixture
def standin_settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the test's marker says."""
    marker = request.node.get_closest_marker("parametrize")
    if "lacking" in request.fixturenames:
        return {"operator_policy": request.getfixturevalue("lacking")}
    return {"identity_source": "external"} if "external" in request.node.name and marker is None else {}


async def test_missing_permissions_are_named(bare_factory: Factory, lacking: str) -> None:
    process = await bare_factory.start()
    finding = await Checks(process.deps.aws, bare_factory.settings).permissions()
    assert finding.verdict is Verdict.MISSING
    assert "missing permissions: organizations:CloseAccount, organizations:ListParents; grant" in finding.text
    assert "batteries-operator policy" in finding.text


async def test_an_external_identity_source_is_seen_by_asking_for_a_user_that_is_there(bare_factory: Factory) -> None:
    admin = await bare_factory.client("sso-admin")
    directory = admin.list_instances()["Instances"][0]["IdentityStoreId"]
    await bare_factory.bootstrap()
    assert "ok Identity Center accepts new users" in await line_about(bare_factory, "new users")
    # With an external source the stand-in refuses CreateUser, so the user is put into moto directly.
    await asyncio.to_thread(_provision, directory)
    line = await line_about(bare_factory, "new users")
    assert line.startswith("warn Identity Center accepts no new users (AccessDeniedException")
    assert "provision owners from your identity provider" in line


def _provision(directory: str) -> None:
    backend: Any = get_backend("identitystore")["111111111111"]["us-east-1"]
    names = {"GivenName": "A", "FamilyName": "B"}
    backend.create_user(directory, "a@example.com", names, "A", "", "", [], [], "", "", "", "", "", "")


class Simulated:
    """IAM, for what it is asked."""

    def __init__(self) -> None:
        self.sources: list[str] = []

    def simulate_principal_policy(self, PolicySourceArn: str, **_: Any) -> dict[str, Any]:  # boto3's name
        self.sources.append(PolicySourceArn)
        return {"EvaluationResults": [], "IsTruncated": False}


async def test_a_session_is_simulated_as_its_role(factory: Factory) -> None:
    process, iam = await factory.start(), Simulated()
    quotas = Quotas(process.deps.aws.caller, None, iam)  # type: ignore[arg-type]  # what is asked of IAM
    await quotas.not_granted("arn:aws:sts::111111111111:assumed-role/operator/pod-1", ["a:B"])
    await quotas.not_granted("arn:aws:iam::111111111111:user/me", ["a:B"])
    assert iam.sources == ["arn:aws:iam::111111111111:role/operator", "arn:aws:iam::111111111111:user/me"]


@pytest.mark.parametrize(
    ("chosen", "line"),
    [
        ({"issuer_url": "https://api.example.com"}, "ok accounts trust tokens of https://api.example.com"),
        (
            {"issuer_url": "", "public_url": "http://api.example.com"},
            "warn Tokens for AWS are off: BATTERIES_PUBLIC_URL",
        ),
    ],
)
async def test_whether_accounts_can_trust_our_tokens_is_said(
    bare_factory: Factory, chosen: dict[str, Any], line: str
) -> None:
    process = await bare_factory.start()
    finding = await Checks(process.deps.aws, settings(**chosen)).tokens()
    assert f"{finding.verdict} {finding.text}".startswith(line)
