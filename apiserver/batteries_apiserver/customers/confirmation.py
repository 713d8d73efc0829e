"""Asks for the mail with the link, and takes what the link proves. It proves one thing: somebody reads the mailbox.

Scanners of mail open links and browsers load ahead, so the page of the link changes nothing; its button does. The
token stands behind a # and reaches no log. What is stored is its hash, in the Notification whose name it begins with.
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

    token: Annotated[str, Field(min_length=1, max_length=200, description="What stands behind the # of the link.")]


class MailAccepted(TypedDict):
    """The answer to POST /customer/confirmation."""

    message: Annotated[str, Field(description="What to do now, as a sentence.")]


class Confirmed(TypedDict):
    """The answer to POST /confirm-email."""

    confirmed: Literal[True]
    email: Annotated[str, Field(description="The address that is confirmed now.")]


async def ask(request: web.Request, caller: Caller) -> web.Response:
    """POST /v1/customer/confirmation: another mail with a link, a few times a day. The names are the count."""
    kube, name = request.app[KUBE], customer_of(caller)
    customer = await kube.customers.find(kube.namespace, name)
    if customer is None:
        raise Conflict("customer_gone", "Your customer was deleted here. To begin anew: POST /v1/stripe/setup.")
    if customer.is_confirmed:
        raise Conflict("email_confirmed", "Your e-mail address is confirmed already; there is nothing to do.")
    now = utc_now()
    for number in range(CONFIRMATIONS_A_DAY):
        body = notification(NotificationKind.CONFIRM_EMAIL, name, now.date().isoformat(), str(number))
        with tolerated(CONFLICT):
            await kube.notifications.create(kube.namespace, body)
            response: MailAccepted = {
                "message": f"A mail with a link goes to {customer.spec.email}. Open the link and press its button."
            }
            return json_response(response, status=202)
    midnight = datetime.combine(now.date() + timedelta(days=1), time(), UTC)
    raise TooManyRequests(
        "too_many_confirmations",
        f"You asked for {CONFIRMATIONS_A_DAY} of these mails today. Look into your mailbox and its spam folder, or ask "
        "again tomorrow.",
        retry_after=int((midnight - now).total_seconds()) + 1,
    )


async def confirm(request: web.Request) -> web.Response:
    """POST /v1/confirm-email: the address of the mail is confirmed, by the token that only the mail has."""
    token = (await read_body(request, Proof)).token.strip()
    kube = request.app[KUBE]
    found = await _found(kube, token)
    if found is None:
        raise _no_such_link()
    email = await _confirmed(kube, found)
    # The link has done its work; one that stays behind is refused because the address is confirmed.
    with tolerated(NOT_FOUND, CONFLICT):
        await kube.notifications.delete(kube.namespace, found.metadata.name, exactly=found.metadata)
    log.info("email_confirmed", customer=found.spec.customer_ref.name)
    response: Confirmed = {"confirmed": True, "email": email}
    return json_response(response, headers={"Cache-Control": "no-store"})


async def _found(kube: Kube, token: str) -> Notification | None:
    """The Notification whose mail has this token; None where the token is wrong or too old."""
    name, _, _ = token.partition(".")
    found = await kube.notifications.find(kube.namespace, name) if is_uuid(name) else None
    proof = found.status.confirmation if found is not None else None
    if proof is None:
        return None
    digest = hashlib.sha256(token.encode()).hexdigest()
    return found if hmac.compare_digest(digest, proof.token_hash) and utc_now() < proof.expires_at else None


async def _confirmed(kube: Kube, found: Notification) -> str:
    """Writes it on the Customer, whose address must still be that of the mail; of two at once, one succeeds."""
    name, proof = found.spec.customer_ref.name, found.status.confirmation
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
    raise Unavailable("busy", "This customer is being changed by others. Send the same request again shortly.")


def _no_such_link() -> NotFound:
    return NotFound(
        "confirmation_not_found",
        "This link is not right, is too old, or was used already. If your address is not confirmed yet, ask for a new "
        "link: POST /v1/customer/confirmation with your API key.",
    )
