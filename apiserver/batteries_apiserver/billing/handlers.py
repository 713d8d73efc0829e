"""Sign-up: POST /v1/stripe/setup starts a checkout, GET /v1/stripe/session/{id} fetches the API key after it."""

import re
from datetime import timedelta
from typing import Annotated, NotRequired

from aiohttp import web
from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from batteries_apiserver.auth.customer_checks import shares_card_with_blocked
from batteries_apiserver.auth.rate_limit import RATE_LIMITS
from batteries_apiserver.billing.claim_secret import HEADER, new_claim_secret
from batteries_apiserver.billing.context import BILLING
from batteries_apiserver.billing.cost import Cost
from batteries_apiserver.billing.key_claim import already_fetched, claim, is_claimed, key_owner, unknown
from batteries_apiserver.customers.notification_writer import NOTIFICATIONS
from batteries_apiserver.http.body import Body, read_body
from batteries_apiserver.http.errors import Forbidden, Unavailable
from batteries_apiserver.http.headers import SHOWN_ONCE
from batteries_apiserver.http.responses import json_response
from batteries_apiserver.http.time_limit import lift_time_limit
from batteries_apiserver.runtime.metrics import SESSIONS
from batteries_crds.email import SENTENCE, is_email
from batteries_crds.names import MAX_OWNER_LENGTH
from batteries_crds.notification import NotificationKind

SESSION_ID = re.compile(r"cs_[A-Za-z0-9_]{8,250}")


def _email(text: str) -> str:
    text = text.strip(" ")
    if len(text) > MAX_OWNER_LENGTH:
        # Checked before anybody pays: no Customer could be created with it, so its key could never be fetched.
        raise ValueError(
            f"The field email may have at most {MAX_OWNER_LENGTH} characters: use a shorter e-mail address, such as "
            "team@example.com."
        )
    if not is_email(text):
        raise ValueError(f"The field email {SENTENCE}")
    return text


class Setup(Body):
    """POST /stripe/setup."""

    email: Annotated[
        str,
        AfterValidator(_email),
        Field(description="The owner's e-mail address.", json_schema_extra={"format": "email"}),
    ]
    claim: Annotated[
        bool,
        Field(
            description="true: the response has a `claimSecret`, and only a request with it gets the API key. "
            "Otherwise anybody who has the checkout's URL can fetch the key."
        ),
    ] = False


class SetupStarted(TypedDict):
    """The response to POST /stripe/setup."""

    sessionId: Annotated[str, Field(description="Fetches the API key once the checkout is complete. Keep it secret.")]
    url: Annotated[str, Field(json_schema_extra={"format": "uri"}, description="Stripe's page; open it in a browser.")]
    cost: Cost
    claimSecret: NotRequired[
        Annotated[
            str,
            Field(
                description="Send it in the header `Claim-Secret` when you fetch the API key. Keep it; only this "
                "response shows it."
            ),
        ]
    ]


class KeyRetrieved(TypedDict):
    """The response to GET /stripe/session/{id}."""

    customerId: Annotated[str, Field(json_schema_extra={"format": "uuid"}, description="Your customer id.")]
    email: Annotated[str, Field(description="The e-mail address given at the checkout.")]
    apiKey: Annotated[str, Field(description="The API key. Only this response shows it.")]
    message: Annotated[str, Field(description="What to do with the key, as a sentence.")]


async def setup(request: web.Request) -> web.Response:
    """POST /v1/stripe/setup: starts a checkout. Nothing is stored before it is completed."""
    wanted = await read_body(request, Setup)
    billing = request.app[BILLING]
    gateway = billing.stripe
    request.app[RATE_LIMITS].take_sign_up(request)
    secret = new_claim_secret() if wanted.claim else None
    session = await gateway.new_session(
        wanted.email,
        success_url=billing.settings.success_url if secret is None else billing.settings.claimed_success_url,
        cancel_url=billing.settings.cancel_url,
        claim_digest=None if secret is None else secret.digest,
    )
    SESSIONS.labels("opened").inc()
    started: SetupStarted = {"sessionId": session.session_id, "url": session.url, "cost": await gateway.cost()}
    if secret is not None:
        started["claimSecret"] = secret.raw
    return json_response(started, headers=SHOWN_ONCE)


async def retrieve_key(request: web.Request) -> web.Response:
    """GET /v1/stripe/session/{id}: the API key of a completed checkout, once."""
    billing, session_id = request.app[BILLING], request.match_info["id"]
    within = timedelta(seconds=billing.settings.key_retrieval_seconds)
    if not SESSION_ID.fullmatch(session_id):
        raise unknown()
    if is_claimed(billing.kube, session_id):
        raise already_fetched()
    gateway = billing.stripe
    request.app[RATE_LIMITS].take_session(request)
    secret = request.headers.get(HEADER.name)
    found = await key_owner(billing.kube, gateway, session_id, secret, within=within)
    if shares_card_with_blocked(billing.kube, found.customer):
        raise Forbidden("sign_up_refused", "This sign-up can't be completed. Ask support.")
    _refuse_if_disconnected(request)
    # If a timeout cancelled the claim midway, the key would be lost. The claim has timeouts of its own.
    lift_time_limit(request)
    claimed = await claim(billing.kube, session_id, found.customer)
    if claimed is None:
        raise already_fetched()
    SESSIONS.labels("fetched").inc()
    owner = claimed.customer.metadata.name
    await request.app[NOTIFICATIONS].ask_to_confirm(claimed.customer)
    await request.app[NOTIFICATIONS].notify(
        NotificationKind.KEY_HANDED_OVER, owner, claimed.key_name, to=found.payer, key_prefix=claimed.key_prefix
    )
    retrieved: KeyRetrieved = {
        "customerId": claimed.customer.metadata.name,
        "email": claimed.customer.spec.email,
        "apiKey": claimed.raw_key,
        "message": "Keep this API key safe: it can't be shown again. Send it as 'Authorization: Bearer <key>'.",
    }
    return json_response(retrieved, headers=SHOWN_ONCE)


def _refuse_if_disconnected(request: web.Request) -> None:
    """Leaves the key for the next request if the client has disconnected and would not get it."""
    if request.transport is None or request.transport.is_closing():
        raise Unavailable("unavailable", "The connection was closed before the key was sent. Send the request again.")
