"""A client of Kubernetes whose requests a test answers and looks at; all above the connection is the real one."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from kubernetes.aio.client import ApiClient, Configuration

HOST = "https://kube.example"


@dataclass(frozen=True)
class Request:
    """What was sent."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str]
    timeout: float | None


class Answer:
    """What Kubernetes says: a status and JSON."""

    def __init__(self, status: int, body: Any) -> None:
        self.status = status
        self.reason = "said by the test"
        self.headers: dict[str, str] = {}
        self.response = self
        self._body = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def read(self) -> bytes:
        """The body."""
        return self._body


class Answers:
    """In the place of the client's connection: gives the answers in turn, and the last one again and again."""

    def __init__(self, *answers: tuple[int, Any]) -> None:
        self._answers = [Answer(*each) for each in answers]
        self.requests: list[Request] = []

    async def request(
        self, method: str, url: str, headers: dict[str, str], body: Any, _request_timeout: float | None = None
    ) -> Answer:
        """As `kubernetes.aio`'s rest client."""
        assert url.startswith(HOST)
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        self.requests.append(Request(method, parts.path, query, body, dict(headers), _request_timeout))
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def client(*answers: tuple[int, Any]) -> tuple[ApiClient, Answers]:
    """A client with a token, and its requests."""
    configuration = Configuration(host=HOST, api_key={"BearerToken": "Bearer the-token"})
    api, sent = ApiClient(configuration), Answers(*answers)
    api.rest_client = sent  # type: ignore[assignment]
    return api, sent
