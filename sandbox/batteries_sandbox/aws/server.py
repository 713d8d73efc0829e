"""The HTTP front: bytes in, bytes out, and one worker thread behind it.

The event loop moves bytes, decodes, and applies faults; rules, moto and journal run in that one thread, as moto is not
thread-safe. So each call is atomic, and calls happen one after the other, while a call that a fault holds delays no
other.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from aiohttp import web

from batteries_sandbox.aws import inspection, membership_states
from batteries_sandbox.aws.call import Call, RawRequest, decode
from batteries_sandbox.aws.control import Control
from batteries_sandbox.aws.faults.plan import FaultPlan
from batteries_sandbox.aws.faults.play import play, play_at_once
from batteries_sandbox.aws.issuer_fetch import ask
from batteries_sandbox.aws.issuers import IssuerNeededError
from batteries_sandbox.aws.rules.ordered import handle
from batteries_sandbox.aws.settings import StandinSettings
from batteries_sandbox.aws.wire import Answer
from batteries_sandbox.aws.world import MACHINE, Clocks, World

Result = TypeVar("Result")
_MAX_BODY = 10 * 1024 * 1024
_one_at_a_time = threading.Lock()  # moto's state is the process's
in_this_process: dict[str, StandinServer] = {}
"""The stand-in that runs in this process, by its URL."""


class StandinServer:
    """The handlers of one stand-in."""

    def __init__(self, settings: StandinSettings, clocks: Clocks = MACHINE) -> None:
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="aws-standin")
        self._world = World(settings, clocks)
        self._faults = FaultPlan()
        self._alone = threading.Lock()  # the worker is one thread, and whoever calls `answer_in_process` is another

    def application(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(client_max_size=_MAX_BODY)
        for path, view in inspection.VIEWS.items():
            app.router.add_get(path, partial(self._inspect, view))
        app.router.add_post("/_standin/console-sign-in", self._console_sign_in)
        app.router.add_post("/_standin/accounts/{id}", self._put_account)
        Control(self._faults, self._world.settings, self._world.issuers, self._in_worker).add_routes(app.router)
        app.router.add_route("*", "/_standin/{rest:.*}", self._unknown)
        app.router.add_route("*", "/{path:.*}", self._aws)
        app.on_shutdown.append(self._let_go)
        return app

    def close(self) -> None:
        """Ends the worker thread."""
        self._worker.shutdown(cancel_futures=True)

    @property
    def answers_at_once(self) -> bool:
        """Whether nothing keeps an answer back: no fault that is set takes time, and no write does."""
        return self._faults.takes_no_time and not self._world.settings.organization_write_seconds

    def answer_in_process(self, raw: RawRequest) -> Answer | None:
        """The answer to a request of this process, without HTTP and in the caller's thread.

        None where the request has to be sent: the answer takes time, or the stand-in must ask somebody first.
        """
        world = self._world
        if not self.answers_at_once:
            return None
        with self._alone:
            call = replace(decode(raw, world.callers), arrived=world.clock())
            if call.operation == "AssumeRoleWithWebIdentity" and self._faults.all():
                return None  # a fault would strike it again, when it is sent because its issuer must be asked
            faults = self._faults.faults_at_once_of(call, call.arrived)
            try:
                return None if faults is None else play_at_once(call, faults, partial(handle, world), self._undone)
            except IssuerNeededError:
                return None

    async def _aws(self, request: web.Request) -> web.Response:
        raw = RawRequest(
            method=request.method,
            path=request.rel_url.raw_path,
            query=request.rel_url.raw_query_string,
            headers=dict(request.headers),
            body=await request.read(),
        )
        call = decode(raw, self._world.callers)
        faults = self._faults.faults_of(call, self._world.clock())

        def gone() -> bool:
            return request.transport is None or request.transport.is_closing()

        answer = await play(call, faults, self._do, self._note_undone, gone, self._world.sleep)
        if answer is None:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()  # which goes nowhere: the connection is closed
        headers = {name: value for name, value in answer.headers.items() if name != "transfer-encoding"}
        return web.Response(status=answer.status, body=answer.body, headers=headers)

    async def _do(self, call: Call) -> Answer:
        call = replace(call, arrived=self._world.clock())
        try:
            answer = await self._in_worker(lambda: handle(self._world, call))
        except IssuerNeededError as needed:
            answer = await self._do_with_keys(call, needed.issuer)
        await self._world.sleep(answer.hold)
        return answer

    async def _do_with_keys(self, call: Call, issuer: str) -> Answer:
        """Asks the issuer of the call's token for its keys, and goes on: meanwhile other calls are answered."""
        issuers = self._world.issuers
        published = await ask(issuer, issuers.reachable, self._world.settings.issuer_answer_seconds)

        def go_on() -> Answer:
            issuers.keep(issuer, published)
            return handle(self._world, replace(call, issuer_asked=True))

        return await self._in_worker(go_on)

    async def _note_undone(self, call: Call, answer: Answer | None) -> None:
        await self._in_worker(lambda: self._undone(call, answer))

    def _undone(self, call: Call, answer: Answer | None) -> None:
        self._world.journal.note(call, answer, self._world.wall(), done=False)

    async def _let_go(self, app: web.Application) -> None:
        """Releases every held call on shutdown: a gate would keep the server from closing."""
        self._faults.clear()

    async def _inspect(
        self, view: Callable[[World, inspection.Query], dict[str, Any]], request: web.Request
    ) -> web.Response:
        query = dict(request.query)
        return web.json_response(await self._in_settled_world(lambda: view(self._world, query)))

    async def _console_sign_in(self, request: web.Request) -> web.Response:
        try:
            body = await request.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            return web.json_response({"error": "The body must be a JSON object."}, status=400)
        result = await self._in_settled_world(lambda: inspection.console_sign_in(self._world, body))
        if result is None:
            return web.json_response({"error": "The console refused the sign-in."}, status=401)
        return web.json_response(result)

    async def _put_account(self, request: web.Request) -> web.Response:
        """Sets an account's state as AWS, its Support or its owner would."""
        try:
            body, account_id = dict(await request.json()), request.match_info["id"]
            return web.json_response(
                await self._in_settled_world(lambda: membership_states.put(self._world, account_id, body))
            )
        except (ValueError, TypeError) as error:
            return web.json_response({"error": str(error)}, status=400)

    async def _unknown(self, request: web.Request) -> web.Response:
        return web.json_response({"error": f"The stand-in has no {request.path}."}, status=404)

    async def _in_settled_world(self, function: Callable[[], Result]) -> Result:
        def settled() -> Result:
            self._world.settle()
            return function()

        return await self._in_worker(settled)

    async def _in_worker(self, function: Callable[[], Result]) -> Result:
        def alone() -> Result:
            with self._alone:
                return function()

        return await asyncio.get_running_loop().run_in_executor(self._worker, alone)


