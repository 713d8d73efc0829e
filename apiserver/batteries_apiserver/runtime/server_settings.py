"""The settings of the server itself: the cluster, addresses and URLs, limits, rate limits and logging."""

from typing import Annotated, Literal

from pydantic import AfterValidator, AliasChoices, Field, HttpUrl
from pydantic_settings import SettingsConfigDict

from batteries_crds.runtime.settings import FromEnvironment


def _base(url: HttpUrl) -> HttpUrl:
    if url.query is not None or url.fragment is not None:
        raise ValueError("Paths are appended to it, so it may have a path of its own, but no ? and no #.")
    return url


_Port = Annotated[int, Field(ge=0, le=65535)]


class ServerSettings(FromEnvironment):
    """Settings that don't concern Stripe."""

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
    managed_policy_arn: Annotated[
        str,
        Field(
            max_length=256,
            pattern=r"^[a-zA-Z0-9:/+=,.@_-]+$",
            description="The policy of the IAM user, the deploy role and the permission set, which customers are told. "
            "Give the operator and the API server the same.",
        ),
    ] = "arn:aws:iam::aws:policy/AdministratorAccess"
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
    issuer_url: Annotated[
        str,
        Field(
            max_length=255,
            pattern=r"^(https://[^\s?#]+)?$",
            description="The URL of the issuer of tokens for AWS, where /.well-known of this server is reached from "
            "AWS. Empty: BATTERIES_PUBLIC_URL. Give the operator and the API server the same.",
        ),
    ] = ""
    account_region: Annotated[
        str,
        Field(
            pattern=r"^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$",
            max_length=32,
            description="The AWS region that customers are given for their first calls and deployments. Accounts in "
            "another partition of AWS get that partition's main region.",
        ),
    ] = "us-east-1"
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
    portal_return_url: Annotated[
        HttpUrl | None,
        Field(
            description="The page to which Stripe's customer portal leads back. Unset: /checkout/returned under "
            "BATTERIES_PUBLIC_URL."
        ),
    ] = None
    delete_quarantine_seconds: Annotated[
        float,
        Field(
            ge=0,
            le=31_536_000,
            description="How long an account stays suspended after DELETE /v1/accounts/{id}, before AWS closes it; "
            "until then its owner can take that back. 0: it is closed at once.",
        ),
    ] = 604_800
    max_ttl_seconds: Annotated[
        float,
        Field(
            ge=0,
            le=3_153_600_000,
            description="The longest life of an account that customers request or extend over HTTP, in seconds from "
            "then. An account for which none is asked gets this one. 0: accounts need not end.",
        ),
    ] = 0
    key_retrieval_seconds: Annotated[
        int, Field(ge=60, le=86_400, description="How long after checkout the API key can be fetched, in seconds.")
    ] = 3600
    api_body_limit: Annotated[
        int, Field(ge=65_536, description="The largest request body, in bytes; Stripe's webhooks need 512 KiB.")
    ] = 524_288
    api_request_seconds: Annotated[
        float, Field(gt=0, description="How long a request may take before the response is 503, in seconds.")
    ] = 30.0
    api_idle_seconds: Annotated[
        float,
        Field(
            gt=0,
            description="How long a connection may wait for the complete headers of its next request, in "
            "seconds. It must be longer than a load balancer in front keeps idle connections.",
        ),
    ] = 75.0
    api_wait_seconds: Annotated[
        float,
        Field(
            ge=0,
            description="The longest time that 'Prefer: wait=N' can delay a response, in seconds. At most four "
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
        int, Field(ge=0, description="How many other requests without a valid key one address may send in a minute.")
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

    @property
    def longest_wait(self) -> int:
        """The longest wait of a request in seconds, which leaves time to respond within the request's time limit."""
        return int(min(self.api_wait_seconds, 0.8 * self.api_request_seconds))

    @property
    def watched_namespaces(self) -> list[str | None]:
        """The namespaces to watch for accounts, always including our own; None stands for all."""
        named = [name.strip() for name in self.namespaces.split(",") if name.strip()]
        return list(dict.fromkeys([self.namespace, *named])) if named else [None]
