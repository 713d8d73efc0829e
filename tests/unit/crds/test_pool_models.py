"""A member of a pool is an AwsAccount without an owner, and another one than the AwsAccount of its name."""

from typing import Any

import pytest
from pydantic import ValidationError

from batteries_crds import admission
from batteries_crds.account_pool import AccountPool
from batteries_crds.aws_account import NAME_LENGTH as LONGEST_ACCOUNT
from batteries_crds.aws_account import AwsAccount
from batteries_crds.aws_account_spec import AwsAccountSpec, DeletionPolicy
from batteries_crds.aws_account_status import AwsAccountStatus
from batteries_crds.base import Model
from batteries_crds.generate import crd
from batteries_crds.names import ANNOTATION_RETRY, ClosingStep, OptionalStep, PreparationStep, ProvisioningStep
from batteries_crds.pooled_account import LINE, NAME_LENGTH, PooledAccount, PooledAccountStatus
from batteries_crds.schema import structural
from batteries_crds.write_access import WRITES, Program

NAMED = "7d0df751-a438-4387-b946-89c612a0004a"
TAKEN = {"claimedBy": {"name": "acme", "uid": "u", "accountId": NAMED, "at": "2026-11-24T08:00:00Z"}}
TAG_LENGTH, NAMESPACE_LENGTH = 256, 63


def member(name: str = "one", status: dict[str, Any] | None = None, **spec: Any) -> PooledAccount:
    meta = {"name": name, "namespace": "ns", "uid": "u-1", **spec.pop("metadata", {})}
    return PooledAccount.model_validate(
        {"metadata": meta, "spec": {"poolRef": {"name": "p"}, **spec}, "status": status or {}}
    )


def account(name: str) -> AwsAccount:
    return AwsAccount.model_validate({"metadata": {"name": name, "namespace": "ns"}, "spec": {"email": "a@b.co"}})


@pytest.mark.parametrize("name", ["one", NAMED])
def test_a_member_shares_neither_id_nor_holder_with_the_account_of_its_name(name: str) -> None:
    assert member(name).key == account(name).key == f"ns/{name}"
    assert account(name).holder == f"ns/{name}"
    assert member(name).holder == f"pooledaccounts/ns/{name}"
    assert member(name).account_id != account(name).account_id


def test_a_members_id_never_changes() -> None:
    # Root e-mail addresses in AWS are made from it.
    assert str(member().account_id) == "f5c66b9c-38b8-5211-9db3-0522069c38cd"


def test_the_longest_holders_are_tags_of_aws() -> None:
    prefix = len(member("").holder) - len("ns")
    assert prefix + NAMESPACE_LENGTH + NAME_LENGTH <= TAG_LENGTH
    assert NAMESPACE_LENGTH + 1 + LONGEST_ACCOUNT <= TAG_LENGTH
    rule = structural(PooledAccount)["x-kubernetes-validations"][0]["rule"]
    assert rule == f"self.metadata.name.size() <= {NAME_LENGTH}"


def test_members_of_all_pools_wait_in_one_line_that_is_no_customers() -> None:
    assert member().line == member(poolRef={"name": "other"}).line == LINE
    assert "/" not in LINE


def test_a_member_is_wanted_until_it_is_claimed_or_deleted() -> None:
    free, deleted = member(), member(metadata={"deletionTimestamp": "2026-11-24T08:00:00Z"})
    assert (free.is_wanted, free.is_claimed, free.is_suspended) == (True, False, False)
    assert (deleted.is_wanted, deleted.is_claimed) == (False, False)
    taken = member(status=TAKEN)
    assert (taken.is_wanted, taken.is_claimed, taken.is_suspended) == (False, True, False)
    assert taken.status.claimed_by is not None
    assert taken.status.claimed_by.name == "acme"


def test_the_crd_of_a_member_shows_its_own_fields_and_none_of_an_owner() -> None:
    schema = structural(PooledAccount)["properties"]
    assert set(schema["spec"]["properties"]) == {"poolRef", "deletionPolicy"}
    assert schema["spec"]["required"] == ["poolRef"]
    assert "owner" not in str(schema["spec"])
    shown = set(schema["status"]["properties"])
    assert {"awsAccountId", "createRequest", "steps", "claimedBy", "baseline", "oidcRoleArn"} <= shown
    assert not shown & {"owner", "iamUserName", "ssoUserId", "holds", "claim", "credentialsSecretName"}
    assert "claimedBy" not in structural(AwsAccount)["properties"]["status"]["properties"]
    assert set(structural(AwsAccountSpec)["properties"]) > {"email", "customerRef"}, "only the member lacks them"


def test_what_is_left_out_is_inherited() -> None:
    assert PooledAccountStatus.left_out <= AwsAccountStatus.model_fields.keys()

    class Odd(Model):
        left_out = frozenset({"nothing_of_this_name"})

    with pytest.raises(KeyError):
        structural(Odd)


def test_an_account_remembers_the_member_that_it_wishes_for() -> None:
    wish = {
        "member": "one",
        "memberUid": "u-1",
        "awsAccountId": "123456789012",
        "pooledId": NAMED,
        "recordedAt": "2026-11-24T08:00:00Z",
    }
    status = AwsAccountStatus.model_validate({"claim": wish})
    assert status.to_wire()["claim"] == wish
    with pytest.raises(ValidationError):
        AwsAccountStatus.model_validate({"claim": wish | {"awsAccountId": "12"}})


def test_a_pool_is_careful_unless_it_is_told_otherwise() -> None:
    spec = AccountPool.model_validate({"metadata": {"name": "p"}, "spec": {"size": 3}}).spec
    assert (spec.max_in_progress, spec.max_creations_per_day, spec.max_broken, spec.quota_reserve) == (2, 10, 3, 2)
    assert spec.deletion_policy is DeletionPolicy.RETAIN
    for wrong in ({}, {"size": -1}, {"size": 2001}, {"size": 1, "maxInProgress": 0}, {"size": 1, "maxBroken": 0}):
        with pytest.raises(ValidationError):
            AccountPool.model_validate({"metadata": {"name": "p"}, "spec": wrong})


def test_a_retry_of_a_pool_is_told_by_its_annotation() -> None:
    pool = AccountPool.model_validate(
        {"metadata": {"name": "p", "annotations": {ANNOTATION_RETRY: "1"}}, "spec": {"size": 3}}
    )
    assert pool.retry == "1"


def test_the_categories_show_pools_and_not_each_member() -> None:
    assert crd(AccountPool)["spec"]["names"]["categories"] == ["batteries"]
    assert "categories" not in crd(PooledAccount)["spec"]["names"]


def test_no_two_steps_of_any_pipeline_have_one_name() -> None:
    names = [*ProvisioningStep, *ClosingStep, *OptionalStep, *PreparationStep]
    assert len(set(names)) == len(names)


def test_the_operator_makes_members_and_the_api_server_does_not() -> None:
    assert set(WRITES[Program.OPERATOR][PooledAccount].spec) == set(admission.spec_fields(PooledAccount))
    assert PooledAccount not in WRITES[Program.API_SERVER]
    assert AccountPool not in WRITES[Program.API_SERVER]
    assert WRITES[Program.OPERATOR][AccountPool].spec == {}
