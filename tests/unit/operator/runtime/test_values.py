"""Names, settings, passwords and the table of AWS's errors: pure values."""

import re
import string
from typing import Any
from uuid import UUID

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, NoCredentialsError
from botocore.exceptions import ReadTimeoutError as BotoReadTimeoutError
from pydantic import ValidationError

from batteries_operator.aws import error_meanings
from batteries_operator.aws.error_meanings import NO_ANSWER, NO_CREDENTIALS, ErrorKind
from batteries_operator.aws.errors import AwsError, translate
from batteries_operator.controller.passwords import new_password
from batteries_operator.reconcile.attempt import _from_error
from batteries_operator.runtime.naming import (
    account_email,
    account_name,
    credentials_secret_name,
    names_account,
    short_id,
)
from batteries_operator.runtime.settings import Settings
from batteries_operator.steps.outcome import Fail, Wait

IDS = [
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "f14bab46-106a-5759-a0af-bb3be3facc91",
]
HEADS = [
    "",
    " ",
    "x",
    "Web team",
    "x" * 23,
    "x" * 24,
    "x" * 100,
    "Ünïcödé",
    "日本",
    "tab\there",
    " padded ",
    "a" * 22 + " b",
]


@pytest.mark.parametrize("identity", IDS)
@pytest.mark.parametrize("head", [None, *HEADS])
def test_an_account_name_is_what_aws_takes_and_ends_in_the_whole_id(identity: str, head: str | None) -> None:
    name = account_name("batteries", head, identity)
    assert re.fullmatch(r"[\x20-\x7e]{1,50}", name)
    assert name == name.strip()
    assert names_account(name, identity)
    assert name == account_name("batteries", head, identity)
    assert all(not names_account(name, other) for other in IDS if other != identity)


def test_different_ids_have_different_addresses_and_equal_ones_the_same() -> None:
    addresses = {account_email("aws+{id}@example.com", identity) for identity in IDS}
    assert len(addresses) == len(IDS)
    assert account_email("aws+{id}@example.com", IDS[2]) == "aws+6ff2wrqqnjlvtifpxm56h6wmse@example.com"
    assert account_email("aws+{id}@example.com", IDS[2].upper()) in addresses, "one UUID, however it is spelled"


@pytest.mark.parametrize("identity", IDS)
def test_nothing_of_an_id_is_lost_in_its_short_form(identity: str) -> None:
    import base64

    short = short_id(identity)
    assert re.fullmatch("[a-z2-7]{26}", short)
    assert UUID(bytes=base64.b32decode(short.upper() + "======")) == UUID(identity)


@pytest.mark.parametrize("length", [1, 36, 240, 253])
def test_a_secrets_name_is_what_kubernetes_takes(length: int) -> None:
    assert len(credentials_secret_name("a" * length)) <= 253


def test_the_defaults_are_valid_and_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings()
    assert (settings.creations_in_flight, settings.namespace_list) == (5, [])
    with pytest.raises(ValidationError):
        settings.poll_seconds = 1  # type: ignore[misc]


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATTERIES_NAMESPACES", " a, b,,")
    monkeypatch.setenv("BATTERIES_CREATIONS_IN_FLIGHT", "20")
    assert (Settings().namespace_list, Settings().creations_in_flight) == (["a", "b"], 20)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"account_name_prefix": "Ü"}, "pattern"),
        ({"creations_in_flight": 0}, "greater than or equal to 1"),
        ({"assignments_in_flight": 11}, "less than or equal to 10"),
        ({"trust_policy_limit": 8193}, "less than or equal to 8192"),
        ({"poll_seconds": 0}, "greater than 0"),
        ({"intent_grace_seconds": -1}, "greater than or equal to 0"),
        ({"log_format": "xml"}, "'json' or 'console'"),
    ],
)
def test_wrong_settings_are_refused_with_what_is_wrong(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Settings(**changes)


def test_a_password_has_every_class_of_iams_policy() -> None:
    passwords = {new_password() for _ in range(200)}
    assert len(passwords) == 200
    for password in passwords:
        assert len(password) == 24
        classes = (string.ascii_uppercase, string.ascii_lowercase, string.digits)
        assert all(set(password) & set(each) for each in classes), password
        assert set(password) - set(string.ascii_letters + string.digits), "a symbol"
        assert set(password) <= set(string.printable) - set(string.whitespace)
    assert {len(new_password(length)) for length in (8, 128)} == {8, 128}


TRANSIENT = (
    *("NoAnswer", "Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException", "SlowDown"),
    *("RequestLimitExceeded", "RequestThrottled", "RequestThrottledException", "PriorRequestNotComplete"),
    *(
        "ConcurrentModification",
        "ConcurrentModificationException",
        "ConflictException",
        "EntityTemporarilyUnmodifiable",
    ),
    *(
        "PolicyChangesInProgressException",
        "OptInRequired",
        "SubscriptionRequiredException",
        "NoSuchEntity",
        "EntityAlreadyExists",
    ),
    *("BandwidthLimitExceeded", "EC2ThrottledException", "ProvisionedThroughputExceededException", "Throttled"),
    *("RequestTimeout", "RequestTimeoutException", "TransactionInProgressException", "RequestExpired"),
    *("EntityTemporarilyUnmodifiableException", "InternalServiceError", "InternalServiceException"),
    *("AuthFailure", "IncompleteSignature", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch"),
    *("TokenRefreshRequired", "UnrecognizedClientException", "ServiceFailureException"),
    *("ResourceNotFoundException", "InvalidClientTokenId", "ExpiredToken", "ExpiredTokenException"),
    *("InternalFailure", "InternalError", "InternalServerError", "InternalServerException", "ServiceException"),
    *("ServiceFailure", "ServiceUnavailable", "ServiceUnavailableException", "FinalizingOrganizationException"),
    "OpenIdIdpCommunicationError",
)
CAPACITY = ("LimitExceeded", "LimitExceededException", "ServiceQuotaExceededException")
TERMINAL = (
    *("MalformedPolicyDocument", "InvalidInput", "InvalidInputException", "ValidationError", "ValidationException"),
    *("PasswordPolicyViolation", "PasswordPolicyViolationException", "MalformedPolicyDocumentException"),
)
UNKNOWN = (
    *("AccessDenied", "AccessDeniedException", "ConstraintViolationException", "SomethingNew"),
    *("AccessDeniedForDependencyException", "NotAuthorizedException", "UnauthorizedAccessException"),
    *("UnauthorizedException", "UnauthorizedOperation", NO_CREDENTIALS, "AWSOrganizationsNotInUseException"),
    *("MessageRejected", "MailFromDomainNotVerifiedException", "AccountSuspendedException", "SendingPausedException"),
)
TABLE = [
    *((code, ErrorKind.TRANSIENT) for code in TRANSIENT),
    *((code, ErrorKind.CAPACITY) for code in CAPACITY),
    *((code, ErrorKind.TERMINAL) for code in TERMINAL),
    *((code, ErrorKind.UNKNOWN) for code in UNKNOWN),
]


@pytest.mark.parametrize(("code", "kind"), TABLE)
def test_what_each_error_means(code: str, kind: ErrorKind) -> None:
    assert AwsError("iam:X", code, "m").kind is kind


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED", ErrorKind.TRANSIENT),
        ("ACCOUNT_CREATION_NOT_COMPLETE", ErrorKind.TRANSIENT),
        ("ACCOUNT_NUMBER_LIMIT_EXCEEDED", ErrorKind.CAPACITY),
        ("TAG_POLICY_VIOLATION", ErrorKind.TERMINAL),
        ("MASTER_ACCOUNT_PAYMENT_INSTRUMENT_REQUIRED", ErrorKind.UNKNOWN),
    ],
)
def test_a_constraints_reason_says_more_than_its_code(reason: str, kind: ErrorKind) -> None:
    assert AwsError("organizations:X", "ConstraintViolationException", "m", reason).kind is kind


