"""The documented IAM policy is exactly what the operator calls in its whole life."""

import json
import sys
from collections.abc import Callable

import pytest
from fakes.deletion import delete, released
from fakes.factory import Factory, settings
from fakes.pool import pooled

from batteries_operator.aws.error_meanings import NO_ANSWER
from batteries_operator.aws.errors import AwsError
from batteries_operator.aws.permissions import Reach, for_bootstrap, for_running, policy
from batteries_operator.cli.checks import Checks
from batteries_operator.cli.findings import Verdict
from batteries_operator.cli.main import main
from batteries_operator.cli.orphans import find
from batteries_operator.runtime import logs
from batteries_operator.runtime.settings import Settings

FREE = {"sts:GetCallerIdentity"}


def in_the_management_account(operation: str) -> bool:
    """All calls except those that a member account's role makes."""
    return not operation.startswith(("iam:", "cloudtrail:", "s3:")) or operation in {
        "iam:SimulatePrincipalPolicy",
        "iam:ListOrganizationsFeatures",
    }


def reach_of(settings: Settings) -> Reach:
    """The operator's policy for these settings, without AWS's ids."""
    return Reach((settings.access_role_name,), settings.mail_sender, renames=settings.pool_rename)


@pytest.mark.parametrize("operator_settings", [settings(), settings(pool_rename=True)])
async def test_a_whole_life_calls_what_the_policy_grants_and_nothing_else(
    bare_factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    factory = bare_factory
    await factory.bootstrap()
    # Slow enough that a revocation is asked about before it is done, on a busy machine too.
    await factory.standin("limits", {"assignment_seconds": 1})
    process = await factory.start()
    # A lost answer has it look for the request and for the account.
    process.after_call = _loses_once("organizations:CreateAccount")
    await factory.add(githubRepos=["octo-org/web"], deletionPolicy="Close")
    await process.until("acme")
    await factory.change(suspended=True)
    await process.until("acme")
    await factory.change(suspended=False)
    await process.until("acme")
    await process.resync(await factory.account())
    await find(process.deps.aws, factory.settings, [])
    delete(factory)
    await released(process)
    await pooled(factory)
    await factory.add("second")
    assert (await process.until("second")).status.claim is not None
    findings = [await check() for check in Checks(process.deps.aws, factory.settings).all()]
    assert {finding.verdict for finding in findings} <= {Verdict.OK}, findings
    called = {operation for operation in process.calls if in_the_management_account(operation)} - FREE
    granted = {permission.action for permission in for_running("", reach_of(factory.settings))}
    assert called == granted


def _loses_once(lost: str) -> Callable[[str, int], None]:
    left = [1]

    def after(operation: str, _: int) -> None:
        if operation == lost and left[0]:
            left[0] = 0
            raise AwsError(operation, NO_ANSWER, "lost by the test")

    return after


def test_bootstrap_asks_for_nothing_that_running_does() -> None:
    running = {permission.action for permission in for_running("Role")}
    assert running.isdisjoint(permission.action for permission in for_bootstrap())


def test_member_accounts_are_entered_by_the_access_role_only() -> None:
    (assume,) = [each for each in policy(for_running("Access"))["Statement"] if "sts:AssumeRole" in each["Action"]]
    assert assume == {"Effect": "Allow", "Action": ["sts:AssumeRole"], "Resource": ["arn:aws:iam::*:role/Access"]}


@pytest.mark.parametrize("command", ["policy", "bootstrap-policy"])
def test_the_command_prints_a_policy_for_iam(
    command: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["batteries-operator", command])
    monkeypatch.setattr(logs, "configure", lambda style, level: None)  # it is for the rest of the process
    assert main() == 0
    printed = json.loads(capfd.readouterr().out)
    assert printed["Version"] == "2012-10-17"
    effects = {statement["Effect"] for statement in printed["Statement"] if statement["Action"]}
    assert effects == ({"Allow", "Deny"} if command == "policy" else {"Allow"})
    assert len(json.dumps(printed, separators=(",", ":"))) <= 6144, "the most that IAM takes in a managed policy"
