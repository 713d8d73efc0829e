"""The route of one account's events."""

from batteries_apiserver.accounts.routes import ID
from batteries_apiserver.events import handlers
from batteries_apiserver.events.views import EventList
from batteries_apiserver.route import Access, Answer, Parameter, Route, Tag

ROUTES = (
    Route(
        method="GET",
        path="/v1/accounts/{id}/events",
        handler=handlers.follow,
        access=Access.KEY,
        tag=Tag.ACCOUNTS,
        summary="List or follow an account's events",
        details="Newest last. With `Accept: text/event-stream` the connection stays open: the events so far are sent "
        "first, then each new one as it happens (`event: provisioning`).",
        parameters=(
            ID,
            Parameter(
                name=handlers.LAST_EVENT_ID,
                where="header",
                description="The id of the last event that you received; only later events are sent.",
            ),
        ),
        answers={200: Answer("Event list", EventList, media_types=(handlers.EVENT_STREAM,))},
        errors=("account_not_found", "too_many_streams"),
    ),
)
