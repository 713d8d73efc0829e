"""One request to Kubernetes and its response, with the connection, credentials and retries of `kubernetes.aio`.

Its generated methods would do as well, but they check every argument with pydantic and read JSON with the standard
library, which together took as long as all the rest of a call.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode

from aiohttp import ClientResponse
from kubernetes.aio.client import ApiClient, ApiException

from batteries_crds.kube.decoding import decoded

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

Query = Mapping[str, str | None]
"""Parameters that are None are left out."""


def path_of(*parts: str) -> str:
    """The path of these parts, each quoted so that it stays one part."""
    return "/" + "/".join(quote(part, safe="") for part in parts)


_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_OBJECT_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_OBJECT_NAME_LENGTH = 253


def can_be_object_name(name: str) -> bool:
    """Whether an object may have this name: a DNS subdomain (RFC 1123), as Kubernetes requires for all kinds used here.

    No object has any other name, and for some of them Kubernetes returns 400 instead of 404 ("%", "..").
    """
    return len(name) <= _OBJECT_NAME_LENGTH and _OBJECT_NAME.fullmatch(name) is not None


def date_of(header: str | None) -> datetime | None:
    """The time in a Date header, which has whole seconds; None if there is none that can be read."""
    try:
        return None if header is None else parsedate_to_datetime(header)
    except ValueError:
        return None


class Rest:
    """Sends requests with one client."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api

    async def json(
        self, method: str, path: str, query: Query | None = None, body: Any = None, content_type: str = JSON
    ) -> Any:
        """Returns the response's JSON.

        Raises:
            ApiException: the API server refused.
            aiohttp.ClientError, OSError, TimeoutError: it did not respond.
        """
        response = await self._send(method, path, query, body, content_type)
        return decoded(await response.read())

    async def dated(self, path: str) -> tuple[Any, datetime | None]:
        """What GET returns, and the time at which the API server says that it answered; None if it does not say.

        Raises:
            As `json`.
        """
        response = await self._send("GET", path, None, None, JSON)
        return decoded(await response.read()), date_of(response.getheader("Date"))

    async def opened(self, method: str, path: str, query: Query, *, timeout: float) -> ClientResponse:
        """Returns the response with its body still unread; `timeout` is in seconds.

        Raises:
            As `json`.
        """
        opened: ClientResponse = (await self._send(method, path, query, None, JSON, timeout)).response
        return opened

    async def _send(
        self, method: str, path: str, query: Query | None, body: Any, content_type: str, timeout: float | None = None
    ) -> Any:
        api, headers = self._api, {**self._api.default_headers, "Accept": JSON, "Content-Type": content_type}
        await api.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        given = {name: value for name, value in (query or {}).items() if value is not None}
        url = f"{api.configuration.host}{path}" + (f"?{urlencode(given)}" if given else "")
        response = await api.rest_client.request(method, url, headers, body, _request_timeout=timeout)
        if not 200 <= response.status <= 299:
            text = (await response.read()).decode(errors="replace")
            raise ApiException.from_response(http_resp=response, body=text, data=None)
        return response
