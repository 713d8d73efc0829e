"""The part of the request bodies about an account's end, and what it means for the spec."""

import re
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from batteries_apiserver.http.body import Body
from batteries_apiserver.http.errors import BadRequest
from batteries_apiserver.http.instant import future_instant
from batteries_crds.aws_account import AwsAccount
from batteries_crds.base import to_rfc3339, utc_now

_LAST_YEAR = 2999
_TTL = re.compile(r"([0-9]{1,9})([smhdw])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LONGEST = timedelta(days=36_500)

TIMES = ("expiresAt", "expiryPolicy")
"""The fields of the spec."""


def _in_future(given: Any) -> datetime:
    moment = future_instant(given, "POST /v1/accounts/{id}/suspend suspends an account now")
    if moment.year > _LAST_YEAR:
        raise ValueError(f"must be before the year {_LAST_YEAR + 1}; leave it out for an account that does not end")
    return moment


def _span(given: Any) -> timedelta:
    found = _TTL.fullmatch(given) if isinstance(given, str) else None
    try:
        span = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else timedelta()
    except OverflowError:
        span = timedelta.max
    if not timedelta() < span <= _LONGEST:
        raise ValueError(
            "must be a number and a unit in quotes, such as 14d, 36h, 90m or 600s, and at most 100 years (36500d)"
        )
    return span


_POLICY = Annotated[
    Literal["Suspend", "Close"],
    Field(
        description="What happens at `expiresAt`. Suspend: the account is suspended, and a later `expiresAt` opens it "
        "again. Close: it is suspended, and AWS closes it some time later, by default after 30 days; the mails and "
        "`closesAt` say when."
    ),
]
_MOMENT = Annotated[datetime, BeforeValidator(_in_future)]


class NewTimes(Body):
    """The fields of POST /accounts."""

    added: ClassVar[frozenset[str]] = frozenset({"expires_at", "ttl", "expiry_policy"})

    expires_at: Annotated[
        _MOMENT | None,
        Field(
            description="When the account ends (RFC 3339): it is suspended then, and you are mailed 7 days and 24 "
            "hours before. Left out: never."
        ),
    ] = None
    ttl: Annotated[
        Annotated[timedelta, BeforeValidator(_span)] | None,
        Field(
            description="The same as a span from now, such as `14d`, `36h`, `90m` or `600s`. Send this or `expiresAt`.",
            json_schema_extra={"type": "string", "pattern": f"^{_TTL.pattern}$", "examples": ["14d"]},
        ),
    ] = None
    expiry_policy: _POLICY = "Suspend"

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if self.ttl is not None and self.expires_at is not None:
            raise ValueError("Send ttl or expiresAt, not both: each says when the account ends.")
        return self


class ChangedTimes(Body):
    """The fields of PATCH /accounts/{id}."""

    expires_at: Annotated[
        _MOMENT | None,
        Field(
            description="When the account ends (RFC 3339). A later time extends it, and opens it again if it has "
            "expired. null: it does not end."
        ),
    ] = None
    expiry_policy: _POLICY = "Suspend"


def of_new(body: NewTimes, longest: timedelta | None) -> dict[str, Any]:
    """The fields of a new account's spec. `longest` is the longest life that the installation allows; it is the life of
    an account for which none is asked.

    Raises:
        BadRequest: a longer one is asked for.
    """
    ends = body.expires_at
    if ends is None and (span := body.ttl or longest) is not None:
        ends = utc_now() + span
    _refuse_longer(ends, longest)
    policy = {"expiryPolicy": body.expiry_policy} if "expiry_policy" in body.model_fields_set else {}
    return {**({} if ends is None else {"expiresAt": to_rfc3339(ends)}), **policy}


def of_change(body: ChangedTimes, account: AwsAccount, longest: timedelta | None) -> dict[str, Any]:
    """What the request changes in the account's spec, as a merge patch; empty if it changes nothing.

    Raises:
        BadRequest: the account would live longer than the installation allows.
    """
    wanted: dict[str, Any] = {}
    if "expires_at" in body.model_fields_set and body.expires_at != account.spec.expires_at:
        if body.expires_at is None and longest is not None:
            raise BadRequest("invalid_request", f"Every account here ends: send an expiresAt. {_allowed(longest)}")
        _refuse_longer(body.expires_at, longest)
        wanted["expiresAt"] = None if body.expires_at is None else to_rfc3339(body.expires_at)
    if "expiry_policy" in body.model_fields_set and body.expiry_policy != account.spec.expiry_policy:
        wanted["expiryPolicy"] = body.expiry_policy
    return wanted


def _refuse_longer(ends: datetime | None, longest: timedelta | None) -> None:
    if ends is not None and longest is not None and ends > utc_now() + longest:
        raise BadRequest("invalid_request", f"{to_rfc3339(ends)} is too late. {_allowed(longest)}")


def _allowed(longest: timedelta) -> str:
    return (
        f"An account's end may be at most {longest.total_seconds():.0f} seconds from now, which is "
        f"{to_rfc3339(utc_now() + longest)}; it can be extended again later."
    )
