"""What moto finds out anew for each request, found out once for the process: a third of its time.

Each function here stands for one of moto's that always gives the same answer, or one that nobody asks for. moto's
behaviour is as before: only what does not change between two requests is kept.
"""

from __future__ import annotations

import inspect
import json
import secrets
from collections.abc import Callable
from functools import cache
from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication

_ONE_PATH = frozenset({"iam", "identitystore", "organizations", "sso-admin", "sts"})
Handled = tuple[int, dict[str, str], bytes]
"""Status, headers in small letters, and body."""


@cache  # it keeps the routes of each service, which take long to make, and no state of moto's
def application() -> DomainDispatcherApplication:
    """moto's WSGI application."""
    backends, server = _module("backends"), _module("moto_server.werkzeug_app")
    services = tuple(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: services  # read from the disk for each request otherwise
    server.DISABLE_GLOBAL_CORS = True  # no browser asks
    made: Any = server.DomainDispatcherApplication(_service)
    made.get_backend_for_host = cache(made.get_backend_for_host)  # which tries hundreds of patterns
    _share_managed_policies()
    _keep_what_code_and_models_say()
    return made  # type: ignore[no-any-return]


@cache
def handler(service: str) -> Callable[[dict[str, Any]], Handled] | None:
    """moto's own code for a service with one path, without what Flask does around it, which takes as long again.

    None for the others: their requests go to the `application`, which tells paths apart.
    """
    from werkzeug.exceptions import HTTPException

    if service not in _ONE_PATH:
        return None
    application()
    views: Any = _service(service).view_functions
    (ask,) = {view.callback for view in views.values()}
    request_of = _request_class()

    def handle(environ: dict[str, Any]) -> Handled:
        request = request_of(environ)
        try:
            status, headers, content = ask(request, request.raw_url, dict(request.headers))
        except HTTPException as refused:
            response = refused.get_response(environ)
            status, headers, content = response.status_code, dict(response.headers), response.get_data()
        named = {"content-type": "text/html; charset=utf-8"} | {str(key).lower(): str(headers[key]) for key in headers}
        return int(status), named, content.encode() if isinstance(content, str) else content

    return handle


@cache
def _request_class() -> Any:
    class Request(_module("core.request").Request):  # type: ignore[misc]
        from_wsgi_server = True  # as behind Flask

    return Request


def _module(name: str) -> Any:
    return import_module(f"moto.{name}")


def _service(name: str) -> Flask:
    """One service's application: its errors go on to the caller, and no help to debug forms costs time."""
    app: Flask = _module("moto_server.werkzeug_app").create_backend_app(name)
    app.debug, app.testing = False, True
    return app


def _share_managed_policies() -> None:
    """Has every Identity Center share AWS's managed policies, a megabyte of JSON, which each would parse for itself."""
    backend = _module("ssoadmin.models").SSOAdminBackend
    policies = json.loads(_module("iam.aws_managed_policies").aws_managed_policies_data)
    made = backend.__init__

    def make(self: Any, region_name: str, account_id: str) -> None:
        made(self, region_name, account_id)
        self.aws_managed_policies = policies

    backend.__init__ = make


def _keep_what_code_and_models_say() -> None:
    """The methods and the arguments of moto's own code, the errors in AWS's models, and random ids in one go."""
    errors, responses, paginator = (_module(name) for name in ("core.errors", "core.responses", "utilities.paginator"))
    shapes = errors.ErrorLookupFactory()
    errors.ErrorLookupFactory = lambda: shapes
    responses.method_names_from_class = cache(responses.method_names_from_class)
    responses.gen_amzn_requestid_long = _request_id
    paginator.inspect = SimpleNamespace(getfullargspec=cache(inspect.getfullargspec))


def _request_id(headers: Any = None) -> str:
    """A request's id, as long as moto's."""
    made = secrets.token_hex(26).upper()
    if isinstance(headers, dict):
        headers["x-amzn-requestid"] = made
    return made