@asynccontextmanager
async def serve(settings: StandinSettings | None = None, clocks: Clocks = MACHINE) -> AsyncIterator[str]:
    """Runs a stand-in with an empty world in this process and event loop; yields its URL."""
    settings = settings or StandinSettings()
    if not _one_at_a_time.acquire(blocking=False):
        raise RuntimeError("A stand-in runs in this process already, and moto has one state for all")
    try:
        server = await asyncio.to_thread(StandinServer, settings, clocks)
        runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=1.0)
        try:
            await runner.setup()
            site = web.TCPSite(runner, settings.host, settings.port)
            await site.start()
            port = runner.addresses[0][1]
            url = f"http://{settings.host}:{port}"
            in_this_process[url] = server
            yield url
        finally:
            in_this_process.clear()
            await runner.cleanup()
            server.close()
    finally:
        _one_at_a_time.release()


@contextmanager
def serve_in_thread(settings: StandinSettings | None = None, clocks: Clocks = MACHINE) -> Iterator[str]:
    """The same for code without an event loop: it runs in a separate thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="aws-standin-loop", daemon=True)
    thread.start()
    context = serve(settings, clocks)
    try:
        url = asyncio.run_coroutine_threadsafe(context.__aenter__(), loop).result()
        try:
            yield url
        finally:
            asyncio.run_coroutine_threadsafe(context.__aexit__(None, None, None), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
