"""The service control policies that the operator relies on, each with the OU that it is attached to.

One closes suspended accounts, and those that nobody has yet; one protects our role in the others; the rest are the
floor of policy (`aws/floor`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from batteries_operator.aws.floor.limits import limits
from batteries_operator.aws.floor.place import Place, customers, places
from batteries_operator.aws.floor.policies import document, packed
from batteries_operator.aws.floor.protection import CHANGES_OF_A_ROLE, MAKING_AND_TAGGING, protection
from batteries_operator.aws.floor.rule import Rule
from batteries_operator.aws.partition import Partition
from batteries_operator.runtime.floor_choice import DEFAULT_PROFILE, names
from batteries_operator.runtime.settings import Settings

DENY_ALL = "BatteriesDenyAll"
KEEP_ACCESS = "BatteriesKeepAccessRole"
FLOOR = "BatteriesGuardrails"
LIMITS = "BatteriesGuardrailsLimits"

_PROTECTS = "Protects what the account factory needs in customers' accounts."
_LIMITS = "Limits what customers' accounts may use."

_LEAVING = ["account:CloseAccount", "organizations:LeaveOrganization"]
"""Outside the organization none of its policies holds, and a closed account can't be suspended or handed back."""

_AWS_OWN = 1
"""FullAWSAccess, which AWS attaches to each OU."""


@dataclass(frozen=True, slots=True)
class Guardrail:
    """A policy, and the OU that it is attached to, which is in the OU `under` or at the root.

    Its description marks a policy of that name as ours, whatever its content: `bootstrap` overwrites no other. So the
    description never changes. `earlier` is the content that earlier releases wrote, by the one role that it exempts:
    for an account that we enter by that role it does the same. `rules` are what it says, where it is of the floor.
    """

    name: str
    description: str
    ou: str
    content: dict[str, Any]
    earlier: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    under: str = ""
    rules: tuple[Rule, ...] = ()
    measured_as: str = ""
    """Its name in the metrics, where that of the policy is taken: one policy may hold on two OUs."""

    @property
    def place(self) -> Place:
        """The OU."""
        return Place(self.ou, self.under)


@dataclass(frozen=True, slots=True)
class Guardrails:
    """All policies of an installation.

    `limits` are those that settings and profiles choose, by the profile.
    """

    closes: Guardrail
    seals: Guardrail
    keeps: Guardrail
    floor: tuple[Guardrail, ...]
    limits: Mapping[str, tuple[Guardrail, ...]]

    @property
    def all(self) -> tuple[Guardrail, ...]:
        """Every policy, the longest lived first."""
        return (self.closes, self.seals, self.keeps, *self.of_the_floor)

    @property
    def of_the_floor(self) -> tuple[Guardrail, ...]:
        """The policies of the floor, on all OUs."""
        return (*self.floor, *(guard for guards in self.limits.values() for guard in guards))

    def of_profile(self, profile: str | None) -> tuple[Guardrail, ...]:
        """What must hold for an active account of that profile."""
        return (self.keeps, *self.floor, *self.limits[profile or DEFAULT_PROFILE])

    def wanted_at(self, place: Place) -> frozenset[str]:
        """The names of the policies that belong on that OU."""
        return frozenset(guard.name for guard in self.all if guard.place == place)


def is_of_the_floor(name: str, description: str) -> bool:
    """Whether a policy with that name and description is one that we wrote for the floor."""
    return name.startswith(FLOOR) and description in (_PROTECTS, _LIMITS)


def closing(settings: Settings, partition: Partition) -> Guardrail:
    """The policy that closes suspended accounts."""
    by_name = _access_roles(settings, partition)
    return Guardrail(
        DENY_ALL,
        "Closes suspended accounts to everyone but the account factory.",
        settings.suspended_ou_name,
        _policy(_denied("Suspended", "*", ["*"], but=list(by_name.values()))),
        {name: _policy(_denied("Suspended", "*", ["*"], but=[role])) for name, role in by_name.items()},
    )


def sealing(settings: Settings, partition: Partition) -> Guardrail:
    """The same policy, on the OU of the accounts that nobody has yet."""
    unit = settings.pool_ou_name
    return replace(closing(settings, partition), ou=unit, measured_as=f"{DENY_ALL}/{unit}")


def keeping_access(settings: Settings, partition: Partition) -> Guardrail:
    """The policy that protects our role in active accounts, and keeps them in the organization.

    Its owner administers the account, and could admit anybody to the role that the closing policy exempts, or lock us
    out of it.
    """
    roles = list(_access_roles(settings, partition).values())
    changes = sorted([*CHANGES_OF_A_ROLE, *MAKING_AND_TAGGING])
    return Guardrail(
        KEEP_ACCESS,
        "Keeps the account factory's role in customers' accounts as it is.",
        settings.customers_ou_name,
        _policy(_denied("KeepAccessRole", changes, roles, but=roles), _denied("StayAMember", _LEAVING, ["*"])),
    )


@lru_cache(maxsize=8)
def guardrails(settings: Settings, partition: Partition) -> Guardrails:
    """All policies.

    Raises:
        DoesNotFitError: the settings give more than AWS takes.
    """
    floor = _floor(settings, partition)
    return Guardrails(
        closing(settings, partition),
        sealing(settings, partition),
        keeping_access(settings, partition),
        floor,
        {profile: _limits(settings, partition, profile, place) for profile, place in places(settings).items()},
    )


def _floor(settings: Settings, partition: Partition) -> tuple[Guardrail, ...]:
    roles, trails = list(_access_roles(settings, partition).values()), names(settings.protected_trails)
    rules = protection(partition, roles, settings.issuer, trails)
    place = customers(settings)
    room = settings.policies_per_target - _AWS_OWN - 1
    policies = packed(rules, size=settings.policy_size, room=room, where=str(place))
    return tuple(_guard(FLOOR, number, "", _PROTECTS, place, each) for number, each in enumerate(policies, 1))


def _limits(settings: Settings, partition: Partition, profile: str, place: Place) -> tuple[Guardrail, ...]:
    roles = list(_access_roles(settings, partition).values())
    rules = limits(settings.choice_of(profile), partition, roles)
    beside = 0 if place.under else 1 + len(_floor(settings, partition))
    room = settings.policies_per_target - _AWS_OWN - beside
    policies = packed(rules, size=settings.policy_size, room=room, where=str(place))
    of = "" if profile == DEFAULT_PROFILE else f"-{profile}"
    return tuple(_guard(LIMITS, number, of, _LIMITS, place, each) for number, each in enumerate(policies, 1))


def _guard(name: str, number: int, of: str, text: str, place: Place, rules: Sequence[Rule]) -> Guardrail:
    numbered = name if number == 1 else f"{name}{number}"
    return Guardrail(f"{numbered}{of}", text, place.name, document(rules), under=place.under, rules=tuple(rules))


def _access_roles(settings: Settings, partition: Partition) -> dict[str, str]:
    return {name: partition.arn("iam", f"role/{name}", "*") for name in settings.access_role_names}


def _policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _denied(sid: str, actions: str | list[str], resources: list[str], *, but: Sequence[str] = ()) -> dict[str, Any]:
    """Denies everyone but these roles: without the exception for our own we would lock ourselves out."""
    statement: dict[str, Any] = {"Sid": sid, "Effect": "Deny", "Action": actions, "Resource": resources}
    return statement | ({"Condition": {"ArnNotLike": {"aws:PrincipalARN": list(but)}}} if but else {})
