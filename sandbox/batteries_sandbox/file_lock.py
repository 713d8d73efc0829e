"""Mutual exclusion across processes: one builds what the cache lacks, the others wait for it."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def file_lock(lock: Path, what: str) -> Iterator[None]:
    """Holds the file `lock` within the block; prints a line if another process holds it, and waits.

    The kernel releases it when its holder dies, however it dies, so no lock is ever left behind.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"Another process is making {what}; waiting for it (lock {lock})", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