def test_every_throttle_that_botocore_knows_is_transient_here() -> None:
    from botocore.retries.standard import ThrottledRetryableChecker

    # LimitExceededException is a throttle to botocore and a quota to IAM and Organizations: wait in line, visibly.
    checker: Any = ThrottledRetryableChecker
    known = set(checker._THROTTLED_ERROR_CODES) - {"LimitExceededException"}
    missing = {code for code in known if AwsError("x:Y", code, "").kind is not ErrorKind.TRANSIENT}
    assert missing <= {
        "BandwidthLimitExceeded",  # services that are not called here
        "ProvisionedThroughputExceededException",
        "TransactionInProgressException",
        "EC2ThrottledException",
    }


@pytest.mark.parametrize(
    ("status", "refused"), [(400, True), (404, True), (409, True), (499, True), (500, False), (0, False)]
)
def test_only_an_answer_that_is_no_failure_of_awss_own_is_a_refusal(status: int, refused: bool) -> None:
    assert AwsError("x:Y", "Z", "", http_status=status).refused is refused


def test_a_client_error_is_translated_with_its_reason() -> None:
    body: Any = {
        "Error": {"Code": "ConstraintViolationException", "Message": "Too many."},
        "Reason": "ACCOUNT_NUMBER_LIMIT_EXCEEDED",
        "ResponseMetadata": {"HTTPStatusCode": 400},
    }
    error = translate("organizations:CreateAccount", ClientError(body, "CreateAccount"))
    assert (error.code, error.reason, error.message) == (
        "ConstraintViolationException",
        "ACCOUNT_NUMBER_LIMIT_EXCEEDED",
        "Too many.",
    )
    assert (error.http_status, error.refused, error.kind) == (400, True, ErrorKind.CAPACITY)
    assert str(error) == "organizations:CreateAccount: ConstraintViolationException: Too many."


def test_an_answer_without_a_code_is_unknown_and_no_refusal() -> None:
    error = translate("x:Y", ClientError({}, "Y"))
    assert (error.code, error.kind, error.refused) == ("Unknown", ErrorKind.UNKNOWN, False)


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="https://aws"),
        ConnectTimeoutError(endpoint_url="https://aws"),
        BotoReadTimeoutError(endpoint_url="https://aws"),
    ],
)
def test_a_lost_connection_is_no_answer_and_may_have_been_done(error: Any) -> None:
    translated = translate("organizations:CreateAccount", error)
    assert (translated.code, translated.refused, translated.kind) == (NO_ANSWER, False, ErrorKind.TRANSIENT)


def test_missing_credentials_are_said() -> None:
    error = translate("sts:X", NoCredentialsError())
    assert (error.code, error.kind) == (NO_CREDENTIALS, ErrorKind.UNKNOWN)
    assert "give its pod a role" in error.words


@pytest.mark.parametrize(("code", "kind"), TABLE)
def test_only_a_terminal_error_fails_an_account(code: str, kind: ErrorKind) -> None:
    outcome = _from_error(AwsError("iam:X", code, "words."), 1.0)
    assert isinstance(outcome, Fail if kind is ErrorKind.TERMINAL else Wait)
    if isinstance(outcome, Wait):
        assert outcome.is_problem is (kind is not ErrorKind.TRANSIENT or AwsError("iam:X", code, "").meaning.counts)
    assert "iam:X" in outcome.message


def test_every_line_of_the_table_is_tested() -> None:
    assert set(error_meanings._BY_CODE) <= {code for code, _ in TABLE}
