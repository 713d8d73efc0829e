"""An organization that is prepared once and put back for each test that wants the same one.

To prepare one takes the operator's own code fifty calls of AWS. What is kept of it is all that the stand-in knows then:
its own state and moto's, the journal and the time included. What a test brings itself stays its own: the settings, the
clocks, and the issuers, which the stand-in's endpoints hold. Every test has one that was put back, the first one too.
"""

import io
import pickle
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from fakes.virtual_time import CLOCK, in_virtual_time
from moto.core.base_backend import BackendDict
from moto.organizations.models import organizations_backends

from batteries_sandbox.aws.server import in_this_process
from batteries_sandbox.aws.world import World

_OF_THE_TEST = frozenset({"settings", "clock", "wall", "sleep", "moto", "issuers", "_policy", "_policy_read"})


class _Kept(NamedTuple):
    services: list[Any]  # moto's, which live as long as the process
    state: bytes
    now: float


_kept: dict[tuple[str, str, bool], _Kept] = {}


async def prepared(url: str, chosen: str, prepare: Callable[[], Awaitable[object]]) -> None:
    """Has the stand-in's organization be as `prepare` leaves it with the operator's settings `chosen`."""
    server = in_this_process[url]
    world, virtual = server._world, in_virtual_time()
    key = repr(world.settings), chosen, virtual
    if key not in _kept:
        await prepare()
        with server._alone:
            _kept[key] = _keep(world)
    with server._alone:
        _put_back(world, _kept[key])
    if virtual:
        CLOCK.now = _kept[key].now


def _shared(world: World) -> list[Any]:
    """What is not copied; AWS's managed policies are a megabyte that nobody changes."""
    return [world.settings, world.clock, world.moto, world.issuers, world.moto.identity_center().aws_managed_policies]


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, shared: list[Any]) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self._places = {id(each): number for number, each in enumerate(shared)}

    def persistent_id(self, obj: object) -> int | None:
        return self._places.get(id(obj))


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, shared: list[Any]) -> None:
        super().__init__(file)
        self._shared = shared

    def persistent_load(self, pid: int) -> Any:
        return self._shared[pid]


def _keep(world: World) -> _Kept:
    written = io.BytesIO()
    pickler = _Pickler(written, _shared(world))
    services: list[Any] = [*BackendDict._instances]  # type: ignore[misc]
    own = {name: value for name, value in vars(world).items() if name not in _OF_THE_TEST}
    pickler.dump((own, [_by_place(service) for service in services], organizations_backends.master_accounts))
    return _Kept(services, written.getvalue(), CLOCK.now)


def _by_place(service: Any) -> dict[tuple[str, str], Any]:
    return {(account, region): backend for account, region, backend in service.iter_backends()}


def _put_back(world: World, kept: _Kept) -> None:
    shared = _shared(world)
    BackendDict.reset()
    own, states, masters = _Unpickler(io.BytesIO(kept.state), shared).load()
    for service, backends in zip(kept.services, states, strict=True):
        for (account, region), backend in backends.items():
            dict.__setitem__(service[account], region, backend)
    organizations_backends.master_accounts.clear()
    organizations_backends.master_accounts.update(masters)
    vars(world).update(own)
