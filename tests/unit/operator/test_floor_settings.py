"""The settings of the floor: what is refused, in words that say what to write, and how profiles differ."""

import pytest

from batteries_crds.runtime.environment import WrongEnvironmentError
from batteries_crds.runtime.settings import read_settings
from batteries_operator.runtime.floor_choice import Choice, names
from batteries_operator.runtime.settings import Settings


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("ALLOWED_REGIONS", "eu-central-1,Frankfurt", "'Frankfurt' is not the name of a region, such as eu-central-1"),
        ("ALLOWED_REGIONS", ",".join(f"eu-west-{number}" for number in range(65)), "65 names are given, and 64 are"),
        ("ALLOWED_INSTANCE_TYPES", "t3*;m5*", "'t3*;m5*' is not a pattern of EC2 instance types"),
        ("DENIED_INSTANCE_TYPES", "P5*", "'P5*' is not a pattern of EC2 instance types"),
        ("BEDROCK", " , ", "it is empty; give allow, deny, or patterns"),
        ("BEDROCK", "claude 3", "'claude 3' is not allow, deny, or a pattern of model ids"),
        ("PURCHASES", "yes", "must be 'deny' or 'allow'"),
        ("PROTECTED_TRAILS", "a/b", "'a/b' is not a pattern of the names of trails"),
        ("POLICY_SIZE", "2047", "must be greater than or equal to 2048"),
        ("POLICIES_PER_TARGET", "3", "must be greater than or equal to 4"),
        ("POLICY_PROFILES", "gpu", 'it is no JSON object; write it as {"gpu": {"deniedInstanceTypes": ""}}'),
        ("POLICY_PROFILES", '["gpu"]', "it is no JSON object"),
        ("POLICY_PROFILES", '{"GPU": {}}', "'GPU' can't name a profile"),
        ("POLICY_PROFILES", '{"a-": {}}', "'a-' can't name a profile"),
        ("POLICY_PROFILES", '{"default": {}}', "'default' is the profile of all other accounts"),
        ("POLICY_PROFILES", '{"gpu": {"region": "x"}}', "the profile gpu: region Extra inputs are not permitted"),
        ("POLICY_PROFILES", '{"gpu": {"allowedRegions": "x"}}', "the profile gpu: allowedRegions 'x' is not the name"),
        ("POLICY_PROFILES", '{"gpu": {"bedrock": ""}}', "the profile gpu: bedrock it is empty"),
        ("POLICY_PROFILES", '{"gpu": []}', "the profile gpu: "),
    ],
)
def test_a_wrong_setting_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(f"BATTERIES_{variable}", value)
    with pytest.raises(WrongEnvironmentError) as caught:
        read_settings(Settings)
    assert f"BATTERIES_{variable}" in str(caught.value)
    assert said in str(caught.value)


def test_names_are_separated_by_commas_and_each_counts_once() -> None:
    assert names(" a, b ,,a,") == ("a", "b")
    assert names("") == ()
    assert Settings(allowed_regions=",".join(f"eu-west-{number}" for number in range(64))).choice_of().regions[63]
    assert Settings(allowed_regions="unspecified").choice_of().regions == ("unspecified",)


def test_a_profile_has_what_it_names_and_everything_else_as_all_accounts() -> None:
    chosen = Settings(
        allowed_regions="eu-central-1",
        denied_instance_types="p*",
        bedrock="deny",
        policy_profiles='{"gpu": {"deniedInstanceTypes": "", "purchases": "allow"}, "x": {"allowedRegions": "", '
        '"bedrock": "amazon.*", "allowedInstanceTypes": "t3*"}}',
    )
    assert chosen.profile_names == ("gpu", "x")
    plain = Choice(("eu-central-1",), (), ("p*",), ("deny",), purchases=False)
    assert chosen.choice_of() == chosen.choice_of("default") == plain
    assert chosen.choice_of("gpu") == Choice(("eu-central-1",), (), (), ("deny",), purchases=True)
    assert chosen.choice_of("x") == Choice((), ("t3*",), ("p*",), ("amazon.*",), purchases=False)
    with pytest.raises(KeyError):
        chosen.choice_of("y")
    assert Settings().choice_of() == Choice()
