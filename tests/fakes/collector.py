"""Python's garbage collector, watched, and what makes it look often."""

import gc
import json
from collections.abc import Iterator
from contextlib import contextmanager

LONG = json.dumps({"items": [{"metadata": {"labels": {}}, "status": {"conditions": [{}, {}]}}] * 10_000})
"""A list as Kubernetes sends it."""


AS_PYTHON_DOES = (700, 10, 10)
"""When it looks unless it is told otherwise: the tests have it look less often."""


@contextmanager
def looks() -> Iterator[list[int]]:
    """The generations in which Python looked for garbage during the block."""
    generations: list[int] = []

    def note(phase: str, details: dict[str, int]) -> None:
        if phase == "start":
            generations.append(details["generation"])

    ours = gc.get_threshold()
    gc.set_threshold(*AS_PYTHON_DOES)
    gc.callbacks.append(note)
    try:
        yield generations
    finally:
        gc.callbacks.remove(note)
        gc.set_threshold(*ours)
