"""What kopf keeps of an object that it has shown to the handlers."""

import kopf


def slim(body: kopf.Body) -> None:
    """Removes from a body what nobody reads any more: kopf keeps each body as long as its object exists.

    Handlers turn such a body only into an `ObjectRef`; an AwsAccount made from it would have wrong values. If work is
    pending, the account is in `account_cache`. Nine tenths of an account's bytes are status and managed fields.
    """
    body["metadata"].pop("managedFields", None)
    for part in ("spec", "status"):
        body.get(part, {}).clear()
