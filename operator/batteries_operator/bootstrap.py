"""`batteries-operator bootstrap`: prepares an organization for us. Safe to repeat; says what it did.

Makes what accounts need before the first one: the OUs, the policies that close suspended accounts and keep our way into
the others, the permission set that owners get. It changes nothing that exists already.
"""

from batteries_operator.aws.gateways import Aws
from batteries_operator.aws.guards import guards
from batteries_operator.aws.setup import Setup
from batteries_operator.settings import Settings


async def bootstrap(settings: Settings) -> int:
    """Prepares the organization that the AWS credentials manage; 0 when all of it is there."""
    aws = await Aws.open(settings)
    setup = Setup(aws, settings)
    try:
        chosen = guards(settings, await aws.sts.partition())
        for what, made in (
            (f"OU {settings.customers_ou_name}", await setup.ensure_ou(settings.customers_ou_name)),
            (f"OU {settings.suspended_ou_name}", await setup.ensure_ou(settings.suspended_ou_name)),
            ("service control policies enabled on the root", await setup.ensure_policies_enabled()),
            *[(f"policy {guard.name}", await setup.ensure_policy(guard)) for guard in chosen],
            *[(f"policy {guard.name} attached to {guard.ou}", await setup.ensure_attached(guard)) for guard in chosen],
            (f"permission set {settings.permission_set_name}", await setup.ensure_permission_set()),
        ):
            print(f"{'made ' if made else 'there'}  {what}")
    finally:
        aws.close()
    return 0
