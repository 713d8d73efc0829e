"""An operator process that dies at a chosen moment of an account's life."""

from collections.abc import Awaitable, Callable

from fakes.factory import CrashError, Factory, Process, acts


async def dies_at(factory: Factory, kind: str, number: int, life: Callable[[Process], Awaitable[object]]) -> bool:
    """Starts a process and lives its `life`, which ends after the n-th "write" or "act"; whether it came to that."""
    process, left = await factory.start(), [number]
    last = len(factory.cluster.writes) + number

    def after_write(count: int) -> None:
        if kind == "write" and count == last:
            raise CrashError

    def after_call(operation: str, _: int) -> None:
        left[0] -= kind == "act" and acts(operation)
        if kind == "act" and acts(operation) and left[0] == 0:
            raise CrashError

    factory.cluster.after_write, process.after_call = after_write, after_call
    try:
        await life(process)
    except CrashError:
        return True
    finally:
        factory.cluster.after_write = lambda count: None
    return False
