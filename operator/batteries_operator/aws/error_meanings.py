"""The table that says what each AWS error code means: its kind, its reason, and the words for customers.

Codes are those on the wire (`err.response["Error"]["Code"]`), which for IAM differ from the exception class names:
EntityAlreadyExists, NoSuchEntity, LimitExceeded (botocore's iam model). A step handles the codes that matter to it
(already exists, not found); all others get their meaning here. AWS's own words never reach a customer: they contain
ARNs and names that do not concern customers.
"""

from dataclasses import dataclass
from enum import StrEnum

from batteries_operator.aws import denials


class ErrorKind(StrEnum):
    """How the operator reacts to an error."""

    TRANSIENT = "transient"  # throttling, propagation, AWS outages: retried soon, never a failure
    CAPACITY = "capacity"  # a limit that ends with time or a raised quota: the account queues, visibly
    TERMINAL = "terminal"  # the same request would always fail: the step fails and says what to change
    UNKNOWN = "unknown"  # retried with backoff, visibly


@dataclass(frozen=True, slots=True)
class Meaning:
    """One row of the table.

    `words` are for customers too, and contain `{operation}`. An error that `counts` counts towards the step's stall
    timeout: what AWS does not find is often only late, but if it is still missing after an hour, a person must look.
    """

    kind: ErrorKind
    reason: str
    words: str
    counts: bool = False


_LOOK = "If this lasts, the platform team has to look."

BUSY = Meaning(ErrorKind.TRANSIENT, "AwsUnavailable", "AWS did not accept {operation}; trying again.")
NOT_THERE = Meaning(
    ErrorKind.TRANSIENT,
    "NotFoundInAws",
    "AWS does not find what {operation} names. New resources take a moment to be found everywhere; trying again. "
    + _LOOK,
    counts=True,
)
THERE_ALREADY = Meaning(
    ErrorKind.TRANSIENT,
    "ExistsInAws",
    "What {operation} creates exists in AWS already, but is not shown yet; trying again. " + _LOOK,
    counts=True,
)
CONFLICT = Meaning(
    ErrorKind.TRANSIENT,
    "ConflictInAws",
    "{operation} conflicts with another change in AWS; trying again. " + _LOOK,
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
    ErrorKind.CAPACITY, "LimitReached", "{operation} waits for one of AWS's limits. It continues when there is room."
)
REFUSED = Meaning(
    ErrorKind.TERMINAL,
    "RefusedByAws",
    "AWS refuses {operation} with the present spec or settings, and would refuse it again. The platform team sees "
    "AWS's words, and can ask for another try once the cause is fixed.",
)
MAIL_REFUSED = Meaning(
    ErrorKind.UNKNOWN,
    "MailRefused",
    "Amazon SES does not accept the mail ({operation}); trying again. The platform team has to look at the sender.",
    counts=True,
)
DENIED = Meaning(ErrorKind.UNKNOWN, "AccessDenied", "", counts=True)
"""Its words name the policy that denied it (`denials`)."""
UNEXPECTED = Meaning(
    ErrorKind.UNKNOWN,
    "UnexpectedAwsError",
    "{operation} failed for an unknown reason; trying again. " + _LOOK,
    counts=True,
)


NO_ANSWER = "NoAnswer"
"""Our code for a failed connection: AWS may or may not have carried out the call."""

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
"""Each service has its own code for throttling; none ever fails an account."""

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
"""AWS's codes for credentials that are invalid, or not known everywhere yet."""

_BY_CODE: dict[str, Meaning] = {
    NO_ANSWER: BUSY,
    NO_CREDENTIALS: NO_KEYS,
    **dict.fromkeys(THROTTLES, BUSY),
    **dict.fromkeys(STALE_KEYS, KEYS_REFUSED),
    **dict.fromkeys(denials.CODES, DENIED),
    # Somebody else is writing the same resource; botocore does not retry these.
    "ConcurrentModification": BUSY,
    "ConcurrentModificationException": BUSY,
    "EntityTemporarilyUnmodifiable": BUSY,
    "EntityTemporarilyUnmodifiableException": BUSY,
    "PolicyChangesInProgressException": BUSY,
    "ConflictException": CONFLICT,
    # A new account or resource is not known everywhere at once.
    "OptInRequired": NOT_OPEN_YET,
    "SubscriptionRequiredException": NOT_OPEN_YET,
    "NoSuchEntity": NOT_THERE,
    "EntityAlreadyExists": THERE_ALREADY,  # created by somebody after we looked: look again
    # AWS's own failures.
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
    "OpenIdIdpCommunicationError": BUSY,  # AWS does not reach an identity provider; setup_oidc handles our own
    # Limits.
    "LimitExceeded": FULL,
    "LimitExceededException": FULL,
    "ServiceQuotaExceededException": FULL,
    "ConstraintViolationException": UNEXPECTED,
    "AWSOrganizationsNotInUseException": NO_ORGANIZATION,
    # The same request would always fail.
    "MalformedPolicyDocument": REFUSED,
    "MalformedPolicyDocumentException": REFUSED,
    "InvalidInput": REFUSED,
    "InvalidInputException": REFUSED,
    "ValidationError": REFUSED,
    "ValidationException": REFUSED,
    "PasswordPolicyViolation": REFUSED,
    "PasswordPolicyViolationException": REFUSED,
    # Amazon SES. AWS may let a stopped sender send again, so this is retried and shown.
    "AccountSuspendedException": MAIL_REFUSED,
    "SendingPausedException": MAIL_REFUSED,
    "MailFromDomainNotVerifiedException": MAIL_REFUSED,
    "MessageRejected": MAIL_REFUSED,
}

# ConstraintViolationException's Reason (botocore's organizations model) says more than its code; so does that of
# ConflictException (botocore's identitystore model).
_BY_REASON: dict[str, Meaning] = {
    "ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED": BUSY,  # creations in progress, including those of others
    "ACCOUNT_NUMBER_LIMIT_EXCEEDED": FULL,
    "ACCOUNT_CREATION_NOT_COMPLETE": BUSY,
    "TAG_POLICY_VIOLATION": REFUSED,
    "UNIQUENESS_CONSTRAINT_VIOLATION": THERE_ALREADY,
    "CONCURRENT_MODIFICATION": BUSY,
}


def meaning_of(code: str, reason: str, http_status: int) -> Meaning:
    """The row of the table: by the reason, else the code, else the form of the code, else the HTTP status."""
    return (
        _BY_REASON.get(reason)
        or _BY_CODE.get(code)
        or _by_form(code)
        or (BUSY if http_status >= 500 or http_status == 429 else UNEXPECTED)
    )


def _by_form(code: str) -> Meaning | None:
    """The meaning of AWS's hundred or so codes for "not found" and "exists already", one for each kind of resource."""
    if code.endswith(("NotFoundException", "NotFound")) or code.startswith("NoSuch"):
        return NOT_THERE
    if code.endswith(("AlreadyExistsException", "AlreadyExists")) or code.startswith("Duplicate"):
        return THERE_ALREADY
    return None
