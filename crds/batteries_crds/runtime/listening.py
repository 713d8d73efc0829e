"""Listening sockets: one socket for every IPv6 and IPv4 address.

A cluster may have IPv4 only, IPv6 only or both, and its probes use whichever it has. asyncio alone would either open
two sockets, on two ports if the port is any free one, or one for IPv6 that refuses IPv4.
"""

import socket

EVERYWHERE = frozenset({"", "*", "0.0.0.0", "::"})
"""The forms in which people write every address."""

_BACKLOG = 128


class NotListeningError(Exception):
    """The port is taken, or the address is none of this machine's; the text says which setting to change."""


def listening_socket(host: str, port: int, setting: str) -> socket.socket:
    """A socket that listens; port 0 is any free one. `setting` is the environment variable that the port is from.

    Raises:
        NotListeningError: it can't listen there.
    """
    try:
        return _listening(host, port)
    except OSError as error:
        where = f"port {port}" if host in EVERYWHERE else f"{host}, port {port}"
        raise NotListeningError(
            f"Listening on {where} failed: {error.strerror or error}. Stop the program that listens there, or set "
            f"{setting} to a free port."
        ) from error


def _listening(host: str, port: int) -> socket.socket:
    if host not in EVERYWHERE:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    if has_ipv6():
        return socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=_BACKLOG)
    return socket.create_server(("0.0.0.0", port), backlog=_BACKLOG)


def has_ipv6() -> bool:
    """Whether this machine has IPv6; a kernel may lack it, or have it disabled."""
    if not socket.has_dualstack_ipv6():
        return False
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::", 0))
    except OSError:
        return False
    return True
