"""What the HTTP API shows of an account's troubles, whatever release of the operator wrote its status."""

from typing import Any

import pytest

from batteries_apiserver.cache.trimmed import trimmed_account
from batteries_apiserver.projections import account_views
from batteries_apiserver.projections.admin_account_views import for_admins
from batteries_apiserver.projections.event_log import EventLog
from batteries_apiserver.projections.event_views import event_views
from batteries_apiserver.projections.message import message
from batteries_apiserver.projections.serialized import SerializedAccount
from batteries_crds.aws_account import AwsAccount
from batteries_crds.customer_messages import FALLBACK, WORDS, is_for_customers

OWN = "123456789012"
LEAKS = [
    "iam:GetRole failed (AccessDenied: User: arn:aws:iam::999988887777:role/op is not authorized); trying again.",
    "AWS refuses iam:CreateRole: arn:aws-us-gov:iam::1:role/x. Mend the spec or the settings.",
    "AWS did not accept iam:GetRole (ThrottlingException); trying again.",
    "The operator met an error of its own (KeyError: 'x'); trying again.",
    "The operator met an error of its own (ApiException: (403)\nReason: Forbidden\nHTTP response headers: <CIMultiDict",
    "AWS account 999988887777 is the organization's management account. It is never provisioned.",
    "Something failed (request 4e3cbf5a-1111-2222-3333-444455556666).",
    "Something failed, x-amzn-RequestId: 12.",
    "AWS was asked for the account (car-0123456789abcdef).",
    "There is no unit ou-ab12-11112222 in o-a1b2c3d4e5, below r-ab12.",
    "The policy p-1a2b3c4d is not attached.",
    "No user in d-1234567890.",
    "ssoins-1111222233334444 has no ps-1111222233334444.",
    "The key AKIAIOSFODNN7EXAMPLE is not active.",
    "unhandled errors in a TaskGroup: ExceptionGroup",
    "Could not connect to the endpoint URL: https://sts.eu-central-1.amazonaws.com/",
    "No answer from https://10.96.0.1:443/apis.",
]
FINE = [
    "There is no Customer 'c-1' in namespace 'customers'. Create it; the account follows by itself.",
    f"AWS account {OWN} is not a member of the organization. Delete this AwsAccount to release it.",
    "The root e-mail address aws+abc@example.com belongs to an AWS account that is not ours.",
    "The list octo-org@123456789012/api@99 does not fit. An error of yours is no reason to worry.",
]


def account(error: str, reason: str = "UnexpectedAwsError", **status: Any) -> AwsAccount:
    condition = {"type": "Ready", "status": "False", "reason": reason, "lastTransitionTime": "2026-11-24T08:01:00Z"}
    time = "2026-11-24T08:02:00Z"
    history = [
        {"timestamp": time, "step": "create_account", "status": "succeeded", "detail": error},
        {"timestamp": time, "step": "setup_oidc", "status": "failed", "detail": reason, "error": error, "cause": "why"},
    ]
    body = {
        "metadata": {"name": "acme", "namespace": "n", "uid": "u", "creationTimestamp": "2026-11-24T08:00:00Z"},
        "spec": {"email": "a@example.com"},
        "status": {"awsAccountId": OWN, "error": error, "conditions": [condition], "history": history, **status},
    }
    return trimmed_account(AwsAccount.model_validate(body))


@pytest.mark.parametrize("error", LEAKS)
@pytest.mark.parametrize("reason", ["UnexpectedAwsError", "NobodyKnowsThis"])
def test_what_an_operator_of_a_release_before_wrote_is_said_in_our_words(error: str, reason: str) -> None:
    leaky = account(error, reason)
    assert account_views.detail(leaky).get("error") == WORDS.get(reason, FALLBACK)
    made, failed = event_views(leaky)
    assert "detail" not in made
    assert failed.get("error") == WORDS.get(reason, FALLBACK)
    assert failed.get("detail") == reason
    assert "cause" not in failed
    assert error not in SerializedAccount(leaky).detail().decode()
    assert for_admins(leaky)["cause"] == error
    assert for_admins(account(error, cause="AWS's words"))["cause"] == "AWS's words"


@pytest.mark.parametrize("error", FINE)
def test_a_sentence_for_customers_is_shown_as_it_is(error: str) -> None:
    fine = account(error, "CustomerNotFound")
    assert account_views.detail(fine).get("error") == error
    made, failed = event_views(fine)
    assert (made.get("detail"), failed.get("error")) == (error, error)
    assert "cause" not in for_admins(fine)


def test_administrators_read_events_with_their_cause() -> None:
    log = EventLog()
    log.observe(None, account(LEAKS[0]))
    made, failed = (entry.event for entry in log.find())
    assert made.get("detail") == LEAKS[0]
    assert (failed.get("error"), failed.get("cause")) == (LEAKS[0], "why")


@pytest.mark.parametrize("words", [*WORDS.values(), FALLBACK])
def test_our_own_words_are_for_customers(words: str) -> None:
    assert is_for_customers(words)


@pytest.mark.parametrize(
    ("phase", "reason", "words"),
    [("failed", "AccountGone", "closed or has left"), ("suspended", "SuspendedByAws", "AWS has suspended")],
)
def test_the_message_says_what_became_of_the_aws_account(phase: str, reason: str, words: str) -> None:
    gone = account("It is gone.", reason, phase=phase)
    assert words in message(gone)
    assert account_views.detail(gone)["status"] == phase
