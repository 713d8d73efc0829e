"""What a step sees of the reconcile, and what it is told where a step before it left a gap."""

import pytest

from batteries_crds.aws_account import AwsAccount
from batteries_crds.aws_account_status import CreateRequest
from batteries_crds.base import utc_now
from batteries_operator.steps.step import NotReachedError, Scope

REQUEST = CreateRequest(email="a@b.co", account_name="a", recorded_at=utc_now())


class _OfAccount(Scope):
    """A scope that holds an account and nothing else."""

    def __init__(self, **status: object) -> None:
        made = AwsAccount.model_validate({"metadata": {"name": "a", "namespace": "n"}, "spec": {"email": "a@b.co"}})
        self._account = made.model_copy(update={"status": made.status.model_copy(update=status)})

    @property
    def account(self) -> AwsAccount:
        return self._account


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("aws_account_id", "status.awsAccountId"),
        ("owner", "status.owner"),
        ("create_request", "status.createRequest"),
        ("request_id", "status.createRequest"),
        ("customer_ref", "spec.customerRef"),
    ],
)
def test_a_fact_that_is_missing_is_named_by_its_field(name: str, field: str) -> None:
    with pytest.raises(NotReachedError, match=f"^{field} is empty"):
        getattr(_OfAccount(), name)  # type: ignore[abstract]


def test_facts_are_those_of_the_status() -> None:
    asked = REQUEST.model_copy(update={"request_id": "car-1"})
    scope = _OfAccount(aws_account_id="123456789012", owner="o@b.co", create_request=asked)  # type: ignore[abstract]
    assert (scope.aws_account_id, scope.owner, scope.request_id) == ("123456789012", "o@b.co", "car-1")


def test_an_intent_without_a_request_id_has_none() -> None:
    with pytest.raises(NotReachedError, match=r"^status\.createRequest\.requestId is empty"):
        _ = _OfAccount(create_request=REQUEST).request_id  # type: ignore[abstract]
