"""What a role's ARN says of the AWS partition that its account is in: AWS, AWS GovCloud (US) or AWS in China."""

_REGION_OF = {"aws-us-gov": "us-gov-west-1", "aws-cn": "cn-northwest-1"}
_PREFIX_OF = {"aws-us-gov": "us-gov-", "aws-cn": "cn-"}


def partition_of(role_arn: str) -> str:
    """The partition's name, such as `aws-cn`."""
    return role_arn.split(":")[1]


def region_of(role_arn: str, wanted: str) -> str:
    """The region that is wanted, or the main one of the role's partition of AWS if that does not have it."""
    partition = partition_of(role_arn)
    return wanted if wanted.startswith(_PREFIX_OF.get(partition, "")) else _REGION_OF[partition]
