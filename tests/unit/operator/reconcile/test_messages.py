"""What customers read of errors: sentences of ours. What AWS, Kubernetes and Python say is for administrators."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, MagicMock

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    UnknownServiceError,
)
from botocore.parsers import ResponseParserError
from fakes.aws_world import assert_exactly_right
from fakes.factory import NAMESPACE, Factory
from kubernetes.aio.client import ApiException

from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import utc_now
from batteries_crds.conditions import find, is_true
from batteries_crds.customer_messages import is_for_customers
from batteries_operator.aws import error_meanings
from batteries_operator.aws.cache import IdCaches
from batteries_operator.aws.error_meanings import ErrorKind
from batteries_operator.aws.errors import AwsError, translate
from batteries_operator.aws.identity_center import AssignmentStatus
from batteries_operator.aws.organizations import ManagementAccountError, NotPreparedError
from batteries_operator.aws.partition import UnsupportedPartitionError
from batteries_operator.reconcile.attempt import attempt
from batteries_operator.status.events import of_outcome
from batteries_operator.status.transitions import apply_outcome, summarize
from batteries_operator.steps.outcome import Fail, Outcome, Wait
from batteries_operator.steps.pipeline import CLOSE_ACCOUNT, FIND_ACCOUNT, PROVISIONING, SUSPENSION
from batteries_operator.steps.step import Scope, Step

STEPS = (*PROVISIONING, FIND_ACCOUNT, *SUSPENSION, CLOSE_ACCOUNT)
MANAGEMENT = "999988887777"
ARN = f"arn:aws:iam::{MANAGEMENT}:role/batteries-operator"
CANARY = f"User: {ARN} is not authorized to do it (request 4e3cbf5a-1111-2222-3333-444455556666)"
MEANINGS = [each for each in vars(error_meanings).values() if isinstance(each, error_meanings.Meaning)]
CODES = {meaning.reason: code for code, meaning in error_meanings._BY_CODE.items()}
RAISED: dict[str, Exception] = {
    **{
        f"aws-{name}": AwsError("iam:GetRole", code, CANARY, http_status=400, request_id="canary-id")
        for name, code in CODES.items()
    },
    "aws-unknown": AwsError("iam:GetRole", "NobodyKnowsThisException", CANARY, http_status=400, request_id="canary-id"),
    "kubernetes": ApiException(status=403, reason=f"Forbidden {CANARY}"),
    "python": KeyError(CANARY),
    "assertion": AssertionError(CANARY),
    "management": ManagementAccountError(f"AWS account {MANAGEMENT} is the management account."),
    "partition": UnsupportedPartitionError(f"The AWS credentials ({CANARY}) belong to the partition aws-iso."),
    "not-prepared": NotPreparedError("The organization has no OU 'Customers'. Run `batteries-operator bootstrap`."),
}


def account() -> AwsAccount:
    meta = {"name": "acme", "namespace": NAMESPACE, "uid": "u", "generation": 1}
    status = {"awsAccountId": "123456789012", "owner": "acme@example.com"}
    return AwsAccount.model_validate({"metadata": meta, "spec": {"email": "acme@example.com"}, "status": status})


def concluded(step: Step, error: Exception) -> tuple[AwsAccount, Outcome]:
    async def fails(_: Scope) -> Outcome:
        raise error

    aws = MagicMock()
    aws.caller.caches = IdCaches()
    aws.organizations.state = AsyncMock(return_value="ACTIVE")  # so that the error speaks for itself
    scope: Any = SimpleNamespace(account=account(), deps=SimpleNamespace(aws=aws))
    outcome, _ = asyncio.run(attempt(replace(step, run=fails), scope, 1))
    now = utc_now()
    after = apply_outcome(STEPS, account(), step, outcome, now)
    return summarize(STEPS, after, now), outcome


def texts(value: Any, name: str = "") -> Iterator[str]:
    """Every text of a status but the causes."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key != "cause":
                yield from texts(each, key)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each, name)
    elif isinstance(value, str) and name in ("message", "error", "detail"):
        yield value


@pytest.mark.parametrize("name", RAISED)
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_whatever_a_step_meets_customers_read_a_sentence_of_ours(step: Step, name: str) -> None:
    after, outcome = concluded(step, RAISED[name])
    for text in texts(after.status.to_wire()):
        assert is_for_customers(text, {"123456789012"}), text
        assert "canary" not in text.lower()
        assert MANAGEMENT not in text
    event = of_outcome(account().status, after, step, outcome)
    assert event is None or is_for_customers(event.message, {"123456789012"})
    if not name.startswith("not-"):
        assert isinstance(outcome, Wait | Fail)
        assert MANAGEMENT in outcome.cause, "and administrators read all of it"


