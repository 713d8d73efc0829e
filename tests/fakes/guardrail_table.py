"""What an account's administrators may do under the floor of policy: a table to be read.

`tests/unit/operator/aws/test_guardrail_table.py` evaluates each row by the stand-in's evaluator and compares it with
what another one says (`fakes.simulated`). `make docs` writes docs/guardrails.md from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from batteries_operator.runtime.settings import Settings

SETTINGS = Settings(
    allowed_regions="eu-central-1,eu-west-1",
    denied_instance_types="p*,g*,*.metal*,*.16xlarge",
    bedrock="amazon.nova-*,anthropic.claude-haiku-*",
    issuer_url="https://api.example.com",
    policy_profiles='{"gpu": {"allowedRegions": "", "deniedInstanceTypes": "", "bedrock": "allow", "purchases": '
    '"allow"}, "small": {"allowedInstanceTypes": "t3*,t4g*"}}',
)
"""The settings that the table is about; its last columns are accounts of the profiles gpu and small."""

PROFILES = (None, None, "gpu", "small")
"""The profile of each column."""

HERE, ELSEWHERE = "eu-central-1", "ap-south-1"
ACCOUNT, MANAGEMENT = "111122223333", "999999999999"
ADMINISTRATOR = f"arn:aws:iam::{ACCOUNT}:role/Administrator"
ACCESS = f"arn:aws:iam::{ACCOUNT}:role/{SETTINGS.access_role_name}"

YES, NO = True, False


@dataclass(frozen=True)
class Row:
    """An action on a resource, with condition keys of the request; `{region}` is the one that it goes to.

    `here`, `elsewhere` and `gpu`: whether it is allowed in an allowed region, in another, and there in the profile
    gpu; `small` is whether the profile small allows it in an allowed region, None if as for others. A global service's
    requests go to us-east-1, so `fixed` is the region of all.
    """

    action: str
    resource: str
    here: bool
    elsewhere: bool
    gpu: bool
    note: str = ""
    keys: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    fixed: str = ""
    principal: str = ADMINISTRATOR
    small: bool | None = None

    @property
    def allowed(self) -> tuple[bool, ...]:
        """The columns."""
        return self.here, self.elsewhere, self.gpu, self.here if self.small is None else self.small

    def region(self, column: int) -> str:
        """The region of a column."""
        return self.fixed or (HERE, ELSEWHERE, ELSEWHERE, HERE)[column]

    def resource_in(self, column: int) -> str:
        """The resource's ARN in a column."""
        return self.resource.replace("{region}", self.region(column))


def _regional(action: str, resource: str = "*", note: str = "", **keys: str | tuple[str, ...]) -> Row:
    """Allowed in allowed regions."""
    return Row(action, resource, YES, NO, YES, note, _named(keys))


def _global(action: str, resource: str = "*", note: str = "", region: str = "us-east-1") -> Row:
    """Allowed everywhere: it goes to one region, which is none of the allowed ones."""
    return Row(action, resource, YES, YES, YES, note, fixed=region)


def _never(action: str, resource: str = "*", note: str = "", region: str = "", **keys: str | tuple[str, ...]) -> Row:
    """Denied to all accounts."""
    return Row(action, resource, NO, NO, NO, note, _named(keys), region)


def _bought(action: str, resource: str = "*", note: str = "", region: str = "", **keys: str | tuple[str, ...]) -> Row:
    """Denied to accounts that may not buy."""
    return Row(action, resource, NO, NO, YES, note, _named(keys), region)


def _named(keys: Mapping[str, str | tuple[str, ...]]) -> dict[str, str | tuple[str, ...]]:
    return {_KEYS[name]: value for name, value in keys.items()}


_KEYS = {
    "type": "ec2:InstanceType",
    "db": "rds:DatabaseClass",
    "node": "elasticache:CacheNodeType",
}

