"""A route as one value: everything needed to register it, describe it, and explain it to an agent.

The routes of a resource are in its folder's `routes.py`, and `routes.ROUTES` joins them. The application, the OpenAPI
document, llms.txt, the tables of docs/http-api.md and the tests all read that one tuple, so none can become outdated.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from aiohttp import web

from batteries_apiserver.http.body import Body
from batteries_apiserver.http.error_codes import (
    ALWAYS,
    OF_A_BODY,
    OF_A_CHANGE,
    OF_A_KEY,
    OF_A_QUERY,
    OF_ADMIN,
    OF_BLOCKED,
    OF_PAGES,
    OF_UNPAID,
)
from batteries_apiserver.http.query import Query
from batteries_crds.api_key import Scope

AnyHandler = Callable[..., Awaitable[web.StreamResponse]]
"""`handler(request)` if anyone may call, `handler(request, caller)` if a key is required."""


LONGEST_WAIT = "__LONGEST_WAIT__"
"""Stands in descriptions for the most seconds that a request may wait, which is a setting; `guide` fills it in."""


class Access(StrEnum):
    """Who may call."""

    ANYONE = "anyone"
    KEY = "an API key"
    ADMIN = "an administrator's API key"


class CustomerRequirement(StrEnum):
    """What a route requires of the customer. It does not apply to administrators' keys, which have no customer."""

    ANY = "any"
    NOT_BLOCKED = "not blocked"
    PAYS = "not blocked, and not without a valid payment method for longer than the grace period"


class Tag(StrEnum):
    """The groups of the contract, and our additional ones."""

    ACCOUNTS = "Accounts"
    KEYS = "API Keys"
    BILLING = "Billing"
    ADMIN = "Admin"
    GUIDE = "Guide"
    PAGES = "Pages"
    HEALTH = "Health"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One path parameter or request header. `type` is any annotation that pydantic can describe."""

    name: str
    where: Literal["path", "header"]
    description: str
    type: Any = str


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """One response header."""

    name: str
    description: str
    type: Any = str


@dataclass(frozen=True, slots=True)
class Response:
    """One successful status. `model` is a TypedDict: it describes the body, and costs nothing at run time."""

    description: str
    model: Any = None
    media_types: tuple[str, ...] = ()
    """Media types other than JSON."""
    headers: tuple[Header, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method on one path."""

    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    """In aiohttp's syntax. Paths under /v1 are the API and appear in the document; the rest are pages and probes."""
    handler: AnyHandler
    access: Access
    tag: Tag
    summary: str
    """What it does, in one line."""
    responses: Mapping[int, Response]
    details: str = ""
    """What else a caller should know, in Markdown."""
    body: type[Body] | None = None
    """The model that the handler gives to `read_body`."""
    body_required: bool = True
    query: type[Query] | None = None
    """The model that the handler gives to `read_query`."""
    parameters: tuple[Parameter, ...] = ()
    errors: tuple[str, ...] = ()
    """Codes of `error_codes.ERRORS`, in addition to those that `access`, `body` and `query` add."""
    unpaid_may: bool = False
    """Whether customers without a payment method may use it after the grace period. They may always read."""
    blocked_may: bool = False
    """Whether blocked customers, and those without a payment method, may use it: what only takes away, to leave."""
    scopes: frozenset[Scope] = frozenset({Scope.FULL})
    """The scopes of keys that may use it, if it does more than read."""
    head: bool = True
    """Whether GET also serves HEAD. False if reading changes something."""
    wrong_key_is_401: bool = False
    """Whether a customer's key on an administrator's path is 401 instead of 403: where the contract names only 401.

    A client generated from the contract does not know 403 there, and raises where it would return the error.
    """
    written_by_stripe: bool = False
    """Whether Stripe writes the request, so that what we don't know in it is no mistake."""

    @property
    def requirement(self) -> CustomerRequirement:
        """What it requires of the customer whose key is used."""
        if self.access is not Access.KEY or self.method == "GET" or self.blocked_may:
            return CustomerRequirement.ANY
        return CustomerRequirement.NOT_BLOCKED if self.unpaid_may else CustomerRequirement.PAYS

    @property
    def refuses_unknown(self) -> bool:
        """Whether a field or parameter that it does not have is a 400.

        The pages are open to any: browsers come with what Stripe, mail programs and links added to the address.
        """
        return self.path.startswith("/v1/") and not self.written_by_stripe

    @property
    def takes_no_body(self) -> bool:
        """Whether it is a change without a body. A body of GET means nothing in HTTP, and is not read."""
        return self.refuses_unknown and self.method != "GET" and self.body is None

    @property
    def is_read_only(self) -> bool:
        """Whether it changes and reveals nothing, so that a key of scope read may call it."""
        return self.method == "GET" and self.head

    @property
    def codes(self) -> tuple[str, ...]:
        """Every error code that it can return, each once."""
        by_access = {Access.ANYONE: (), Access.KEY: OF_A_KEY, Access.ADMIN: OF_ADMIN}[self.access]
        if self.wrong_key_is_401:
            by_access = (*(code for code in OF_ADMIN if code != "admin_key_required"), "not_an_admin_key")
        by_scope = () if self.is_read_only or self.access is Access.ANYONE else OF_A_CHANGE
        by_body = OF_A_BODY if self.body or self.takes_no_body else ()
        by_query = OF_A_QUERY if self.query else ()
        by_page = OF_PAGES if self.query and "cursor" in self.query.model_fields else ()
        by_requirement = {
            CustomerRequirement.ANY: (),
            CustomerRequirement.NOT_BLOCKED: OF_BLOCKED,
            CustomerRequirement.PAYS: (*OF_BLOCKED, *OF_UNPAID),
        }
        by_customer = by_requirement[self.requirement]
        return tuple(
            dict.fromkeys((*self.errors, *by_customer, *by_body, *by_query, *by_page, *by_access, *by_scope, *ALWAYS))
        )

    def __str__(self) -> str:
        return f"{self.method} {self.path}"
