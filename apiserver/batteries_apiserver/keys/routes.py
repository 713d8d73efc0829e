"""The routes of /v1/keys."""

from uuid import UUID

from batteries_apiserver.idempotency import IDEMPOTENCY_KEY
from batteries_apiserver.keys import handlers, views
from batteries_apiserver.keys.bodies import NewKeyBody
from batteries_apiserver.paging import LINK, PageQuery
from batteries_apiserver.route import Access, Answer, Parameter, Route, Tag

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
        answers={200: Answer("Key list", views.KeyList, headers=(LINK,))},
        errors=("customer_key_required",),
    ),
    Route(
        method="POST",
        path="/v1/keys",
        handler=handlers.create,
        access=Access.KEY,
        tag=Tag.KEYS,
        summary="Create an API key",
        details="Only this answer shows the `key`. Repeating the request with the same Idempotency-Key creates no "
        "second key: it answers 409 with the id of the first. The owner gets a mail about each new key.",
        parameters=(IDEMPOTENCY_KEY,),
        body=NewKeyBody,
        answers={201: Answer("Key created", views.KeyCreated)},
        errors=(
            "invalid_idempotency_key",
            "key_already_made",
            "key_limit_reached",
            "customer_gone",
            "customer_key_required",
        ),
    ),
    Route(
        method="DELETE",
        path="/v1/keys/{id}",
        handler=handlers.revoke,
        access=Access.KEY,
        tag=Tag.KEYS,
        summary="Revoke an API key",
        details="The replica that answers refuses the key at once, all others within a second. Repeating is harmless. "
        "Your last working key with the scope full can't be revoked: create another first. The owner gets a mail.",
        parameters=(Parameter(name="id", where="path", type=UUID, description="The key's id."),),
        answers={204: Answer("Key revoked")},
        unpaid_may=True,
        errors=("invalid_key_id", "key_not_found", "last_key", "busy", "customer_key_required"),
    ),
)
