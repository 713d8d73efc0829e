"""The stand-in's own endpoints that change something: faults, gates, limits and issuers.

They set a fault, show how often it struck, release what it holds, remove it; raise and lower limits; say where an
issuer of identity tokens is.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from batteries_sandbox.aws.faults.plan import Fault, FaultPlan
from batteries_sandbox.aws.faults.spec import FaultSpec, Kind
from batteries_sandbox.aws.issuers import Issuers
from batteries_sandbox.aws.settings import CHANGEABLE, StandinSettings, change

_LOOK_SECONDS = 0.02
InWorker = Callable[[Callable[[], None]], Awaitable[None]]


class Control:
    """The handlers; `in_worker` runs a function in the thread that may touch the world."""

    def __init__(self, faults: FaultPlan, settings: StandinSettings, issuers: Issuers, in_worker: InWorker) -> None:
        self._faults = faults
        self._settings = settings
        self._issuers = issuers
        self._in_worker = in_worker

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Puts the endpoints under /_standin."""
        router.add_get("/_standin/faults", self._list)
        router.add_post("/_standin/faults", self._set)
        router.add_delete("/_standin/faults", self._clear)
        router.add_get("/_standin/faults/{id}", self._show)
        router.add_delete("/_standin/faults/{id}", self._remove)
        router.add_post("/_standin/faults/{id}/release", self._release)
        router.add_get("/_standin/limits", self._limits)
        router.add_post("/_standin/limits", self._change_limits)
        router.add_get("/_standin/issuers", self._list_issuers)
        router.add_post("/_standin/issuers", self._add_issuer)

    async def _list(self, request: web.Request) -> web.Response:
        return web.json_response({"faults": [fault.describe() for fault in self._faults.all()]})

    async def _set(self, request: web.Request) -> web.Response:
        body = await _json_object(request)
        try:
            spec = FaultSpec.model_validate(body)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise _bad(f"{where}: {first['msg']}" if where else first["msg"]) from error
        return web.json_response(self._faults.add(spec).describe(), status=201)

    async def _clear(self, request: web.Request) -> web.Response:
        self._faults.clear()
        return web.Response(status=204)

    async def _show(self, request: web.Request) -> web.Response:
        """One fault; with ?wait=SECONDS, as soon as it struck (a gate: as soon as it holds a call)."""
        fault = self._fault(request)
        try:
            deadline = time.monotonic() + float(request.query.get("wait", "0"))
        except ValueError as error:
            raise _bad("'wait' is a number of seconds.") from error
        while not _has_struck(fault) and time.monotonic() < deadline:  # noqa: ASYNC110  # a fault that strikes does not notify us
            await asyncio.sleep(_LOOK_SECONDS)
        return web.json_response(fault.describe())

    async def _remove(self, request: web.Request) -> web.Response:
        self._faults.remove(self._fault(request).id)
        return web.Response(status=204)

    async def _release(self, request: web.Request) -> web.Response:
        fault = self._fault(request)
        drop = (await _json_object(request)).get("drop", False) if request.can_read_body else False
        return web.json_response({"released": fault.gate.release(drop=bool(drop))})

    async def _limits(self, request: web.Request) -> web.Response:
        return web.json_response({name: getattr(self._settings, name) for name in CHANGEABLE})

    async def _change_limits(self, request: web.Request) -> web.Response:
        changes = await _json_object(request)
        try:
            await self._in_worker(lambda: change(self._settings, changes))
        except ValueError as error:
            raise _bad(str(error)) from error
        return await self._limits(request)

    async def _list_issuers(self, request: web.Request) -> web.Response:
        return web.json_response(self._issuers.describe())

    async def _add_issuer(self, request: web.Request) -> web.Response:
        """Says where an issuer is, or adds keys to those of one that is nowhere."""
        body = await _json_object(request)
        issuer, address, keys = body.get("issuer"), body.get("address"), body.get("keys")
        well_formed = isinstance(keys, list) and all(isinstance(key, dict) for key in keys)
        if not isinstance(issuer, str) or isinstance(address, str) is well_formed:
            raise _bad("The body must have an 'issuer', and either its 'address' or its 'keys', a list of JWKs.")

        def add() -> None:
            if isinstance(address, str):
                self._issuers.place(issuer, address)
            elif isinstance(keys, list):
                self._issuers.register(issuer, keys)

        try:
            await self._in_worker(add)
        except ValueError as error:
            raise _bad(str(error)) from error
        return await self._list_issuers(request)

    def _fault(self, request: web.Request) -> Fault:
        fault = self._faults.find(request.match_info["id"])
        if fault is None:
            raise web.HTTPNotFound(
                text=json.dumps({"error": f"There is no fault {request.match_info['id']}."}),
                content_type="application/json",
            )
        return fault


def _has_struck(fault: Fault) -> bool:
    if fault.spec.kind in (Kind.GATE_BEFORE, Kind.GATE_AFTER):
        return bool(fault.gate.describe())
    return fault.struck > 0


async def _json_object(request: web.Request) -> Mapping[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise _bad("The body must be a JSON object.")
    return body


def _bad(sentence: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=json.dumps({"error": sentence}), content_type="application/json")
