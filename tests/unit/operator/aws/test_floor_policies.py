"""How rules become policies: their sizes, their number, and the errors of settings that give too much."""

import json
from typing import Any

import pytest
from fakes.factory import settings

from batteries_operator.aws.floor.place import Place, UnknownProfileError, place_of, places
from batteries_operator.aws.floor.policies import DoesNotFitError, document, packed, text
from batteries_operator.aws.floor.rule import denial
from batteries_operator.aws.guardrails import FLOOR, KEEP_ACCESS, LIMITS, Guardrails, guardrails
from batteries_operator.aws.partition import AWS, CHINA, Partition

REGIONS = ",".join(f"us-gov-northeast-{number}" for number in range(64))
TYPES = ",".join(f"x8gd{number}.metal-48xl" for number in range(64))
MODELS = ",".join(f"anthropic.claude-sonnet-4-{number}*" for number in range(64))
LARGE: dict[str, Any] = {"policy_size": 10240}


def made(partition: Partition = AWS, **chosen: Any) -> Guardrails:
    return guardrails(settings(**chosen), partition)


def sizes(every: Guardrails) -> dict[str, int]:
    return {guard.name: len(text(guard.content)) for guard in every.all}


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"purchases": "allow", "protected_trails": ""},
        {
            "allowed_regions": "eu-central-1,eu-west-1",
            "bedrock": "deny",
            "denied_instance_types": "p*,g*,trn*,*.metal*",
        },
        {"allowed_regions": ",".join(f"eu-central-{number}" for number in range(40)), "bedrock": "amazon.*"},
        {
            "policy_size": 10240,
            "allowed_regions": REGIONS,
            "denied_instance_types": "p*",
            "bedrock": MODELS[:2048].rpartition(",")[0],
        },
        {
            "policy_profiles": '{"gpu": {"deniedInstanceTypes": ""}}',
            "denied_instance_types": TYPES,
            "policy_size": 10240,
        },
    ],
)
def test_each_policy_is_within_its_size_and_each_ou_within_its_number(chosen: dict[str, Any]) -> None:
    every, limits = made(**chosen), settings(**chosen)
    assert max(sizes(every).values()) <= limits.policy_size
    for place in {guard.place for guard in every.all}:
        attached = 1 + len(every.wanted_at(place))  # FullAWSAccess
        assert attached <= limits.policies_per_target, place


def test_the_defaults_leave_room_for_somebody_elses_policy_on_the_customers_ou() -> None:
    every = made()
    assert every.wanted_at(Place("Customers")) == {KEEP_ACCESS, FLOOR, LIMITS}
    assert max(sizes(every).values()) < 2048, "the least that can be set as a policy's size"


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        (
            {"allowed_regions": REGIONS, "policy_size": 2048},
            r"rule Regions for the OU Customers has \d+ characters",
        ),
        (
            {"denied_instance_types": TYPES},
            r"need \d policies on the OU Customers, .* lets 2 more",
        ),
        (
            {"policy_profiles": '{"a": {"deniedInstanceTypes": "' + TYPES + '"}}', "policy_size": 3000},
            r"need \d policies on the OU Customers/a, .* lets 4 more",
        ),
    ],
)
def test_settings_that_give_too_much_are_told_with_what_to_shorten(chosen: dict[str, Any], said: str) -> None:
    with pytest.raises(DoesNotFitError, match=said) as caught:
        made(**chosen)
    assert "Shorten BATTERIES_ALLOWED_REGIONS" in str(caught.value)


def rule(sid: str, length: int) -> Any:
    """A rule whose policy has that many characters."""
    lacking = length - len(text(document([denial(sid, "", ["s3:"])])))
    return denial(sid, "", ["s3:" + "x" * lacking])


def test_rules_fill_a_policy_to_its_last_character_and_not_beyond() -> None:
    one, two = rule("A", 200), rule("B", 300)
    both = len(text(document([one, two])))
    assert packed([one, two], size=both, room=1, where="X") == [[one, two]]
    assert packed([one, two], size=both - 1, room=2, where="X") == [[one], [two]]
    assert packed([one], size=200, room=1, where="X") == [[one]]
    with pytest.raises(DoesNotFitError, match="The rule A for the OU X has 200 characters"):
        packed([one], size=199, room=1, where="X")
    with pytest.raises(DoesNotFitError, match="need 2 policies on the OU X"):
        packed([one, two], size=both - 1, room=1, where="X")
    assert packed([], size=1, room=0, where="X") == []


def test_what_does_not_fit_one_policy_goes_into_a_second_of_another_name() -> None:
    every = made(policy_size=3500, allowed_regions="eu-central-1", denied_instance_types="p*")
    assert [guard.name for guard in every.limits["default"]] == [LIMITS, f"{LIMITS}2"]
    other = made(policy_size=2048, policy_profiles='{"eu": {"allowedRegions": "eu-central-1"}}')
    assert [guard.name for guard in other.limits["eu"]] == [f"{LIMITS}-eu", f"{LIMITS}2-eu"]


def test_a_policy_as_it_is_sent_has_no_white_space_and_unique_sids() -> None:
    every = made(
        allowed_regions="eu-central-1", bedrock="deny", denied_instance_types="p*", allowed_instance_types="t*"
    )
    for guard in every.all:
        assert " " not in text(guard.content)
    sids = [rule.sid for guard in every.of_the_floor for rule in guard.rules]
    assert len(sids) == len(set(sids)) > 10
    assert all(sid.isalnum() for sid in sids)


def test_nothing_chosen_gives_no_policy_of_limits() -> None:
    every = made(purchases="allow")
    assert every.limits == {"default": ()}
    assert every.wanted_at(Place("Customers")) == {KEEP_ACCESS, FLOOR}


def test_profiles_have_their_own_ou_and_the_customers_ou_keeps_what_is_the_same_for_all() -> None:
    chosen = settings(policy_profiles='{"gpu": {"purchases": "allow"}}', allowed_regions="eu-central-1")
    every = guardrails(chosen, AWS)
    assert {str(place) for place in places(chosen).values()} == {"Customers/default", "Customers/gpu"}
    assert every.wanted_at(Place("Customers")) == {KEEP_ACCESS, FLOOR}
    assert every.wanted_at(Place("gpu", "Customers")) == {f"{LIMITS}-gpu"}
    assert [rule.sid for rule in every.limits["gpu"][0].rules] == ["Regions"]
    assert [guard.name for guard in every.of_profile("gpu")] == [KEEP_ACCESS, FLOOR, f"{LIMITS}-gpu"]
    assert [guard.name for guard in every.of_profile(None)] == [KEEP_ACCESS, FLOOR, LIMITS]


def test_an_account_is_placed_by_its_profile() -> None:
    plain, chosen = settings(), settings(policy_profiles='{"gpu": {}}')
    assert place_of(plain, None) == place_of(plain, "default") == Place("Customers")
    assert place_of(chosen, None) == place_of(chosen, "default") == Place("default", "Customers")
    assert str(place_of(chosen, "gpu")) == "Customers/gpu"
    with pytest.raises(UnknownProfileError, match="no policy profile 'cpu'; there are: default, gpu"):
        place_of(chosen, "cpu")


def test_arns_are_of_the_partition() -> None:
    china = made(CHINA, allowed_regions="cn-north-1", bedrock="amazon.*", denied_instance_types="p*")
    assert "arn:aws:" not in "".join(json.dumps(guard.content) for guard in china.all)
    assert "arn:aws-cn:iam::*:role/AIBatteriesIncludedAccess" in json.dumps(china.floor[0].content)
