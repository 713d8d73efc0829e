"""Decodes JSON from Kubernetes, where a page of a list is megabytes."""

import gc
from typing import Any

import orjson


def decoded(text: bytes | str) -> Any:
    """Decodes JSON with Python's garbage collector paused.

    There is no garbage in what is being decoded, and for a page of accounts the collector would traverse all of it two
    hundred times. A start of the operator with 30,000 accounts takes a fifth less time with this and orjson
    (docs/performance.md). Only for one thread of a process, such as that of the event loop: with two at once, one could
    leave the collector off.

    Raises:
        json.JSONDecodeError: it is no JSON.
    """
    rests = gc.isenabled()
    gc.disable()
    try:
        return orjson.loads(text)
    finally:
        if rests:
            gc.enable()
