"""Responses and errors in AWS's four wire formats.

A rule returns a dict or raises an `AwsError`; its format (JSON 1.1, query XML, REST-JSON, REST-XML) is decided here
alone, from the call, so an SDK parses both like AWS's own.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from batteries_sandbox.aws.call import Call, WireProtocol

# Namespaces of the query services (botocore models, metadata.xmlNamespace).
_NAMESPACES = {
    "iam": "https://iam.amazonaws.com/doc/2010-05-08/",
    "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response; error_code is the journal's entry for a refusal."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    error_code: str | None = None
    hold: float = 0.0  # seconds that the front keeps it back: the call took that long


class AwsError(Exception):
    """A refusal in AWS's words; fields are further members of the error, such as Reason."""

    def __init__(self, code: str, message: str, status: int = 400, **fields: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.fields = fields


def answer(call: Call, result: Mapping[str, Any] | None = None) -> Answer:
    """A successful response in the format of the call's protocol."""
    if call.protocol is WireProtocol.QUERY:
        inner = f"<{call.operation}Result>{_xml(result)}</{call.operation}Result>" if result else ""
        body = _xml_document(call, f"{call.operation}Response", inner)
    else:
        body = json.dumps(result or {}).encode()
    return Answer(200, body, _headers(call))


def refusal(call: Call, error: AwsError) -> Answer:
    """An error in the form of the call's protocol."""
    headers = _headers(call)
    if call.protocol is WireProtocol.QUERY:
        kind = "Sender" if error.status < 500 else "Receiver"
        inner = f"<Error>{_xml({'Type': kind, 'Code': error.code, 'Message': error.message})}</Error>"
        return Answer(error.status, _xml_document(call, "ErrorResponse", inner), headers, error.code)
    if call.protocol is WireProtocol.XML:
        inner = _xml({"Code": error.code, "Message": error.message, "RequestId": headers["x-amzn-requestid"]})
        return Answer(error.status, f"<Error>{inner}</Error>".encode(), headers, error.code)
    headers["x-amzn-errortype"] = error.code
    message = {"message" if call.protocol is WireProtocol.REST else "Message": error.message}
    kind_member = {} if call.protocol is WireProtocol.REST else {"__type": error.code}
    body = json.dumps({**kind_member, **message, **error.fields}).encode()
    return Answer(error.status, body, headers, error.code)


def _headers(call: Call) -> dict[str, str]:
    content_type = {
        WireProtocol.QUERY: "text/xml",
        WireProtocol.JSON: "application/x-amz-json-1.1",
        WireProtocol.REST: "application/json",
        WireProtocol.XML: "application/xml",
    }[call.protocol]
    return {"content-type": content_type, "x-amzn-requestid": str(uuid.uuid4())}


def _xml_document(call: Call, element: str, inner: str) -> bytes:
    namespace = _NAMESPACES.get(call.service, "")
    metadata = f"<RequestId>{uuid.uuid4()}</RequestId>"
    if element != "ErrorResponse":
        metadata = f"<ResponseMetadata>{metadata}</ResponseMetadata>"
    return f'<{element} xmlns="{namespace}">{inner}{metadata}</{element}>'.encode()


def _xml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "".join(f"<{key}>{_xml(item)}</{key}>" for key, item in value.items())
    if isinstance(value, list):
        return "".join(f"<member>{_xml(item)}</member>" for item in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return escape(str(value))
