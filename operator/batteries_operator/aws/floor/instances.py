"""The rules about instance types: of EC2, and of the services that have a condition key for theirs.

A negated condition also holds where AWS gives no type, for which nobody could be blamed: so each has `Null` beside it.
Keys and resources are those of the service authorization reference.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from batteries_operator.aws.floor.rule import Rule, denial
from batteries_operator.aws.partition import Partition


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a service names its types."""

    sid: str
    label: str
    actions: tuple[str, ...]
    key: str
    prefix: str = ""
    resource: str = ""
    """The pattern of the resource that has the key, without the partition; empty if the request has it."""
    several: bool = False
    """Whether the key may have several values."""


_KINDS = (
    _Kind("Ec2", "EC2", ("ec2:CreateFleet", "ec2:RunInstances"), "ec2:InstanceType", resource="ec2:*:*:instance/*"),
    # The type of a stopped instance can be changed.
    _Kind("Ec2Change", "EC2", ("ec2:ModifyInstanceAttribute",), "ec2:Attribute/InstanceType"),
    # Instances of an Auto Scaling group are started by its service-linked role, which no SCP binds.
    _Kind("Launch", "Auto Scaling", ("autoscaling:CreateLaunchConfiguration",), "autoscaling:InstanceType"),
    _Kind(
        "Scaling",
        "Auto Scaling",
        ("autoscaling:CreateAutoScalingGroup", "autoscaling:UpdateAutoScalingGroup"),
        "autoscaling:InstanceTypes",
        several=True,
    ),
    _Kind(
        "Rds",
        "RDS",
        ("rds:CreateDBInstance*", "rds:ModifyDBInstance", "rds:RestoreDBInstance*"),
        "rds:DatabaseClass",
        prefix="db.",
        resource="rds:*:*:db:*",
    ),
    _Kind(
        "Caches",
        "ElastiCache",
        tuple(f"elasticache:{verb}{noun}" for verb in ("Create", "Modify") for noun in ("CacheCluster", "Repli*")),
        "elasticache:CacheNodeType",
        prefix="cache.",
    ),
    _Kind(
        "SageMaker",
        "SageMaker",
        ("sagemaker:Create*", "sagemaker:Update*"),
        "sagemaker:InstanceTypes",
        prefix="ml.",
        several=True,
    ),
)

SERVICES = tuple(dict.fromkeys(kind.label for kind in _KINDS))


def instances(allowed: Sequence[str], denied: Sequence[str], partition: Partition) -> list[Rule]:
    """The rules, if types are allowed or denied."""
    rules = []
    for kind in _KINDS:
        if denied:
            says = f"Instances of {kind.label} of the types {', '.join(denied)} are not started."
            rules.append(_rule(kind, f"Denied{kind.sid}Types", says, _like(kind, denied), partition))
        if allowed:
            says = f"Instances of {kind.label} are of the types {', '.join(allowed)} only."
            rules.append(_rule(kind, f"Other{kind.sid}Types", says, _unlike(kind, allowed), partition))
    return rules


def _rule(kind: _Kind, sid: str, says: str, condition: Mapping[str, Mapping[str, Any]], partition: Partition) -> Rule:
    resources = [f"arn:{partition.name}:{kind.resource}"] if kind.resource else ["*"]
    return denial(sid, says, kind.actions, resources, condition)


def _like(kind: _Kind, patterns: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    operator = "ForAnyValue:StringLike" if kind.several else "StringLike"
    return {operator: {kind.key: [kind.prefix + pattern for pattern in patterns]}}


def _unlike(kind: _Kind, patterns: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    operator = "ForAnyValue:StringNotLike" if kind.several else "StringNotLike"
    return {
        operator: {kind.key: [kind.prefix + pattern for pattern in patterns]},
        "Null": {kind.key: "false"},
    }
