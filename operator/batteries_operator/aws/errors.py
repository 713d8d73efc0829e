"""The one table that says what an AWS error means: what kind it is, whether it wears out patience, and in which words.

Codes are the wire's (`err.response["Error"]["Code"]`), which for IAM differ from the exception class names:
EntityAlreadyExists, NoSuchEntity, LimitExceeded (botocore's iam model). Steps handle the codes that are their own
business (already exists, not found); what is left over is told apart here, once. AWS's own words never reach a
customer: they hold ARNs, and names that are nobody's business.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004  # botocore's
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    NoAuthTokenError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    SSOError,
)
from botocore.parsers import ResponseParserError

from batteries_operator.aws import denials


class ErrorKind(StrEnum):
    """What to do about it."""

    TRANSIENT = "transient"  # throttles, propagation, AWS's own trouble: again soon, never a failure
    CAPACITY = "capacity"  # a limit that time or a quota rise lifts: wait in line, visibly
    TERMINAL = "terminal"  # the same request fails for ever: say what to change
    UNKNOWN = "unknown"  # again with backoff, visibly


@dataclass(frozen=True, slots=True)
class Meaning:
    """One row of the table.

    `words` are for customers too, with `{operation}` in them. Where it `counts`, it wears out the step's patience:
    what AWS does not find is often only late, and what it does not find for an hour needs somebody to look.
    """

    kind: ErrorKind
    reason: str
    words: str
    counts: bool = False


_LOOK = "If this stays, the platform team has to look."

BUSY = Meaning(ErrorKind.TRANSIENT, "AwsUnavailable", "AWS did not take {operation}; trying again.")
NOT_THERE = Meaning(
    ErrorKind.TRANSIENT,
    "NotFoundInAws",
    "AWS does not find what {operation} is about. What is new takes a moment to be found everywhere; trying again. "
    + _LOOK,
    counts=True,
)
THERE_ALREADY = Meaning(
    ErrorKind.TRANSIENT,
    "ExistsInAws",
    "What {operation} makes is in AWS already, and does not show; trying again. " + _LOOK,
    counts=True,
)
CONFLICT = Meaning(
    ErrorKind.TRANSIENT,
    "ConflictInAws",
    "{operation} conflicts with something else that goes on in AWS; trying again. " + _LOOK,
    counts=True,
)
NOT_OPEN_YET = Meaning(
    ErrorKind.TRANSIENT,
    "ServiceNotReady",
    "AWS has not opened the service that {operation} needs for this account yet; trying again. " + _LOOK,
    counts=True,
)
KEYS_REFUSED = Meaning(
    ErrorKind.TRANSIENT,
    "CredentialsRefused",
    "AWS does not accept the operator's credentials for {operation}; trying again with new ones. " + _LOOK,
    counts=True,
)
NO_KEYS = Meaning(
    ErrorKind.UNKNOWN,
    "NoAwsCredentials",
    "The operator has no AWS credentials for {operation}. The platform team has to give its pod a role.",
    counts=True,
)
NO_ORGANIZATION = Meaning(
    ErrorKind.UNKNOWN,
    "OrganizationNotPrepared",
    "The AWS account of the operator's credentials is in no organization, so {operation} can't be done. The platform "
    "team has to give the operator a role in the organization's management account.",
    counts=True,
)
FULL = Meaning(
    ErrorKind.CAPACITY, "LimitReached", "A limit of AWS holds {operation} back. It goes on when there is room."
)
REFUSED = Meaning(
    ErrorKind.TERMINAL,
    "RefusedByAws",
    "AWS refuses {operation} as the spec or the settings have it, and would the next time. The platform team sees "
    "AWS's words, and can ask for another try once that is mended.",
)
MAIL_REFUSED = Meaning(
    ErrorKind.UNKNOWN,
    "MailRefused",
    "Amazon SES does not take the mail ({operation}); trying again. The platform team has to look at the sender.",
    counts=True,
)
DENIED = Meaning(ErrorKind.UNKNOWN, "AccessDenied", "", counts=True)
"""Its words say which policy denied it: `denials`."""
UNEXPECTED = Meaning(
    ErrorKind.UNKNOWN,
    "UnexpectedAwsError",
    "{operation} failed in a way that is not known here; trying again. " + _LOOK,
    counts=True,
)


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
        self.resource_type = ""
        """What Identity Center's directory does not find, where it says so: USER, or the IDENTITY_STORE as a whole."""
        self.named: frozenset[str] = frozenset()
        """The strings that the call was sent with, and the id of its keys: what of them we remembered may be wrong."""

    @property
    def refused(self) -> bool:
        """Whether AWS certainly did nothing: it answered, and not with a failure of its own."""
        return 400 <= self.http_status < 500

    @property
    def meaning(self) -> Meaning:
        """Its row of the table: by the reason, else the code, else the form of the code, else the HTTP status."""
        return (
            _BY_REASON.get(self.reason)
            or _BY_CODE.get(self.code)
            or _by_form(self.code)
            or (BUSY if self.http_status >= 500 or self.http_status == 429 else UNEXPECTED)
        )

    @property
    def kind(self) -> ErrorKind:
        """What to do about it."""
        return self.meaning.kind

    @property
    def words(self) -> str:
        """What happened, in a sentence of our own: none of AWS's words are in it."""
        if self.meaning is DENIED:
            return denials.words(self.operation, self.message)
        return self.meaning.words.format(operation=self.operation)

    @property
    def cause(self) -> str:
        """AWS's own words, for administrators."""
        known = f" (request {self.request_id})" if self.request_id else ""
        return f"{self}{known}"


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
        "Throttled",
        "EC2ThrottledException",
        "BandwidthLimitExceeded",
        "ProvisionedThroughputExceededException",
        "TransactionInProgressException",
        "SlowDown",
        "PriorRequestNotComplete",
        "RequestTimeout",
        "RequestTimeoutException",
    }
)
"""Each service has its own word for it; none ever fails an account."""

