"""Calls of the AWS stand-in that runs in this process, without a socket and, in virtual time, without a thread.

botocore makes, signs and reads the requests as always. What a wire can do to them (lost answers, answers that take
time) happens on a wire and in threads. The rest of the tests' calls would spend more time there than in the
operator, and wait for two other threads on a machine that is busy.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from io import BytesIO
from typing import Any, TypeVar
from urllib.parse import urlsplit

from botocore.awsrequest import AWSResponse
from fakes.virtual_time import Threads, in_virtual_time

from batteries_sandbox.aws.call import RawRequest
from batteries_sandbox.aws.server import StandinServer, in_this_process

T = TypeVar("T")


def standin() -> StandinServer | None:
    """The stand-in that the environment names, if it runs in this process."""
    return in_this_process.get(os.environ.get("AWS_ENDPOINT_URL", ""))


def answer(request: Any) -> AWSResponse | None:
    """The response to a request that botocore has prepared; None where it has to be sent."""
    here = standin()
    if here is None:
        return None
    parts = urlsplit(request.url)
    headers = {name: value if isinstance(value, str) else value.decode() for name, value in request.headers.items()}
    raw = RawRequest(request.method, parts.path, parts.query, {"Host": parts.netloc, **headers}, _bytes(request.body))
    given = here.answer_in_process(raw)
    if given is None:
        return None
    carried: Any = dict(given.headers)
    return AWSResponse(request.url, given.status, carried, _Body(given.body))


class _Body(BytesIO):
    """What botocore reads as it reads urllib3's response."""

    def stream(self) -> Iterator[bytes]:
        yield self.read()


def _bytes(body: Any) -> bytes:
    if body is None or isinstance(body, bytes):
        return body or b""
    return body.encode() if isinstance(body, str) else bytes(body.read())


class Calls(Threads):
    """The pool of a caller of AWS: in virtual time a call that takes no time is made where it is submitted."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        here = standin()
        if here is None or not here.answers_at_once or not in_virtual_time():
            return super().submit(fn, *args, **kwargs)
        done: Future[T] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:
            done.set_exception(error)
        return done
