"""Runs kopf, and sees to it that the process ends when kopf does, or when it is told to, however kopf takes that.

kopf's parts depend on each other's ends: where one fails, the rest may wait for each other for ever, and the process
would live on, hold the Lease and serve nobody. So each end has a deadline here, and behind them all one that needs
neither kopf nor the event loop.
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
"""The process has ended so long after a part of kopf has."""

KOPF_FAILED_SECONDS = 3.0
"""For kopf's other parts then; what remains is for AWS calls under way, and the Lease."""

KOPF_STOP_SECONDS = 12.0
"""For kopf to end when it is told to: its daemons end with the AWS call that they are at."""


class WatchingEndedError(Exception):
    """A part of kopf ended, so nothing is watched any more; the process is to be started anew."""


def end_within(seconds: float) -> None:
    """The process ends within so many seconds, also where something hangs; the first call counts."""
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
    """SIGTERM and SIGINT set `stop`, and end the process within so many seconds."""

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
    stop_on_signals(stop, stop_seconds)  # kopf has put its own in their place, which it hears only once
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
    """Returns when it has ended, or was cancelled after so many seconds and given a second more."""
    if not running.done():
        await asyncio.wait({running}, timeout=seconds)
    if not running.done():
        running.cancel()
        await asyncio.wait({running}, timeout=1)
    if running.done() and not running.cancelled() and (error := running.exception()) is not None:
        log.warning("kopf_failed", detail=f"{type(error).__name__}: {error}")
