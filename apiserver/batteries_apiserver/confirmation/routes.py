"""The routes by which a customer's e-mail address is confirmed."""

from batteries_apiserver.confirmation import handlers, page
from batteries_apiserver.route import Access, Answer, Route, Tag

ROUTES = (
    Route(
        method="POST",
        path="/v1/customer/confirmation",
        handler=handlers.ask,
        access=Access.KEY,
        tag=Tag.KEYS,
        summary="Have the mail sent that confirms your e-mail address",
        details="A sign-up sends one by itself. Until the address is confirmed, single sign-on of your accounts leads "
        "to no user that was there before; the console and the deploy role don't need it.",
        answers={202: Answer("The mail is being sent", handlers.MailOrdered)},
        unpaid_may=True,
        errors=("email_confirmed", "too_many_confirmations", "customer_gone", "customer_key_required"),
    ),
    Route(
        method="POST",
        path="/v1/confirm-email",
        handler=handlers.confirm,
        access=Access.ANYONE,
        tag=Tag.KEYS,
        summary="Confirm an e-mail address by the token of a mail's link",
        details="The token works once and for 24 hours, and proves nothing but that its holder reads the mailbox.",
        body=handlers.Proof,
        answers={200: Answer("The address is confirmed", handlers.Confirmed)},
        errors=("confirmation_not_found", "busy"),
    ),
    Route(
        method="GET",
        path="/confirm-email",
        handler=page.show,
        access=Access.ANYONE,
        tag=Tag.PAGES,
        summary="Where the link of the mail leads",
        details="Loading it changes nothing: a button on it confirms the address.",
        answers={200: Answer("The page with the button", media_types=("text/html",))},
    ),
    Route(
        method="GET",
        path="/confirm-email.js",
        handler=page.script,
        access=Access.ANYONE,
        tag=Tag.PAGES,
        summary="What that page loads",
        answers={200: Answer("The file", media_types=("text/javascript",))},
    ),
)
