"""`batteries-operator policy`: the operator's IAM policy for these settings, with AWS's ids on request."""

import argparse
import asyncio
import json
from dataclasses import replace

from batteries_operator.aws.gateways import Aws
from batteries_operator.aws.partition import Partition, chosen_region, of_region
from batteries_operator.aws.permissions import Reach, denials, for_bootstrap, for_running, policy
from batteries_operator.runtime.settings import Settings


def _partition() -> Partition:
    """AWS's partition, from the configured region: without --from-aws no call is made and no credentials are needed."""
    return of_region(chosen_region())


async def from_aws(reach: Reach, settings: Settings) -> Reach:
    """The reach with the ids of the management account, Identity Center and the permission set.

    Raises:
        AwsError, NotPreparedError: AWS refuses, or has no Identity Center or no such permission set.
    """
    aws = await Aws.open(settings)
    try:
        management, center = await aws.organizations.management_account(), aws.identity_center
        instance, found = await center.instance(), await center.permission_set(settings.permission_set_name)
    finally:
        aws.close()
    instance_id = instance.arn.rpartition("/")[2]
    return replace(reach, management=management, instance=instance_id, permission_set=found)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's own arguments."""
    parser.add_argument(
        "--from-aws", action="store_true", help="read ids from AWS to narrow the policy further (writes nothing)"
    )
    parser.add_argument(
        "--earlier-account",
        action="append",
        default=[],
        metavar="ID",
        help="an AWS account that the operator enters by BATTERIES_EARLIER_ACCESS_ROLE_NAME; may be repeated",
    )


def main(settings: Settings, given: argparse.Namespace) -> None:
    """Prints it."""
    partition, role = _partition(), f"role/{settings.earlier_access_role_name}"
    earlier = tuple(partition.arn("iam", role, account) for account in given.earlier_account)
    reach = Reach((settings.access_role_name,), settings.mail_sender, earlier=earlier, renames=settings.pool_rename)
    if given.from_aws:
        reach = asyncio.run(from_aws(reach, settings))
    granted = for_running(settings.access_role_name, reach)
    print(json.dumps(policy(granted, partition, denials(reach)), indent=2))


def bootstraps() -> None:
    """Prints the policy that bootstrap needs in addition."""
    print(json.dumps(policy(for_bootstrap(), _partition()), indent=2))