STALE_KEYS = frozenset(
    {
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "InvalidAccessKeyId",
        "InvalidToken",
        "AuthFailure",
        "SignatureDoesNotMatch",
        "IncompleteSignature",
        "ExpiredToken",
        "ExpiredTokenException",
        "TokenRefreshRequired",
        "RequestExpired",
    }
)
"""What AWS says of credentials that are worth nothing, or not known everywhere yet."""

_BY_CODE: dict[str, Meaning] = {
    NO_ANSWER: BUSY,
    NO_CREDENTIALS: NO_KEYS,
    **dict.fromkeys(THROTTLES, BUSY),
    **dict.fromkeys(STALE_KEYS, KEYS_REFUSED),
    **dict.fromkeys(denials.CODES, DENIED),
    # Somebody else is writing the same thing; botocore does not retry these.
    "ConcurrentModification": BUSY,
    "ConcurrentModificationException": BUSY,
    "EntityTemporarilyUnmodifiable": BUSY,
    "EntityTemporarilyUnmodifiableException": BUSY,
    "PolicyChangesInProgressException": BUSY,
    "ConflictException": CONFLICT,
    # A new account or object is not known everywhere at once.
    "OptInRequired": NOT_OPEN_YET,
    "SubscriptionRequiredException": NOT_OPEN_YET,
    "NoSuchEntity": NOT_THERE,
    "EntityAlreadyExists": THERE_ALREADY,  # made by somebody between our look and our act: look again
    # AWS's own trouble.
    "InternalFailure": BUSY,
    "InternalError": BUSY,
    "InternalServerError": BUSY,
    "InternalServerException": BUSY,
    "InternalServiceError": BUSY,
    "InternalServiceException": BUSY,
    "ServiceException": BUSY,
    "ServiceFailure": BUSY,
    "ServiceFailureException": BUSY,
    "ServiceUnavailable": BUSY,
    "ServiceUnavailableException": BUSY,
    "FinalizingOrganizationException": BUSY,
    # Limits.
    "LimitExceeded": FULL,
    "LimitExceededException": FULL,
    "ServiceQuotaExceededException": FULL,
    "ConstraintViolationException": UNEXPECTED,
    "AWSOrganizationsNotInUseException": NO_ORGANIZATION,
    # The same request fails for ever.
    "MalformedPolicyDocument": REFUSED,
    "MalformedPolicyDocumentException": REFUSED,
    "InvalidInput": REFUSED,
    "InvalidInputException": REFUSED,
    "ValidationError": REFUSED,
    "ValidationException": REFUSED,
    "PasswordPolicyViolation": REFUSED,
    "PasswordPolicyViolationException": REFUSED,
    # Amazon SES. A sender that AWS has stopped may be let send again: that is seen, and no verdict.
    "AccountSuspendedException": MAIL_REFUSED,
    "SendingPausedException": MAIL_REFUSED,
    "MailFromDomainNotVerifiedException": MAIL_REFUSED,
    "MessageRejected": MAIL_REFUSED,
}

# ConstraintViolationException's Reason (botocore's organizations model) says more than its code; so does that of
# ConflictException (botocore's identitystore model).
_BY_REASON: dict[str, Meaning] = {
    "ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED": BUSY,  # creations in progress, made by others too
    "ACCOUNT_NUMBER_LIMIT_EXCEEDED": FULL,
    "ACCOUNT_CREATION_NOT_COMPLETE": BUSY,
    "TAG_POLICY_VIOLATION": REFUSED,
    "UNIQUENESS_CONSTRAINT_VIOLATION": THERE_ALREADY,
    "CONCURRENT_MODIFICATION": BUSY,
}


def _by_form(code: str) -> Meaning | None:
    """AWS has some hundred codes for these two, one for each kind of thing."""
    if code.endswith(("NotFoundException", "NotFound")) or code.startswith("NoSuch"):
        return NOT_THERE
    if code.endswith(("AlreadyExistsException", "AlreadyExists")) or code.startswith("Duplicate"):
        return THERE_ALREADY
    return None


def request_id(answer: object) -> str:
    """AWS's id of the request that this is the answer to, as boto3 has it; empty where it names none."""
    metadata = answer.get("ResponseMetadata", {}) if isinstance(answer, Mapping) else {}
    return str(metadata.get("RequestId", ""))


_NO_KEYS = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, NoAuthTokenError, SSOError)
_LOST = (HTTPClientError, ConnectionError, IncompleteReadError, ResponseParserError)
"""The call may have been done: what broke was the connection, or the answer."""


def translate(operation: str, error: ClientError | BotoCoreError | ResponseParserError) -> AwsError:
    """boto3's exception as ours; `operation` is `service:Operation`, as in an IAM policy."""
    if isinstance(error, ClientError):
        body = error.response
        detail = body.get("Error", {})
        reason = str(body.get("Reason") or detail.get("Reason") or "")
        http_status = int(body.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        code, message = detail.get("Code", "Unknown"), detail.get("Message", "")
        refused = AwsError(operation, code, message, reason, http_status, request_id(body))
        refused.resource_type = str(body.get("ResourceType") or "")
        return refused
    if isinstance(error, _NO_KEYS):
        return AwsError(operation, NO_CREDENTIALS, str(error))
    if isinstance(error, ParamValidationError):
        # botocore checks before it sends: the same arguments are refused for ever.
        return AwsError(operation, "ValidationError", str(error))
    if isinstance(error, _LOST):
        return AwsError(operation, NO_ANSWER, str(error))
    return AwsError(operation, type(error).__name__, str(error))
