"""The rules that settings and profiles choose: what accounts may use."""

from collections.abc import Sequence

from batteries_operator.aws.floor.bedrock import bedrock
from batteries_operator.aws.floor.instances import instances
from batteries_operator.aws.floor.purchases import purchases
from batteries_operator.aws.floor.regions import regions
from batteries_operator.aws.floor.rule import Rule
from batteries_operator.aws.partition import Partition
from batteries_operator.runtime.floor_choice import Choice


def limits(choice: Choice, partition: Partition, access_roles: Sequence[str]) -> list[Rule]:
    """The rules for accounts of that choice; `access_roles` are ARN patterns of our roles."""
    return [
        *([] if choice.purchases else purchases()),
        *regions(choice.regions, access_roles),
        *bedrock(choice.bedrock, partition, access_roles),
        *instances(choice.allowed_types, choice.denied_types, partition),
    ]
