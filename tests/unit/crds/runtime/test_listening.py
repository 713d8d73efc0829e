"""Every port of both programs serves IPv6 and IPv4, and IPv4 alone where there is no IPv6."""

import re
import socket
from collections.abc import Iterator
from urllib.request import urlopen

import aiohttp
import pytest
from aiohttp.test_utils import unused_port

from batteries_crds.runtime import listening
from batteries_crds.runtime.listening import NotListeningError, listening_socket
from batteries_operator.runtime.health import Health, serving
from batteries_operator.runtime.metrics_server import serve_metrics

ADDRESSES = ["127.0.0.1", "[::1]"]
needs_ipv6 = pytest.mark.skipif(not listening.has_ipv6(), reason="this machine has no IPv6")


def reachable(made: socket.socket) -> set[str]:
    """The loopback addresses by which it can be reached."""
    port, found = made.getsockname()[1], set()
    for address in ("127.0.0.1", "::1"):
        try:
            with socket.create_connection((address, port), timeout=2):
                found.add(address)
        except OSError:
            pass
    return found


@needs_ipv6
@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "*"])
def test_every_address_is_of_both_families_by_one_socket(host: str) -> None:
    with listening_socket(host, 0, "PORT") as made:
        assert reachable(made) == {"127.0.0.1", "::1"}


@pytest.mark.parametrize("host", ["127.0.0.1", pytest.param("::1", marks=needs_ipv6)])
def test_one_address_is_that_one(host: str) -> None:
    with listening_socket(host, 0, "PORT") as made:
        assert reachable(made) == {host}


def _no_such_family(*args: object, **kwargs: object) -> socket.socket:
    raise OSError(97, "Address family not supported by protocol")


@pytest.mark.parametrize("how", ["not built in", "switched off"])
def test_without_ipv6_it_is_ipv4(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    if how == "not built in":
        monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
    else:
        monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: True)
        monkeypatch.setattr(listening, "has_ipv6", lambda: False)
    with listening_socket("", 0, "PORT") as made:
        assert reachable(made) == {"127.0.0.1"}


def test_a_kernel_that_knows_ipv6_and_has_none_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: True)
    monkeypatch.setattr(socket, "socket", _no_such_family)
    assert not listening.has_ipv6()


@pytest.mark.parametrize("taken_by", ["127.0.0.1", "0.0.0.0"])
def test_a_port_that_is_taken_names_the_setting(taken_by: str) -> None:
    with socket.create_server((taken_by, 0)) as taken, pytest.raises(NotListeningError) as refused:
        listening_socket("", taken.getsockname()[1], "BATTERIES_API_PORT").close()
    assert re.match(r"Listening on port \d+ failed: ", str(refused.value))
    assert "in use" in str(refused.value)
    assert "set BATTERIES_API_PORT to a free port" in str(refused.value)


@needs_ipv6
@pytest.mark.parametrize("address", ADDRESSES)
async def test_the_operators_health_answers_by_both(address: str) -> None:
    port = unused_port()
    url = f"http://{address}:{port}/healthz"
    async with serving(Health(), port), aiohttp.ClientSession() as http, http.get(url) as response:
        assert response.status == 200


@pytest.fixture
def metrics() -> Iterator[int]:
    server = serve_metrics(0)
    yield server.server_port
    server.shutdown()
    server.server_close()


@needs_ipv6
@pytest.mark.parametrize("address", ADDRESSES)
def test_the_operators_metrics_answer_by_both(metrics: int, address: str) -> None:
    with urlopen(f"http://{address}:{metrics}/metrics", timeout=5) as response:  # our own
        assert b"batteries_reconcile_total" in response.read()


def test_an_address_that_can_not_be_had_is_named_with_its_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(NotListeningError) as refused:
        listening_socket("127.0.0.1", taken.getsockname()[1], "PORT").close()
    assert re.match(r"Listening on 127\.0\.0\.1, port \d+ failed: ", str(refused.value))
