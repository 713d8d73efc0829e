"""What can't be undone once it is bought, as the actions that buy it.

Found in botocore's models and the service authorization reference by their names; `tests/unit/operator/aws/floor`
compares this table with botocore's models, so that an action of that kind that AWS adds is seen.
"""

from batteries_operator.aws.floor.rule import Rule, denial

PURCHASES: dict[str, tuple[str, ...]] = {
    "reserved capacity, for one to three years": (
        "dynamodb:PurchaseReservedCapacityOfferings",
        "ec2:AcceptReservedInstancesExchangeQuote",
        "ec2:PurchaseHostReservation",
        "ec2:PurchaseReservedInstancesOffering",
        "ec2:PurchaseScheduledInstances",
        "elasticache:PurchaseReservedCacheNodesOffering",
        "es:PurchaseReserved*",
        "memorydb:PurchaseReservedNodesOffering",
        "rds:PurchaseReservedDBInstancesOffering",
        "redshift:AcceptReservedNodeExchange",
        "redshift:PurchaseReservedNodeOffering",
        "redshift-serverless:CreateReservation",
    ),
    "savings plans": ("cloudfront:*SavingsPlan", "savingsplans:CreateSavingsPlan"),
    "capacity that is paid from its beginning to its end": (
        "bedrock:*ProvisionedModelThroughput",
        "bedrock-mantle:CreateReservation",
        "bedrock-mantle:UpdateReservation",
        "ec2:PurchaseCapacityBlock*",
        "glacier:PurchaseProvisionedCapacity",
        "rds:CreateDBCapacityReservation",
        "sagemaker:CreateReservedCapacity",
        "sagemaker:*TrainingPlan",
    ),
    "channels, queues and devices by the year or month": (
        "devicefarm:PurchaseOffering",
        "devicefarm:RenewOffering",
        "mediaconnect:PurchaseOffering",
        "mediaconvert:CreateQueue",
        "mediaconvert:UpdateQueue",
        "medialive:PurchaseOffering",
    ),
    "hardware": ("outposts:CreateOrder", "outposts:CreateRenewal", "snowball:*LongTermPricing"),
    "domains": ("route53domains:RegisterDomain", "route53domains:RenewDomain", "route53domains:TransferDomain"),
    "subscriptions": (
        "eks:*EksAnywhereSubscription",
        "freetier:UpgradeAccountPlan",
        "pricingplanmanager:ApprovePaidSubscription",
        "shield:CreateSubscription",
        "supportplans:CreateSupportPlanSchedule",
        "supportplans:StartSupportPlanUpdate",
        "user-subscriptions:ConfirmPurchaseSession",
    ),
}

MARKETPLACE = (
    "aws-marketplace:AcceptAgreement*",
    "aws-marketplace:CreateAgreementRequest",
    "aws-marketplace:Subscribe",
)
BEDROCKS_OWN = ("bedrock.amazonaws.com", "bedrock-mantle.amazonaws.com")
"""The first use of another vendor's model subscribes to it in the marketplace on the caller's behalf, and is paid by
use. The condition is that of AWS's managed policy AmazonBedrockLimitedAccess."""


def purchases() -> list[Rule]:
    """The rules that deny buying."""
    return [
        denial(
            "Purchases",
            "Nobody in the account buys what can't be undone: reserved capacity, savings plans, capacity blocks, "
            "training plans, hardware, domains, support plans, Shield Advanced.",
            [action for actions in PURCHASES.values() for action in actions],
        ),
        denial(
            "Marketplace",
            "Nobody in the account subscribes to a product of AWS Marketplace; the first use of a model in Bedrock is "
            "excepted.",
            MARKETPLACE,
            condition={"StringNotEquals": {"aws:CalledViaLast": list(BEDROCKS_OWN)}},
        ),
    ]
