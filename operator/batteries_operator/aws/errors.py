"""The one table that says what an AWS error means.

Codes are the wire's (`err.response["Error"]["Code"]`), which for IAM differ from the exception class names:
EntityAlreadyExists, NoSuchEntity, LimitExceeded (botocore's iam model). Steps handle the codes that are their own
business (already exists, not found); what is left over is told apart here, once.
"""

from collections.abc import Mapping
from enum import StrEnum

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError


class ErrorKind(StrEnum):
    """What to do about it."""

    TRANSIENT = "transient"  # throttles, propagation, AWS's own trouble: again soon, never a failure
    CAPACITY = "capacity"  # a limit that time or a quota rise lifts: wait in line, visibly
    TERMINAL = "terminal"  # the same request fails for ever: say what to change
    UNKNOWN = "unknown"  # again with backoff, visibly


class AwsError(Exception):
    """An AWS call that did not succeed, or whose answer was lost."""

    def __init__(
        self, operation: str, code: str, message: str, reason: str = "", http_status: int = 0, request_id: str = ""
    ) -> None:
        super().__init__(f"{operation}: {code}: {message}")
        self.operation = operation
        self.code = code
        self.message = message
        self.reason = reason
        self.http_status = http_status
        self.request_id = request_id
        """AWS's own, which its support and CloudTrail find the call by; empty where no answer came."""

    @property
    def refused(self) -> bool:
        """Whether AWS certainly did nothing: it answered, and not with a failure of its own."""
        return 400 <= self.http_status < 500

    @property
    def kind(self) -> ErrorKind:
        """What to do about it, by the table."""
        return _BY_REASON.get(self.reason) or _BY_CODE.get(self.code, ErrorKind.UNKNOWN)


class NotOursError(Exception):
    """Something in AWS that was found by its name or number is not ours. Nothing was done to it.

    `reason` is a condition's; the text says what was found and what to do.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


NO_ANSWER = "NoAnswer"
"""The code we give where the connection failed: the call may or may not have been done."""

NO_CREDENTIALS = "NoCredentials"

THROTTLES = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "PriorRequestNotComplete",
    }
)
"""Each service has its own word for it; none ever fails an account."""

_BY_CODE: dict[str, ErrorKind] = {
    NO_ANSWER: ErrorKind.TRANSIENT,
    **dict.fromkeys(THROTTLES, ErrorKind.TRANSIENT),
    # Somebody else is writing the same thing; botocore does not retry these.
    "ConcurrentModification": ErrorKind.TRANSIENT,
    "ConcurrentModificationException": ErrorKind.TRANSIENT,
    "ConflictException": ErrorKind.TRANSIENT,
    "EntityTemporarilyUnmodifiable": ErrorKind.TRANSIENT,
    "PolicyChangesInProgressException": ErrorKind.TRANSIENT,
    # A new account or object is not known everywhere at once.
    "OptInRequired": ErrorKind.TRANSIENT,
    "SubscriptionRequiredException": ErrorKind.TRANSIENT,
    "NoSuchEntity": ErrorKind.TRANSIENT,
    "EntityAlreadyExists": ErrorKind.TRANSIENT,  # made by somebody between our look and our act: look again
    "ResourceNotFoundException": ErrorKind.TRANSIENT,
    "InvalidClientTokenId": ErrorKind.TRANSIENT,
    "ExpiredToken": ErrorKind.TRANSIENT,
    "ExpiredTokenException": ErrorKind.TRANSIENT,
    # AWS's own trouble.
    "InternalFailure": ErrorKind.TRANSIENT,
    "InternalError": ErrorKind.TRANSIENT,
    "InternalServerError": ErrorKind.TRANSIENT,
    "InternalServerException": ErrorKind.TRANSIENT,
    "ServiceException": ErrorKind.TRANSIENT,
    "ServiceFailure": ErrorKind.TRANSIENT,
    "ServiceUnavailable": ErrorKind.TRANSIENT,
    "ServiceUnavailableException": ErrorKind.TRANSIENT,
    "FinalizingOrganizationException": ErrorKind.TRANSIENT,
    # Limits.
    "LimitExceeded": ErrorKind.CAPACITY,
    "LimitExceededException": ErrorKind.CAPACITY,
    "ServiceQuotaExceededException": ErrorKind.CAPACITY,
    "ConstraintViolationException": ErrorKind.UNKNOWN,
    # The same request fails for ever.
    "MalformedPolicyDocument": ErrorKind.TERMINAL,
    "InvalidInput": ErrorKind.TERMINAL,
    "InvalidInputException": ErrorKind.TERMINAL,
    "ValidationError": ErrorKind.TERMINAL,
    "ValidationException": ErrorKind.TERMINAL,
    "PasswordPolicyViolation": ErrorKind.TERMINAL,
    "AccountSuspendedException": ErrorKind.TERMINAL,
    "MailFromDomainNotVerifiedException": ErrorKind.UNKNOWN,
    "MessageRejected": ErrorKind.UNKNOWN,
}

# ConstraintViolationException's Reason (botocore's organizations model) says more than its code.
_BY_REASON: dict[str, ErrorKind] = {
    "ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED": ErrorKind.TRANSIENT,  # creations in progress, made by others too
    "ACCOUNT_NUMBER_LIMIT_EXCEEDED": ErrorKind.CAPACITY,
    "ACCOUNT_CREATION_NOT_COMPLETE": ErrorKind.TRANSIENT,
    "TAG_POLICY_VIOLATION": ErrorKind.TERMINAL,
}


def request_id(answer: object) -> str:
    """AWS's id of the request that this is the answer to, as boto3 has it; empty where it names none."""
    metadata = answer.get("ResponseMetadata", {}) if isinstance(answer, Mapping) else {}
    return str(metadata.get("RequestId", ""))


def translate(operation: str, error: ClientError | BotoCoreError) -> AwsError:
    """boto3's exception as ours; `operation` is `service:Operation`, as in an IAM policy."""
    if isinstance(error, ClientError):
        body = error.response
        detail = body.get("Error", {})
        reason = str(body.get("Reason") or detail.get("Reason") or "")
        http_status = int(body.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        code, message = detail.get("Code", "Unknown"), detail.get("Message", "")
        return AwsError(operation, code, message, reason, http_status, request_id(body))
    if isinstance(error, NoCredentialsError):
        return AwsError(operation, NO_CREDENTIALS, "no AWS credentials were found; give the operator's pod a role")
    return AwsError(operation, NO_ANSWER, str(error))
