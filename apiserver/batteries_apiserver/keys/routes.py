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
        details="Oldest first. Revoked and expired ones stay in the list for 90 days. The keys themselves are stored "
        "nowhere.",
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
        summary="Make another API key",
        details="The `key` is shown in this answer and never again. A repeat under the same Idempotency-Key makes no "
        "second key and answers 409 with the id of the first. The owner is mailed about each key that is made.",
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
        details="It is refused at once by the replica that answers, and within a second by all. Repeating is harmless. "
        "The last working key with the scope full is not revoked: make another first. The owner is mailed.",
        parameters=(Parameter(name="id", where="path", type=UUID, description="The key's id."),),
        answers={204: Answer("Key revoked")},
        unpaid_may=True,
        errors=("invalid_key_id", "key_not_found", "last_key", "busy", "customer_key_required"),
    ),
)
