"""The route of one account's events."""

from batteries_apiserver.accounts.routes import ID
from batteries_apiserver.events import handlers
from batteries_apiserver.events.last_event_id import LAST_EVENT_ID
from batteries_apiserver.http.route import Access, Parameter, Response, Route, Tag
from batteries_apiserver.projections.event_views import EventList

ROUTES = (
    Route(
        method="GET",
        path="/v1/accounts/{id}/events",
        handler=handlers.follow,
        access=Access.KEY,
        tag=Tag.ACCOUNTS,
        summary="List or follow an account's events",
        details="Newest last. With `Accept: text/event-stream` the connection stays open: the events so far are sent "
        "first, then each new one as it happens (`event: provisioning`). The last event is `active`, `failed` or "
        "`suspended`, with the account's details as data; then the stream ends. Who reconnects with that event's id "
        "gets 204: nothing more is coming, so don't reconnect. `?follow=true` keeps the stream open for later changes.",
        query=handlers.FollowQuery,
        parameters=(
            ID,
            Parameter(
                name=LAST_EVENT_ID,
                where="header",
                description="The id of the last event that you received; only later events are sent.",
            ),
        ),
        responses={
            200: Response("Event list", EventList, media_types=(handlers.EVENT_STREAM,)),
            204: Response("The stream had ended with the event in Last-Event-ID, and nothing has changed since"),
        },
        errors=("account_not_found", "invalid_last_event_id", "too_many_streams"),
    ),
)
