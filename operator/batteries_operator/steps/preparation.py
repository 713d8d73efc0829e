"""The pipelines of a pool's members: how one is prepared, and how it is let go."""

from dataclasses import replace
from functools import lru_cache, partial

from batteries_crds.aws_account import AwsAccount
from batteries_crds.aws_account_spec import DeletionPolicy
from batteries_crds.conditions import ConditionStatus, find
from batteries_crds.names import ConditionType
from batteries_crds.names import PreparationStep as Name
from batteries_crds.pooled_account import PooledAccount
from batteries_operator.runtime.settings import Settings
from batteries_operator.steps import create_account, member_steps
from batteries_operator.steps.pipeline import (
    CLOSE_ACCOUNT,
    FIND_ACCOUNT,
    PROVISIONING,
    concerns_aws,
    if_there,
    may_be_lost,
)
from batteries_operator.steps.step import Step

CREATE_ACCOUNT, CHECK_STATUS, WAIT_FOR_ROLE = (
    replace(PROVISIONING[0], run=member_steps.create, precondition=create_account.is_asked_for),
    *PROVISIONING[1:3],
)

AWAIT_CLAIMANT = Step(
    Name.AWAIT_CLAIMANT,
    ConditionType.HANDED_OVER,
    member_steps.await_claimant,
    "ListTagsForResource, for a member that was claimed and deleted, until the tag names its claimant",
)


def _letting_go(step: Step) -> Step:
    """For a deleted member: done at once if the AWS account is gone, or is somebody else's."""
    return replace(step, run=member_steps.if_its_own(if_there(step).run))


UNTIL_IT_IS_KNOWN_TO_GO = (_letting_go(CREATE_ACCOUNT), _letting_go(CHECK_STATUS))

CLOSE_MEMBER = replace(CLOSE_ACCOUNT, run=member_steps.if_its_own(CLOSE_ACCOUNT.run))


@lru_cache(maxsize=8)
def preparation(settings: Settings) -> tuple[Step, ...]:
    """The steps in their order, until a member can be handed out."""
    inputs = partial(member_steps.prepared_inputs, settings)
    return (
        CREATE_ACCOUNT,
        CHECK_STATUS,
        WAIT_FOR_ROLE,
        Step(
            Name.MOVE_TO_POOL_OU,
            ConditionType.IN_POOL_OU,
            member_steps.move_to_pool_ou,
            "MoveAccount to the Pool OU, whose policy, seen in AWS, denies everybody else everything",
            needs=(ConditionType.ACCOUNT_CREATED,),
        ),
        Step(
            Name.PREPARE_ROLES,
            ConditionType.ROLES_PREPARED,
            member_steps.prepare_roles,
            "OIDC providers, GitHubActionsDeployRole and BatteriesAgentRole, which admit nobody; again when a release "
            "or a setting prepares something else",
            needs=(ConditionType.ROLE_READY, ConditionType.IN_POOL_OU),
            inputs=inputs,
        ),
        Step(
            Name.LOOK_INSIDE,
            ConditionType.UNTOUCHED,
            member_steps.look_inside,
            "GetAccountSummary, ListRoles, DescribeTrails and ListBuckets: what is in it when it becomes ready",
            needs=(ConditionType.ROLES_PREPARED,),
            inputs=inputs,
            precondition=_has_baseline,
        ),
    )


def _has_baseline(account: AwsAccount) -> bool:
    return isinstance(account, PooledAccount) and account.status.baseline is not None


def steps_for(settings: Settings, account: AwsAccount) -> tuple[Step, ...]:
    """The steps that apply to a member now. One that was claimed has none: its AWS account is its claimant's."""
    if account.is_wanted:
        return preparation(settings)
    if not account.is_deleted:
        return ()
    if isinstance(account, PooledAccount) and account.is_claimed:
        return (AWAIT_CLAIMANT, *_by_policy(account)) if _claimant_is_gone(account) else (AWAIT_CLAIMANT,)
    if not concerns_aws(account):
        return (FIND_ACCOUNT,) if may_be_lost(account, remove_access=False) else ()
    return _by_policy(account)


def _by_policy(account: AwsAccount) -> tuple[Step, ...]:
    closes = account.spec.deletion_policy is DeletionPolicy.CLOSE
    return (*UNTIL_IT_IS_KNOWN_TO_GO, CLOSE_MEMBER) if closes else UNTIL_IT_IS_KNOWN_TO_GO


def _claimant_is_gone(account: AwsAccount) -> bool:
    """Whether `await_claimant` has seen that; then it is waived."""
    said, record = find(account.status.conditions, ConditionType.HANDED_OVER), account.status.steps
    waived = Name.AWAIT_CLAIMANT in record and bool(record[Name.AWAIT_CLAIMANT].waived)
    return waived and said is not None and said.status is ConditionStatus.FALSE
