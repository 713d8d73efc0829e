"""What OpenID Connect issuers publish, as STS knows it: their keys, for a while.

AWS reaches an issuer by its name and TLS. Here a table stands for both: an issuer's origin is either at an address on
the loopback interface, or its keys are registered with the stand-in (a test's GitHub). No other is ever asked.
AWS does not publish how long it keeps an issuer's keys; that it asks again for a key id that it doesn't know is
believed, and follows from issuers that rotate without notice (EKS, GitHub).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from batteries_sandbox.aws.settings import StandinSettings
from batteries_sandbox.aws.wire import AwsError

Jwk = Mapping[str, Any]
# As users of AWS report it, with both spaces (aws/aws-cli issue 7194, awslabs/aws-sdk-rust issue 827).
NO_KEY = (
    "Couldn't retrieve verification key from your identity provider,  "
    "please reference AssumeRoleWithWebIdentity documentation for requirements"
)


class IssuerNeededError(Exception):
    """A call can't be decided before its issuer was asked for its keys."""

    def __init__(self, issuer: str) -> None:
        super().__init__(issuer)
        self.issuer = issuer


@dataclass(frozen=True, slots=True)
class Published:
    """An issuer's keys by their ids, or the code and the text with which STS refuses because there are none."""

    keys: Mapping[str, Jwk] = field(default_factory=dict)
    failure: tuple[str, str] | None = None


class Issuers:
    """The issuers that can be reached, and the keys that STS keeps of them."""

    def __init__(self, settings: StandinSettings, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        self._kept: dict[str, tuple[float, Published]] = {}
        self._registered: dict[str, dict[str, Jwk]] = {}
        self._addresses = dict(_origin_and_address(pair) for pair in settings.issuer_addresses)

    def key(self, issuer: str, kid: str, *, asked: bool) -> Jwk | None:
        """The issuer's key of that id, or None; `asked` is whether the issuer was asked for this very call.

        Raises:
            IssuerNeededError: the issuer must be asked first.
            AwsError: it was asked, and gave no keys.
        """
        if issuer in self._registered:
            return self._registered[issuer].get(kid)
        until, published = self._kept.get(issuer, (0.0, Published()))
        fresh = issuer in self._kept and self._clock() < until
        if not asked and (not fresh or published.failure or kid not in published.keys):
            raise IssuerNeededError(issuer)
        if published.failure:
            raise AwsError(*published.failure)
        return published.keys.get(kid)

    def keep(self, issuer: str, published: Published) -> None:
        """Remembers what the issuer answered just now."""
        self._kept[issuer] = (self._clock() + self._settings.issuer_keys_seconds, published)

    def place(self, url: str, address: str) -> None:
        """Lets an issuer's origin be found at an address on the loopback interface.

        Raises:
            ValueError: the one is no https URL, or the other not on this machine.
        """
        origin, address = _origin_and_address(f"{url}={address}")
        self._addresses[origin] = address
        self._kept = {issuer: kept for issuer, kept in self._kept.items() if _origin(issuer) != origin}

    def register(self, issuer: str, keys: Iterable[Jwk]) -> None:
        """Adds keys to those of an issuer that has no address: a test signs with them.

        Raises:
            ValueError: a key has no id.
        """
        by_id = {str(key.get("kid") or ""): key for key in keys}
        if "" in by_id:
            raise ValueError("Each key must have a 'kid'.")
        self._registered[issuer] = self._registered.get(issuer, {}) | by_id

    def reachable(self, url: str) -> str | None:
        """Where an https URL is to be fetched from; None where this machine has nothing under that name."""
        address = self._addresses.get(_origin(url))
        return None if address is None else address + url.removeprefix(_origin(url))

    def describe(self) -> dict[str, Any]:
        """Every issuer that can be reached, and the ids of its keys."""
        return {
            "addresses": dict(self._addresses),
            "registered": {issuer: sorted(keys) for issuer, keys in self._registered.items()},
            "kept": {issuer: sorted(published.keys) for issuer, (_, published) in self._kept.items()},
        }


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _origin_and_address(pair: str) -> tuple[str, str]:
    """The two halves of `https://issuer.example.com=http://127.0.0.1:8080`.

    Raises:
        ValueError: a half is missing, or is not what it must be.
    """
    url, _, address = pair.partition("=")
    if urlsplit(url).scheme != "https" or not urlsplit(url).hostname:
        raise ValueError(f"'{url}' is no https URL of an issuer.")
    parts = urlsplit(address)
    if parts.scheme != "http" or not _is_loopback(parts.hostname or ""):
        raise ValueError(f"'{address}' is not an http address of this machine, such as http://127.0.0.1:8080.")
    return _origin(url), address.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False  # a name may lead anywhere
