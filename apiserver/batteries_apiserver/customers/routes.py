"""The routes that confirm a customer's e-mail address."""

from batteries_apiserver.customers import confirmation, confirmation_page, own
from batteries_apiserver.http.route import Access, Response, Route, Tag

ROUTES = (
    Route(
        method="GET",
        path="/v1/customer",
        handler=own.show,
        access=Access.KEY,
        tag=Tag.BILLING,
        summary="Read about yourself: payment, limits, and what follows when you stop paying",
        details="`payment` says whether you can pay and, if you have cancelled or can't, when your accounts are "
        "suspended and closed. Paying again ends all of that.",
        responses={200: Response("Your customer", own.OwnCustomer)},
        errors=("customer_gone",),
    ),
    Route(
        method="POST",
        path="/v1/customer/confirmation",
        handler=confirmation.ask,
        access=Access.KEY,
        tag=Tag.KEYS,
        summary="Request another mail to confirm your e-mail address",
        details="Every sign-up sends this mail already. If Identity Center already has a user with your address, that "
        "user gets single sign-on only once you have confirmed it; the console and the deploy role don't need it.",
        responses={202: Response("The mail will be sent", confirmation.MailAccepted)},
        unpaid_may=True,
        errors=("email_confirmed", "too_many_confirmations", "customer_gone"),
    ),
    Route(
        method="POST",
        path="/v1/confirm-email",
        handler=confirmation.confirm,
        access=Access.ANYONE,
        tag=Tag.KEYS,
        summary="Confirm an e-mail address with the token from the mail",
        details="The token works once, within 24 hours. It proves only that its sender reads the mailbox.",
        body=confirmation.Proof,
        responses={200: Response("The address is confirmed", confirmation.Confirmed)},
        errors=("confirmation_not_found", "busy"),
    ),
    Route(
        method="GET",
        path="/confirm-email",
        handler=confirmation_page.show,
        access=Access.ANYONE,
        tag=Tag.PAGES,
        summary="Page that the mail's link opens",
        details="Loading the page changes nothing; a button on it confirms the address.",
        responses={200: Response("The page with the button", media_types=("text/html",))},
    ),
    Route(
        method="GET",
        path="/confirm-email.js",
        handler=confirmation_page.script,
        access=Access.ANYONE,
        tag=Tag.PAGES,
        summary="Script of the confirmation page",
        responses={200: Response("The file", media_types=("text/javascript",))},
    ),
)
