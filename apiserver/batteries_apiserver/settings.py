"""The API server's settings, all from environment variables.

Ours begin with BATTERIES_; Stripe's have the names that Stripe's own documentation gives them. The table in the
documentation is generated from these fields.
"""

from typing import Annotated, Literal, Self

from aiohttp import web
from pydantic import AfterValidator, AliasChoices, Field, HttpUrl, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from batteries_apiserver.runtime.stripe_credentials import check_secret_key, check_webhook_secret
from batteries_crds.breaker import DEFAULT_CUSTOMERS, DEFAULT_PERCENT
from batteries_crds.runtime.environment import FromEnvironment

SESSION_PLACEHOLDER = "{CHECKOUT_SESSION_ID}"
"""What Stripe replaces by the session's id when it sends a browser back."""


def _base(url: HttpUrl) -> HttpUrl:
    if url.query is not None or url.fragment is not None:
        raise ValueError("It is put before paths, so it can have a path of its own, and no ? and no #.")
    return url


_Port = Annotated[int, Field(ge=0, le=65535)]


class Settings(FromEnvironment):
    """What an installation decides."""

    model_config = SettingsConfigDict(env_prefix="BATTERIES_", extra="ignore", frozen=True)

    kubeconfig: Annotated[str | None, Field(description="Kubeconfig file; unset inside a cluster.")] = None
    namespace: Annotated[
        str, Field(min_length=1, max_length=63, description="The namespace that holds the custom resources.")
    ] = "default"
    namespaces: Annotated[
        str,
        Field(
            description="Namespaces whose accounts administrators see, separated by commas. Empty: all of "
            "them. Customers see only accounts of BATTERIES_NAMESPACE. Give the operator and the "
            "API server the same."
        ),
    ] = ""
    trust_policy_limit: Annotated[
        int,
        Field(
            ge=512,
            le=8192,
            description="The largest size of a role's trust policy, in characters. Longer lists of "
            "repositories are refused at once. Give the operator and the API server the same.",
        ),
    ] = 2048
    api_host: Annotated[
        str, Field(description="The address to listen on. Empty, 0.0.0.0 or ::: all IPv6 and IPv4 addresses.")
    ] = ""
    api_port: Annotated[_Port, Field(description="The port of the API. 0: any free port.")] = 8080
    api_metrics_port: Annotated[
        _Port, Field(description="The port of Prometheus' /metrics. It is separate so that metrics are not published.")
    ] = 9090
    public_url: Annotated[
        HttpUrl,
        AfterValidator(_base),
        Field(description="The URL at which customers reach the API. Stripe sends their browsers back to it."),
    ] = HttpUrl("http://localhost:8080")
    checkout_success_url: Annotated[
        HttpUrl | None,
        Field(
            description="The page to which Stripe sends a browser after checkout; {CHECKOUT_SESSION_ID} "
            "stands for the session's id. The page must not fetch the key, only show how to. "
            "Unset: /checkout/complete under BATTERIES_PUBLIC_URL."
        ),
    ] = None
    checkout_cancel_url: Annotated[
        HttpUrl | None,
        Field(
            description="The page to which Stripe sends a browser when checkout is cancelled. Unset: "
            "/checkout/cancelled under BATTERIES_PUBLIC_URL."
        ),
    ] = None
    key_retrieval_seconds: Annotated[
        int, Field(ge=60, le=86_400, description="How long after checkout the API key can be fetched, in seconds.")
    ] = 3600
    api_body_limit: Annotated[
        int, Field(ge=65_536, description="The largest request body, in bytes; Stripe's webhooks need 512 KiB.")
    ] = 524_288
    api_request_seconds: Annotated[
        float, Field(gt=0, description="How long a request may take before the answer is 503, in seconds.")
    ] = 30.0
    api_idle_seconds: Annotated[
        float,
        Field(
            gt=0,
            description="How long a connection may wait for the complete headers of its next request, in "
            "seconds. It must be more than a load balancer in front keeps idle connections.",
        ),
    ] = 75.0
    api_wait_seconds: Annotated[
        float,
        Field(
            ge=0,
            description="The longest time that 'Prefer: wait=N' can delay an answer, in seconds. At most four "
            "fifths of BATTERIES_API_REQUEST_SECONDS.",
        ),
    ] = 20.0
    api_streams_per_customer: Annotated[
        int,
        Field(
            ge=1,
            validation_alias=AliasChoices(
                "BATTERIES_API_STREAMS_PER_CUSTOMER",
                "BATTERIES_API_STREAMS_PER_KEY",  # its name when each key had a count of its own
                "api_streams_per_customer",
            ),
            description="How many event streams one customer may have open at the same time on each replica, "
            "over all of their keys.",
        ),
    ] = 10
    api_heartbeat_seconds: Annotated[
        float,
        Field(gt=0, description="How often an idle event stream sends a comment, so that proxies don't close it."),
    ] = 15.0
    api_key_limit: Annotated[
        int,
        Field(ge=1, description="How many API keys a customer may have. Keys revoked within the last day count too."),
    ] = 100
    admin_key_secret: Annotated[
        str,
        Field(
            max_length=253,
            description="The Secret that the first start creates for the first administrator's key (field "
            "key). Empty: none is created.",
        ),
    ] = "batteries-admin-key"  # noqa: S105  # a name
    api_cache_stale_seconds: Annotated[
        int,
        Field(
            ge=3,
            description="How long a watch may receive nothing before the replica is unready, in seconds. "
            "Watches are renewed three times as often.",
        ),
    ] = 60
    api_shutdown_seconds: Annotated[
        float, Field(ge=0, description="How long requests in progress may take after SIGTERM, in seconds.")
    ] = 10.0
    api_last_used_seconds: Annotated[
        float, Field(gt=0, description="How often the last use of keys is written to Kubernetes, in seconds.")
    ] = 10.0
    trusted_proxies: Annotated[
        int,
        Field(
            ge=0,
            le=10,
            description="How many of your proxies, such as an ingress, are in front of this server; the "
            "client's address is then read from X-Forwarded-For. 0: that header is ignored, and "
            "callers behind one proxy share a rate limit. The chart sets 1 with its Ingress or "
            "HTTPRoute.",
        ),
    ] = 0
    rate_limit_sign_up: Annotated[
        int,
        Field(
            ge=0,
            description="How many sign-ups one address may start in a minute, and how often it may ask for "
            "their keys. Only requests that reach Stripe count. 0: no limit.",
        ),
    ] = 120
    rate_limit_anonymous: Annotated[
        int, Field(ge=0, description="How many other requests without a good key one address may send in a minute.")
    ] = 1800
    rate_limit_key: Annotated[
        int,
        Field(
            ge=0,
            description="How many requests one customer, over all of their keys, or one administrator's key "
            "may send in a minute. 0: no limit.",
        ),
    ] = 6000
    log_format: Annotated[Literal["json", "console"], Field(description="json for machines, console for people.")] = (
        "json"
    )
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], Field(description="The lowest level that is logged.")
    ] = "INFO"
    stripe_secret_key: Annotated[
        SecretStr | None,
        Field(
            validation_alias=AliasChoices("STRIPE_SECRET_KEY", "stripe_secret_key"),
            description="Stripe's secret API key (sk_…). Unset: the /stripe paths answer 503.",
        ),
    ] = None
    stripe_webhook_secret: Annotated[
        SecretStr | None,
        Field(
            validation_alias=AliasChoices("STRIPE_WEBHOOK_SECRET", "stripe_webhook_secret"),
            description="The signing secret of the webhook endpoint (whsec_…). Unset: /stripe/callback answers 503.",
        ),
    ] = None
    stripe_secret_key_file: Annotated[
        str | None,
        Field(
            validation_alias=AliasChoices("STRIPE_SECRET_KEY_FILE", "stripe_secret_key_file"),
            description="A file with the key, instead of STRIPE_SECRET_KEY. It is read only at the start: "
            "restart after a rotation.",
        ),
    ] = None
    stripe_webhook_secret_file: Annotated[
        str | None,
        Field(
            validation_alias=AliasChoices("STRIPE_WEBHOOK_SECRET_FILE", "stripe_webhook_secret_file"),
            description="A file with the secret, instead of STRIPE_WEBHOOK_SECRET. It is read only at the "
            "start: restart after a rotation.",
        ),
    ] = None
    installation: Annotated[
        str,
        Field(
            pattern="^[A-Za-z0-9._-]*$",
            max_length=63,
            description="The mark of this installation's checkouts at Stripe. It must differ between "
            "installations on one Stripe account. Empty: the uid of BATTERIES_NAMESPACE.",
        ),
    ] = ""
    breaker_percent: Annotated[
        float,
        Field(
            gt=0,
            le=100,
            description="If more than this percentage of the customers would lose their payment within a day, "
            "and more than BATTERIES_BREAKER_CUSTOMERS customers, none of them does until a "
            "person has looked. 100: no limit. Give the operator and the API server the same.",
        ),
    ] = DEFAULT_PERCENT
    breaker_customers: Annotated[
        int, Field(ge=0, description="This number of customers is always allowed; see BATTERIES_BREAKER_PERCENT.")
    ] = DEFAULT_CUSTOMERS
    stripe_test_mode: Annotated[
        bool,
        Field(
            description="true: accept only test-mode keys (sk_test_…, rk_test_…); Stripe's test cards then "
            "get real AWS accounts. false: accept only live keys."
        ),
    ] = False
    stripe_price_id: Annotated[
        str | None,
        Field(
            validation_alias=AliasChoices("STRIPE_PRICE_ID", "stripe_price_id"),
            pattern="^price_[A-Za-z0-9_]+$",
            max_length=255,
            description="The recurring price (price_…) that a sign-up subscribes to. Unset: a sign-up saves a card and "
            "charges nothing.",
        ),
    ] = None
    suspend_unpaid_seconds: Annotated[
        float,
        Field(
            ge=0,
            description="How long a customer without a valid payment method may still change existing "
            "accounts and keys, before the operator suspends the accounts. 0: for ever. Give the "
            "operator and the API server the same.",
        ),
    ] = 604_800
    stripe_recheck_seconds: Annotated[
        float,
        Field(
            gt=0,
            description="How often Stripe is asked about each customer's payment, in seconds. Webhooks report "
            "changes sooner.",
        ),
    ] = 3600.0
    stripe_api_base: Annotated[
        HttpUrl | None,
        Field(
            validation_alias=AliasChoices("STRIPE_API_BASE", "stripe_api_base"),
            description="The URL of a stand-in for Stripe's API, for tests and the sandbox. Unset: Stripe.",
        ),
    ] = None

    @model_validator(mode="after")
    def _stripe_credentials(self) -> Self:
        """Refuses wrong ones at the start, and not at the first sign-up."""
        if self.stripe_secret_key is not None:
            check_secret_key(self.stripe_secret_key.get_secret_value(), test_mode=self.stripe_test_mode)
        if self.stripe_webhook_secret is not None:
            check_webhook_secret(self.stripe_webhook_secret.get_secret_value())
        return self

    @property
    def longest_wait(self) -> float:
        """The longest wait of a request, with time left to answer within the request's own limit."""
        return min(self.api_wait_seconds, 0.8 * self.api_request_seconds)

    @property
    def watched_namespaces(self) -> list[str | None]:
        """The namespaces to watch for accounts, our own always among them; None stands for all."""
        named = [name.strip() for name in self.namespaces.split(",") if name.strip()]
        return list(dict.fromkeys([self.namespace, *named])) if named else [None]

    @property
    def success_url(self) -> str:
        """Where a browser goes after checkout; Stripe fills in the session's id."""
        if self.checkout_success_url is None:
            return self.url_of(f"/checkout/complete?session_id={SESSION_PLACEHOLDER}")
        # pydantic's URL percent-encodes braces, and Stripe would not know its placeholder again.
        return str(self.checkout_success_url).replace("%7B", "{").replace("%7D", "}")

    @property
    def cancel_url(self) -> str:
        """Where a browser goes that gave up."""
        return str(self.checkout_cancel_url or self.url_of("/checkout/cancelled"))

    @property
    def public_base(self) -> str:
        """Where customers reach the API, ready to have a path put behind it."""
        return str(self.public_url).rstrip("/")

    def url_of(self, path: str) -> str:
        """Where customers find this path of ours, whole."""
        return self.public_base + path

    def reference_to(self, path: str) -> str:
        """The same for Location and Link: without the host, by which callers may have come another way."""
        return (self.public_url.path or "").rstrip("/") + path


SETTINGS = web.AppKey("settings", Settings)
