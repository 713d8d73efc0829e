"""The routes of /v1/keys."""

from uuid import UUID

from batteries_apiserver.http.idempotency import IDEMPOTENCY_KEY
from batteries_apiserver.http.paging import LINK, PageQuery
from batteries_apiserver.http.route import Access, Parameter, Response, Route, Tag
from batteries_apiserver.keys import handlers, views
from batteries_apiserver.keys.bodies import NewKeyBody

ROUTES = (
    Route(
        method="GET",
        path="/v1/keys",
        handler=handlers.list_own,
        access=Access.KEY,
        tag=Tag.KEYS,
        summary="List your API keys",
        details="Oldest first. Revoked and expired keys stay in the list for 90 days. Only hashes of keys are "
        "stored, so this shows their prefixes.",
        query=PageQuery,
        responses={200: Response("Key list", views.KeyList, headers=(LINK,))},
    ),
    Route(
        method="POST",
        path="/v1/keys",
        handler=handlers.create,
        access=Access.KEY,
        tag=Tag.KEYS,
        summary="Create an API key",
        details="Only this response shows the `key`. Repeating the request with the same Idempotency-Key creates no "
        "second key: the response is 409 with the id of the first. The owner gets a mail about each new key.",
        parameters=(IDEMPOTENCY_KEY,),
        body=NewKeyBody,
        responses={201: Response("Key created", views.KeyCreated)},
        errors=(
            "invalid_idempotency_key",
            "key_already_made",
            "key_limit_reached",
            "customer_gone",
        ),
    ),
    Route(
        method="DELETE",
        path="/v1/keys/{id}",
        handler=handlers.revoke,
        access=Access.KEY,
        tag=Tag.KEYS,
        summary="Revoke an API key",
        details="It stops working within a second. Repeating is harmless. "
        "Your last working key with the scope full can't be revoked: create another first. The owner gets a mail.",
        parameters=(Parameter(name="id", where="path", type=UUID, description="The key's id."),),
        responses={204: Response("Key revoked")},
        unpaid_may=True,
        errors=("invalid_key_id", "key_not_found", "last_key", "busy"),
    ),
)