_IAM = f"arn:aws:iam::{ACCOUNT}"
_DEPLOY, _AGENT, _READ = (
    f"{_IAM}:role/{name}" for name in ("GitHubActionsDeployRole", "BatteriesAgentRole", "GitHubActionsReadOnlyRole")
)
_GITHUB = f"{_IAM}:oidc-provider/token.actions.githubusercontent.com"
_ISSUER = f"{_IAM}:oidc-provider/api.example.com"
_INSTANCE = f"arn:aws:ec2:{{region}}:{ACCOUNT}:instance/*"
_NOVA = "arn:aws:bedrock:{region}::foundation-model/amazon.nova-pro-v1:0"
_OPUS = "arn:aws:bedrock:{region}::foundation-model/anthropic.claude-opus-4-1-20250805-v1:0"
_PROFILE = f"arn:aws:bedrock:{{region}}:{ACCOUNT}:inference-profile/eu.amazon.nova-pro-v1:0"
_TRAIL = f"arn:aws:cloudtrail:{{region}}:{ACCOUNT}:trail/audit"

ROWS: tuple[Row, ...] = (
    # Leaving and closing.
    _never("organizations:LeaveOrganization", region="us-east-1"),
    _never("account:CloseAccount", f"arn:aws:account::{ACCOUNT}:account", region="us-east-1"),
    # Regions are opened by the platform team.
    _never("account:EnableRegion", f"arn:aws:account::{ACCOUNT}:account", region="us-east-1"),
    _never("account:DisableRegion", f"arn:aws:account::{ACCOUNT}:account", region="us-east-1"),
    # What the account factory put there.
    _never("iam:DeleteRole", _DEPLOY, region="us-east-1"),
    _never("iam:UpdateAssumeRolePolicy", _DEPLOY, region="us-east-1"),
    _never("iam:AttachRolePolicy", _AGENT, region="us-east-1"),
    _never("iam:DeleteRolePermissionsBoundary", _AGENT, region="us-east-1"),
    _never("iam:CreateRole", _READ, "nobody takes the name", region="us-east-1"),
    _never("iam:CreateRole", f"{_IAM}:role/any/path/GitHubActionsReadOnlyRole", "under a path", region="us-east-1"),
    _never("iam:UntagRole", _READ, region="us-east-1"),
    _never("iam:DeleteRole", f"{_IAM}:role/{SETTINGS.access_role_name}", region="us-east-1"),
    _never("iam:DeleteOpenIDConnectProvider", _GITHUB, region="us-east-1"),
    _never("iam:RemoveClientIDFromOpenIDConnectProvider", _ISSUER, region="us-east-1"),
    _global("iam:AddClientIDToOpenIDConnectProvider", _GITHUB, "another audience takes nothing from ours"),
    _never("cloudtrail:StopLogging", _TRAIL),
    _never("cloudtrail:DeleteTrail", _TRAIL),
    _never("cloudtrail:PutEventSelectors", _TRAIL),
    _regional("cloudtrail:CreateTrail", _TRAIL),
    Row("iam:UpdateAssumeRolePolicy", _DEPLOY, YES, YES, YES, "by the operator", {}, "us-east-1", ACCESS),
    Row("iam:DeleteOpenIDConnectProvider", _GITHUB, YES, YES, YES, "by the operator", {}, "us-east-1", ACCESS),
    # Buying what can't be undone.
    _bought("ec2:PurchaseReservedInstancesOffering"),
    _bought("ec2:PurchaseHostReservation"),
    _bought("ec2:PurchaseCapacityBlock"),
    _bought("rds:PurchaseReservedDBInstancesOffering"),
    _bought("elasticache:PurchaseReservedCacheNodesOffering"),
    _bought("redshift:PurchaseReservedNodeOffering"),
    _bought("es:PurchaseReservedInstanceOffering"),
    _bought("es:PurchaseReservedElasticsearchInstanceOffering"),
    _bought("memorydb:PurchaseReservedNodesOffering"),
    _bought("dynamodb:PurchaseReservedCapacityOfferings"),
    _bought("savingsplans:CreateSavingsPlan", region="us-east-1"),
    _bought("bedrock:CreateProvisionedModelThroughput", _NOVA),
    _bought("sagemaker:CreateTrainingPlan"),
    _bought("medialive:PurchaseOffering"),
    _bought("mediaconvert:CreateQueue", note="a reserved queue is for a year; no condition key tells it apart"),
    _bought("outposts:CreateOrder"),
    _bought("aws-marketplace:Subscribe", region="us-east-1"),
    Row(
        "aws-marketplace:Subscribe",
        "*",
        YES,
        YES,
        YES,
        "by the first use of a model in Bedrock",
        {"aws:CalledViaLast": "bedrock.amazonaws.com"},
        "us-east-1",
    ),
    _bought("route53domains:RegisterDomain", region="us-east-1"),
    _bought("route53domains:TransferDomain", region="us-east-1"),
    _bought("shield:CreateSubscription", region="us-east-1"),
    _bought("supportplans:StartSupportPlanUpdate", region="us-east-1"),
    # Instance types.
    _regional("ec2:RunInstances", _INSTANCE, type="t3.micro"),
    Row("ec2:RunInstances", _INSTANCE, NO, NO, YES, "p5.48xlarge", {"ec2:InstanceType": "p5.48xlarge"}),
    Row("ec2:RunInstances", _INSTANCE, NO, NO, YES, "m7i.metal-24xl", {"ec2:InstanceType": "m7i.metal-24xl"}),
    Row(
        "ec2:ModifyInstanceAttribute",
        f"arn:aws:ec2:{{region}}:{ACCOUNT}:instance/i-0123456789abcdef0",
        NO,
        NO,
        YES,
        "a stopped instance to g6.xlarge",
        {"ec2:Attribute/InstanceType": "g6.xlarge"},
    ),
    Row(
        "autoscaling:CreateLaunchConfiguration",
        f"arn:aws:autoscaling:{{region}}:{ACCOUNT}:launchConfiguration:*:launchConfigurationName/a",
        NO,
        NO,
        YES,
        "g6.xlarge",
        {"autoscaling:InstanceType": "g6.xlarge"},
    ),
    Row(
        "autoscaling:CreateAutoScalingGroup",
        f"arn:aws:autoscaling:{{region}}:{ACCOUNT}:autoScalingGroup:*:autoScalingGroupName/a",
        NO,
        NO,
        YES,
        "g6.xlarge, as an override of a launch template",
        {"autoscaling:InstanceTypes": "g6.xlarge"},
    ),
    Row(
        "rds:CreateDBInstance",
        f"arn:aws:rds:{{region}}:{ACCOUNT}:db:a",
        NO,
        NO,
        YES,
        "db.r7g.16xlarge",
        {"rds:DatabaseClass": "db.r7g.16xlarge"},
    ),
    _regional("rds:CreateDBInstance", f"arn:aws:rds:{{region}}:{ACCOUNT}:db:a", "db.t4g.micro", db="db.t4g.micro"),
    Row(
        "elasticache:CreateReplicationGroup",
        f"arn:aws:elasticache:{{region}}:{ACCOUNT}:replicationgroup:a",
        NO,
        NO,
        YES,
        "cache.r7g.16xlarge",
        {"elasticache:CacheNodeType": "cache.r7g.16xlarge"},
    ),
    Row(
        "sagemaker:CreateTrainingJob",
        f"arn:aws:sagemaker:{{region}}:{ACCOUNT}:training-job/a",
        NO,
        NO,
        YES,
        "ml.p5.48xlarge among others",
        {"sagemaker:InstanceTypes": ("ml.m7i.large", "ml.p5.48xlarge")},
    ),
    Row(
        "sagemaker:CreateTrainingJob",
        f"arn:aws:sagemaker:{{region}}:{ACCOUNT}:training-job/a",
        YES,
        NO,
        YES,
        "ml.m7i.large",
        {"sagemaker:InstanceTypes": ("ml.m7i.large",)},
        small=NO,
    ),
    Row("ec2:RunInstances", _INSTANCE, YES, NO, YES, "m7g.large", {"ec2:InstanceType": "m7g.large"}, small=NO),
    _regional("ec2:RunInstances", f"arn:aws:ec2:{{region}}:{ACCOUNT}:volume/*", "what is not an instance"),
    Row(
        "ec2:ModifyInstanceAttribute",
        f"arn:aws:ec2:{{region}}:{ACCOUNT}:instance/i-0123456789abcdef0",
        YES,
        NO,
        YES,
        "of a stopped instance, its user data",
        {"ec2:Attribute": "UserData"},
    ),
    Row(
        "autoscaling:CreateAutoScalingGroup",
        f"arn:aws:autoscaling:{{region}}:{ACCOUNT}:autoScalingGroup:*:autoScalingGroupName/a",
        YES,
        NO,
        YES,
        "without a type of its own",
    ),
    Row(
        "rds:CreateDBInstance",
        f"arn:aws:rds:{{region}}:{ACCOUNT}:db:a",
        YES,
        NO,
        YES,
        "db.m7g.large",
        {"rds:DatabaseClass": "db.m7g.large"},
        small=NO,
    ),
    _regional(
        "elasticache:CreateCacheCluster",
        f"arn:aws:elasticache:{{region}}:{ACCOUNT}:cluster:a",
        node="cache.t4g.micro",
    ),
    # Models.
    _regional("bedrock:InvokeModel", _NOVA),
    _regional("bedrock:InvokeModel", _PROFILE, "the profile; the model that it leads to decides"),
    Row("bedrock:InvokeModel", _OPUS, NO, NO, YES),
    Row("bedrock:InvokeModelWithResponseStream", _OPUS, NO, NO, YES),
    Row("bedrock:CreateModelInvocationJob", _OPUS, NO, NO, YES),
    Row(
        "bedrock-mantle:CreateInference",
        f"arn:aws:bedrock-mantle:{{region}}:{ACCOUNT}:project/a",
        NO,
        NO,
        YES,
        "anthropic.claude-opus-4-1",
        {"bedrock-mantle:Model": "anthropic.claude-opus-4-1"},
    ),
    # Global services, whose requests go to us-east-1 or us-west-2.
    _global("iam:CreateRole", f"{_IAM}:role/my-app"),
    _global("iam:CreateUser", f"{_IAM}:user/somebody"),
    _global("iam:PassRole", f"{_IAM}:role/my-app"),
    _global("iam:UpdateAssumeRolePolicy", f"{_IAM}:role/my-app"),
    _global("iam:CreateServiceLinkedRole", f"{_IAM}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"),
    _global("sts:AssumeRole", f"{_IAM}:role/my-app"),
    _global("organizations:DescribeOrganization"),
    _global("account:GetContactInformation", f"arn:aws:account::{ACCOUNT}:account"),
    _global("cloudfront:CreateDistribution"),
    _global("route53:ChangeResourceRecordSets", "arn:aws:route53:::hostedzone/Z1"),
    _global("route53domains:ListDomains"),
    _global("support:CreateCase"),
    _global("budgets:ViewBudget", f"arn:aws:budgets::{ACCOUNT}:budget/a"),
    _global("ce:GetCostAndUsage"),
    _global("health:DescribeEvents"),
    _global("globalaccelerator:CreateAccelerator", region="us-west-2"),
    _global("wafv2:ListWebACLs", note="for CloudFront"),
    _global("acm:RequestCertificate", note="for CloudFront"),
    _global("ec2:DescribeRegions"),
    _global("s3:ListAllMyBuckets"),
    _global("trustedadvisor:DescribeChecks"),
    # Regional services.
    _regional("s3:CreateBucket", "arn:aws:s3:::bucket"),
    _regional("lambda:CreateFunction", f"arn:aws:lambda:{{region}}:{ACCOUNT}:function:a"),
    _regional("dynamodb:CreateTable", f"arn:aws:dynamodb:{{region}}:{ACCOUNT}:table/a"),
    _regional("sqs:SendMessage", f"arn:aws:sqs:{{region}}:{ACCOUNT}:a"),
    _regional("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{{region}}:{ACCOUNT}:secret:a"),
    _regional("cloudformation:CreateStack", f"arn:aws:cloudformation:{{region}}:{ACCOUNT}:stack/a/*"),
    _regional("ecs:RunTask", f"arn:aws:ecs:{{region}}:{ACCOUNT}:task-definition/a:1"),
    _regional("logs:CreateLogGroup", f"arn:aws:logs:{{region}}:{ACCOUNT}:log-group:a"),
)
