"""`batteries-operator bootstrap`: prepares an organization for us. Safe to repeat, and to run twice at one time.

Makes what accounts need before the first one, and says what it did: the OUs, the policies that close suspended accounts
and keep our way into the others, the permission set that owners get. What an older release made is brought up to date.
What somebody else made under our names is told, and left as it is; what AWS refuses is told, and the rest is done all
the same. The exit status is 1 then.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from batteries_operator.aws.errors import BUSY, AwsError, NotOursError
from batteries_operator.aws.gateways import Aws
from batteries_operator.aws.guardrails import Guardrail, guardrails
from batteries_operator.aws.organizations import NotPreparedError
from batteries_operator.aws.setup import Did, Setup, settled
from batteries_operator.runtime.settings import Settings

Part = tuple[str, Callable[[], Awaitable[Did]]]


def parts(setup: Setup, settings: Settings, every: Sequence[Guardrail]) -> tuple[Part, ...]:
    """What an organization needs, in the order in which it can be made."""
    return (
        *((f"OU {name}", partial(setup.ensure_ou, name)) for name in _units(settings)),
        ("service control policies enabled on the root", setup.ensure_policies_enabled),
        *((f"policy {guard.name}", partial(setup.ensure_policy, guard)) for guard in every),
        *((f"policy {guard.name} attached to {guard.ou}", partial(setup.ensure_attached, guard)) for guard in every),
        (f"permission set {settings.permission_set_name}", setup.ensure_permission_set),
    )


def _units(settings: Settings) -> tuple[str, ...]:
    return settings.customers_ou_name, settings.suspended_ou_name


async def bootstrap(settings: Settings) -> int:
    """Prepares the organization that the AWS credentials manage; 0 when all of it is there and ours, else 1."""
    aws = await Aws.open(settings)
    left = 0
    try:
        chosen = guardrails(settings, await aws.sts.partition())
        for what, ensure in parts(Setup(aws, settings), settings, chosen):
            try:
                print(f"{await settled(ensure):<5}  {what}")
            except (NotOursError, NotPreparedError) as error:
                left += 1
                print(f"{'left':<5}  {what}: {error}")
            except AwsError as error:
                if error.meaning is BUSY:
                    raise  # it would be the same for all that is left, after as many tries
                left += 1
                print(f"{'not':<5}  {what}: {error.words} AWS says: {error.message or error.code}")
    finally:
        aws.close()
    return 1 if left else 0
