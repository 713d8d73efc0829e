"""What the handlers of tokens work with."""

from dataclasses import dataclass

from aiohttp import web

from batteries_apiserver.kube.clients import Kube
from batteries_apiserver.kube.object_events import ObjectEvents
from batteries_apiserver.settings import Settings
from batteries_apiserver.tokens.issued_events import IssuedEvents
from batteries_apiserver.tokens.key_store import KeyStore
from batteries_apiserver.tokens.rotation import KeySecret, Rotation
from batteries_crds.agent_access import Issuer, IssuerUnusableError, issuer


@dataclass(frozen=True, slots=True)
class Tokens:
    """The issuer; None, and why, if there are no tokens by the settings."""

    issuer: Issuer | None
    why_off: str
    keys: KeyStore
    events: IssuedEvents

    @property
    def off(self) -> str | None:
        """Why there are no tokens, as a sentence; None if there are."""
        return self.why_off if self.issuer is None else self.keys.foreign


def tokens_of(settings: Settings, kube: Kube) -> Tokens:
    """The tokens of an application."""
    secret = KeySecret(kube.secrets, kube.namespace, settings.issuer_keys_secret, Rotation.of(settings))
    store, events = KeyStore(secret, stale_after=kube.stale_after), IssuedEvents(ObjectEvents(kube.rest))
    if not settings.issuer_keys_secret:
        return Tokens(None, "Tokens for AWS are off: BATTERIES_ISSUER_KEYS_SECRET is empty.", store, events)
    try:
        return Tokens(issuer(settings.issuer_url, settings.public_base), "", store, events)
    except IssuerUnusableError as error:
        return Tokens(None, str(error), store, events)


TOKENS = web.AppKey("tokens", Tokens)
