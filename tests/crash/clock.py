"""An operator's wall clock that a test turns while the operator runs, as a machine's is set by hand or by NTP.

The operator reads how far it is off from a file. Only the time of day moves: what counts seconds (`time.monotonic`,
asyncio) goes on, as it does on a machine.
"""

import datetime as real
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

VARIABLE = "CRASH_CLOCK"
"""Names the file: seconds ahead of the machine's clock, negative where behind; empty or absent is none."""

_OURS = ("batteries_", "kopf.", "botocore.")


class _Type(type(real.datetime)):  # type: ignore[misc]  # the type of a type
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, real.datetime)


class _Turned(real.datetime, metaclass=_Type):
    """The real type, but for the time of day that it tells."""

    @classmethod
    def now(cls, tz: real.tzinfo | None = None) -> Any:
        """A plain datetime."""
        return real.datetime.now(tz) + real.timedelta(seconds=_ahead())

    @classmethod
    def utcnow(cls) -> Any:
        """The same without a time zone."""
        return real.datetime.now(real.UTC).replace(tzinfo=None) + real.timedelta(seconds=_ahead())


def turn(path: Path, seconds: float) -> None:
    """Sets the clock of every operator that was started with this file."""
    new = path.with_suffix(".new")
    new.write_text(str(seconds))
    new.rename(path)


def _ahead() -> float:
    try:
        return float(Path(os.environ[VARIABLE]).read_text() or 0)
    except FileNotFoundError:
        return 0.0


def install() -> None:
    """From now on what is imported here tells the turned time; for a process that is one operator and nothing else."""
    module = SimpleNamespace(**{**vars(real), "datetime": _Turned})
    for name, loaded in [*sys.modules.items()]:
        if not name.startswith(_OURS):
            continue
        found = getattr(loaded, "datetime", None)
        if found is real.datetime:
            loaded.datetime = _Turned  # type: ignore[attr-defined]  # as the module imported it
        elif found is real:
            loaded.datetime = module  # type: ignore[attr-defined]  # likewise
