"""The rule about regions: accounts act in the allowed ones, and global services go on working.

The requests to a global service go to one region, mostly us-east-1, wherever its user is. So they are excepted, after
the Organizations user guide's SCP "Deny access to AWS based on the requested AWS Region" and Control Tower's control of
the same name. `tests/unit/operator/aws/floor/test_global_services.py` holds the differences, with their reasons.
"""

from collections.abc import Sequence

from batteries_operator.aws.floor.rule import Rule, denial_of_others

GLOBAL_SERVICES = (
    "account",
    "acm",
    "activate",
    "artifact",
    "aws-marketplace",
    "aws-marketplace-management",
    "aws-portal",
    "bcm-data-exports",
    "billing",
    "billingconductor",
    "budgets",
    "ce",
    "cloudfront",
    "cloudfront-keyvaluestore",
    "compute-optimizer",
    "consolidatedbilling",
    "cost-optimization-hub",
    "cur",
    "ecr-public",
    "fms",
    "freetier",
    "globalaccelerator",
    "health",
    "iam",
    "identitystore",
    "invoicing",
    "kms",
    "networkmanager",
    "notifications",
    "notifications-contacts",
    "organizations",
    "payments",
    "pricing",
    "purchase-orders",
    "resource-explorer-2",
    "route53",
    "route53domains",
    "route53-recovery-cluster",
    "route53-recovery-control-config",
    "route53-recovery-readiness",
    "savingsplans",
    "servicequotas",
    "shield",
    "signin",
    "sso",
    "sts",
    "support",
    "support-console",
    "supportapp",
    "supportplans",
    "sustainability",
    "tax",
    "trustedadvisor",
    "uxc",
    "waf",
    "wafv2",
)
GLOBAL_ACTIONS = (
    "cloudtrail:LookupEvents",
    "ec2:DescribeRegions",
    "ec2:DescribeTransitGateways",
    "ec2:DescribeVpnGateways",
    "license-manager:ListReceivedLicenses",
    "s3:*MultiRegionAccessPoint*",
    "s3:*StorageLens*",
    "s3:GetAccountPublicAccessBlock",
    "s3:GetBucketLocation",
    "s3:GetBucketPolicyStatus",
    "s3:GetBucketPublicAccessBlock",
    "s3:ListAllMyBuckets",
    "s3:PutAccountPublicAccessBlock",
    "tag:GetResources",
)


def regions(allowed: Sequence[str], access_roles: Sequence[str]) -> list[Rule]:
    """The rule, if regions are named."""
    if not allowed:
        return []
    says = f"The account acts in {', '.join(allowed)} only; global services such as IAM and CloudFront are excepted."
    kept = [*(f"{service}:*" for service in GLOBAL_SERVICES), *GLOBAL_ACTIONS]
    condition = {"StringNotEquals": {"aws:RequestedRegion": list(allowed)}}
    return [denial_of_others("Regions", says, kept, condition, but=access_roles)]
