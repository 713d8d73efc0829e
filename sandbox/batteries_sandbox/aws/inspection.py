"""The stand-in's own endpoints under /_standin, which show tests what AWS would never show.

They read the world in its worker thread, after settling it, so they never show a state that an AWS call at the same
moment would contradict. They change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from batteries_sandbox.aws.rules import login_profiles
from batteries_sandbox.aws.world import World

Query = Mapping[str, str]


def health(world: World, query: Query) -> dict[str, Any]:
    """Where this stand-in runs and whose credentials it accepts."""
    return {
        "status": "ok",
        "managementAccountId": world.settings.management_account_id,
        "region": world.settings.region,
        "calls": world.journal.last,
    }


def calls(world: World, query: Query) -> dict[str, Any]:
    """The journal after `since`, by service and operation."""
    found = world.journal.calls(query.get("service", ""), query.get("operation", ""), _since(query))
    return {"calls": found, "lastSeq": world.journal.last}


def count(world: World, query: Query) -> dict[str, Any]:
    """How many calls there were, by operation."""
    counts = world.journal.counts(query.get("service", ""), query.get("operation", ""), _since(query))
    return {"count": sum(counts.values()), "byOperation": counts}


def accounts(world: World, query: Query) -> dict[str, Any]:
    """The member accounts of the organization."""
    members = [
        {
            "id": account.id,
            "email": account.email,
            "name": account.name,
            "tags": dict(account.tags),
            "parentId": account.parent_id,
            "state": account.state,
        }
        for account in world.moto.organizations().accounts
        if account.id != world.settings.management_account_id
    ]
    return {"accounts": members}


def creations(world: World, query: Query) -> dict[str, Any]:
    """Every CreateAccount request, with what AWS does not show: e-mail address and tags."""
    found = [
        {
            "id": creation.id,
            "state": creation.state,
            "email": creation.params["Email"],
            "name": creation.params["AccountName"],
            "tags": {tag["Key"]: tag["Value"] for tag in creation.params.get("Tags") or []},
            "accountId": creation.account_id,
            "failureReason": creation.failure_reason if creation.state == "FAILED" else None,
            "requestedAt": creation.requested_at,
        }
        for creation in world.creations.all()
    ]
    return {
        "creations": found,
        "inProgress": world.creations.in_progress,
        "maxInProgress": world.creations.max_in_progress,
    }


def mails(world: World, query: Query) -> dict[str, Any]:
    """The mails sent through SES, oldest first."""
    return {"mails": world.mails}


def console_sign_in(world: World, body: Mapping[str, Any]) -> dict[str, bool] | None:
    """Tries a password at the console's sign-in."""
    words = [str(body.get(name, "")) for name in ("accountId", "userName", "password")]
    return login_profiles.sign_in(world, *words)


def _since(query: Query) -> int:
    text = query.get("since", "0")
    return int(text) if text.isdigit() else 0


VIEWS: Mapping[str, Callable[[World, Query], dict[str, Any]]] = {
    "/_standin/health": health,
    "/_standin/calls": calls,
    "/_standin/calls/count": count,
    "/_standin/accounts": accounts,
    "/_standin/creations": creations,
    "/_standin/mails": mails,
}
