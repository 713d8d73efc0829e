"""The rules for every account: what the account factory put there stays, and no region is opened or closed."""

from collections.abc import Sequence

from batteries_crds import agent_access
from batteries_crds.agent_access import Issuer
from batteries_crds.github.trust_policy import PROVIDER_HOST, READ_ONLY_ROLE_NAME, ROLE_NAME
from batteries_operator.aws.floor.rule import Rule, denial
from batteries_operator.aws.partition import Partition

OUR_ROLES = (ROLE_NAME, READ_ONLY_ROLE_NAME, agent_access.ROLE_NAME)

CHANGES_OF_A_ROLE = tuple(
    f"iam:{operation}"
    for operation in (
        *("AttachRolePolicy", "DeleteRole", "DeleteRolePermissionsBoundary", "DeleteRolePolicy", "DetachRolePolicy"),
        *("PutRolePermissionsBoundary", "PutRolePolicy", "UpdateAssumeRolePolicy", "UpdateRole"),
        "UpdateRoleDescription",
    )
)
"""As in the Organizations user guide's SCP "Prevent IAM users and roles from making specified changes"."""

MAKING_AND_TAGGING = ("iam:CreateRole", "iam:TagRole", "iam:UntagRole")
"""CreateRole too: a role of that name that somebody else made is not ours, and keeps ours from being made."""

CHANGES_OF_A_PROVIDER = tuple(
    f"iam:{operation}"
    for operation in (
        "DeleteOpenIDConnectProvider",
        "RemoveClientIDFromOpenIDConnectProvider",
        "UntagOpenIDConnectProvider",
        "UpdateOpenIDConnectProviderThumbprint",
    )
)
"""Not AddClientIDToOpenIDConnectProvider: another audience takes nothing from ours."""

CHANGES_OF_A_TRAIL = tuple(
    f"cloudtrail:{operation}" for operation in ("DeleteTrail", "PutEventSelectors", "StopLogging", "UpdateTrail")
)


def protection(
    partition: Partition, access_roles: Sequence[str], issuer: Issuer | None, trails: Sequence[str]
) -> list[Rule]:
    """The rules; `access_roles` are ARN patterns of our roles, and `trails` patterns of the names of trails.

    The console user is not among what is protected: it is its owner's, who may want to do without it.
    """
    # A role's name is taken whatever its path.
    roles = [partition.arn("iam", f"role/{path}{name}", "*") for name in OUR_ROLES for path in ("", "*/")]
    hosts = [PROVIDER_HOST, *([issuer.host] if issuer else [])]
    providers = [partition.arn("iam", f"oidc-provider/{host}", "*") for host in hosts]
    rules = [
        denial(
            "OurRoles",
            f"Nobody in the account makes, changes or deletes {_listed(OUR_ROLES)}.",
            sorted([*CHANGES_OF_A_ROLE, *MAKING_AND_TAGGING]),
            roles,
            but=access_roles,
        ),
        denial(
            "OurProviders",
            f"Nobody in the account deletes the OpenID Connect provider of {_listed(hosts)}, or takes from it what we "
            "need.",
            CHANGES_OF_A_PROVIDER,
            providers,
            but=access_roles,
        ),
        denial(
            "OptInRegions",
            "Nobody in the account enables or disables a region.",
            ["account:DisableRegion", "account:EnableRegion"],
        ),
    ]
    if trails:
        rules.append(
            denial(
                "Trails",
                f"Nobody in the account stops, changes or deletes {_trails(trails)}.",
                CHANGES_OF_A_TRAIL,
                [f"arn:{partition.name}:cloudtrail:*:*:trail/{trail}" for trail in trails],
                but=access_roles,
            )
        )
    return rules


def _trails(trails: Sequence[str]) -> str:
    return "a CloudTrail trail" if "*" in trails else f"the CloudTrail trails {_listed(trails)}"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
