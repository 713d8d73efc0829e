"""The settings of the floor of policy: what accounts may use, and which profiles differ from that.

The service control policies that follow from them are in `aws/floor`; `batteries-operator bootstrap` writes them.
"""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic.alias_generators import to_camel

from batteries_crds.runtime.settings import FromEnvironment
from batteries_operator.runtime.floor_choice import DEFAULT_PROFILE, Choice, names

_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]+|unspecified")
_PATTERN = re.compile(r"[a-z0-9*?.-]{1,40}")
_MODEL = re.compile(r"[A-Za-z0-9*?.:_-]{1,80}")
_TRAIL = re.compile(r"[A-Za-z0-9*?._-]{1,128}")
_PROFILE = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
_MOST = 64


def _checked(text: str, allowed: re.Pattern[str], what: str) -> str:
    listed = names(text)
    for each in listed:
        if allowed.fullmatch(each) is None:
            raise ValueError(f"{each!r} is not {what}; give such names, separated by commas")
    if len(listed) > _MOST:
        raise ValueError(f"{len(listed)} names are given, and {_MOST} are the most")
    return text


def _regions(text: str) -> str:
    return _checked(text, _REGION, "the name of a region, such as eu-central-1")


def _types(text: str) -> str:
    return _checked(text, _PATTERN, "a pattern of EC2 instance types, such as p5* or t3.micro")


def _bedrock(text: str) -> str:
    if not names(text):
        raise ValueError("it is empty; give allow, deny, or patterns of model ids, separated by commas")
    return _checked(text, _MODEL, "allow, deny, or a pattern of model ids, such as amazon.nova-*")


