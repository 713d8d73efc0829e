"""AWS's errors as ours: `translate` makes an AwsError of boto3's exception; `error_meanings` says what it means."""

from collections.abc import Mapping

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
from batteries_operator.aws.error_meanings import DENIED, NO_ANSWER, NO_CREDENTIALS, ErrorKind, Meaning, meaning_of


class AwsError(Exception):
    """An AWS call that did not succeed, or whose response was lost."""

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
        """AWS's id of the call, by which its support and CloudTrail find it; empty if no response came."""
        self.resource_type = ""
        """What Identity Center's directory did not find, if it says so: USER, or the whole IDENTITY_STORE."""
        self.named: frozenset[str] = frozenset()
        """The strings that the call was sent with, and the id of its keys: those that were cached may be wrong."""

    @property
    def refused(self) -> bool:
        """Whether AWS certainly did nothing: it responded, and not with a failure of its own."""
        return 400 <= self.http_status < 500

    @property
    def meaning(self) -> Meaning:
        """Its row of the table."""
        return meaning_of(self.code, self.reason, self.http_status)

    @property
    def kind(self) -> ErrorKind:
        """How the operator reacts to it."""
        return self.meaning.kind

    @property
    def words(self) -> str:
        """What happened, in a sentence of our own, without AWS's words."""
        if self.meaning is DENIED:
            return denials.words(self.operation, self.message)
        return self.meaning.words.format(operation=self.operation)

    @property
    def cause(self) -> str:
        """AWS's own words, for administrators."""
        known = f" (request {self.request_id})" if self.request_id else ""
        return f"{self}{known}"


class NotOursError(Exception):
    """A resource in AWS that was found by its name or id is not ours. It was not changed.

    `reason` is the condition's reason; the text says what was found and what to do.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def request_id(response: object) -> str:
    """AWS's id of the request, from its response as boto3 returns it; empty if there is none."""
    metadata = response.get("ResponseMetadata", {}) if isinstance(response, Mapping) else {}
    return str(metadata.get("RequestId", ""))


_NO_KEYS = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, NoAuthTokenError, SSOError)
_LOST = (HTTPClientError, ConnectionError, IncompleteReadError, ResponseParserError)
"""The connection or the response broke, so AWS may have carried out the call."""


def translate(operation: str, error: ClientError | BotoCoreError | ResponseParserError) -> AwsError:
    """Translates boto3's exception into ours; `operation` is `service:Operation`, as in an IAM policy."""
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
        # botocore validates before it sends: the same arguments would always be refused.
        return AwsError(operation, "ValidationError", str(error))
    if isinstance(error, _LOST):
        return AwsError(operation, NO_ANSWER, str(error))
    return AwsError(operation, type(error).__name__, str(error))
