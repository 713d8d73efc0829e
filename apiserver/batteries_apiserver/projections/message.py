"""What an account is doing and how long it has been at it, as one sentence for people and agents."""

import time
from datetime import datetime

from batteries_crds.aws_account import AwsAccount
from batteries_crds.conditions import ACCOUNT_GONE, READY, RECONCILING, SUSPENDED_BY_AWS, find, is_true
from batteries_crds.names import EventStatus, Phase, ProvisioningStep

_DOING = {
    ProvisioningStep.CREATE_ACCOUNT: "asking AWS for the account",
    ProvisioningStep.CHECK_STATUS: "waiting for AWS to make the account",
    ProvisioningStep.WAIT_FOR_ROLE: "waiting for the new account to let us in",
    ProvisioningStep.MOVE_TO_OU: "moving the account to its place in the organization",
    ProvisioningStep.CREATE_IAM_USER: "making the IAM user",
    ProvisioningStep.SETUP_SSO_ACCESS: "setting up single sign-on",
    ProvisioningStep.SETUP_OIDC: "setting up the role that GitHub Actions assume",
    ProvisioningStep.SEND_WELCOME_EMAIL: "sending the welcome mail",
}
_NOT_USABLE = {
    ACCOUNT_GONE: "The AWS account is closed or has left the organization, which error explains; it has been so for",
    SUSPENDED_BY_AWS: "AWS has suspended the account, which error explains; it has been so for",
}
"""By the reason why it is not ready."""
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def message(account: AwsAccount, now: datetime | None = None) -> str:
    """The sentence."""
    begun, since = doing(account)
    return sentence(begun, since.timestamp() if since else None, now.timestamp() if now else time.time())


def sentence(begun: str, since: float | None, now: float) -> str:
    """What `doing` gave, with how long it is at `now` (both in seconds since 1970, which are faster than datetimes)."""
    return f"{begun} {_ago(since, now)}."


def doing(account: AwsAccount) -> tuple[str, datetime | None]:
    """All but the duration, and since when."""
    status, created = account.status, account.metadata.creation_timestamp
    if account.metadata.deletion_timestamp is not None:
        return "The account is being deleted, for", account.metadata.deletion_timestamp
    if account.is_suspended:
        if status.phase is Phase.SUSPENDED:
            return "The account is suspended, and has been for", _changed_at(account)
        return "The account is being suspended, for", _changed_at(account)
    if status.phase in (Phase.FAILED, Phase.SUSPENDED):
        return _stopped(account)
    if status.phase is Phase.ACTIVE:
        if is_true(status.conditions, RECONCILING) or status.observed_generation != account.metadata.generation:
            return "The account is ready to use; a change to it is being applied, for", _changed_at(account)
        sso = find(account.status.conditions, "SSOAssigned")
        if sso is not None and sso.reason == "EmailNotConfirmed":
            return (
                "The account is ready to use but for single sign-on, which waits until you confirm your e-mail "
                "address: open the link that was mailed, or POST /v1/customer/confirmation for a new one. It has been "
                "ready for",
                _since(account, "Provisioned"),
            )
        return "The account is ready to use, and has been for", _since(account, "Provisioned")
    doing = _DOING.get(status.provisioning_step, "setting up the account")
    return f"We are {doing}, for", _begun_at(account) or created


def _stopped(account: AwsAccount) -> tuple[str, datetime | None]:
    """Of an account that is to be usable and isn't."""
    ready = find(account.status.conditions, READY)
    if ready is not None and ready.reason in _NOT_USABLE:
        return _NOT_USABLE[ready.reason], _since(account, READY)
    if account.status.phase is Phase.SUSPENDED:
        return "The account is being resumed, for", _changed_at(account)
    return (
        "The account could not be provisioned, which error explains; it has waited for a change for",
        _changed_at(account),
    )


def _begun_at(account: AwsAccount) -> datetime | None:
    """When the step that is going on was begun."""
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


def _ago(since: float | None, now: float) -> str:
    """`3 minutes`: the largest unit says enough."""
    seconds = 0 if since is None else max(0, int(now - since))
    unit, length = _largest(seconds)
    count = seconds // length
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def _largest(seconds: int) -> tuple[str, int]:
    # Of ten thousand in a list each is asked: half the time of a generator in `next`.
    for unit in _UNITS:
        if seconds >= unit[1]:
            return unit
    return _UNITS[-1]
