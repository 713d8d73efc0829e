"""Throttling: each service's own code, the token bucket, and the rates that AWS publishes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from batteries_sandbox.aws.call import Call, WireProtocol
from batteries_sandbox.aws.wire import AwsError

# Codes of the botocore models; IAM's and STS's from their "Common errors" pages, which the models lack.
_CODES = {
    "iam": ("Throttling", 400),
    "sts": ("Throttling", 400),
    "organizations": ("TooManyRequestsException", 400),
    "sso-admin": ("ThrottlingException", 400),
    "identitystore": ("ThrottlingException", 400),
    "sesv2": ("TooManyRequestsException", 429),
    "service-quotas": ("TooManyRequestsException", 400),
    "account": ("TooManyRequestsException", 429),
    "s3": ("SlowDown", 503),  # S3 API reference, "Error responses"
}

# Rate and burst of an account (Organizations quotas page, "Throttling limits").
_ORGANIZATIONS = {
    "CloseAccount": (0.05, 1),
    "CreateAccount": (0.1, 3),
    "DescribeAccount": (20, 30),
    "DescribeCreateAccountStatus": (2, 2),
    "ListCreateAccountStatus": (5, 8),
    "CreateOrganizationalUnit": (1, 2),
    "DescribeOrganization": (1, 2),
    "MoveAccount": (2, 3),
    "ListAccounts": (8, 12),
    "ListChildren": (6, 10),
    "ListParents": (5, 8),
    "ListAccountsForParent": (5, 8),
    "ListOrganizationalUnitsForParent": (5, 8),
    "ListRoots": (1, 2),
    "ListTagsForResource": (10, 15),
    "TagResource": (4, 6),
    "UntagResource": (4, 6),
    "CreatePolicy": (2, 3),
    "AttachPolicy": (2, 3),
    "DetachPolicy": (2, 3),
    "UpdatePolicy": (2, 3),
    "DescribePolicy": (2, 2),
    "EnablePolicyType": (1, 1),
    "ListPolicies": (5, 8),
    "ListPoliciesForTarget": (5, 8),
    "ListTargetsForPolicy": (5, 8),
}
# All of Identity Center's APIs together (IAM Identity Center quotas page, "throttle limits").
_IDENTITY_CENTER = (20, 20)


@dataclass(slots=True)
class TokenBucket:
    """Holds up to `burst` tokens, and gets `rate` new ones a second."""

    rate: float
    burst: float
    tokens: float
    filled_at: float

    def take(self, now: float) -> bool:
        """Takes a token if there is one."""
        self.tokens = min(self.burst, self.tokens + (now - self.filled_at) * self.rate)
        self.filled_at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Buckets:
    """The buckets of one fault: one for each service, or as AWS publishes them."""

    def __init__(self, rate: float | None, burst: int | None) -> None:
        self._rate = rate
        self._burst = burst
        self._buckets: dict[str, TokenBucket] = {}

    def take(self, call: Call, now: float) -> bool:
        """Whether the call passes; without a rate of our own, by AWS's published rates."""
        named = self._limit(call)
        if named is None:
            return True  # nothing published
        name, rate, burst = named
        bucket = self._buckets.setdefault(name, TokenBucket(rate, burst, burst, now))
        return bucket.take(now)

    def _limit(self, call: Call) -> tuple[str, float, float] | None:
        if self._rate is not None:
            return call.service, self._rate, self._burst or max(1, math.ceil(self._rate))
        if call.service in ("sso-admin", "identitystore"):
            return "identity-center", *_IDENTITY_CENTER
        if call.service == "organizations" and call.operation in _ORGANIZATIONS:
            return call.operation, *_ORGANIZATIONS[call.operation]
        return None


def throttled(call: Call, message: str = "") -> AwsError:
    """The throttle of the call's service."""
    other = ("Throttling" if call.protocol is WireProtocol.QUERY else "ThrottlingException", 400)
    code, status = _CODES.get(call.service, other)
    return AwsError(code, message or "Rate exceeded", status=status)
