"""Identity Center's users: one for each user name and e-mail, whatever the case.

moto compares exact user names, lets two users share an e-mail, and makes a directory for any id
that is named to it.
"""

from __future__ import annotations

from typing import Any

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.rules import Proceed
from batteries_sandbox.aws.wire import Answer, AwsError, answer
from batteries_sandbox.aws.world import World

# Identity Store API reference, CreateUser, UserName.
_RESERVED = frozenset({"administrator", "awsadministrators"})


def known_store(call: Call, world: World, proceed: Proceed) -> Answer:
    """Refuses a directory that isn't Identity Center's."""
    if call.text("IdentityStoreId") != _store_id(world):
        message = "The identity store was not found."
        raise AwsError("ResourceNotFoundException", message, ResourceType="IDENTITY_STORE")
    return proceed(call)


def create_user(call: Call, world: World, proceed: Proceed) -> Answer:
    """CreateUser; refused where an external identity source provisions users (the code is believed)."""
    if world.settings.identity_source == "external":
        raise AwsError("AccessDeniedException", "Users are managed by the external identity source.")
    if call.text("UserName").lower() in _RESERVED or len(call.text("UserName")) > 128:
        raise AwsError("ValidationException", "The user name is invalid.")
    emails = [str(email.get("Value", "")) for email in call.params.get("Emails") or []]
    taken = [_find(world, "username", call.text("UserName"))]
    taken += [_find(world, "emails.value", email) for email in emails]  # believed unique: GetUserId takes it
    if any(taken):
        reason = "UNIQUENESS_CONSTRAINT_VIOLATION"
        raise AwsError("ConflictException", "Duplicate UserName or Email", Reason=reason)
    return proceed(call)


def get_user_id(call: Call, world: World, proceed: Proceed) -> Answer:
    """GetUserId by userName or emails.value."""
    attribute = (call.params.get("AlternateIdentifier") or {}).get("UniqueAttribute")
    if not attribute:
        return proceed(call)
    path = str(attribute.get("AttributePath", "")).lower()
    if path not in ("username", "emails.value"):
        return proceed(call)
    user = _find(world, path, str(attribute.get("AttributeValue", "")))
    if user is None:
        raise AwsError("ResourceNotFoundException", "USER not found.", ResourceType="USER")
    return answer(call, {"UserId": user.UserId, "IdentityStoreId": _store_id(world)})


def _find(world: World, path: str, value: str) -> Any | None:
    store = world.moto.identity_store().identity_stores.get(_store_id(world))
    for user in store.users.values() if store else ():
        found = [user.UserName] if path == "username" else [e.get("Value", "") for e in user.Emails or []]
        if value.lower() in (text.lower() for text in found):
            return user
    return None


def _store_id(world: World) -> str:
    return world.moto.identity_center().instances[0].identity_store_id
