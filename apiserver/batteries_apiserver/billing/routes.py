"""The routes of sign-up: starting a checkout, fetching the key, Stripe's webhooks, and the pages after checkout."""

from batteries_apiserver.billing import checkout_pages, handlers, portal, webhook
from batteries_apiserver.billing.claim_secret import HEADER
from batteries_apiserver.http.error_codes import OF_ANY_BODY
from batteries_apiserver.http.route import Access, Parameter, Response, Route, Tag

ROUTES = (
    Route(
        method="POST",
        path="/v1/stripe/setup",
        handler=handlers.setup,
        access=Access.ANYONE,
        tag=Tag.BILLING,
        summary="Start a sign-up",
        details="Open the `url` from the response in a browser and complete the checkout there. Nothing is stored "
        "until then. With `claim` the response has a `claimSecret`, without which nobody can fetch the key.",
        body=handlers.Setup,
        responses={200: Response("Checkout session created", handlers.SetupStarted)},
        errors=("invalid_email", "billing_not_configured", "stripe_unavailable"),
    ),
    Route(
        method="GET",
        path="/v1/stripe/session/{id}",
        handler=handlers.retrieve_key,
        access=Access.ANYONE,
        tag=Tag.BILLING,
        summary="Fetch the API key of a completed sign-up, once",
        details="`code` says why there is no key: not completed yet (try again after `Retry-After`), expired, too old, "
        "fetched already, or unknown.",
        parameters=(
            Parameter(name="id", where="path", description="The sessionId from POST /stripe/setup."),
            HEADER,
        ),
        responses={200: Response("API key retrieved", handlers.KeyRetrieved)},
        errors=(
            "session_not_found",
            "session_not_completed",
            "session_expired",
            "session_too_old",
            "key_already_fetched",
            "claim_secret_required",
            "claim_secret_wrong",
            "sign_up_refused",
            "customer_name_taken",
            "invalid_email",
            "busy",
            "billing_not_configured",
            "stripe_unavailable",
        ),
        head=False,
    ),
    Route(
        method="POST",
        path="/v1/stripe/callback",
        handler=webhook.receive,
        access=Access.ANYONE,
        tag=Tag.BILLING,
        summary="Receive an event from Stripe",
        details="Only Stripe calls this: the body is an event, and the `Stripe-Signature` header proves that Stripe "
        "sent it.",
        responses={200: Response("Event processed", webhook.Received)},
        errors=(
            "invalid_signature",
            *OF_ANY_BODY,
            "customer_name_taken",
            "invalid_email",
            "busy",
            "billing_not_configured",
            "stripe_unavailable",
        ),
        written_by_stripe=True,
    ),
    Route(
        method="POST",
        path="/v1/stripe/portal",
        handler=portal.portal,
        access=Access.KEY,
        tag=Tag.BILLING,
        summary="Open Stripe's page to change your card or to cancel",
        details="Open the `url` from the response in a browser within five minutes. There you add and remove cards, "
        "see invoices, cancel the subscription and take that back. If your subscription has ended, `subscribeUrl` "
        "starts another one for the same accounts. It works without a valid payment method too, and while you are "
        "blocked. "
        "What follows a cancellation, and when, is in `payment` of `GET /v1/customer`.",
        responses={200: Response("Where to go", portal.Portal)},
        blocked_may=True,
        errors=("no_stripe_customer", "portal_not_configured", "billing_not_configured", "stripe_unavailable"),
    ),
    Route(
        method="GET",
        path="/checkout/returned",
        handler=checkout_pages.returned,
        access=Access.ANYONE,
        tag=Tag.PAGES,
        summary="Page to which Stripe's customer portal leads back",
        responses={200: Response("A page that says what happens next", media_types=("text/html",))},
    ),
    Route(
        method="GET",
        path="/checkout/complete",
        handler=checkout_pages.complete,
        access=Access.ANYONE,
        tag=Tag.PAGES,
        summary="Page shown after checkout",
        details="Loading the page changes nothing; a button on it fetches the key.",
        responses={200: Response("A page with a button that shows the key", media_types=("text/html",))},
    ),
    Route(
        method="GET",
        path="/checkout/done",
        handler=checkout_pages.done,
        access=Access.ANYONE,
        tag=Tag.PAGES,
        summary="Page shown after the checkout of a sign-up with a claim secret",
        responses={200: Response("A page that says who gets the key", media_types=("text/html",))},
    ),
    Route(
        method="GET",
        path="/checkout/cancelled",
        handler=checkout_pages.cancelled,
        access=Access.ANYONE,
        tag=Tag.PAGES,
        summary="Page shown after checkout is cancelled",
        responses={200: Response("A page that says how to start again", media_types=("text/html",))},
    ),
    *(
        Route(
            method="GET",
            path=f"/checkout/{name}",
            handler=checkout_pages.asset,
            access=Access.ANYONE,
            tag=Tag.PAGES,
            summary=f"File of the checkout pages: {name}",
            responses={200: Response("The file", media_types=(media_type,))},
        )
        for name, media_type in checkout_pages.ASSETS
    ),
)
