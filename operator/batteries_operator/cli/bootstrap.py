"""`batteries-operator bootstrap`: prepares an organization. It is safe to repeat, and to run twice at the same time.

It creates what accounts need and prints what it did: the OUs, the policies that close suspended accounts, protect our
role in the others and limit what they do, central root access, the permission set that owners get. It updates what an
older release or other settings created. It reports what somebody else created under our names and leaves it as it is;
it reports what AWS refuses and does the rest. In both cases the exit status is 1.

With `--plan` it prints what it would do, and what that changes for the accounts that are there, and changes nothing.
"""

import argparse
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial

from batteries_operator.aws.error_meanings import BUSY
from batteries_operator.aws.errors import AwsError, NotOursError
from batteries_operator.aws.floor.place import Place, customers, places
from batteries_operator.aws.gateways import Aws
from batteries_operator.aws.guardrails import Guardrail, Guardrails, guardrails
from batteries_operator.aws.organizations import NotPreparedError
from batteries_operator.aws.policy_setup import PolicySetup
from batteries_operator.aws.setup import Did, Setup, patiently
from batteries_operator.cli import plan
from batteries_operator.runtime.settings import Settings

Part = tuple[str, Callable[[], Awaitable[Did]]]

PLANNED = {Did.MADE: "make", Did.UPDATED: "update", Did.THERE: "there"}
"""What `--plan` says of a part in place of what was done."""


async def parts(setup: Setup, policies: PolicySetup, settings: Settings, every: Guardrails) -> AsyncIterator[Part]:
    """What an organization needs, in the order in which it can be created."""
    for place in units(settings):
        yield f"OU {place}", partial(setup.ensure_ou, place)
    yield "service control policies enabled on the root", policies.ensure_enabled
    for guard in (every.closes, every.seals, every.keeps, *await _in_order(policies, every)):
        if guard is not every.seals:  # the same policy as the one before
            yield f"policy {guard.name}", partial(policies.ensure_policy, guard)
        yield f"policy {guard.name} attached to {guard.place}", partial(policies.ensure_attached, guard)
    for place in units(settings):
        if place not in (every.closes.place, every.seals.place):
            label = f"no other policy of the floor attached to {place}"
            yield label, partial(policies.ensure_no_other, place, every)
    if settings.central_root_access:
        yield "central root access: new accounts have no root password", setup.ensure_root_access
    if settings.pool_rename:
        yield "trusted access of AWS Account Management: accounts from pools can be named", setup.ensure_account_names
    yield f"permission set {settings.permission_set_name}", setup.ensure_permission_set


async def _in_order(policies: PolicySetup, every: Guardrails) -> Sequence[Guardrail]:
    try:
        return await patiently(lambda: policies.gainers_first(every.of_the_floor))
    except AwsError:  # writing the policies will say what AWS refuses
        return every.of_the_floor


def units(settings: Settings) -> list[Place]:
    """The OUs, each after the one that it is in."""
    closed = (Place(settings.suspended_ou_name), Place(settings.pool_ou_name))
    every = (customers(settings), *closed, *places(settings).values())
    return list(dict.fromkeys(every))


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's own arguments."""
    parser.add_argument(
        "--plan", action="store_true", help="print what would be done, and what changes for accounts; change nothing"
    )


async def bootstrap(settings: Settings, *, planned: bool = False) -> int:
    """Prepares the organization of the AWS credentials; returns 0 when all parts exist and are ours, else 1.

    If `planned`, it only says what it would do; the exit status is then 1 where something would be left.

    Raises:
        DoesNotFitError: the settings give more policy than AWS takes. Nothing was changed.
    """
    aws = await Aws.open(settings)
    left = 0
    try:
        chosen = guardrails(settings, await aws.sts.partition())
        policies = PolicySetup(aws, settings, plan=planned)
        async for what, ensure in parts(Setup(aws, settings, plan=planned), policies, settings, chosen):
            line = await _line(what, ensure, planned=planned)
            left += line.startswith(("left", "not"))
            print(line)
        if planned:
            async for line in plan.changes(policies, settings, chosen):
                print(line)
    finally:
        aws.close()
    return 1 if left else 0


async def _line(what: str, ensure: Callable[[], Awaitable[Did]], *, planned: bool) -> str:
    """The line about one part, once it is done."""
    try:
        did = await patiently(ensure)
    except (NotOursError, NotPreparedError) as error:
        return f"{'left':<5}  {what}: {error}"
    except AwsError as error:
        if error.meaning is BUSY:
            raise  # the remaining parts would fail in the same way, after as many tries
        return f"{'not':<5}  {what}: {error.words} AWS says: {error.message or error.code}"
    return f"{PLANNED[did] if planned else did:<5}  {what}"
