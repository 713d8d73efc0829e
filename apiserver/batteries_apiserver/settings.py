"""The API server's settings, all from environment variables: the server's, Stripe's and those for tokens together.

Ours begin with BATTERIES_; Stripe's have the names that Stripe's own documentation gives them. The table in the
documentation is generated from the fields.
"""

from datetime import timedelta

from aiohttp import web

from batteries_apiserver.runtime.repository_settings import RepositorySettings
from batteries_apiserver.runtime.server_settings import ServerSettings
from batteries_apiserver.runtime.stripe_settings import StripeSettings
from batteries_apiserver.runtime.token_settings import TokenSettings

SESSION_PLACEHOLDER = "{CHECKOUT_SESSION_ID}"
"""Stripe replaces this with the session's id when it sends a browser back."""


class Settings(TokenSettings, StripeSettings, RepositorySettings, ServerSettings):
    """The settings of one installation."""

    @property
    def success_url(self) -> str:
        """Where a browser goes after checkout; Stripe fills in the session's id."""
        if self.checkout_success_url is None:
            return self.url_of(f"/checkout/complete?session_id={SESSION_PLACEHOLDER}")
        # pydantic's URL percent-encodes braces, and Stripe would not recognize its placeholder.
        return str(self.checkout_success_url).replace("%7B", "{").replace("%7D", "}")

    @property
    def claimed_success_url(self) -> str:
        """Where a browser goes after the checkout of a sign-up with a claim secret: its page can fetch no key."""
        return self.success_url if self.checkout_success_url is not None else self.url_of("/checkout/done")

    @property
    def longest_life(self) -> timedelta | None:
        """The longest life of an account that customers may ask for; None: any."""
        return timedelta(seconds=self.max_ttl_seconds) if self.max_ttl_seconds else None

    @property
    def cancel_url(self) -> str:
        """Where a browser goes after checkout is cancelled."""
        return str(self.checkout_cancel_url or self.url_of("/checkout/cancelled"))

    @property
    def portal_return(self) -> str:
        """Where a browser goes from Stripe's customer portal."""
        return str(self.portal_return_url or self.url_of("/checkout/returned"))

    @property
    def public_base(self) -> str:
        """The URL at which customers reach the API, without a trailing slash."""
        return str(self.public_url).rstrip("/")

    def url_of(self, path: str) -> str:
        """The full public URL of a path."""
        return self.public_base + path

    def reference_to(self, path: str) -> str:
        """The path for Location and Link headers: without the host, because callers may use another host."""
        return (self.public_url.path or "").rstrip("/") + path


SETTINGS = web.AppKey("settings", Settings)