class PolicyProfile(BaseModel):
    """What differs in a profile; what is absent is as for all other accounts."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, validate_by_name=False)

    allowed_regions: str | None = None
    allowed_instance_types: str | None = None
    denied_instance_types: str | None = None
    bedrock: str | None = None
    purchases: Literal["deny", "allow"] | None = None

    @field_validator("allowed_regions")
    @classmethod
    def _check_regions(cls, text: str | None) -> str | None:
        return text if text is None else _regions(text)

    @field_validator("allowed_instance_types", "denied_instance_types")
    @classmethod
    def _check_types(cls, text: str | None) -> str | None:
        return text if text is None else _types(text)

    @field_validator("bedrock")
    @classmethod
    def _check_bedrock(cls, text: str | None) -> str | None:
        return text if text is None else _bedrock(text)


@lru_cache(maxsize=16)
def _profiles(text: str) -> Mapping[str, PolicyProfile]:
    """The profiles of the setting.

    Raises:
        ValueError: it is no JSON object of profiles; the text says what is wrong.
    """
    try:
        given = json.loads(text or "{}")
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise ValueError('it is no JSON object; write it as {"gpu": {"deniedInstanceTypes": ""}}')
    return {name: _profile(name, content) for name, content in given.items()}


def _profile(name: str, content: object) -> PolicyProfile:
    if _PROFILE.fullmatch(name) is None:
        raise ValueError(f"{name!r} can't name a profile: use up to 32 small letters, digits and dashes")
    if name == DEFAULT_PROFILE:
        raise ValueError(f"{name!r} is the profile of all other accounts; change it by the other settings")
    try:
        return PolicyProfile.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(f"the profile {name}: {where} {first['msg'].removeprefix('Value error, ')}") from None


class FloorSettings(FromEnvironment):
    """What an installation decides about the policies of its accounts."""

    allowed_regions: Annotated[
        str,
        Field(
            max_length=2048,
            description="The regions in which accounts may act, separated by commas; global services are excepted. "
            "`unspecified` among them allows Bedrock's global inference profiles. Empty: all regions.",
        ),
    ] = ""
    allowed_instance_types: Annotated[
        str,
        Field(
            max_length=2048,
            description="Patterns of the instance types that accounts may start, such as `t3*,t4g*`: of EC2, and with "
            "their prefixes of RDS (`db.t3*`), ElastiCache and SageMaker. Empty: all that are not denied.",
        ),
    ] = ""
    denied_instance_types: Annotated[
        str,
        Field(
            max_length=2048,
            description="Patterns of the instance types that accounts may not start, such as `p*,g*,trn*,*.metal*`. "
            "Empty: none.",
        ),
    ] = ""
    bedrock: Annotated[
        str,
        Field(
            max_length=2048,
            description="Whether accounts may use Amazon Bedrock: `allow`, `deny`, or patterns of the model ids that "
            "they may invoke, such as `amazon.nova-*,anthropic.claude-haiku-*`.",
        ),
    ] = "allow"
    purchases: Annotated[
        Literal["deny", "allow"],
        Field(
            description="Whether accounts may buy what can't be undone: reserved capacity, savings plans, marketplace "
            "products, domains, Shield Advanced. docs/guardrails.md lists the actions."
        ),
    ] = "deny"
    protected_trails: Annotated[
        str,
        Field(
            max_length=2048,
            description="Patterns of the names of CloudTrail trails that accounts may not stop, change or delete. "
            "Empty: none.",
        ),
    ] = "*"
    policy_profiles: Annotated[
        str,
        Field(
            max_length=16384,
            description="Profiles for accounts whose policies differ (`spec.policyProfile`): a JSON object from a "
            "profile's name to `allowedRegions`, `allowedInstanceTypes`, `deniedInstanceTypes`, `bedrock` and "
            "`purchases`, each as the setting of that name. Run `batteries-operator bootstrap` after a change.",
        ),
    ] = ""
    policy_size: Annotated[
        int,
        Field(
            ge=2048,
            le=10240,
            description="The most characters of a service control policy. AWS's quota was 5120 for years and is more "
            "in some organizations.",
        ),
    ] = 5120
    policies_per_target: Annotated[
        int,
        Field(ge=4, le=10, description="The most service control policies that AWS lets be attached to one OU."),
    ] = 5
    central_root_access: Annotated[
        bool,
        Field(
            description="Whether `bootstrap` enables central root access, with which new accounts have no root "
            "password, and `doctor` demands it."
        ),
    ] = True

    @field_validator("allowed_regions")
    @classmethod
    def _check_regions(cls, text: str) -> str:
        return _regions(text)

    @field_validator("allowed_instance_types", "denied_instance_types")
    @classmethod
    def _check_types(cls, text: str) -> str:
        return _types(text)

    @field_validator("bedrock")
    @classmethod
    def _check_bedrock(cls, text: str) -> str:
        return _bedrock(text)

    @field_validator("protected_trails")
    @classmethod
    def _check_trails(cls, text: str) -> str:
        return _checked(text, _TRAIL, "a pattern of the names of trails, such as audit-*")

    @field_validator("policy_profiles")
    @classmethod
    def _check_profiles(cls, text: str) -> str:
        _profiles(text)
        return text

    @property
    def profile_names(self) -> tuple[str, ...]:
        """The profiles' names, in their order."""
        return tuple(_profiles(self.policy_profiles))

    def choice_of(self, profile: str = "") -> Choice:
        """What accounts of that profile may use; an empty name, or `default`, is that of all other accounts.

        Raises:
            KeyError: there is no such profile.
        """
        differs = PolicyProfile() if profile in ("", DEFAULT_PROFILE) else _profiles(self.policy_profiles)[profile]
        chosen = {name: getattr(self, name) for name in PolicyProfile.model_fields}
        chosen |= differs.model_dump(exclude_none=True)
        return Choice(
            regions=names(chosen["allowed_regions"]),
            allowed_types=names(chosen["allowed_instance_types"]),
            denied_types=names(chosen["denied_instance_types"]),
            bedrock=names(chosen["bedrock"]),
            purchases=chosen["purchases"] == "allow",
        )
