"""What the contract shows of an AwsAccount."""

from typing import Any

import pytest
from pydantic import TypeAdapter

from batteries_apiserver.projections import account_views
from batteries_crds.aws_account import AwsAccount

NAME = "5b8a54a8-1111-4c11-8a11-0123456789ab"


def account(**status: Any) -> AwsAccount:
    return AwsAccount.model_validate(
        {
            "metadata": {"name": NAME, "namespace": "n", "creationTimestamp": "2026-11-24T08:00:00Z"},
            "spec": {"customerRef": {"name": "c"}, "githubRepos": ["o/r"]},
            "status": status,
        }
    )


def test_an_account_without_a_status_is_pending_and_shows_nothing_that_is_not_known() -> None:
    shown = account_views.detail(account())
    assert shown.pop("message").startswith("Asking AWS for the account (")  # type: ignore[misc]
    assert shown == {
        "accountId": NAME,
        "status": "pending",
        "provisioningStep": "create_account",
        "createdAt": "2026-11-24T08:00:00Z",
        "githubRepos": ["o/r"],
        "pinned": False,
        "updatedAt": "2026-11-24T08:00:00Z",
    }


def test_a_ready_account_shows_all_that_its_owner_needs() -> None:
    shown = account_views.detail(
        account(
            phase="active",
            provisioningStep="complete",
            awsAccountId="123456789012",
            iamUserName="admin",
            signInUrl="https://123456789012.signin.aws.amazon.com/console",
            ssoUserName="a@example.com",
            ssoPortalUrl="https://d-1.awsapps.com/start",
            oidcRoleArn="arn:aws:iam::123456789012:role/GitHubActionsDeployRole",
        )
    )
    assert shown["status"] == "active"
    assert shown["provisioningStep"] == "complete"
    assert shown["awsAccountId"] == "123456789012"
    assert shown["oidcRoleArn"].endswith("GitHubActionsDeployRole")
    assert {"iamUserName", "signInUrl", "ssoUserName", "ssoPortalUrl"} <= shown.keys()
    assert "error" not in shown


def test_what_went_wrong_is_shown() -> None:
    assert account_views.detail(account(phase="failed", error="Ask AWS for more."))["error"] == "Ask AWS for more."


def test_updated_at_is_the_newest_transition_or_event() -> None:
    condition = {"type": "Ready", "status": "True", "reason": "R", "lastTransitionTime": "2026-11-24T08:01:00Z"}
    event = {"timestamp": "2026-11-24T08:02:00.5Z", "step": "check_status", "status": "succeeded"}
    assert account_views.detail(account(conditions=[condition]))["updatedAt"] == "2026-11-24T08:01:00Z"
    assert (
        account_views.detail(account(conditions=[condition], history=[event]))["updatedAt"]
        == "2026-11-24T08:02:00.500000Z"
    )


@pytest.mark.parametrize(
    ("view", "shape"),
    [
        (lambda one: account_views.accepted(one, "Asking AWS."), account_views.Accepted),
        (account_views.summary, account_views.AccountSummary),
        (account_views.detail, account_views.AccountDetail),
        (account_views.changed, account_views.AccountChanged),
    ],
)
def test_each_view_has_the_shape_that_the_document_gives_it(view: Any, shape: Any) -> None:
    """Views are built by hand for speed; this is what checks them, for an account new and old."""
    whole = account(
        awsAccountId="123456789012",
        iamUserName="admin",
        signInUrl="https://example.com",
        ssoUserName="a@example.com",
        ssoPortalUrl="https://example.com",
        oidcRoleArn="arn:aws:iam::123456789012:role/GitHubActionsDeployRole",
        error="Wait.",
    )
    for shown in (view(account()), view(whole)):
        TypeAdapter(shape).validate_python(shown, extra="forbid")


@pytest.mark.parametrize(
    ("spec", "status", "says"),
    [
        ({"closeAt": "2035-01-31T12:00:00Z"}, {"phase": "suspended"}, " AWS closes it at 2035-01-31T12:00:00Z."),
        ({"closeAt": "2035-01-31T12:00:00Z"}, {"phase": "active"}, "is being suspended"),
        ({"suspendedByOwner": True}, {"phase": "suspended"}, "The account has been suspended for "),
        ({}, {"phase": "creating", "closedAt": "2026-11-01T00:00:00Z"}, "until 2027-01-30T00:00:00Z."),
    ],
)
def test_who_leaves_is_told_what_comes(spec: dict[str, Any], status: dict[str, Any], says: str) -> None:
    body = {"metadata": {"name": "a", "namespace": "n"}, "spec": {"customerRef": {"name": "c"}, **spec}}
    account = AwsAccount.model_validate({**body, "status": status})
    shown = account_views.detail(account)
    assert says in shown["message"]
    assert shown["status"] == "suspended"
    assert ("closesAt" in shown) is ("closeAt" in spec)
    assert ("closedAt" in shown) is ("closedAt" in status)
    assert ("suspensionReasons" in shown) is bool(spec)
