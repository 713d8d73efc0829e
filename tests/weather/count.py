"""What must be so of all accounts together: none lost, none double, none that is open to one who shouldn't be."""

import asyncio
from collections import Counter
from typing import Any

from weather.aws_acts import Center
from weather.truth import Facts, ours
from weather.walk import Walk

from batteries_crds.aws_account import AwsAccount
from batteries_crds.names import TAG_ACCOUNT_ID, TAG_RESOURCE, TAG_UID


async def wrong_in_all(walk: Walk, accounts: list[AwsAccount], facts: Facts) -> list[str]:
    """Sentences; empty where all is right."""
    return [
        *_doubles(accounts, facts),
        *_lost(walk, accounts, facts),
        *await _creations(walk, facts),
        *await _open_to_others(walk, facts),
        *await _orphans(walk, accounts, facts),
    ]


def _doubles(accounts: list[AwsAccount], facts: Facts) -> list[str]:
    found = []
    for tag in (TAG_ACCOUNT_ID, TAG_UID):
        counted = Counter(each["tags"][tag] for each in facts.members.values() if tag in each["tags"])
        found += [f"{number} AWS accounts are tagged {tag}={value}" for value, number in counted.items() if number > 1]
    held = Counter(account.status.aws_account_id for account in accounts if account.status.aws_account_id)
    return [*found, *(f"{number} AwsAccounts hold {aws_id}" for aws_id, number in held.items() if number > 1)]


def _lost(walk: Walk, accounts: list[AwsAccount], facts: Facts) -> list[str]:
    """AWS accounts that are open, ours, and no object's: each must have been let go of by somebody."""
    held = {account.status.aws_account_id for account in accounts}
    found = []
    for aws_id, member in ours(facts, walk.scene.homes).items():
        wish = walk.wishes.get(member["tags"][TAG_RESOURCE])
        if aws_id in held or member["state"] != "ACTIVE" or wish is None or wish.was_let_go:
            continue
        found.append(f"{aws_id} is lost: {member['tags']}, and {wish}")
    return found


async def _creations(walk: Walk, facts: Facts) -> list[str]:
    """AWS made no account that is not a member, was taken out of the organization, or has another's name."""
    every = (await walk.scene.lane.standin("creations"))["creations"]
    made = [each for each in every if each["state"] == "SUCCEEDED" and TAG_ACCOUNT_ID in each["tags"]]
    counted = Counter(each["tags"][TAG_ACCOUNT_ID] for each in made)
    return [f"AWS made {number} accounts for {identity}" for identity, number in counted.items() if number > 1]


async def _open_to_others(walk: Walk, facts: Facts) -> list[str]:
    """Who is there and has our permission set in an open account is its first owner."""
    lane = walk.scene.lane
    center, name = await Center.of(lane), lane.settings.permission_set_name

    def asked() -> list[tuple[str, Any]]:
        people = center.people()
        arns = [arn for arn, each in center.sets().items() if each == name]
        open_ones = [each["id"] for each in ours(facts, walk.scene.homes).values() if each["state"] == "ACTIVE"]
        every = [(aws_id, user) for aws_id in open_ones for arn in arns for user in center.assigned(aws_id, arn)]
        return [(aws_id, people[user]) for aws_id, user in every if user in people]

    found = []
    for aws_id, person in await asyncio.to_thread(asked):
        addresses = {each["Value"] for each in person.get("Emails", [])} | {person["UserName"]}
        if walk.owners.get(aws_id) not in addresses:
            found.append(f"{aws_id} of {walk.owners.get(aws_id)} is open to {sorted(addresses)}")
    return found


async def _orphans(walk: Walk, accounts: list[AwsAccount], facts: Facts) -> list[str]:
    """`batteries-operator orphans` names exactly those that are open, ours by their tag, and no object's."""
    held = {account.status.aws_account_id or account.spec.aws_account_id for account in accounts}
    keys = {account.key for account in accounts if account.status.aws_account_id or not account.is_suspended}
    wished = {
        aws_id
        for aws_id, each in ours(facts, walk.scene.homes).items()
        if aws_id not in held and each["state"] == "ACTIVE" and each["tags"][TAG_RESOURCE] not in keys
    }
    code, out, err = await walk.scene.command("orphans")
    printed = {line.split(":")[0] for line in err.splitlines() if "'s by its tag, and " in line}
    told = f"orphans prints {sorted(printed)}, and should {sorted(wished)}: {err[-500:]}"
    found = [] if printed == wished else [told]
    if wished and not (code == 1 and out):
        found.append(f"orphans ends with {code}, and prints {out[:200]!r}")
    return found
