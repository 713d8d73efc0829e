"""Whose request it is, as far as the network tells.

Anyone can write X-Forwarded-For, so it counts only as far as proxies of ours have written it: each appends the
address that it saw, so with n proxies the n-th entry from the right is the client, and what stands left of it is
whatever the client made up.
"""

from ipaddress import IPv6Address, ip_address

from aiohttp import web

_UNKNOWN = "unknown"


def client_address(request: web.Request, trusted_proxies: int) -> str:
    """The client's address; of IPv6 the /64, which is what one customer of a provider has to choose from."""
    peer = request.remote or _UNKNOWN
    entries = [entry.strip() for line in request.headers.getall("X-Forwarded-For", []) for entry in line.split(",")]
    if trusted_proxies == 0 or len(entries) < trusted_proxies:
        return _network(peer) or _UNKNOWN
    return _network(entries[-trusted_proxies]) or _network(peer) or _UNKNOWN


def _network(text: str) -> str | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return f"{IPv6Address(int(address) >> 64 << 64)}/64"
