"""Why an account is suspended, for its customer: each reason with its own way out."""

from collections.abc import Iterator
from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from batteries_crds.aws_account import AwsAccount
from batteries_crds.aws_account_status import Hold
from batteries_crds.base import to_rfc3339
from batteries_crds.reasons import Reason

_OF_HOLD: dict[str, tuple[str, str]] = {
    Hold.CUSTOMER_BLOCKED: ("an administrator blocked you", "ask support"),
    Hold.PAYMENT_METHOD_MISSING: (
        "there was no valid payment method",
        "it opens again by itself once there is one: POST /v1/stripe/portal",
    ),
    Hold.EXPIRED: (
        "it has expired",
        "it opens again by itself once it has a later expiresAt: PATCH /v1/accounts/{id}",
    ),
}
"""What happened, and what ends it."""
_OF_LATER = ("the platform team holds it", "ask support")


class SuspensionReason(TypedDict):
    """One reason for which an account is suspended."""

    reason: Annotated[str, Field(description="In one word, such as SuspendedByOwner or PaymentMethodMissing.")]
    since: NotRequired[
        Annotated[str, Field(json_schema_extra={"format": "date-time"}, description="Since when, where that is known.")]
    ]
    closesAt: NotRequired[
        Annotated[
            str,
            Field(
                json_schema_extra={"format": "date-time"},
                description="When AWS closes the account if this reason is still there then.",
            ),
        ]
    ]
    wayOut: Annotated[str, Field(description="Who or what ends this reason. The account opens when none is left.")]


def ways_out(account: AwsAccount) -> Iterator[tuple[str, str, str]]:
    """Each reason, what happened, and what ends it; the platform team's and the owner's own first."""
    spec = account.spec
    if spec.suspended:
        yield Reason.SUSPENDED, "the platform team suspended it", "ask support"
    if spec.suspended_by_owner:
        yield Reason.SUSPENDED_BY_OWNER, "you suspended it", "POST /v1/accounts/{id}/resume opens it"
    if spec.close_at is not None:
        yield Reason.CLOSURE_REQUESTED, "you asked to have it closed", "POST /v1/accounts/{id}/resume keeps it"
    for reason in Hold:
        if reason in account.holds:
            yield reason, *_OF_HOLD[reason]
    for later in sorted(account.holds - set(Hold)):
        yield later, *_OF_LATER


def sentence(account: AwsAccount) -> str:
    """All reasons with their ways out, as the end of a sentence about the account."""
    said = [f"{what}; {way_out}" for _, what, way_out in ways_out(account)]
    return ", and ".join(said or [f"{_OF_LATER[0]}; {_OF_LATER[1]}"])


def suspension_reasons(account: AwsAccount) -> list[SuspensionReason]:
    """All reasons, as the views show them."""
    return [_view(account, reason, way_out) for reason, _, way_out in ways_out(account)]


def _view(account: AwsAccount, reason: str, way_out: str) -> SuspensionReason:
    view: SuspensionReason = {"reason": reason, "wayOut": f"{way_out[0].upper()}{way_out[1:]}."}
    closes_at, record = None, account.status.holds.get(reason)
    if record is not None:
        view["since"], closes_at = to_rfc3339(record.since), record.closes_at
    if reason == Reason.CLOSURE_REQUESTED:
        closes_at = account.spec.close_at
    if closes_at is not None:
        view["closesAt"] = to_rfc3339(closes_at)
    return view