def test_a_cause_is_shown_to_administrators_beside_the_error() -> None:
    after, _ = concluded(PROVISIONING[4], RAISED["aws-AccessDenied"])
    record = after.status.steps[PROVISIONING[4].name]
    assert ARN in (record.cause or "")
    assert "canary-id" in (record.cause or "")
    assert after.status.error is not None
    assert after.status.cause == record.cause


async def test_what_the_steps_say_when_all_goes_well_is_for_customers(factory: Factory) -> None:
    process = await factory.active(githubRepos=["octo-org/web"])
    await factory.change(suspended=True)
    await process.until("acme")
    await factory.change(suspended=False)
    done = await process.until("acme")
    own = {str(done.account_id), done.status.aws_account_id or ""}
    said = list(texts(done.status.to_wire()))
    assert len(said) > 20
    assert [text for text in said if not is_for_customers(text, own)] == []


@pytest.mark.parametrize("code", sorted(error_meanings._BY_CODE))
def test_no_code_of_the_table_says_aws_words(code: str) -> None:
    error = AwsError("sso:CreateAccountAssignment", code, CANARY)
    assert is_for_customers(error.words)
    assert "sso:CreateAccountAssignment" in error.words
    assert CANARY in error.cause


# What AWS does not say by a code of ours.


def client_error(code: str, status: int, message: str = "", **more: Any) -> AwsError:
    body: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
        **more,
    }
    return translate("iam:GetRole", ClientError(body, "GetRole"))


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 599])
@pytest.mark.parametrize("code", ["Unknown", "503", "<html>", "BadGateway"])
def test_an_unlisted_code_of_a_server_in_trouble_is_transient(code: str, status: int) -> None:
    error = client_error(code, status, "<html><body>Bad gateway</body></html>")
    assert (error.kind, error.meaning.counts) == (ErrorKind.TRANSIENT, False)


@pytest.mark.parametrize("status", [400, 403, 404, 409])
def test_an_unlisted_code_of_a_refusal_is_unknown(status: int) -> None:
    assert client_error("Unheard", status).kind is ErrorKind.UNKNOWN


@pytest.mark.parametrize(
    ("code", "reason", "why"),
    [
        ("ResourceNotFoundException", "NotFoundInAws", ""),
        ("NoSuchEntity", "NotFoundInAws", ""),
        ("OrganizationalUnitNotFoundException", "NotFoundInAws", ""),
        ("DestinationParentNotFoundException", "NotFoundInAws", ""),
        ("EntityAlreadyExists", "ExistsInAws", ""),
        ("DuplicatePolicyAttachmentException", "ExistsInAws", ""),
        ("ConflictException", "ExistsInAws", "UNIQUENESS_CONSTRAINT_VIOLATION"),
        ("ConflictException", "AwsUnavailable", "CONCURRENT_MODIFICATION"),
        ("ConflictException", "ConflictInAws", ""),
        ("UnrecognizedClientException", "CredentialsRefused", ""),
    ],
)
def test_what_is_late_at_first_becomes_a_trouble_with_a_reason(code: str, reason: str, why: str) -> None:
    error = client_error(code, 400, Reason=why)
    assert (error.kind, error.meaning.reason) == (ErrorKind.TRANSIENT, reason)
    after, outcome = concluded(PROVISIONING[3], error)
    assert isinstance(outcome, Wait)
    counts = reason != "AwsUnavailable"
    assert (outcome.can_stall, outcome.is_problem) == (counts, counts)
    later = utc_now() + 2 * PROVISIONING[3].stall_timeout
    assert is_true(summarize(STEPS, after, later).status.conditions, "Stalled") is False, "create_account blocks first"
    made = replace(PROVISIONING[0])
    after, _ = concluded(made, error)
    stalled = find(summarize(STEPS, after, later).status.conditions, "Stalled")
    assert (stalled is not None and stalled.reason == reason) == counts


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (EndpointConnectionError(endpoint_url="https://iam"), "AwsUnavailable"),
        (ResponseParserError("<html>"), "AwsUnavailable"),
        (NoCredentialsError(), "NoAwsCredentials"),
        (ParamValidationError(report="wrong"), "RefusedByAws"),
        (UnknownServiceError(service_name="x", known_service_names=[]), "UnexpectedAwsError"),
    ],
)
def test_botocores_own_errors_are_told_apart(error: Any, reason: str) -> None:
    assert translate("iam:GetRole", error).meaning.reason == reason


