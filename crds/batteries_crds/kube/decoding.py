"""JSON of Kubernetes, decoded: a page of a list is megabytes."""

import gc
from typing import Any

import orjson


def decoded(text: bytes | str) -> Any:
    """What the JSON says.

    Python's garbage collector rests meanwhile: there is no garbage in what is being decoded, and of a page of accounts
    it would go through all two hundred times, and each time through more of those before it. A start of the operator
    among 30,000 accounts takes a fifth less with this and orjson (docs/performance.md).

    For one thread of a process, such as that of the event loop: of two at once, one could leave the collector off.

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
