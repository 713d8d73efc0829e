"""Runs boto3's blocking calls in threads, counts and logs them, and translates their errors into ours.

botocore's own retries are off: a retry inside the library is invisible, and a blind retry of CreateAccount is how
accounts leak. The pipeline observes again and decides.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar, cast

import boto3
import structlog
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from batteries_operator.aws.cache import IdCaches
from batteries_operator.aws.error_meanings import BUSY, THROTTLES
from batteries_operator.aws.errors import AwsError, request_id, translate
from batteries_operator.aws.fencing import fence
from batteries_operator.aws.member_clients import NOBODY, keys_of, take_keys_of_the_call
from batteries_operator.aws.mutations import is_mutation, record_mutation
from batteries_operator.aws.partition import chosen_region
from batteries_operator.runtime.metrics import AWS_CALLS, AWS_SECONDS
from batteries_operator.runtime.watchdog import acquired

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

PAGE_TRIES = 6
PAGE_SECONDS = 0.1
CONNECT_SECONDS = 5
READ_SECONDS = 20
CALL_SECONDS = CONNECT_SECONDS + READ_SECONDS
"""The longest time that a call can have been in progress when its response is lost."""


class _CallRecord:
    """One call, for metrics and logs. Never logs parameters or responses; they may hold passwords."""

    def __init__(self, operation: str) -> None:
        self._operation = operation
        self._begun = time.monotonic()
        self.outcome = "broken_off"
        self.request_id = ""
        self.code = ""

    def publish(self) -> None:
        seconds = time.monotonic() - self._begun
        AWS_CALLS.labels(self._operation, self.outcome).inc()
        AWS_SECONDS.labels(self._operation).observe(seconds)
        log.log(
            # Calls that change something are logged at info; reads, a dozen for each change, at debug.
            logging.INFO if is_mutation(self._operation) else logging.DEBUG,
            "aws_call",
            operation=self._operation,
            outcome=self.outcome,
            aws_request_id=self.request_id or None,
            milliseconds=round(seconds * 1000, 1),
            **({"code": self.code} if self.code else {}),
        )


def _named(function: Callable[..., Any], arguments: Mapping[str, object]) -> frozenset[str]:
    """What a call names: its plain arguments, and the keys that it was signed with."""
    keys = keys_of(function)
    return frozenset(each for each in arguments.values() if isinstance(each, str)) | ({keys} if keys else set())


class Caller:
    """One boto3 session and one pool of threads for all calls of this process."""

    def __init__(self, threads: int, require: Callable[[], None] | None = None) -> None:
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="aws")
        self._threads = asyncio.Semaphore(
            threads
        )  # a queue in front of the pool, whose own queue is invisible to the watchdog
        self._session = boto3.Session()
        self.region = chosen_region(self._session)
        self._require = require
        self.caches = IdCaches()
        if require is not None:
            # After the wait for a thread, and again when bytes are sent: raises if this process may not act any more.
            self._session.events.register("before-send", lambda **_: require())
        self._config = Config(
            retries={"total_max_attempts": 1},
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            max_pool_connections=threads,
        )
        # Creating a client parses service models, which botocore does not do safely in several threads.
        self._making = asyncio.Lock()

    async def members_client(self, service: str) -> Any:
        """The client from which `MemberClient` makes its clients: one for all member accounts, without keys."""
        client = await self.client(service, **NOBODY)
        take_keys_of_the_call(client)
        return client

    async def client(self, service: str, *, region: str | None = None, **credentials: str) -> Any:
        """A client of `service`; `credentials` are boto3's `aws_access_key_id` and so on, by default our own."""
        async with self._making:
            client = await self._in_thread(
                lambda: self._session.client(
                    service,  # type: ignore[call-overload]  # the stubs have one overload for each literal name
                    region_name=region or self.region,
                    config=self._config,
                    **credentials,
                )
            )
        if self._require is not None:
            fence(client, self._require)
        return client

    async def call(self, operation: str, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `function` in a thread and returns its response.

        Raises:
            AwsError: AWS refused, or no response came (NO_ANSWER: AWS may have carried out the call).
        """
        record = _CallRecord(operation)
        try:
            response = await self._in_thread(lambda: function(*args, **kwargs))
        except (ClientError, BotoCoreError, ResponseParserError) as error:
            if self._require is not None:
                self._require()  # a call that was not sent because it may not be has no response
            translated = translate(operation, error)
            translated.named = _named(function, kwargs)
            record.outcome = "throttled" if translated.code in THROTTLES else translated.kind
            record.request_id, record.code = translated.request_id, translated.code
            raise translated from error
        else:
            record.outcome, record.request_id = "ok", request_id(response)
            record_mutation(operation, kwargs)
            return response
        finally:
            record.publish()

    async def _in_thread(self, function: Callable[[], T]) -> T:
        """Runs `function` in a thread; if the caller is cancelled, CancelledError is raised when the thread has ended.

        A thread can't be cancelled; its time limits end it. Until then the locks around it stay held, so that nobody
        acts in AWS while a call is in progress.
        """
        async with acquired(self._threads):
            return await self._response_of(self._pool.submit(function))

    @staticmethod
    async def _response_of(thread: Future[T]) -> T:
        response = asyncio.wrap_future(thread)
        try:
            await asyncio.wait({response})  # cancelling the wait cancels nothing
        except asyncio.CancelledError:
            # A call that still waits for a thread never begins.
            while not thread.cancel() and not response.done():
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait({response})
            if response.done() and not response.cancelled():
                response.exception()  # retrieved, because nobody else will
            raise
        return response.result()

    async def pages(self, operation: str, function: Callable[..., T], **arguments: Any) -> AsyncIterator[T]:
        """Yields every page of a list. An empty page may have a NextToken, so only a missing token marks the end."""
        token: str | None = None
        while True:
            page = await self._page(operation, function, **arguments, **({"NextToken": token} if token else {}))
            yield page
            token = cast(dict[str, Any], page).get("NextToken")
            if not token:
                return

    async def _page(self, operation: str, function: Callable[..., T], **arguments: Any) -> T:
        """Reads one page, with retries while AWS is busy: a list of fifty pages that began again each time would
        never end.
        """
        for attempt in range(PAGE_TRIES - 1):
            try:
                return await self.call(operation, function, **arguments)
            except AwsError as error:
                if error.meaning is not BUSY:
                    raise  # the step decides what to do if the resource is missing or the keys are invalid
                await asyncio.sleep(PAGE_SECONDS * 2**attempt * random.uniform(0.5, 1.0))  # noqa: S311  # not a secret
        return await self.call(operation, function, **arguments)

    async def marked_pages(self, operation: str, function: Callable[..., T], **arguments: Any) -> AsyncIterator[T]:
        """Yields every page of an IAM list, which uses IsTruncated and Marker."""
        marker: str | None = None
        while True:
            page = await self._page(operation, function, **arguments, **({"Marker": marker} if marker else {}))
            yield page
            marker = cast(dict[str, Any], page).get("Marker")
            if not cast(dict[str, Any], page).get("IsTruncated") or not marker:
                return

    def close(self) -> None:
        """Accepts no more calls; running calls may end."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def drain(self) -> None:
        """Closes, and returns when the last call has ended: before that nobody else may act."""
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)


__all__ = ["AwsError", "Caller"]
