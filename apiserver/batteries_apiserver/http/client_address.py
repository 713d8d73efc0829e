"""The client's IP address.

Anyone can send X-Forwarded-For, so only the entries that our own proxies wrote count. Each proxy appends the address
that it saw: with n proxies, the n-th entry from the right is the client, and everything to its left may be made up.
Proxies differ in how they write an address: alone, with a port, in brackets, in quotes.
"""

import re
from ipaddress import IPv6Address, IPv6Network, ip_address

from aiohttp import web

_UNKNOWN = "unknown"

_WITH_BRACKETS = re.compile(r"\[([^\[\]]+)\](?::[0-9]{1,5})?")
_WITH_PORT = re.compile(r"([0-9.]+):[0-9]{1,5}")
_NAT64 = IPv6Network("64:ff9b::/96")
"""IPv4 clients of an IPv6-only service (RFC 6052): the last 32 bits are the client's address."""


def client_address(request: web.Request, trusted_proxies: int) -> str:
    """The client's IPv4 address, or its IPv6 /64, because a provider gives each of its customers a whole /64."""
    peer = request.remote or _UNKNOWN
    entries = [entry.strip() for line in request.headers.getall("X-Forwarded-For", []) for entry in line.split(",")]
    if trusted_proxies == 0 or len(entries) < trusted_proxies:
        return _network(peer) or _UNKNOWN
    return _network(entries[-trusted_proxies]) or _network(peer) or _UNKNOWN


def _bare(text: str) -> str:
    """Strips quotes, `for=`, brackets, port and zone from an entry."""
    text = text.strip()
    if text[:4].lower() == "for=":  # the syntax of RFC 7239
        text = text[4:]
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    found = _WITH_BRACKETS.fullmatch(text) or _WITH_PORT.fullmatch(text)
    return (found[1] if found else text).partition("%")[0]


def _network(text: str) -> str | None:
    try:
        address = ip_address(_bare(text))
    except ValueError:
        return None
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    if address in _NAT64:
        return str(ip_address(int(address) & 0xFFFF_FFFF))
    return f"{IPv6Address(int(address) >> 64 << 64)}/64"
