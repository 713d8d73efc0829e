"""The chart's admission policies, generated from the models: fields are closed unless somebody opened them."""

from typing import Annotated, Any

import pytest
from pydantic import Field, create_model

from batteries_crds import admission, write_access
from batteries_crds.aws_account import AwsAccount
from batteries_crds.aws_account_spec import AwsAccountSpec
from batteries_crds.generate import RESOURCES
from batteries_crds.resource import Resource
from batteries_crds.write_access import WRITES, Program, When, Write


def with_a_field(model: type[Resource], spec: type[Any], default: Any) -> type[Resource]:
    """The resource as a later release may have it: with spec.brandNew."""
    kind = type(default) if default is not None else str
    field: Any = Annotated[kind | None, Field(max_length=9)] if default is None else kind
    more: Any = create_model("Spec", __base__=spec, brand_new=(field, default))
    made: type[Resource] = create_model(model.__name__, __base__=model, spec=(more, ...))
    return made


def texts(program: Program, resource: type[Resource]) -> list[str]:
    """The expressions of the program's policy for that resource."""
    name = f"{program}-{resource.definition.plural}"
    (found,) = (policy for policy in admission.policies([resource]) if policy["name"] == name)
    return [rule["expression"] for rule in found["validations"]]


@pytest.fixture
def open_as_before(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Checks that what is open in a resource stays open in its later form."""

    def opened(later: type[Resource], before: type[Resource], **fields: When) -> None:
        table: dict[Program, dict[type[Resource], Write]] = {
            program: {later: Write(**{**_parts(writes[before]), "spec": {**writes[before].spec, **fields}})}
            for program, writes in WRITES.items()
            if before in writes
        }
        for module in (write_access, admission):
            monkeypatch.setattr(module, "WRITES", {program: table.get(program, {}) for program in Program})

    return opened


def _parts(write: Write) -> dict[str, Any]:
    return {name: getattr(write, name) for name in write.__slots__}


def test_a_new_field_is_closed_to_both_programs(open_as_before: Any) -> None:
    later = with_a_field(AwsAccount, AwsAccountSpec, None)
    open_as_before(later, AwsAccount)
    api, operator = texts(Program.API_SERVER, later), texts(Program.OPERATOR, later)
    assert any("CREATE" in text and "!has(object.spec.brandNew)" in text for text in api)
    assert any("UPDATE" in text and "object.spec.?brandNew == oldObject.spec.?brandNew" in text for text in api)
    assert any("object.spec == oldObject.spec" in text for text in operator)


def test_a_new_field_with_a_default_keeps_it(open_as_before: Any) -> None:
    later = with_a_field(AwsAccount, AwsAccountSpec, 7)
    open_as_before(later, AwsAccount)
    assert any("object.spec.?brandNew.orValue(7) == 7" in text for text in texts(Program.API_SERVER, later))


@pytest.mark.parametrize(
    ("when", "at_creation", "changed"),
    [(When.AT_CREATION, True, False), (When.AT_HOME, True, "home"), (When.EVERYWHERE, True, True)],
)
def test_a_field_is_opened_by_a_row_of_the_table(
    open_as_before: Any, when: When, at_creation: bool, changed: object
) -> None:
    later = with_a_field(AwsAccount, AwsAccountSpec, None)
    open_as_before(later, AwsAccount, brandNew=when)
    about = [text for text in texts(Program.API_SERVER, later) if "brandNew" in text]
    assert any("CREATE" in text for text in about) != at_creation
    if changed is True:
        assert about == []
    elif changed == "home":
        (text,) = about
        assert "request.namespace == variables.home ||" in text
    else:
        (text,) = about
        assert "variables.home" not in text


def test_a_row_for_a_field_that_is_not_there_is_refused(open_as_before: Any) -> None:
    open_as_before(AwsAccount, AwsAccount, githubRepo=When.AT_HOME)
    with pytest.raises(ValueError, match=r"opens fields that AwsAccount\.spec does not have: githubRepo\."):
        admission.policies([AwsAccount])


def test_a_resource_that_is_not_in_the_table_is_closed_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "WRITES", {program: {} for program in Program})
    for program in Program:
        assert texts(program, AwsAccount) == ["false"]


def test_each_program_has_a_policy_for_each_resource() -> None:
    names = {policy["name"] for policy in admission.policies(RESOURCES)}
    assert {f"{program}-{one.definition.plural}" for program in Program for one in RESOURCES} <= names
