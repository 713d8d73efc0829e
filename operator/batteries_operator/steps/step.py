"""What a step of the pipeline is, and what it can use of a reconcile.

A step is an idempotent coroutine that observes, then acts; it never sleeps and never polls AWS in a loop. It is
*current* when its condition is true for its present inputs, so a changed input re-runs only that step.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol, TypeVar

from batteries_crds.aws_account import AwsAccount
from batteries_crds.aws_account_spec import CustomerRef
from batteries_crds.aws_account_status import CreateRequest
from batteries_crds.names import ClosingStep, ConditionType, OptionalStep, PreparationStep, ProvisioningStep
from batteries_operator.aws.ownership import OwnedAccount
from batteries_operator.steps.dependencies import Dependencies, Limit
from batteries_operator.steps.outcome import Outcome, Wait

T = TypeVar("T")


class NotReachedError(Exception):
    """A bug of the pipeline: a step ran and what it needs is not known, though the steps before it are done."""


class Scope(Protocol):
    """One reconcile of one account: its newest state, the shared dependencies, and `record`.

    What the steps before have found out is a property here, which raises NotReachedError where it is missing.
    """

    @property
    def account(self) -> AwsAccount:
        """The account, newest writes included."""

    @property
    def deps(self) -> Dependencies:
        """What all reconciles share."""

    @property
    def aws_account_id(self) -> str:
        """AWS's id of the account, known once check_status or an adoption is done."""
        return _known(self.account.status.aws_account_id, "status.awsAccountId")

    @property
    def owner(self) -> str:
        """The owner's e-mail address, known once create_account is done."""
        return _known(self.account.status.owner, "status.owner")

    @property
    def create_request(self) -> CreateRequest:
        """The request to AWS for the account, known once create_account is done."""
        return _known(self.account.status.create_request, "status.createRequest")

    @property
    def request_id(self) -> str:
        """AWS's id of that request."""
        return _known(self.create_request.request_id, "status.createRequest.requestId")

    @property
    def customer_ref(self) -> CustomerRef:
        """The Customer that owns the account; the CRD demands one where there is no spec.email."""
        return _known(self.account.spec.customer_ref, "spec.customerRef")

    async def owned_account(self) -> OwnedAccount:
        """The AWS account in the status, proved to be this AwsAccount's. Every change in AWS needs this proof.

        Raises:
            NotOurAccountError, ManagementAccountError, AwsError: as `Ownership.prove`.
        """

    async def record(self, **facts: Any) -> None:
        """Writes status fields now.

        Raises:
            LostRaceError: somebody else wrote the status meanwhile.
        """


def _known(value: T | None, field: str) -> T:
    if value is None:
        raise NotReachedError(f"{field} is empty, which the steps before this one or the CRD should have seen to")
    return value


def _no_inputs(_: AwsAccount) -> Any:
    return None


def _all_needed(_: AwsAccount) -> tuple[ConditionType, ...]:
    return ()


def _always(_: AwsAccount) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the pipeline.

    - `inputs`: the part of the spec that the step depends on. A change makes it pending again.
    - `revision`: raised when a release renders something else from the same inputs, with the same effect.
    - `precondition`: must hold for the step to count as done, besides its condition.
    - `needs`: conditions that must be true before it; None means those of all required steps before it. Steps whose
      needs are met run side by side.
    - `not_needed`: those of them that this account does without; the step itself sees to what they stand for.
    - `after`: conditions whose steps must have run once before it, whatever their result.
    - `required`: False if an account is ready without it once it was tried.
    - `awaited`: False if an account is ready even before it was tried; only of a step that is not required.
    - `invalidates`: conditions that are marked Unknown before it acts, so that an interrupted suspend or resume re-runs
      the opposite step.
    - `stall_timeout`: how long its troubles may last before the account is Stalled; it is still tried after that.
    - `drifts`: the resync runs it on accounts at rest, to correct what somebody changed in AWS.
    - `drifts_while_failed`: the same after it has failed: a part of it may be done nevertheless, and is kept so.
    - `initial_wait`: the wait that it always begins with, written together with its beginning.
    - `observable`: AWS shows its success again after a crash, so its result may be written a moment later, with the
      next write (decision 006).
    - `limit`: the limit of AWS for which it takes a slot.
    """

    name: ProvisioningStep | ClosingStep | PreparationStep | OptionalStep
    condition: ConditionType
    run: Callable[[Scope], Awaitable[Outcome]]
    description: str
    inputs: Callable[[AwsAccount], Any] = _no_inputs
    precondition: Callable[[AwsAccount], bool] = _always
    needs: tuple[ConditionType, ...] | None = None
    not_needed: Callable[[AwsAccount], tuple[ConditionType, ...]] = _all_needed
    after: tuple[ConditionType, ...] = ()
    required: bool = True
    awaited: bool = True
    invalidates: tuple[ConditionType, ...] = ()
    stall_timeout: timedelta = timedelta(hours=1)
    drifts: bool = False
    drifts_while_failed: bool = False
    initial_wait: Wait | None = None
    observable: bool = True
    limit: Limit | None = None
    revision: int = 1

    def fingerprint(self, account: AwsAccount) -> str:
        """A short hash of the inputs as they are now."""
        text = json.dumps([self.revision, self.inputs(account)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
