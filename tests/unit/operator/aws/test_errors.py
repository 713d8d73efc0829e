"""Errors of boto3 in our words: what a response carries of the reason, and what it does not."""

from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    NoCredentialsError,
    ParamValidationError,
    UnknownServiceError,
)

from batteries_operator.aws.error_meanings import NO_ANSWER, NO_CREDENTIALS
from batteries_operator.aws.errors import request_id, translate

CALL = "organizations:CreateAccount"


def refused(**response: Any) -> ClientError:
    return ClientError(response, "CreateAccount")  # type: ignore[arg-type]  # also what AWS should not send


def test_all_that_a_refusal_says_is_kept() -> None:
    error = translate(
        CALL,
        refused(
            Error={"Code": "ConstraintViolationException", "Message": "Too many."},
            Reason="ACCOUNT_NUMBER_LIMIT_EXCEEDED",
            ResourceType="Account",
            ResponseMetadata={"HTTPStatusCode": 400, "RequestId": "r-1"},
        ),
    )
    assert (error.operation, error.code, error.http_status) == (CALL, "ConstraintViolationException", 400)
    assert (error.reason, error.request_id, error.resource_type) == ("ACCOUNT_NUMBER_LIMIT_EXCEEDED", "r-1", "Account")
    assert "Too many." in str(error)


def test_the_reason_may_be_within_the_error() -> None:
    assert translate(CALL, refused(Error={"Code": "x", "Reason": "WITHIN"})).reason == "WITHIN"
    assert translate(CALL, refused(Error={"Code": "x", "Reason": "WITHIN"}, Reason="BESIDE")).reason == "BESIDE"


def test_what_a_refusal_does_not_say_is_empty() -> None:
    error = translate(CALL, refused())
    assert (error.code, error.reason, error.http_status) == ("Unknown", "", 0)
    assert (error.request_id, error.resource_type) == ("", "")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NoCredentialsError(), NO_CREDENTIALS),
        (ParamValidationError(report="x"), "ValidationError"),
        (ConnectTimeoutError(endpoint_url="https://x"), NO_ANSWER),
        (UnknownServiceError(service_name="x", known_service_names="y"), "UnknownServiceError"),
    ],
)
def test_what_never_reached_aws_or_broke_on_the_way_is_told_apart(error: Any, code: str) -> None:
    assert translate(CALL, error).code == code


@pytest.mark.parametrize(
    ("response", "found"),
    [({"ResponseMetadata": {"RequestId": "r"}}, "r"), ({"ResponseMetadata": {}}, ""), ({}, ""), (None, ""), ([], "")],
)
def test_the_id_of_a_request_is_its_responses(response: Any, found: str) -> None:
    assert request_id(response) == found
