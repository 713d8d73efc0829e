"""Whether an AWS account must be looked for of which the status of its object knows nothing."""

from typing import Any

import pytest

from batteries_crds.aws_account import AwsAccount
from batteries_operator.steps.pipeline import may_be_lost

SEARCHED = {
    "conditions": [
        {"type": "AccountSearched", "status": "True", "reason": "R", "lastTransitionTime": "2026-11-24T08:00:00Z"}
    ]
}
SEEN = {"observedGeneration": 1}


@pytest.mark.parametrize(
    ("policy", "remove_access", "status", "lost"),
    [
        ("Close", False, {}, True),
        ("Retain", True, {}, True),
        ("Retain", False, {}, False),
        ("Close", False, SEEN, False),
        ("Close", False, SEEN | SEARCHED, True),
        ("Close", False, SEARCHED, True),
        ("Retain", True, SEEN, False),
        ("Retain", True, SEEN | SEARCHED, True),
        ("Retain", False, SEARCHED, False),
    ],
)
@pytest.mark.parametrize("deleted", [True, False])
def test_a_deleted_object_looks_only_where_it_may_find_something_that_matters(
    policy: str, remove_access: bool, status: dict[str, Any], lost: bool, deleted: bool
) -> None:
    meta = {"deletionTimestamp": "2026-11-25T08:00:00Z", "finalizers": ["x"]} if deleted else {}
    account = AwsAccount.model_validate(
        {
            "metadata": {"name": "acme", "namespace": "n", **meta},
            "spec": {"email": "a@example.com", "deletionPolicy": policy},
            "status": status,
        }
    )
    assert may_be_lost(account, remove_access=remove_access) is (lost or not deleted)
