"""What steps depend on: settings, AWS, the stores in Kubernetes, and the slots for AWS's limits."""

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from batteries_crds.aws_account import AwsAccount
from batteries_crds.customer import Customer
from batteries_crds.names import ProvisioningStep
from batteries_crds.pooled_account import Claimant, PooledAccount
from batteries_operator.aws.gateways import Aws
from batteries_operator.limits.creation_poller import CreationPoller
from batteries_operator.limits.duration_estimate import DurationEstimate
from batteries_operator.limits.slots import Slots
from batteries_operator.runtime.settings import Settings
from batteries_operator.runtime.two_clocks import AccountReader
from batteries_operator.steps.account_registries import AccountRegistries, Registry
from batteries_operator.steps.head_starts import HeadStarts
from batteries_operator.steps.lost_claims import LostClaims
from batteries_operator.steps.outcome import Fail, Wait
from batteries_operator.steps.sso_access import SsoAccess


class Limit(StrEnum):
    """What AWS limits at one time; each value is the name of its slots in `Dependencies`."""

    CREATIONS = "creations"
    ASSIGNMENTS = "assignments"
    CLOSURES = "closures"


class CustomerReader(Protocol):
    """Finds Customers."""

    async def find(self, namespace: str, name: str) -> Customer | None:
        """The Customer as it is now, or None where there is none."""

    async def has_user(self, namespace: str, name: str, user_id: str) -> bool:
        """Whether another account of the Customer already gives access to that user of Identity Center."""


class SecretNameTakenError(Exception):
    """Somebody else's Secret has the name that the first password's would have; the text says what to do."""


class PasswordStore(Protocol):
    """Keeps an account's first password in a Secret."""

    async def find(self, account: AwsAccount) -> "StoredPassword | None":
        """The stored password; None if its owner has taken it, which deletes the Secret."""

    async def get_or_create(self, account: AwsAccount, user_name: str) -> "StoredPassword":
        """The stored password; creates and stores one if there is none.

        Raises:
            SecretNameTakenError: somebody else's Secret has its name.
        """

    async def discard(self, account: AwsAccount) -> None:
        """Deletes the Secret: the password is not valid any more."""

    async def mark_set(self, account: AwsAccount) -> None:
        """Marks the password as set in AWS."""


@dataclass(frozen=True, slots=True)
class StoredPassword:
    """A first password; `set_in_aws` says whether AWS is known to have taken it."""

    secret_name: str
    password: str = field(repr=False)
    set_in_aws: bool


class Pool(Protocol):
    """The members of the account pools, as watches showed them last."""

    @property
    def is_used(self) -> bool:
        """Whether there is any pool, or any member of one."""

    def reserve(self, namespace: str, uid: str, tried: Collection[str] = ()) -> PooledAccount | None:
        """The member in that namespace that has been ready longest and is kept for nobody else; None if there is none.

        It is kept for the AwsAccount of that uid, which gets the same one again. Members whose uid is in `tried` are
        passed over.
        """

    def unreserve(self, uid: str) -> None:
        """Keeps no member for the AwsAccount of that uid any more."""

    def taken_by(self, uid: str) -> PooledAccount | None:
        """The member that was taken for the AwsAccount of that uid; None if none is known."""

    def is_ready(self, member: PooledAccount) -> bool:
        """Whether it can be handed out: nobody has it, and all of its preparation is done and up to date."""


class Members(Protocol):
    """Reads and writes the members of pools in Kubernetes."""

    async def find(self, namespace: str, name: str) -> PooledAccount | None:
        """The member as it is now; None if there is none."""

    async def with_account(self, namespace: str, aws_account_id: str) -> list[PooledAccount]:
        """The members in that namespace that name that AWS account."""

    async def claim(self, member: PooledAccount, claimant: Claimant) -> bool:
        """Writes who has taken it, into exactly this version of it; False if it has changed or is gone."""

    async def refuse(self, member: PooledAccount, outcome: Fail | Wait) -> bool:
        """Writes why it can't be handed out, as the result of its look inside, into exactly this version of it.

        False if it has changed or is gone. Posts a Warning about it.
        """


class NoPool:
    """Where there are no pools."""

    is_used = False

    def reserve(self, namespace: str, uid: str, tried: Collection[str] = ()) -> PooledAccount | None:
        """None."""

    def unreserve(self, uid: str) -> None:
        """Nothing is kept."""

    def taken_by(self, uid: str) -> PooledAccount | None:
        """None."""

    def is_ready(self, member: PooledAccount) -> bool:
        """It can't be known."""
        return False


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What all reconciles share."""

    settings: Settings
    aws: Aws
    customers: CustomerReader
    live: AccountReader
    passwords: PasswordStore
    members: Members
    lost_claims: LostClaims
    creation_poller: CreationPoller
    creations: Slots
    assignments: Slots
    closures: Slots
    role_duration: DurationEstimate = field(default_factory=DurationEstimate)
    """How long the role of a new account takes to answer."""
    assignment_duration: DurationEstimate = field(default_factory=DurationEstimate)
    """How long Identity Center takes to assign access."""
    early_access: HeadStarts[SsoAccess] = field(default_factory=HeadStarts)
    """What is looked up for single sign-on while a member of a pool is claimed."""
    pool: Pool = field(default_factory=NoPool)
    registries: AccountRegistries = field(default_factory=AccountRegistries)
    """All that is kept by an account's UID, here and in the controller."""

    def __post_init__(self) -> None:
        """Adds what keeps something by UID."""
        of_work: tuple[Registry, ...] = (
            *(self.creations, self.assignments, self.closures),
            *(self.role_duration, self.assignment_duration, self.early_access),
        )
        for each in of_work:
            self.registries.while_worked_on(each)
        for kept in (self.creation_poller, self.aws.ownership):
            self.registries.while_it_exists(kept)

    def sync_slots(self, account: AwsAccount) -> None:
        """Takes and releases slots by the account's status, whichever operator or earlier process has written it.

        What is under way in AWS holds its slot, even past the limit. What is over holds none, nor does an account that
        is not wanted any more and for which AWS was not asked yet.
        """
        status, uid = account.status, account.metadata.uid
        followed = status.steps.get(ProvisioningStep.CHECK_STATUS)
        failed = followed is not None and followed.gave_up_at is not None
        if status.aws_account_id is not None or (status.create_request is None and not account.is_wanted):
            self.creations.release(uid)
        elif status.create_request is not None and not failed:
            self.creations.restore(uid)
        if not account.is_deleted and not account.is_closure_due:  # taken back while it was queued
            self.closures.release(uid)
        if status.sso_assignment_request_id is not None or status.sso_revocation_request_id is not None:
            self.assignments.restore(uid)

    def failed(self, limit: Limit | None, account: AwsAccount) -> None:
        """Releases the slot of a step that failed for good; steps beside it may keep theirs."""
        uid = account.metadata.uid
        if limit is not None:
            getattr(self, limit).release(uid)
        if limit is Limit.ASSIGNMENTS:
            self.assignment_duration.forget(uid)
        self.sync_slots(account)
