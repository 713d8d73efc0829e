"""Requests the mail with the link, and accepts the link's token. The token proves only that somebody reads the mailbox.

Mail scanners open links and browsers prefetch pages, so opening the link changes nothing; only the page's button does.
The token is in the URL's fragment (after the #), so it reaches no log. Only its hash is stored, in the Notification
whose name is the first part of the token.
"""

import hashlib
import hmac
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Literal

import structlog
from aiohttp import web
from kubernetes.aio.client import ApiException
from pydantic import Field
from typing_extensions import TypedDict

from batteries_apiserver.auth.authenticator import Caller
from batteries_apiserver.auth.caller import customer_of
from batteries_apiserver.http.body import Body, read_body
from batteries_apiserver.http.errors import Conflict, NotFound, TooManyRequests, Unavailable
from batteries_apiserver.http.responses import json_response
from batteries_apiserver.kube.clients import KUBE, Kube
from batteries_crds.base import utc_now
from batteries_crds.identity import is_uuid
from batteries_crds.kube.client import CONFLICT, NOT_FOUND, status_of, tolerated
from batteries_crds.notification import CONFIRMATIONS_A_DAY, Notification, NotificationKind, notification

log = structlog.get_logger(__name__)

_ATTEMPTS = 8


class Proof(Body):
    """POST /confirm-email."""

    token: Annotated[str, Field(min_length=1, max_length=200, description="The part of the link after the #.")]


class MailAccepted(TypedDict):
    """The response to POST /customer/confirmation."""

    message: Annotated[str, Field(description="What to do now, as a sentence.")]


class Confirmed(TypedDict):
    """The response to POST /confirm-email."""

    confirmed: Literal[True]
    email: Annotated[str, Field(description="The confirmed address.")]


async def ask(request: web.Request, caller: Caller) -> web.Response:
    """POST /v1/customer/confirmation: another mail with a link, a few times a day; the objects' names count them."""
    kube, name = request.app[KUBE], customer_of(caller)
    customer = await kube.customers.find(kube.namespace, name)
    if customer is None:
        raise Conflict("customer_gone", "Your customer was deleted. To sign up again: POST /v1/stripe/setup.")
    if customer.is_confirmed:
        raise Conflict("email_confirmed", "Your e-mail address is confirmed already; there is nothing to do.")
    now = utc_now()
    for number in range(CONFIRMATIONS_A_DAY):
        body = notification(NotificationKind.CONFIRM_EMAIL, name, now.date().isoformat(), str(number))
        with tolerated(CONFLICT):
            await kube.notifications.create(kube.namespace, body)
            response: MailAccepted = {
                "message": f"We are sending a mail to {customer.spec.email}. Open its link and press the button."
            }
            return json_response(response, status=202)
    midnight = datetime.combine(now.date() + timedelta(days=1), time(), UTC)
    raise TooManyRequests(
        "too_many_confirmations",
        f"You requested {CONFIRMATIONS_A_DAY} of these mails today. Check your mailbox and its spam folder, or try "
        "again tomorrow.",
        retry_after=int((midnight - now).total_seconds()) + 1,
    )


async def confirm(request: web.Request) -> web.Response:
    """POST /v1/confirm-email: confirms the address to which the mail with this token went."""
    token = (await read_body(request, Proof)).token.strip()
    kube = request.app[KUBE]
    found = await _found(kube, token)
    if found is None:
        raise _no_such_link()
    email = await _confirmed(kube, found)
    # Links work once. If the delete fails, the link is refused anyway, because the address is confirmed.
    with tolerated(NOT_FOUND, CONFLICT):
        await kube.notifications.delete(kube.namespace, found.metadata.name, exactly=found.metadata)
    log.info("email_confirmed", customer=found.customer)
    response: Confirmed = {"confirmed": True, "email": email}
    return json_response(response, headers={"Cache-Control": "no-store"})


async def _found(kube: Kube, token: str) -> Notification | None:
    """The Notification whose mail contains this token; None if the token is wrong or too old."""
    name, _, _ = token.partition(".")
    found = await kube.notifications.find(kube.namespace, name) if is_uuid(name) else None
    proof = found.status.confirmation if found is not None else None
    if proof is None:
        return None
    digest = hashlib.sha256(token.encode()).hexdigest()
    return found if hmac.compare_digest(digest, proof.token_hash) and utc_now() < proof.expires_at else None


async def _confirmed(kube: Kube, found: Notification) -> str:
    """Confirms the Customer's address, which must still be the mail's. Of two concurrent requests, one succeeds."""
    name, proof = found.customer or "", found.status.confirmation
    for _ in range(_ATTEMPTS):
        customer = await kube.customers.find(kube.namespace, name)
        if customer is None or proof is None or customer.spec.email.lower() != proof.email.lower():
            raise _no_such_link()
        if customer.is_confirmed:
            raise _no_such_link()
        fence = {"resourceVersion": customer.metadata.resource_version}
        body = {"metadata": fence, "spec": {"confirmedEmail": customer.spec.email}}
        try:
            kube.caches.customers.put(await kube.customers.merge(kube.namespace, name, body))
        except ApiException as error:
            if status_of(error) != CONFLICT:
                raise
        else:
            return customer.spec.email
    raise Unavailable("busy", "Other requests are changing this customer. Send the same request again shortly.")


def _no_such_link() -> NotFound:
    return NotFound(
        "confirmation_not_found",
        "This link is wrong, too old, or was used already. If your address is not confirmed yet, request a new link: "
        "POST /v1/customer/confirmation with your API key.",
    )
