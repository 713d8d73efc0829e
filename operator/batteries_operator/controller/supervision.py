"""Runs kopf, and makes sure that the process ends when kopf ends or a signal comes, even if kopf hangs.

kopf's tasks wait for each other at the end: if one fails, the rest may wait for ever, and the process would live on,
hold the Lease and serve nobody. So each ending has a deadline here, and the last deadline needs neither kopf nor the
event loop.
"""

import asyncio
import os
import signal
import threading
from typing import Any

import kopf
import structlog

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

FAILED_SECONDS = 10.0
"""The process ends at most so long after a part of kopf has ended."""

KOPF_FAILED_SECONDS = 3.0
"""Of these, the time for kopf's other parts; the rest is for AWS calls under way and the Lease."""

KOPF_STOP_SECONDS = 12.0
"""The time for kopf to end after a signal: its daemons end after their current AWS call."""


class WatchingEndedError(Exception):
    """A part of kopf ended, so nothing is watched any more and the process has to restart."""


def end_within(seconds: float) -> None:
    """Ends the process within so many seconds, even if something hangs; only the first call counts."""
    if any(thread.name == _NAME for thread in threading.enumerate()):
        return
    timer = threading.Timer(seconds, _end)
    timer.name, timer.daemon = _NAME, True
    timer.start()


_NAME = "end of the process"


def _end() -> None:
    log.error("exit_forced", meaning="Something hung while the process was ending.")
    os._exit(1)


def stop_on_signals(stop: asyncio.Event, seconds: float) -> None:
    """Lets SIGTERM and SIGINT set `stop`, and end the process within so many seconds."""

    def told() -> None:
        end_within(seconds)
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told)


async def run_kopf(stop: asyncio.Event, stop_seconds: float, **arguments: Any) -> None:
    """Runs kopf with the `arguments` of `kopf.operator` until `stop` is set.

    Raises:
        WatchingEndedError: a part of kopf ended by itself.
    """
    parts = await kopf.spawn_tasks(stop_flag=stop, **arguments)
    stop_on_signals(stop, stop_seconds)  # kopf has set its own handlers, which work only once
    begun = asyncio.all_tasks() - set(parts)
    running = asyncio.create_task(kopf.run_tasks(parts, ignored=begun))
    try:
        done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        told = stop.is_set()
        if not told:
            end_within(FAILED_SECONDS)
            log.error("kopf_task_ended", part=", ".join(sorted(part.get_name() for part in done)))
        await _ended(running, KOPF_STOP_SECONDS if told else KOPF_FAILED_SECONDS)
    finally:
        await _ended(running, 0)
    if not told:
        raise WatchingEndedError("The watch of Kubernetes has ended; the log says why. Start again.")


async def _ended(running: "asyncio.Task[None]", seconds: float) -> None:
    """Waits so many seconds for the end, then cancels and waits one more second."""
    if not running.done():
        await asyncio.wait({running}, timeout=seconds)
    if not running.done():
        running.cancel()
        await asyncio.wait({running}, timeout=1)
    if running.done() and not running.cancelled() and (error := running.exception()) is not None:
        log.warning("kopf_failed", detail=f"{type(error).__name__}: {error}")
