"""A component of the sandbox that is a process: started, watched, restarted if a supervisor would do so, stopped.

Each has its own session, so Ctrl-C reaches only the sandbox, which then stops the components in order; and on Linux the
kernel signals each when the sandbox dies, so nothing is left even after kill -9.
"""

import asyncio
import contextlib
import ctypes
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from batteries_sandbox.errors import SandboxError

STOP_SECONDS = 10
RESTART_SECONDS = 0.5
_PR_SET_PDEATHSIG = 1  # prctl(2)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Command:
    """How a part is started."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path


class ManagedProcess:
    """One running process."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def pid(self) -> int:
        """The process id; 0 while there is none."""
        return self._process.pid if self._process is not None else 0

    @property
    def ended(self) -> bool:
        """Whether it was started and has ended."""
        return self._process is not None and self._process.returncode is not None

    async def start(self) -> None:
        """Starts it."""
        command = self.command
        with command.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command.argv,
                env=dict(command.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )

    def keep(self, on_restart: Callable[[], object]) -> None:
        """Restarts it whenever it ends, as a Deployment would; `on_restart` is called with each new process."""
        self._keeper = asyncio.create_task(self._keep(on_restart))

    async def _keep(self, on_restart: Callable[[], object]) -> None:
        while not self._stopping:
            assert self._process is not None
            await self._process.wait()
            if self._stopping:
                return
            await asyncio.sleep(RESTART_SECONDS)
            await self.start()
            on_restart()

    async def wait(self) -> int:
        """Its exit status, once it has ended."""
        assert self._process is not None
        return await self._process.wait()

    async def stop(self) -> None:
        """Stops it, by force if that takes too long."""
        self._stopping = True
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        if self._process is None or self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    def tail(self, lines: int = 8) -> str:
        """The end of its log."""
        with contextlib.suppress(OSError):
            return "\n".join(self.command.log.read_text(errors="replace").splitlines()[-lines:])
        return ""

    def gone(self) -> SandboxError:
        """The message if it ended unexpectedly."""
        return SandboxError(f"{self.command.name} ended by itself; its log is {self.command.log}\n{self.tail()}")


async def until_answers(part: ManagedProcess | None, name: str, answers: Callable[[], bool], seconds: float) -> None:
    """Waits until `answers` returns true, as long as the component runs.

    Raises:
        SandboxError: the part ended, or the time is over.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    while not await asyncio.to_thread(answers):
        if part is not None and part.ended:
            raise part.gone()
        if asyncio.get_running_loop().time() > deadline:
            hint = f"; its log is {part.command.log}\n{part.tail()}" if part is not None else ""
            raise SandboxError(f"{name} did not respond within {seconds:.0f} s{hint}")
        await asyncio.sleep(0.1)


def answers(url: str) -> bool:
    """Whether a component of ours responds 200 there."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  # our own address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