_USER = f"User: {ARN} is not authorized to perform: iam:GetRole on resource: {ARN}"


@pytest.mark.parametrize(
    ("message", "names", "grant"),
    [
        (f"{_USER} because no identity-based policy allows the iam:GetRole action", "grant", True),
        (f"{_USER} with an explicit deny in a service control policy", "service control policy", False),
        (f"{_USER} with an explicit deny in a service control policy: {ARN}", "service control policy", False),
        (f"{_USER} with an explicit deny in a resource control policy", "resource control policy", False),
        (f"{_USER} with an explicit deny in an identity-based policy", "identity-based policy", False),
        (f"{_USER} with an explicit deny in a permissions boundary", "permissions boundary", False),
        (f"{_USER} with an explicit deny in a session policy", "session policy", False),
        (f"{_USER} with an explicit deny in a resource-based policy", "resource-based policy", False),
        (f"{_USER} with an explicit deny in a VPC endpoint policy", "VPC endpoint policy", False),
        (f"{_USER} with an explicit deny in a policy of next year's kind policy", "policy", False),
        (f"{_USER} with an explicit deny", "denies it explicitly", False),
        (f"{_USER} because no service control policy allows the iam:GetRole action", "service control policy", False),
        (f"{_USER} because no permissions boundary allows the iam:GetRole action", "permissions boundary", False),
        (f"{_USER} because no session policy allows the iam:GetRole action", "session policy", False),
        ("Access denied", "grant", True),
    ],
)
@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "AccessDeniedForDependencyException"])
def test_a_denial_says_which_policy_and_what_helps(code: str, message: str, names: str, grant: bool) -> None:
    error = client_error(code, 403, message)
    assert error.meaning.reason == "AccessDenied"
    assert names in error.words
    assert ("grant it that permission" in error.words) == grant
    assert is_for_customers(error.words)


async def test_what_identity_center_says_of_a_failed_assignment_is_a_cause(
    factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    await factory.add()
    process = await factory.start()
    failed = AssignmentStatus("r-1", "FAILED", CANARY)

    async def assignment_status(_: str) -> AssignmentStatus:
        return failed

    monkeypatch.setattr(process.deps.aws.identity_center, "assignment_status", assignment_status)
    troubled = await process.until("acme", lambda each: each.status.cause is not None)
    assert troubled.status.cause == CANARY
    own = {troubled.status.aws_account_id or ""}
    assert all(is_for_customers(text, own) for text in texts(troubled.status.to_wire()))


@pytest.mark.parametrize(
    ("state", "phase", "reason"),
    [
        (None, "failed", "AccountGone"),
        ("PENDING_CLOSURE", "failed", "AccountGone"),
        ("CLOSED", "failed", "AccountGone"),
        ("SUSPENDED", "suspended", "SuspendedByAws"),
    ],
)
@pytest.mark.parametrize("retried", [False, True])
async def test_what_aws_did_to_an_account_is_seen_and_seen_to_be_over(
    factory: Factory, monkeypatch: pytest.MonkeyPatch, state: str | None, phase: str, reason: str, retried: bool
) -> None:
    process = await factory.active()

    async def seen(_: str) -> str | None:
        return state

    ask = process.deps.aws.organizations.state
    monkeypatch.setattr(process.deps.aws.organizations, "state", seen)
    assert await process.resync(await factory.account())
    account = await factory.account()
    assert (account.status.phase, reason) == (phase, getattr(find(account.status.conditions, "Stalled"), "reason", ""))
    assert not is_true(account.status.conditions, "Ready")
    if retried:
        meta = {"metadata": {"annotations": {"aibatteriesincluded.com/retry": "1"}}}
        await factory.accounts.merge(NAMESPACE, "acme", meta)
    else:
        assert await process.resync(account) is None
    monkeypatch.setattr(process.deps.aws.organizations, "state", ask)
    if not retried:
        assert await process.resync(account)
    back = await process.until("acme")
    assert (back.status.phase, back.status.error) == ("active", None)
    await assert_exactly_right(factory, back, mails=0)
