"""The agents' door: our issuer as OIDC provider, and BatteriesAgentRole for the tokens that name this account.

Where AWS can trust no issuer of ours, because our public URL is not https, the door is shut: no role is made, and one
that was made before admits nobody. The door that is opened, moved to another issuer or shut for the first time is no
drift: nobody has changed it in AWS.
"""

from typing import Any

import structlog

from batteries_crds.agent_access import MAX_SESSION_SECONDS, ROLE_NAME, Issuer, nobody, trust_policy
from batteries_operator.aws.errors import AwsError
from batteries_operator.aws.iam import Iam
from batteries_operator.aws.iam_providers import UNREACHABLE
from batteries_operator.aws.iam_roles import WantedRole
from batteries_operator.aws.mutations import unrecorded_mutations
from batteries_operator.steps.outcome import Done
from batteries_operator.steps.step import Scope

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


async def open_door(scope: Scope, iam: Iam) -> Done:
    """Done once the role admits exactly this account's tokens; or none, where tokens are off.

    An issuer that AWS does not reach holds nothing up: the account is ready without this door, and the next comparison
    tries again.

    Raises:
        NotOursError: the role, or a provider without our audience, is somebody else's.
        AwsError: AWS did not do it.
    """
    issuer, status = scope.deps.settings.issuer, scope.account.status
    if issuer is None:
        if status.agent_role_arn is None and status.agent_issuer is None:
            return Done("")
        with unrecorded_mutations():
            return await close_door(scope, iam, facts={"agent_role_arn": None})
    try:
        with unrecorded_mutations(unless=status.agent_issuer == issuer.url):
            return await _open(scope, iam, issuer)
    except AwsError as error:
        if error.code != UNREACHABLE:
            raise
        log.warning("issuer_unreachable", issuer=issuer.url, error=str(error))
        return Done(
            f"{ROLE_NAME} is missing: AWS does not reach {issuer.url}, which signs tokens. It is tried again with each "
            "comparison of the account.",
            cause=error.cause,
            warns=True,
        )


async def _open(scope: Scope, iam: Iam, issuer: Issuer) -> Done:
    session = iam.session
    trust = trust_policy(issuer, scope.account.account_id, session.account.id, session.partition.name)
    facts = {"agent_role_arn": await _ensured(scope, iam, issuer, trust), "agent_issuer": issuer.url}
    return Done(f"{ROLE_NAME} admits this account's tokens of {issuer.url}.", facts)


async def _ensured(scope: Scope, iam: Iam, issuer: Issuer, trust: dict[str, Any]) -> str:
    """The role's ARN, once AWS has the issuer and the role with that trust policy."""
    settings = scope.deps.settings
    await iam.providers.ensure(issuer.host)
    wanted = WantedRole(
        ROLE_NAME,
        "Assumed with a token that the account factory's API issues for an API key.",
        trust,
        settings.agent_policy_arn or settings.managed_policy_arn,
        MAX_SESSION_SECONDS,
        settings.agent_boundary_arn,
    )
    return await iam.roles.ensure(wanted, known_arn=scope.account.status.agent_role_arn)


async def prepare_door(scope: Scope, iam: Iam) -> Done:
    """Done once the issuer and the role are there, and the role admits nobody; or nothing, where tokens are off.

    Raises:
        NotOursError, AwsError: as `open_door`, which makes what is missing here later.
    """
    issuer = scope.deps.settings.issuer
    if issuer is None:
        return Done("")
    try:
        role_arn = await _ensured(scope, iam, issuer, nobody())
    except AwsError as error:
        if error.code != UNREACHABLE:
            raise
        log.warning("issuer_unreachable", issuer=issuer.url, error=str(error))
        return Done(f"{ROLE_NAME} is missing: AWS does not reach {issuer.url}.", cause=error.cause, warns=True)
    return Done(f"{ROLE_NAME} admits nobody.", {"agent_role_arn": role_arn})


async def close_door(scope: Scope, iam: Iam, facts: dict[str, None] | None = None) -> Done:
    """Done once the role's trust policy in AWS admits nobody, or there is no role."""
    ours = await iam.roles.close(ROLE_NAME, nobody(), known_arn=scope.account.status.agent_role_arn)
    message = f"{ROLE_NAME} admits nobody." if ours else f"{ROLE_NAME} is not ours and was left alone."
    return Done(message, {"agent_issuer": None} | (facts or {}))
