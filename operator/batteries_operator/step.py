"""The shape of a provisioning step, and what it may use.

A step is an idempotent coroutine that observes, then acts, never sleeps and never loops on AWS. It is *current* when
its condition is true for the inputs it was run with; so a changed input re-runs that step alone.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Protocol

from batteries_crds.aws_account import AwsAccount
from batteries_crds.customer import Customer
from batteries_crds.names import ClosingStep, ProvisioningStep
from batteries_operator.aws.gateways import Aws
from batteries_operator.aws.ownership import OwnedAccount
from batteries_operator.expected import Expected
from batteries_operator.outcome import Outcome, Wait
from batteries_operator.places import Places
from batteries_operator.settings import Settings
from batteries_operator.under_way import UnderWay


class Limit(StrEnum):
    """AWS's limits on what may be under way at one time; each is the name of its places in `Tools`."""

    CREATIONS = "creations"
    ASSIGNMENTS = "assignments"
    CLOSURES = "closures"


class CustomerReader(Protocol):
    """Finds Customers."""

    async def find(self, namespace: str, name: str) -> Customer | None:
        """The Customer as it is now, or None where there is none."""

    async def has_user(self, namespace: str, name: str, user_id: str) -> bool:
        """Whether another account of the Customer gives access to that user of Identity Center already."""


class PasswordStore(Protocol):
    """Keeps an account's first password in a Secret."""

    async def find(self, account: AwsAccount) -> "StoredPassword | None":
        """The stored password, or None where its owner has taken it: it is shown once and then gone."""

    async def get_or_create(self, account: AwsAccount, user_name: str) -> "StoredPassword":
        """The stored password, made first where there is none."""

    async def discard(self, account: AwsAccount) -> None:
        """The password is worth nothing any more: no Secret holds it."""

    async def mark_set(self, account: AwsAccount) -> None:
        """Notes that AWS took the password."""


@dataclass(frozen=True, slots=True)
class StoredPassword:
    """A first password; `set_in_aws` says whether AWS is known to have taken it."""

    secret_name: str
    password: str = field(repr=False)
    set_in_aws: bool


@dataclass(frozen=True, slots=True)
class Tools:
    """What all visits share."""

    settings: Settings
    aws: Aws
    customers: CustomerReader
    passwords: PasswordStore
    under_way: UnderWay
    creations: Places
    assignments: Places
    closures: Places
    role_time: Expected = field(default_factory=Expected)
    """How long the role of a new account takes to answer."""
    assignment_time: Expected = field(default_factory=Expected)
    """How long Identity Center takes to assign access."""

    def keep_places(self, account: AwsAccount) -> None:
        """Has the account's places follow its status, whoever wrote it: another operator, or this one before a restart.

        What is under way in AWS holds its place, even past the limit; what is over, or not wanted any more before AWS
        was asked, holds none.
        """
        status, uid = account.status, account.metadata.uid
        followed = status.steps.get(ProvisioningStep.CHECK_STATUS)
        failed = followed is not None and followed.gave_up_at is not None
        if status.aws_account_id is not None or (status.create_request is None and not account.is_wanted):
            self.creations.leave(uid)
        elif status.create_request is not None and not failed:
            self.creations.resume(uid)
        if status.sso_assignment_request_id is not None or status.sso_revocation_request_id is not None:
            self.assignments.resume(uid)

    def failed(self, step: "Step", account: AwsAccount) -> None:
        """The step failed for good: what it held of AWS's limits is others'. Those beside it may still be at work."""
        uid = account.metadata.uid
        if step.limit is not None:
            getattr(self, step.limit).leave(uid)
        if step.limit is Limit.ASSIGNMENTS:
            self.assignment_time.forget(uid)
        self.keep_places(account)

    def let_go(self, uid: str) -> None:
        """The account's places and spots in line go to others."""
        for places in (self.creations, self.assignments, self.closures):
            places.leave(uid)
        for expected in (self.role_time, self.assignment_time):
            expected.forget(uid)


class Scope(Protocol):
    """One visit to one account: its newest state, the shared tools, and the pen."""

    @property
    def account(self) -> AwsAccount:
        """The account, newest writes included."""

    @property
    def tools(self) -> Tools:
        """What all visits share."""

    async def owned_account(self) -> OwnedAccount:
        """The AWS account that the status names, proved to be this AwsAccount's: the only key to acting on it.

        Raises:
            NotOurAccountError, ManagementAccountError, AwsError: as `Ownership.prove`.
        """

    async def record(self, **facts: Any) -> None:
        """Persists status fields before going on; raises where somebody else wrote meanwhile."""


def _no_inputs(_: AwsAccount) -> Any:
    return None


def _always(_: AwsAccount) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the runbook.

    `inputs` is what of the spec the step depends on, `revision` grows when a release renders something else from the
    same inputs; either changing makes the step owed again. `holds` adds facts without which it can't be done.
    `needs` are the conditions that must be true before it, None for those of all required steps before it: steps that
    lack nothing are run side by side. `after` are conditions that must have been tried before it, whatever came of
    that. A step that is not `required` is tried, but doesn't keep an account from being active. Before it acts, it
    makes the conditions in `undoes` unknown: what closes a door has the step that opens it
    owed again, and the other way round, also where a crash or a change of mind comes between. `patience` is how long
    its troubles may last until the account is Stalled; it is tried on all the same. Where `drifts`, the resync runs
    it again on accounts at rest, to mend what somebody changed in AWS. `waits_first` is the wait that it begins with:
    said from its beginning, it needs no write of its own. Where it is `observable`, AWS shows its success again: a
    crash that loses that costs one more look, so it may be written a moment later, with what comes next. `limit` is
    that of AWS's limits before which it takes a place.
    """

    name: ProvisioningStep | ClosingStep
    condition: str
    run: Callable[[Scope], Awaitable[Outcome]]
    does: str
    inputs: Callable[[AwsAccount], Any] = _no_inputs
    holds: Callable[[AwsAccount], bool] = _always
    needs: tuple[str, ...] | None = None
    after: tuple[str, ...] = ()
    required: bool = True
    undoes: tuple[str, ...] = ()
    patience: timedelta = timedelta(hours=1)
    drifts: bool = False
    waits_first: Wait | None = None
    observable: bool = True
    limit: Limit | None = None
    revision: int = 1

    def fingerprint(self, account: AwsAccount) -> str:
        """A short hash of the inputs as they are now."""
        text = json.dumps([self.revision, self.inputs(account)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
