"""The API server's Kubernetes in a test: objects in memory, caches that know them, and the key that the test sends."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import orjson
from aiohttp import web
from aiohttp.test_utils import TestClient
from fakes.api_caches import settle
from fakes.cluster import Cluster, defaulted
from fakes.kube_api import MODELS, KubeApi, Request

from batteries_apiserver.app import make_app
from batteries_apiserver.auth.key_format import NewKey, mint
from batteries_apiserver.kube.clients import Kube, kube_of
from batteries_apiserver.settings import Settings
from batteries_crds.kube.client import read_object

Client = TestClient[web.Request, web.Application]
WEBHOOK_SECRET = "whsec_unit"
NAMESPACE = "n"
MINE = "5b8a54a8-1111-4c11-8a11-0123456789ab"
OTHERS = "5b8a54a8-2222-4c11-8a11-0123456789ab"

_PLURALS = {"accounts": "awsaccounts", "customers": "customers", "keys": "apikeys", "notifications": "notifications"}
"""By the names that `Kube` gives them."""


@dataclass
class World:
    """What Kubernetes has, with shorthands to fill it. Customer `c` owns `key`."""

    api: KubeApi
    kube: Kube
    key: NewKey
    _failures: dict[str, tuple[Exception, str | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.api.before = self._fail

    def add(
        self,
        kind: str,
        name: str,
        spec: dict[str, Any],
        status: dict[str, Any],
        *,
        live_only: bool = False,
        **meta: Any,
    ) -> Any:
        """An object that the caches know, unless it is there `live_only`: another replica made it just now."""
        model = MODELS[_PLURALS[kind]]
        body = {"metadata": {"name": name, **meta}, "spec": spec, "status": status}
        item = read_object(model, defaulted(model, self.api.cluster.put(model.definition.kind, NAMESPACE, body)))
        if not live_only and kind != "notifications":
            getattr(self.kube.caches, kind).put(item)
        return item

    def add_key(self, key: NewKey, *, live_only: bool = False, **spec: Any) -> Any:
        hashes = {"keyPrefix": key.prefix, "keyHash": key.digest}
        given = {"customerRef": {"name": "c"}, **hashes, **spec}
        return self.add("keys", key.prefix, given, {}, live_only=live_only)

    def add_customer(self, name: str = "c", *, limit: int = 10, payment: str = "valid", live_only: bool = False) -> Any:
        spec = {"email": "a@example.com", "accountLimit": limit}
        return self.add("customers", name, spec, {"paymentMethod": payment}, live_only=live_only)

    def add_account(self, name: str, owner: str = "c", *, live_only: bool = False, **status: Any) -> Any:
        return self.add("accounts", name, {"customerRef": {"name": owner}}, status, live_only=live_only)

    def forget(self, kind: str, name: str) -> None:
        """The caches see that it was deleted."""
        getattr(self.kube.caches, kind)._store.remove(f"{NAMESPACE}/{name}")

    def items(self, kind: str) -> dict[str, Any]:
        """All objects of a kind as Kubernetes has them, by name."""
        model = MODELS[_PLURALS[kind]]
        objects = self.api.cluster.objects.items()
        return {
            name: read_object(model, defaulted(model, raw))
            for (found, _, name), raw in objects
            if found == model.definition.kind
        }

    def reads(self, kind: str) -> int:
        """How often Kubernetes was asked for objects of the kind."""
        return sum(request.method == "GET" for request in self.requests(kind))

    def requests(self, kind: str) -> list[Request]:
        """What Kubernetes was asked about objects of the kind."""
        return [request for request in self.api.requests if request.plural == _PLURALS[kind]]

    def fail(self, kind: str, failure: Exception | None, method: str | None = None) -> None:
        """Fails each request about the kind from now on (of one method); None: they succeed again."""
        self._failures.pop(_PLURALS[kind], None)
        if failure is not None:
            self._failures[_PLURALS[kind]] = failure, method

    def replica(self) -> "World":
        """Another API server's view of the same Kubernetes, whose caches know all that is there."""
        other = _on(self.api, self.key)
        for kind in ("accounts", "customers", "keys"):
            for item in self.items(kind).values():
                getattr(other.kube.caches, kind).put(item)
        return other

    def follow(self) -> None:
        """From now on the caches know what is written at once, as with a quick watch."""
        kinds = {MODELS[plural].definition.kind: name for name, plural in _PLURALS.items() if name != "notifications"}

        def shown(kind: str, body: dict[str, Any]) -> None:
            if kind in kinds:
                model = MODELS[_PLURALS[kinds[kind]]]
                getattr(self.kube.caches, kinds[kind]).put(read_object(model, defaulted(model, body)))

        self.api.cluster.watches.append(shown)

    @property
    def headers(self) -> dict[str, str]:
        return self.headers_of(self.key)

    @staticmethod
    def headers_of(key: NewKey) -> dict[str, str]:
        return {"Authorization": f"Bearer {key.raw}"}

    def admin(self, **spec: Any) -> dict[str, str]:
        """The headers of a new administrator."""
        key = mint()
        self.add_key(key, role="admin", customerRef=None, **spec)
        return self.headers_of(key)

    def app(self, **changes: Any) -> web.Application:
        """The API server on it."""

        @asynccontextmanager
        async def source(settings: Settings) -> AsyncIterator[Kube]:
            yield self.kube

        return make_app(settings(**changes), source)

    def _fail(self, request: Request) -> None:
        failure, method = self._failures.get(request.plural, (None, None))
        if failure is not None and method in (None, request.method):
            raise failure


def settings(**changes: Any) -> Settings:
    """The API server's; Stripe is down: port 9 (discard) takes no connections."""
    given: dict[str, Any] = {
        "namespace": NAMESPACE,
        "installation": "this",
        "stripe_secret_key": "sk_test_unit",
        "stripe_test_mode": True,
        "stripe_webhook_secret": WEBHOOK_SECRET,
        "stripe_api_base": "http://127.0.0.1:9",
        "api_body_limit": 65_536,
        "api_key_limit": 4,
        "admin_key_secret": "",
    }
    return Settings(**given | changes)


def world() -> World:
    """One with a key, whose customer does not exist yet."""
    made = _on(KubeApi(Cluster()), mint())
    made.add_key(made.key)
    return made


def _on(api: KubeApi, key: NewKey) -> World:
    made = World(api, kube_of(cast(Any, api), settings()), key)
    settle(made.kube.caches)
    return made


async def error_of(response: Any) -> str:
    """The stable code, once the body has the one error shape."""
    body = orjson.loads(await response.read())
    assert body.keys() == {"error", "code"}
    assert body["error"][0].isupper() or body["error"].startswith("'") or body["error"][0].isdigit()
    assert body["error"].endswith(".")
    return str(body["code"])
