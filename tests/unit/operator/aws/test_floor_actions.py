"""The lists of actions: what AWS sells for good, and which services are global."""

import gzip
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import botocore
import pytest

from batteries_operator.aws.floor.purchases import MARKETPLACE, PURCHASES
from batteries_operator.aws.floor.regions import GLOBAL_ACTIONS, GLOBAL_SERVICES

DENIED = [*MARKETPLACE, *(action for actions in PURCHASES.values() for action in actions)]

BUYING = re.compile(
    rb'"((?:Purchase|Accept(?:Reserved|Agreement)|Renew(?:Offering|Domain)|Register(?:Domain)|TransferDomain'
    rb"|Create(?:\w*SavingsPlan|\w*Reservation|\w*LongTermPricing|\w*TrainingPlan|\w*ProvisionedModelThroughput"
    rb'|\w*Subscription|Order|Renewal)|Approve\w*Subscription)\w*)":\{\s*"name":'
)

SIGNED, ENDPOINT = (re.compile(rb'"%s":"([^"]+)"' % name) for name in (b"signingName", b"endpointPrefix"))

HARMLESS = {
    "appstream:CreateUsageReportSubscription": "a report",
    "athena:CreateCapacityReservation": "cancelled at any time",
    "aws-marketplace:AcceptAgreementCancellationRequest": "denied as well; it ends an agreement",
    "ce:CreateAnomalySubscription": "a notice",
    "cloudfront:CreateMonitoringSubscription": "metrics, by use",
    "connect-health:CreateSubscription": "by use",
    "datazone:CreateSubscriptionGrant": "within the account",
    "datazone:CreateSubscriptionRequest": "within the account",
    "datazone:CreateSubscriptionTarget": "within the account",
    "dms:CreateEventSubscription": "a notice",
    "ds:CreateLogSubscription": "logs",
    "ec2:AcceptReservedInstancesExchangeQuote": "denied",
    "ec2:CreateCapacityReservation": "cancelled at any time, unless it is for a later date; no condition key tells",
    "ec2:CreateCapacityReservationBySplitting": "of one that is there",
    "ec2:CreateCapacityReservationCancellationQuote": "a quote",
    "ec2:CreateCapacityReservationDateChangeQuote": "a quote",
    "ec2:CreateCapacityReservationFleet": "cancelled at any time",
    "ec2:CreateInterruptibleCapacityReservationAllocation": "of one that is there",
    "ec2:CreateSpotDatafeedSubscription": "a report",
    "ec2:CreateSubnetCidrReservation": "addresses",
    "greengrass:CreateSubscriptionDefinition": "messages",
    "greengrass:CreateSubscriptionDefinitionVersion": "messages",
    "health-agent:CreateSubscription": "by use",
    "pricingplanmanager:CreateSubscription": "also CloudFront's free plan; a paid one needs another action",
    "qbusiness:CreateSubscription": "by the month",
    "quicksight:CreateAccountSubscription": "by the month",
    "rds:CreateEventSubscription": "a notice",
    "redshift:CreateEventSubscription": "a notice",
    "route53domains:TransferDomainToAnotherAwsAccount": "gives a domain away",
    "securitylake:CreateDataLakeExceptionSubscription": "a notice",
    "ses:CreateAddonSubscription": "by the month",
    "swf:RegisterDomain": "a name in a workflow",
    "vpc-lattice:CreateAccessLogSubscription": "logs",
    "workdocs:CreateNotificationSubscription": "a notice",
}
"""What is named like a purchase and may be done, and why."""


def sold() -> Iterator[str]:
    """Each action of botocore's models that is named like a purchase."""
    for model in Path(botocore.__file__).parent.glob("data/*/*/service-2.json.gz"):
        content = gzip.decompress(model.read_bytes())
        found = {name.decode() for name in BUYING.findall(content)}
        if found:
            prefix = SIGNED.search(content) or ENDPOINT.search(content)
            assert prefix is not None
            yield from (f"{prefix[1].decode()}:{name}" for name in found)


def is_denied(action: str) -> bool:
    return any(fnmatchcase(action, pattern) for pattern in DENIED)


def test_what_botocore_names_like_a_purchase_is_denied_or_said_to_be_harmless() -> None:
    every = sorted(set(sold()))
    unknown = [action for action in every if not is_denied(action) and action not in HARMLESS]
    assert unknown == [], "decide: aws/floor/purchases.py, or HARMLESS"
    assert sum(map(is_denied, every)) > 30


@pytest.mark.parametrize("action", ["ec2:RunInstances", "s3:PutObject", "rds:CreateDBInstance", "ec2:AllocateHosts"])
def test_what_is_paid_by_use_is_not_denied(action: str) -> None:
    assert not is_denied(action)


USER_GUIDE = [
    "a4b:*",
    "acm:*",
    "aws-marketplace-management:*",
    "aws-marketplace:*",
    "aws-portal:*",
    "budgets:*",
    "ce:*",
    "chime:*",
    "cloudfront:*",
    "config:*",
    "cur:*",
    "directconnect:*",
    "ec2:DescribeRegions",
    "ec2:DescribeTransitGateways",
    "ec2:DescribeVpnGateways",
    "fms:*",
    "globalaccelerator:*",
    "health:*",
    "iam:*",
    "importexport:*",
    "kms:*",
    "mobileanalytics:*",
    "networkmanager:*",
    "organizations:*",
    "pricing:*",
    "route53:*",
    "route53domains:*",
    "route53-recovery-cluster:*",
    "route53-recovery-control-config:*",
    "route53-recovery-readiness:*",
    "s3:GetAccountPublic*",
    "s3:ListAllMyBuckets",
    "s3:ListMultiRegionAccessPoints",
    "s3:PutAccountPublic*",
    "shield:*",
    "sts:*",
    "support:*",
    "trustedadvisor:*",
    "waf-regional:*",
    "waf:*",
    "wafv2:*",
    "wellarchitected:*",
]
"""The exceptions of the Organizations user guide's SCP "Deny access to AWS based on the requested AWS Region"."""

WITHOUT = {
    "a4b:*": "Alexa for Business has ended",
    "chime:*": "Amazon Chime has ended",
    "importexport:*": "AWS Import/Export has ended",
    "mobileanalytics:*": "Amazon Mobile Analytics has ended",
    "waf-regional:*": "the first version of AWS WAF in regions, which is regional",
    "config:*": "regional; recorders cost in each region",
    "directconnect:*": "regional; connections cost",
    "wellarchitected:*": "regional",
}
"""Which of them are not excepted here, and why."""


def test_the_global_services_are_those_of_awss_example_but_for_those_with_a_reason() -> None:
    kept = [*(f"{service}:*" for service in GLOBAL_SERVICES), *GLOBAL_ACTIONS]
    missing = {each for each in USER_GUIDE if not any(fnmatchcase(each.replace("*", "x"), pattern) for pattern in kept)}
    assert missing == {*WITHOUT, "s3:GetAccountPublic*", "s3:PutAccountPublic*"}  # of these, AWS has one action each
    assert {"s3:GetAccountPublicAccessBlock", "s3:PutAccountPublicAccessBlock"} <= {*GLOBAL_ACTIONS}


def test_lists_are_in_order_and_name_nothing_twice() -> None:
    for listed in (GLOBAL_SERVICES, GLOBAL_ACTIONS, *PURCHASES.values()):
        assert len(listed) == len(set(listed))
    assert len(DENIED) == len(set(DENIED))
