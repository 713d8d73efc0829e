"""The resources as Python models: repositories, identities, conditions, and the generated schema."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, Field

from batteries_crds.aws_account import AwsAccount
from batteries_crds.aws_account_status import AwsAccountStatus
from batteries_crds.conditions import ConditionStatus, find, is_true, upsert, without
from batteries_crds.generate import RESOURCES, crd, render
from batteries_crds.github.repository import MAX_LENGTH, MAX_REPOSITORIES, Repository, check_all, parse
from batteries_crds.names import ProvisioningStep
from batteries_crds.schema import structural

LONGEST = f"{'o' * 39}@{'1' * 20}/{'r' * 100}@{'2' * 20}"


@pytest.mark.parametrize(
    ("text", "repository"),
    [
        ("octo-org/web", Repository("octo-org", "web")),
        ("Octo/.github", Repository("Octo", ".github")),
        ("short_code/a.b_c-d", Repository("short_code", "a.b_c-d")),
        ("octo@1/web@2", Repository("octo", "web", "1", "2")),
        (LONGEST, Repository("o" * 39, "r" * 100, "1" * 20, "2" * 20)),
    ],
)
def test_a_repository_is_read(text: str, repository: Repository) -> None:
    assert parse(text) == repository
    assert len(text) <= MAX_LENGTH


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "/",
            "octo",
            "octo/",
            "/web",
            "octo/web/x",
            "https://github.com/octo/web",
            "octo/web.git",
            "octo/web.wiki",
        ),
        *("*/web", "octo/*", "octo/we?b", "octo/w$b", 'octo/w"b', "octo/web ", "octo/web\n", "octo/wéb", "-octo/web"),
        *(
            "octo/.",
            "octo/..",
            "octo@1/web",
            "octo/web@2",
            "octo@/web@",
            "octo@a/web@b",
            "octo@1/..@2",
            "octo@1/w.git@2",
        ),
        *(f"{'o' * 40}/web", f"octo/{'r' * 101}", f"octo@{'1' * 21}/web@2", "octo:x/web", "octo/web:ref"),
    ],
)
def test_what_is_no_repository_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a repository(\. A repository is written|: it .*\. Write octo)"):
        parse(text)


def test_the_longest_repository_has_the_length_that_the_schema_allows() -> None:
    assert len(LONGEST) == MAX_LENGTH


def test_a_list_is_taken_as_it_came_up_to_the_bound() -> None:
    texts = [f"octo/r{number}" for number in range(MAX_REPOSITORIES)]
    assert check_all(texts) == texts
    with pytest.raises(ValueError, match="101 repositories were given"):
        check_all([*texts, "octo/one-more"])


def test_the_same_repository_in_another_case_is_a_repeat() -> None:
    with pytest.raises(ValueError, match="'Octo/Web' is listed twice"):
        check_all(["octo/web", "Octo/Web"])


def account(name: str, namespace: str = "ns") -> AwsAccount:
    return AwsAccount.model_validate({"metadata": {"name": name, "namespace": namespace}, "spec": {"email": "a@b.co"}})


def test_an_account_named_by_a_uuid_has_that_id() -> None:
    name = "0190b6e2-7d54-7c3e-a6c5-2f8f8f1b1a11"
    assert account(name).account_id == account(name, "other").account_id == UUID(name)


def test_the_id_of_any_other_account_follows_from_its_key_for_ever() -> None:
    # Accounts out there have it in their e-mail addresses: this value must never change.
    assert str(account("acme", "customers").account_id) == "f14bab46-106a-5759-a0af-bb3be3facc91"
    assert account("acme").account_id != account("acme", "other").account_id


@pytest.mark.parametrize(
    "name", ["0190b6e27d547c3ea6c52f8f8f1b1a11", "0190B6E2-7D54-7C3E-A6C5-2F8F8F1B1A11", "{0190b6e2}"]
)
def test_a_name_that_only_looks_like_a_uuid_is_none(name: str) -> None:
    """Two spellings of one UUID are two objects, and may not share an id."""
    assert str(account(name).account_id) != str(name).lower()
    assert account(name).account_id.version == 5


NOW = datetime(2026, 11, 24, tzinfo=UTC)


def put(conditions: Any, status: ConditionStatus, reason: str = "R", now: datetime = NOW, kind: str = "A") -> Any:
    return upsert(conditions, kind, status, reason, "m", generation=3, now=now)


def test_a_condition_keeps_its_place_and_its_time_until_its_status_changes() -> None:
    later = NOW + timedelta(hours=1)
    conditions = put(put([], ConditionStatus.FALSE), ConditionStatus.TRUE, kind="B")
    same = put(conditions, ConditionStatus.FALSE, "Other", later)
    assert [c.type for c in same] == ["A", "B"]
    assert (same[0].reason, same[0].last_transition_time) == ("Other", NOW)
    changed = put(same, ConditionStatus.TRUE, "Done", later)
    assert (changed[0].last_transition_time, changed[0].observed_generation) == (later, 3)
    assert is_true(changed, "A")
    assert not is_true(changed, "C")
    assert find(without(changed, "A"), "A") is None


def nodes(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from nodes(schema[key], f"{path}.{key}")


SCHEMAS = [crd(resource)["spec"]["versions"][0]["schema"]["openAPIV3Schema"] for resource in RESOURCES]
FORBIDDEN = {"$ref", "$defs", "title", "anyOf", "allOf", "oneOf", "const", "nullable", "definitions", "examples"}


@pytest.mark.parametrize("schema", SCHEMAS, ids=[resource.definition.plural for resource in RESOURCES])
def test_the_schema_is_structural_and_every_field_is_bounded_and_described(schema: dict[str, Any]) -> None:
    for path, node in nodes(schema):
        assert "type" in node, path
        assert not FORBIDDEN & node.keys(), path
        assert not ("properties" in node and "additionalProperties" in node), path
        if path.startswith((".spec.", ".status.")) and ".items" not in path and "additionalProperties" not in path:
            assert node.get("description"), f"{path} has no description: give its field one, Field(description=…)"
        if node["type"] == "string" and path.startswith((".spec", ".status")):
            assert node.keys() & {"maxLength", "enum", "format"}, f"{path} has no bound: give its field a max_length"
        if node["type"] == "array":
            assert "maxItems" in node, f"{path} has no bound: give its field a max_length"


@pytest.mark.parametrize("schema", SCHEMAS, ids=[resource.definition.plural for resource in RESOURCES])
def test_an_absent_status_says_no_more_than_that_nobody_has_looked(schema: dict[str, Any]) -> None:
    status = schema["properties"]["status"]
    observes = "observedGeneration" in status["properties"]
    assert status.get("default") == ({"observedGeneration": 0} if observes else None)
    assert schema["required"] == ["spec"]


def test_the_generator_refuses_what_kubernetes_cannot_say() -> None:
    class Odd(BaseModel):
        either: int | str

    with pytest.raises(ValueError, match="one of several"):
        structural(Odd)


def test_optional_nested_and_literal_fields_become_plain_ones() -> None:
    class Inner(BaseModel):
        """Inside."""

        x: Annotated[int, Field(ge=1)] = 1

    class Outer(BaseModel):
        inner: Annotated[Inner | None, Field(description="Outer words win.")] = None
        role: Literal["admin"] | None = None
        many: dict[str, Inner] = {}

    properties = structural(Outer)["properties"]
    assert properties["inner"]["description"] == "Outer words win."
    assert properties["inner"]["properties"] == {"x": {"default": 1, "minimum": 1, "type": "integer"}}
    assert "default" not in properties["inner"]
    assert properties["role"] == {"type": "string", "enum": ["admin"]}
    assert properties["many"]["additionalProperties"]["type"] == "object"


def test_the_files_are_the_same_each_time() -> None:
    assert [render(resource) for resource in RESOURCES] == [render(resource) for resource in RESOURCES]


def test_provisioning_steps_are_the_contracts() -> None:
    steps = "create_account check_status wait_for_role move_to_ou create_iam_user setup_sso_access setup_oidc"
    assert {*ProvisioningStep} == {*steps.split(), "send_welcome_email", "complete", "failed"}
    assert AwsAccountStatus().provisioning_step == "create_account"


def test_no_crd_holds_an_empty_list_that_the_api_server_would_drop() -> None:
    # Server-side apply counts what was dropped as another value: a second applier of the same file met a conflict.
    assert not [resource for resource in RESOURCES if ": []" in render(resource).split("  versions:")[0]]
