"""kube-apiserver in memory, behind the client that both programs use: real `Resources` and `Secrets` send it requests.

What fakes/cluster.py does, in the words of HTTP: selectors and pages of a list, merge patches, server-side apply with
its owners and conflicts, and preconditions of a deletion. A test fails a request or loses its answer by a hook.
"""

import asyncio
import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson
from fakes.cluster import Cluster, defaulted, selected
from fakes.field_owners import apply_patch, owned
from kubernetes.aio.client import ApiException

from batteries_crds.account_pool import AccountPool
from batteries_crds.api_key import ApiKey
from batteries_crds.aws_account import AwsAccount
from batteries_crds.customer import Customer
from batteries_crds.kube.rest import APPLY_PATCH
from batteries_crds.notification import Notification
from batteries_crds.pooled_account import PooledAccount
from batteries_crds.resource import Resource

Json = dict[str, Any]
MODELS: dict[str, type[Resource]] = {
    model.definition.plural: model for model in (AwsAccount, Customer, ApiKey, Notification, AccountPool, PooledAccount)
}

_KINDS = {"secrets": "Secret", "events": "Event", "namespaces": "Namespace"}


@dataclass(frozen=True)
class Request:
    """What is asked of Kubernetes; `plural` names the kind as paths do, `name` is empty for a list and a creation."""

    method: str
    namespace: str
    plural: str
    name: str
    is_status: bool
    query: dict[str, str]
    content_type: str
    body: Any

    @property
    def kind(self) -> str:
        return MODELS[self.plural].definition.kind if self.plural in MODELS else _KINDS[self.plural]


class _Answer:
    """As `kubernetes.aio` has it."""

    status = 200

    def __init__(self, content: Json) -> None:
        self._text = orjson.dumps(content)

    async def read(self) -> bytes:
        return self._text


@dataclass
class _Configuration:
    host: str = ""


Hook = Callable[[Request], object]


@dataclass
class KubeApi:
    """Stands for `kubernetes.aio.client.ApiClient`.

    `before` is called with each request, and what it raises is the answer; `after` raises where an answer is lost.
    """

    cluster: Cluster
    before: Hook = lambda request: None
    after: Hook = lambda request: None
    requests: list[Request] = field(default_factory=list)
    default_headers: dict[str, str] = field(default_factory=dict)
    configuration: _Configuration = field(default_factory=_Configuration)

    @property
    def rest_client(self) -> "KubeApi":
        return self

    async def update_params_for_auth(self, *_: Any) -> None:
        """There is nothing to prove."""

    async def request(
        self, method: str, url: str, headers: dict[str, str], body: Any, _request_timeout: float | None = None
    ) -> _Answer:
        request = _read(method, url, headers["Content-Type"], body)
        self.requests.append(request)
        await asyncio.sleep(0)  # where a real request lets others go on
        self.before(request)
        content = self._content(request)
        self.after(request)
        await asyncio.sleep(0)
        return _Answer(content)

    def _content(self, request: Request) -> Json:
        method = request.method
        if method == "GET":
            return self._found(request) if request.name else self._listed(request)
        if method == "DELETE":
            return self._deleted(request)
        if method == "POST":
            manager = request.query["fieldManager"]
            body = {**request.body, "metadata": request.body["metadata"] | owned(manager, "Update", request.body)}
            return self._whole(request, self.cluster.create(request.kind, request.namespace, _encoded(body)))
        assert method == "PATCH", method
        if request.content_type == APPLY_PATCH:
            return self._applied(request)
        place = request.kind, request.namespace, request.name
        return self._whole(request, self.cluster.patch(*place, request.body, status=request.is_status))

    def _found(self, request: Request) -> Json:
        return self._whole(request, self.cluster.get(request.kind, request.namespace, request.name))

    def _listed(self, request: Request) -> Json:
        selector, begin = request.query.get("fieldSelector"), int(request.query.get("continue", "0"))
        every = [
            self._whole(request, raw)
            for (kind, namespace, _), raw in sorted(self.cluster.objects.items())
            if kind == request.kind and request.namespace in ("", namespace)
        ]
        chosen = [raw for raw in every if selector is None or selected(raw, selector)]
        end = begin + int(request.query.get("limit", "500"))
        meta = {"resourceVersion": str(self.cluster.version), "continue": str(end) if end < len(chosen) else ""}
        return {"items": chosen[begin:end], "metadata": meta}

    def _deleted(self, request: Request) -> Json:
        found = self.cluster.get(request.kind, request.namespace, request.name)
        wanted = (request.body or {}).get("preconditions", {})
        if any(value is not None and found["metadata"][name] != value for name, value in wanted.items()):
            raise ApiException(status=409, reason="Conflict")
        self.cluster.delete(request.kind, request.namespace, request.name)
        return found

    def _applied(self, request: Request) -> Json:
        place = request.kind, request.namespace, request.name
        manager, force = request.query["fieldManager"], request.query.get("force") == "true"
        if place not in self.cluster.objects:
            if "uid" in request.body["metadata"]:
                raise ApiException(status=409, reason="Conflict")
            body = {**request.body, "metadata": request.body["metadata"] | owned(manager, "Apply", request.body)}
            return self._whole(request, self.cluster.create(request.kind, request.namespace, body))
        patch = apply_patch(self.cluster.get(*place), request.body, manager, force=force)
        return self._whole(request, self.cluster.patch(*place, patch))

    def _whole(self, request: Request, raw: Json) -> Json:
        model = MODELS.get(request.plural)
        return raw if model is None else defaulted(model, raw)


def _read(method: str, url: str, content_type: str, body: Any) -> Request:
    address = urlsplit(url)
    parts = [unquote(part) for part in address.path.split("/")[1:]]
    parts = parts[3 if parts[0] == "apis" else 2 :]
    namespace = ""
    if parts[0] == "namespaces" and len(parts) > 2:
        namespace, parts = parts[1], parts[2:]
    plural, name, status = [*parts, "", ""][:3]
    is_status = status == "status"
    return Request(method, namespace, plural, name, is_status, dict(parse_qsl(address.query)), content_type, body)


def _encoded(body: Json) -> Json:
    """A Secret as it is stored."""
    texts = body.get("stringData")
    if texts is None:
        return body
    data = {name: base64.b64encode(text.encode()).decode() for name, text in texts.items()}
    return {**{name: value for name, value in body.items() if name != "stringData"}, "data": data}
