"""`batteries-operator bootstrap`: prepares an organization. It is safe to repeat, and to run twice at the same time.

It creates what accounts need and prints what it did: the OUs, the policies that close suspended accounts and protect
our role in the others, the permission set that owners get. It updates what an older release created. It reports what
somebody else created under our names and leaves it as it is; it reports what AWS refuses and does the rest. In both
cases the exit status is 1.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from batteries_operator.aws.error_meanings import BUSY
from batteries_operator.aws.errors import AwsError, NotOursError
from batteries_operator.aws.gateways import Aws
from batteries_operator.aws.guardrails import Guardrail, guardrails
from batteries_operator.aws.organizations import NotPreparedError
from batteries_operator.aws.setup import Did, Setup, settled
from batteries_operator.runtime.settings import Settings

Part = tuple[str, Callable[[], Awaitable[Did]]]


def parts(setup: Setup, settings: Settings, every: Sequence[Guardrail]) -> tuple[Part, ...]:
    """What an organization needs, in the order in which it can be created."""
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
    """Prepares the organization of the AWS credentials; returns 0 when all parts exist and are ours, else 1."""
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
                    raise  # the remaining parts would fail in the same way, after as many tries
                left += 1
                print(f"{'not':<5}  {what}: {error.words} AWS says: {error.message or error.code}")
    finally:
        aws.close()
    return 1 if left else 0
