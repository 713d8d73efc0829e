"""What a route is: everything that registering it, describing it and explaining it to an agent needs, in one value.

The routes of a resource stand in its folder's `routes.py`, and `routes.ROUTES` joins them. The application, the
OpenAPI document, llms.txt, the tables of docs/http-api.md and the tests read that one tuple, so none can fall behind.
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
    OF_UNPAID,
)
from batteries_apiserver.http.query import Query

AnyHandler = Callable[..., Awaitable[web.StreamResponse]]
"""`handler(request)` where anyone may call, `handler(request, caller)` where a key is asked for."""


class Access(StrEnum):
    """Who may call."""

    ANYONE = "anyone"
    KEY = "an API key"
    ADMIN = "an administrator's API key"


class CustomerRequirement(StrEnum):
    """What a route asks of a customer; administrators' keys have no customer, and pass."""

    ANY = "any"
    NOT_BLOCKED = "not blocked"
    PAYS = "not blocked, and not without a valid payment method for longer than the grace period"


class Tag(StrEnum):
    """The contract's groups, and ours."""

    ACCOUNTS = "Accounts"
    KEYS = "API Keys"
    BILLING = "Billing"
    ADMIN = "Admin"
    GUIDE = "Guide"
    PAGES = "Pages"
    HEALTH = "Health"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One thing in the path or a request header. `type` is any annotation that pydantic can describe."""

    name: str
    where: Literal["path", "header"]
    description: str
    type: Any = str


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """One header of an answer."""

    name: str
    description: str
    type: Any = str


@dataclass(frozen=True, slots=True)
class Response:
    """One status that is no error. `model` is a TypedDict: it describes, and costs nothing where answers are made."""

    description: str
    model: Any = None
    media_types: tuple[str, ...] = ()
    """Other forms than JSON that it can have."""
    headers: tuple[Header, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method on one path."""

    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    """As aiohttp takes it. What lies under /v1 is the API, and in the document; the rest are pages and probes."""
    handler: AnyHandler
    access: Access
    tag: Tag
    summary: str
    """What it does, in a line."""
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
    """The codes of `error_codes.ERRORS` beyond those that `access`, `body` and `query` bring by themselves."""
    unpaid_may: bool = False
    """Whether a customer may use it whose payment method is missing for longer than the grace period, as reading."""
    head: bool = True
    """Whether GET answers HEAD too; not where reading changes something."""

    @property
    def requirement(self) -> CustomerRequirement:
        """What it asks of the customer whose key is shown."""
        if self.access is not Access.KEY or self.method == "GET":
            return CustomerRequirement.ANY
        return CustomerRequirement.NOT_BLOCKED if self.unpaid_may else CustomerRequirement.PAYS

    @property
    def is_read_only(self) -> bool:
        """Whether it only looks, so that a key of scope read may call it. What is not a plain GET is none of those."""
        return self.method == "GET" and self.head

    @property
    def codes(self) -> tuple[str, ...]:
        """Every code that its errors can carry, each once."""
        by_access = {Access.ANYONE: (), Access.KEY: OF_A_KEY, Access.ADMIN: OF_ADMIN}[self.access]
        by_scope = () if self.is_read_only or self.access is Access.ANYONE else OF_A_CHANGE
        by_body = OF_A_BODY if self.body else ()
        by_query = OF_A_QUERY if self.query else ()
        by_requirement = {
            CustomerRequirement.ANY: (),
            CustomerRequirement.NOT_BLOCKED: OF_BLOCKED,
            CustomerRequirement.PAYS: (*OF_BLOCKED, *OF_UNPAID),
        }
        by_customer = by_requirement[self.requirement]
        return tuple(dict.fromkeys((*self.errors, *by_customer, *by_body, *by_query, *by_access, *by_scope, *ALWAYS)))

    def __str__(self) -> str:
        return f"{self.method} {self.path}"
