"""Console passwords: checked against the account's default policy, and never shown again.

moto accepts any password, forgets PasswordResetRequired on creation, and erases the password on an update that doesn't
name one; so both operations are handled here, on moto's user.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.rules import Proceed
from batteries_sandbox.aws.wire import Answer, AwsError, answer
from batteries_sandbox.aws.world import World

# IAM user guide, "Default password policy": 8 characters of at least three of four kinds.
_SHORTEST, _LONGEST = 8, 128
_KINDS = (re.compile(r"[A-Z]"), re.compile(r"[a-z]"), re.compile(r"[0-9]"), re.compile(r"[^A-Za-z0-9]"))


def create(call: Call, world: World, proceed: Proceed) -> Answer:
    """CreateLoginProfile."""
    user = _user(call, world)
    if user.password:
        message = f"Login Profile for user {user.name} already exists."
        raise AwsError("EntityAlreadyExists", message, status=409)
    _check_password(call.text("Password"), user.name)
    user.password = call.text("Password")
    user.password_reset_required = call.text("PasswordResetRequired") == "true"
    profile = {
        "UserName": user.name,
        "CreateDate": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "PasswordResetRequired": user.password_reset_required,
    }
    return answer(call, {"LoginProfile": profile})


def update(call: Call, world: World, proceed: Proceed) -> Answer:
    """UpdateLoginProfile: changes what is named and nothing else."""
    user = _user(call, world)
    if not user.password:
        raise AwsError("NoSuchEntity", f"Login Profile for User {user.name} cannot be found.", status=404)
    if "Password" in call.params:
        _check_password(call.text("Password"), user.name)
        user.password = call.text("Password")
    if "PasswordResetRequired" in call.params:
        user.password_reset_required = call.text("PasswordResetRequired") == "true"
    return answer(call)


def sign_in(world: World, account_id: str, user_name: str, password: str) -> dict[str, bool] | None:
    """The console's reaction to a user name and a password; None is a refusal.

    Service control policies don't refuse the sign-in: they deny what is done afterwards.
    """
    account = world.account(account_id)
    if account is None or account.state != "ACTIVE":
        return None
    user = world.moto.iam(account_id).users.get(user_name)
    if user is None or not user.password or user.password != password:
        return None
    return {"passwordResetRequired": bool(user.password_reset_required)}


def _user(call: Call, world: World) -> Any:
    name = call.text("UserName")
    user = world.moto.iam(call.account_id).users.get(name)
    if user is None:
        raise AwsError("NoSuchEntity", f"The user with name {name} cannot be found.", status=404)
    return user


def _check_password(password: str, user_name: str) -> None:
    kinds = sum(1 for kind in _KINDS if kind.search(password))
    if not _SHORTEST <= len(password) <= _LONGEST:
        message = "Password should have a minimum length of 8"
    elif kinds < 3:
        message = "Password should have at least three of: uppercase, lowercase, numbers, symbols"
    elif password.lower() == user_name.lower():
        message = "Password can't be identical to the user name"
    else:
        return
    raise AwsError("PasswordPolicyViolation", message)
