"""AWS's partitions: what differs between AWS, AWS GovCloud (US) and AWS in China, in one table.

Sources: botocore's partitions.json (the region of global services); AWS GovCloud user guide, "AWS Organizations" (no
account is created from there) and "IAM Identity Center" (the portal); Getting Started with AWS in China, "IAM Identity
Center"; IAM user guide, "IAM users sign-in"; aws-actions/configure-aws-credentials (the audience in China). SES has no
endpoint in China (botocore's endpoints.json).
"""

import os
import re
from dataclasses import dataclass
from functools import cache

import boto3
from botocore.exceptions import UnknownRegionError

from batteries_crds.agent_access import AUDIENCE, audience

_AWS_MANAGED = re.compile(r"arn:aws[a-z-]*:iam::aws:policy/(?P<name>.+)")


class UnsupportedPartitionError(Exception):
    """The region or the credentials belong to an AWS partition that this operator does not support; the text says
    so.
    """


@dataclass(frozen=True, slots=True)
class Partition:
    """The facts of one partition."""

    name: str
    label: str
    global_region: str
    """The region of Organizations' only endpoint, where the quotas of global services are kept too."""
    sign_in: str
    portal: str
    audience: str = AUDIENCE
    """The audience for which aws-actions/configure-aws-credentials requests GitHub's token."""
    creates_accounts: bool = True
    sends_mail: bool = True

    def arn(self, service: str, resource: str, account: str = "") -> str:
        """The ARN of a resource of a service without regions."""
        return f"arn:{self.name}:{service}::{account}:{resource}"

    def managed_policy(self, arn: str) -> str:
        """The same AWS managed policy in this partition; any other ARN unchanged."""
        found = _AWS_MANAGED.fullmatch(arn)
        return self.arn("iam", f"policy/{found['name']}", "aws") if found else arn

    def translated(self, arn: str) -> str:
        """The same resource, or pattern of resources, in this partition; what is not an ARN unchanged."""
        return re.sub(r"^arn:aws[a-z-]*:", f"arn:{self.name}:", arn)

    def sign_in_url(self, account: str) -> str:
        """The URL at which the account's IAM users sign in to the console."""
        return self.sign_in.format(account=account)

    def portal_url(self, identity_store: str) -> str:
        """The URL at which users of Identity Center sign in, unless the portal has a custom name."""
        return self.portal.format(store=identity_store)


AWS = Partition(
    "aws",
    "AWS",
    "us-east-1",
    "https://{account}.signin.aws.amazon.com/console",
    "https://{store}.awsapps.com/start",
)
GOVCLOUD = Partition(
    "aws-us-gov",
    "AWS GovCloud (US)",
    "us-gov-west-1",
    "https://{account}.signin.amazonaws-us-gov.com/console",
    "https://start.us-gov-home.awsapps.com/directory/{store}",
    creates_accounts=False,
)
CHINA = Partition(
    "aws-cn",
    "AWS in China",
    "cn-northwest-1",
    "https://{account}.signin.amazonaws.cn/console",
    "https://start.home.awsapps.cn/directory/{store}",
    audience=audience("aws-cn"),
    sends_mail=False,
)
_KNOWN = {partition.name: partition for partition in (AWS, GOVCLOUD, CHINA)}


def of_arn(arn: str) -> Partition:
    """The partition that an ARN names.

    Raises:
        UnsupportedPartitionError: we don't know what goes with it.
    """
    parts = arn.split(":")
    if len(parts) < 6 or parts[0] != "arn":
        raise UnsupportedPartitionError(f"AWS named the operator's own identity {arn!r}, which is no ARN.")
    return _known(parts[1], f"The AWS credentials ({arn})")


def chosen_region(session: boto3.Session | None = None) -> str:
    """The region that the environment names, or AWS's first."""
    # AWS_REGION first, as in AWS's other SDKs: boto3 reads AWS_DEFAULT_REGION alone, and EKS sets that one to the
    # cluster's region in every pod with a role.
    return os.environ.get("AWS_REGION") or (session or boto3.Session()).region_name or AWS.global_region


@cache  # boto3 parses a list of all endpoints for it, which takes a tenth of a second
def of_region(region: str) -> Partition:
    """The partition of a region, known without a call to AWS.

    Raises:
        UnsupportedPartitionError: there is no such region, or we don't know what goes with its partition.
    """
    try:
        name = boto3.Session().get_partition_for_region(region)
    except UnknownRegionError:
        raise UnsupportedPartitionError(
            f"AWS_REGION is {region!r}, which is no region of AWS. Set it to the region of your IAM Identity Center."
        ) from None
    return _known(name, f"The region {region} (AWS_REGION)")


@cache
def regions_of(partition: Partition) -> frozenset[str]:
    """The regions of a partition that this release knows."""
    return frozenset(boto3.Session().get_available_regions("ec2", partition_name=partition.name))


def _known(name: str, what: str) -> Partition:
    if name not in _KNOWN:
        supported = ", ".join(f"{partition.label} ({partition.name})" for partition in _KNOWN.values())
        raise UnsupportedPartitionError(
            f"{what} belongs to the AWS partition {name!r}, which is not supported. Supported are {supported}."
        )
    return _KNOWN[name]
