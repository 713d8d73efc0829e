"""The routes of sign-up: a checkout, the key that it earns, Stripe's webhooks, and where browsers come back to."""

from batteries_apiserver.billing import handlers, landing, webhook
from batteries_apiserver.error_codes import OF_ANY_BODY
from batteries_apiserver.route import Access, Answer, Parameter, Route, Tag

ROUTES = (
    Route(
        method="POST",
        path="/v1/stripe/setup",
        handler=handlers.setup,
        access=Access.ANYONE,
        tag=Tag.BILLING,
        summary="Start a sign-up",
        details="Open the `url` in a browser and save a card there. Nothing is stored until then.",
        body=handlers.Setup,
        answers={200: Answer("Checkout session created", handlers.SetupStarted)},
        errors=("invalid_email", "billing_not_configured", "stripe_unavailable"),
    ),
    Route(
        method="GET",
        path="/v1/stripe/session/{id}",
        handler=handlers.retrieve_key,
        access=Access.ANYONE,
        tag=Tag.BILLING,
        summary="Fetch the API key of a completed sign-up, once",
        parameters=(Parameter(name="id", where="path", description="The sessionId from POST /stripe/setup."),),
        answers={200: Answer("API key retrieved", handlers.KeyRetrieved)},
        errors=(
            "session_not_found",
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
        answers={200: Answer("Event processed", webhook.Received)},
        errors=(
            "invalid_signature",
            *OF_ANY_BODY,
            "customer_name_taken",
            "invalid_email",
            "busy",
            "billing_not_configured",
            "stripe_unavailable",
        ),
    ),
    Route(
        method="GET",
        path="/checkout/complete",
        handler=landing.complete,
        access=Access.ANYONE,
        tag=Tag.PAGES,
        summary="Page shown after checkout",
        details="Loading the page changes nothing; a button on it fetches the key.",
        answers={200: Answer("A page with a button that shows the key", media_types=("text/html",))},
    ),
    Route(
        method="GET",
        path="/checkout/cancelled",
        handler=landing.cancelled,
        access=Access.ANYONE,
        tag=Tag.PAGES,
        summary="Page shown after checkout is cancelled",
        answers={200: Answer("A page that says how to start again", media_types=("text/html",))},
    ),
    *(
        Route(
            method="GET",
            path=f"/checkout/{name}",
            handler=landing.asset,
            access=Access.ANYONE,
            tag=Tag.PAGES,
            summary=f"File of the checkout pages: {name}",
            answers={200: Answer("The file", media_types=(media_type,))},
        )
        for name, media_type in landing.ASSETS
    ),
)
