"""The steps that only the members of a pool have: made for nobody, sealed, prepared, looked into, and let go.

Nothing that is done here concerns a person: no IAM user, no password, no mail. What a step of customers does anyway is
that step.
"""

from functools import partial
from typing import Any

from batteries_crds.aws_account import AwsAccount
from batteries_crds.identity import ObjectRef
from batteries_crds.pooled_account import Claimant, PooledAccount
from batteries_crds.reasons import Reason
from batteries_operator.aws.account_tags import AccountTags
from batteries_operator.aws.floor.place import Place
from batteries_operator.aws.inside import beyond
from batteries_operator.aws.ownership import NotOurAccountError
from batteries_operator.aws.session_policies import Purpose
from batteries_operator.runtime.settings import Settings
from batteries_operator.steps import agent_role, create_account, deploy_role, seal
from batteries_operator.steps.doors import side_by_side
from batteries_operator.steps.fitness import touched
from batteries_operator.steps.gone import Run
from batteries_operator.steps.move_to_ou import placed
from batteries_operator.steps.outcome import Done, Outcome, Wait, Waive
from batteries_operator.steps.step import NotReachedError, Scope


async def create(scope: Scope) -> Outcome:
    """create_account: done once the request's id or the account is known.

    The seal is looked at first: where `bootstrap` has not made it, no account is made that nothing would close.
    """
    if scope.account.status.aws_account_id is not None:
        return Done(f"There is an AWS account already: {(await scope.owned_account()).id}.")
    if scope.account.status.create_request is None:
        await _sealed(scope)
    return await create_account.in_turn(scope, None)


async def move_to_pool_ou(scope: Scope) -> Outcome:
    """Done once the account's parent is the Pool OU, and the policy that closes it is attached to that OU."""
    return await placed(scope, Place(scope.deps.settings.pool_ou_name), partial(_sealed, scope))


async def _sealed(scope: Scope) -> None:
    """As `seal.require`; an account that is not made yet will have the role of the settings."""
    await seal.require(scope, scope.account.status.access_role_name or scope.deps.settings.access_role_name)


def prepared_inputs(settings: Settings, _: AwsAccount) -> Any:
    """What the roles depend on: all of it is in the settings, so that a new release brings members up to date."""
    return [
        *(settings.issuer.url if settings.issuer else None, settings.managed_policy_arn, settings.agent_policy_arn),
        *(settings.deploy_boundary_arn, settings.agent_boundary_arn),
    ]


async def prepare_roles(scope: Scope) -> Outcome:
    """Done once GitHub's provider, ours, and the roles that they will open are there and admit nobody.

    A member that was ready is looked into first: what somebody put there must not count as prepared by us. What was
    seen is dropped before anything is added, so that after a crash our own additions are not somebody else's.
    """
    owned, role = await scope.owned_account(), scope.deps.settings.role_of(scope.account.status.access_role_name)
    baseline = _member(scope).status.baseline
    if baseline is not None:
        if more := beyond(baseline, await scope.deps.aws.counts(owned, role)):
            return touched(owned.id, more)
        await scope.record(baseline=None)
    iam = await scope.deps.aws.iam(owned, Purpose.ROLES, role)
    return await side_by_side(deploy_role.open_door(scope, iam), agent_role.prepare_door(scope, iam))


async def look_inside(scope: Scope) -> Outcome:
    """Done once what is in the account is written down: with more than that in it, it is never handed out.

    IAM does not show everywhere at once what was just made. What we made counts whether it is shown yet or not;
    otherwise it would seem to be somebody else's later.
    """
    owned, role = await scope.owned_account(), scope.deps.settings.role_of(scope.account.status.access_role_name)
    seen, doors = await scope.deps.aws.counts(owned, role), _doors(scope.account)
    ours = {"Roles": 1 + doors, "Providers": doors}
    baseline = seen | {name: max(count, seen.get(name, 0)) for name, count in ours.items()}
    return Done("There is nothing in the account but what was prepared.", {"baseline": baseline})


def _doors(account: AwsAccount) -> int:
    """How many roles were prepared, each with its provider; the role by which we enter is one more."""
    return len([arn for arn in (account.status.oidc_role_arn, account.status.agent_role_arn) if arn is not None])


def if_its_own(run: Run) -> Run:
    """`run` for a deleted member, but waived at once if its AWS account is not its own: the tag decides.

    Somebody else's account must not keep the object, and the object must not do anything to that account. So it is
    after a restore of yesterday's etcd, in which nobody had claimed the member yet.
    """

    async def run_if_its_own(scope: Scope) -> Outcome:
        try:
            return await run(scope)
        except NotOurAccountError as error:
            aws_account_id = scope.account.status.aws_account_id
            left = f"AWS account {aws_account_id} is not this PooledAccount's, so it is left as it is."
            return Waive(Reason.NOT_OUR_ACCOUNT, left, cause=str(error))

    return run_if_its_own


async def await_claimant(scope: Scope) -> Outcome:
    """For a deleted member that was claimed: done once its AWS account has the claimant's tag.

    Waived if the claimant is gone before that: then the AWS account is nobody's, and the deletion policy decides.
    """
    claimant, aws_account_id = _claimant(scope), scope.aws_account_id
    found = await scope.deps.aws.organizations.tags_if_member(aws_account_id)
    if found is None:
        return Done(f"AWS account {aws_account_id} has left the organization.", warns=True)
    tags = AccountTags.read(found)
    if (tags.resource, tags.uid) != (scope.account.holder, scope.account.metadata.uid):
        return Done(f"AWS account {aws_account_id} belongs to {tags.resource or 'nobody that its tags name'}.")
    namespace = scope.account.metadata.namespace
    taker, _ = await scope.deps.live.read(ObjectRef(namespace, claimant.name, claimant.uid))
    if taker is not None and _is_taking(taker, scope.account):
        message = f"AwsAccount {taker.key} is taking AWS account {aws_account_id}."
        return Wait.polling(None, Reason.CLAIM_UNDER_WAY, message)
    return Waive(
        Reason.CLAIMANT_GONE,
        f"AwsAccount {namespace}/{claimant.name} was deleted, or got another, before it had AWS account "
        f"{aws_account_id}, which is nobody's.",
    )


def _is_taking(account: AwsAccount, member: AwsAccount) -> bool:
    """Whether it takes this member, or may yet because its status is lost: it has no other, and wishes for no other."""
    status, wish = account.status, account.status.claim
    is_for_it = wish is None or wish.member_uid == member.metadata.uid
    has_no_other = status.aws_account_id in (None, member.status.aws_account_id) and status.create_request is None
    return is_for_it and has_no_other


def _member(scope: Scope) -> PooledAccount:
    if not isinstance(scope.account, PooledAccount):
        raise NotReachedError(f"{scope.account.key} is no PooledAccount")
    return scope.account


def _claimant(scope: Scope) -> Claimant:
    claimant = _member(scope).status.claimed_by
    if claimant is None:
        raise NotReachedError("status.claimedBy is empty, and the step is for members that were claimed")
    return claimant
