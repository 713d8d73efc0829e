"""One AWS request, decoded once.

The front makes a `Call` from bytes; rules, journal and moto all read that same value, so they can't disagree about the
operation or its caller. A `Call` is never changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl

from batteries_sandbox.aws import rest_routes
from batteries_sandbox.aws.callers import Caller, Callers

# The signing name in the credential scope, where it differs from boto3's name (botocore models).
_BOTO3_NAMES = {"sso": "sso-admin", "servicequotas": "service-quotas"}
# The REST services whose operations are known by name, and their models.
_REST_MODELS = {"ses": "sesv2", "account": "account"}
_CREDENTIAL = re.compile(r"Credential=([^/]+)/\d{8}/([^/]*)/([^/]+)/aws4_request")
# The operations that AWS accepts without a signature (STS API reference).
_UNSIGNED = {"AssumeRoleWithWebIdentity": "sts", "AssumeRoleWithSAML": "sts"}


class WireProtocol(StrEnum):
    """The protocol of a service: decides the form of its errors."""

    JSON = "json"
    QUERY = "query"
    REST = "rest-json"
    XML = "rest-xml"


@dataclass(frozen=True, slots=True)
class RawRequest:
    """The HTTP request as it arrived; moto gets exactly this."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    def header(self, name: str) -> str:
        """The header's value, whatever its case, or an empty string."""
        return next((value for key, value in self.headers.items() if key.lower() == name), "")


@dataclass(frozen=True, slots=True)
class Call:
    """An AWS API call: the operation, its caller, and its parameters."""

    service: str
    operation: str
    region: str
    protocol: WireProtocol
    access_key: str
    session_token: str
    caller: Caller | None
    params: Mapping[str, Any]
    raw: RawRequest
    arrived: float = 0.0  # on the stand-in's clock, when it was handed to the rules
    fault: str = ""  # the kind of fault that struck it
    fail_later: str = ""  # the reason for which what it starts is to fail
    issuer_asked: bool = False  # the issuer of its identity token was asked for its keys because of it

    @property
    def account_id(self) -> str:
        """The account of the caller; empty if the caller is unknown."""
        return self.caller.account_id if self.caller else ""

    def text(self, name: str) -> str:
        """A parameter as text; empty if it is missing."""
        value = self.params.get(name)
        return value if isinstance(value, str) else ""


def decode(raw: RawRequest, callers: Callers) -> Call:
    """Reads service, operation, caller and parameters out of a request."""
    access_key, region, signing_name = _credential(raw)
    protocol, operation, params = _operation(raw, signing_name)
    service = _BOTO3_NAMES.get(signing_name, signing_name) or _UNSIGNED.get(operation, "")
    if service == "ses" and raw.path.startswith("/v2/"):
        service = "sesv2"
    return Call(
        service=service,
        operation=operation,
        region=region or "us-east-1",
        protocol=protocol,
        access_key=access_key,
        session_token=raw.header("x-amz-security-token"),
        caller=callers.find(access_key),
        params=params,
        raw=raw,
    )


def _credential(raw: RawRequest) -> tuple[str, str, str]:
    """Access key, region and signing name of a SigV4 header (IAM user guide, "Signing AWS API requests")."""
    found = _CREDENTIAL.search(raw.header("authorization"))
    return (found[1], found[2], found[3]) if found else ("", "", "")


def _operation(raw: RawRequest, signing_name: str) -> tuple[WireProtocol, str, Mapping[str, Any]]:
    target = raw.header("x-amz-target")
    if target:
        return WireProtocol.JSON, target.rpartition(".")[2], _json_object(raw.body)
    if raw.header("content-type").startswith("application/x-www-form-urlencoded") or "Action=" in raw.query:
        form = dict(parse_qsl(raw.query, keep_blank_values=True))
        form |= dict(parse_qsl(raw.body.decode(errors="replace"), keep_blank_values=True))
        return WireProtocol.QUERY, form.get("Action", ""), form
    query = dict(parse_qsl(raw.query, keep_blank_values=True))
    if signing_name == "s3":  # whose bodies are objects
        name, of_the_path = rest_routes.find("s3", raw.method, raw.path, query, raw.headers)
        return WireProtocol.XML, name, query | of_the_path
    params = query | _json_object(raw.body)
    if model := _REST_MODELS.get(signing_name):
        name, of_the_path = rest_routes.find(model, raw.method, raw.path, query, raw.headers)
        return WireProtocol.REST, name, params | of_the_path
    return WireProtocol.REST, f"{raw.method} {raw.path}", params


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
