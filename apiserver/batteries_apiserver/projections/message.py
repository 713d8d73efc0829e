"""What is happening to an account, and for how long, as one sentence for people and agents."""

import time
from datetime import datetime

from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import to_rfc3339
from batteries_crds.conditions import ACCOUNT_GONE, READY, RECONCILING, SUSPENDED_BY_AWS, find, is_true
from batteries_crds.names import ConditionType, EventStatus, Phase, ProvisioningStep
from batteries_crds.reasons import Reason

_DOING = {
    ProvisioningStep.CREATE_ACCOUNT: "Asking AWS for the account",
    ProvisioningStep.CHECK_STATUS: "Waiting for AWS to create the account",
    ProvisioningStep.WAIT_FOR_ROLE: "Waiting until AWS gives access to the new account",
    ProvisioningStep.MOVE_TO_OU: "Moving the account to its place in the organization",
    ProvisioningStep.CREATE_IAM_USER: "Creating the IAM user",
    ProvisioningStep.SETUP_SSO_ACCESS: "Setting up single sign-on",
    ProvisioningStep.SETUP_OIDC: "Setting up the role that GitHub Actions assume",
    ProvisioningStep.SEND_WELCOME_EMAIL: "Sending the welcome mail",
}
READY_IN_POOL = "An account of the pool is ready for you: it takes seconds ({} so far)."
"""Instead of CREATE_ACCOUNT's, which takes minutes."""
_FROM_POOL = "The account came from the pool. "
_READY = "The account has been ready to use for {}"
_READY_FROM_POOL = "The account came from the pool, and has been ready to use for {}"
_CLOSED = "The AWS account has been closed for {}."
_SO_FAR = " ({} so far)."
_NOT_USABLE: dict[str, str] = {
    ACCOUNT_GONE: "The AWS account is closed or has left the organization; error says more. It has been unusable for "
    "{}.",
    SUSPENDED_BY_AWS: "AWS has suspended the account; error says more. It has been unusable for {}.",
}
"""By the reason why the account is not ready."""
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def message(account: AwsAccount, now: datetime | None = None, *, has_pool: bool = False) -> str:
    """The sentence at `now`; `has_pool`: a pool has an AWS account ready for this one, which has none yet."""
    state, since = state_of(account)
    state = READY_IN_POOL if has_pool else state
    return sentence(state, since.timestamp() if since else None, now.timestamp() if now else time.time())


def sentence(state: str, since: float | None, now: float) -> str:
    """Puts the duration into the text of `state_of`. Times are seconds since 1970, which are faster than datetimes."""
    return state.replace("{}", _duration(since, now))


def state_of(account: AwsAccount) -> tuple[str, datetime | None]:
    """The sentence with {} for the duration, and the time when the state began."""
    status, created = account.status, account.metadata.creation_timestamp
    if account.metadata.deletion_timestamp is not None:
        return "The account is being deleted" + _SO_FAR, account.metadata.deletion_timestamp
    if account.is_closed or account.is_suspended:
        return _shut(account)
    if status.phase in (Phase.FAILED, Phase.SUSPENDED):
        return _stopped(account)
    if status.phase is Phase.ACTIVE:
        if is_true(status.conditions, RECONCILING) or status.observed_generation != account.metadata.generation:
            return "The account is ready to use; a change to it is being applied" + _SO_FAR, _changed_at(account)
        ready = _READY_FROM_POOL if is_from_pool(account) else _READY
        sso = find(account.status.conditions, ConditionType.SSO_ASSIGNED)
        if sso is not None and sso.reason == Reason.EMAIL_NOT_CONFIRMED:
            return (
                f"{ready}, except for single sign-on, which waits until you confirm your e-mail address: open the link "
                "in the mail that you got, or request a new one with POST /v1/customer/confirmation.",
                _since(account, ConditionType.PROVISIONED),
            )
        return f"{ready}.", _since(account, ConditionType.PROVISIONED)
    doing = _DOING.get(status.provisioning_step, "Setting up the account")
    origin = _FROM_POOL if is_from_pool(account) else ""
    return origin + doing + _SO_FAR, _begun_at(account) or created


def is_from_pool(account: AwsAccount) -> bool:
    """Whether it has the AWS account that it wished for; a mere wish may still come to nothing."""
    claim = account.status.claim
    return claim is not None and claim.aws_account_id == account.status.aws_account_id


def _shut(account: AwsAccount) -> tuple[str, datetime | None]:
    """`state_of` an account that nobody can use, and that was asked for."""
    if account.is_closed:
        return _CLOSED + _until(account), account.status.closed_at
    is_done = account.status.phase is Phase.SUSPENDED
    doing = "The account has been suspended for {}." if is_done else f"The account is being suspended{_SO_FAR}"
    return doing + _closing(account), _changed_at(account)


def _closing(account: AwsAccount) -> str:
    """When AWS closes it, unless the reasons go away before."""
    return "" if account.closes_at is None else f" AWS closes it at {to_rfc3339(account.closes_at)}."


def _until(account: AwsAccount) -> str:
    until = account.reopenable_until
    return "" if until is None else f" Only AWS Support can reopen it, until {to_rfc3339(until)}."


def _stopped(account: AwsAccount) -> tuple[str, datetime | None]:
    """`state_of` an account that should be usable and isn't."""
    ready = find(account.status.conditions, READY)
    if ready is not None and ready.reason in _NOT_USABLE:
        return _NOT_USABLE[ready.reason], _since(account, READY)
    if account.status.phase is Phase.SUSPENDED:
        return "The account is being resumed" + _SO_FAR, _changed_at(account)
    return (
        "The account could not be provisioned; error says why. It has been waiting for a change for {}.",
        _changed_at(account),
    )


def _begun_at(account: AwsAccount) -> datetime | None:
    """When the current step began."""
    for event in reversed(account.status.history):
        if event.step == account.status.provisioning_step and event.status is EventStatus.STARTED:
            return event.timestamp
    return None


def _since(account: AwsAccount, kind: str) -> datetime | None:
    condition = find(account.status.conditions, kind)
    return condition.last_transition_time if condition else account.metadata.creation_timestamp


def _changed_at(account: AwsAccount) -> datetime | None:
    moments = [condition.last_transition_time for condition in account.status.conditions]
    return max(moments, default=account.metadata.creation_timestamp)


def _duration(since: float | None, now: float) -> str:
    """Such as `3 minutes`: in the largest unit that fits."""
    seconds = 0 if since is None else max(0, int(now - since))
    unit, length = _largest(seconds)
    count = seconds // length
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def _largest(seconds: int) -> tuple[str, int]:
    # Called for each of ten thousand accounts in a list: a loop takes half the time of `next` with a generator.
    for unit in _UNITS:
        if seconds >= unit[1]:
            return unit
    return _UNITS[-1]
