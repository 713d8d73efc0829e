"""The status writer: what it writes, and what it does where somebody else wrote."""

import asyncio
from typing import Any

import pytest
from fakes.cluster import Cluster, FakeResources
from kubernetes.aio.client import ApiException

from batteries_crds.aws_account import AwsAccount
from batteries_crds.aws_account_status import CreateRequest
from batteries_crds.base import utc_now
from batteries_crds.step_records import StepRecord
from batteries_operator.status.status_writer import LONGEST_SECONDS, MAX_TRIES, LostRaceError, StatusWriter


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def accounts(cluster: Cluster) -> Any:
    return FakeResources(cluster, AwsAccount)


@pytest.fixture
async def writer(accounts: Any) -> StatusWriter:
    body = {"metadata": {"name": "acme"}, "spec": {"email": "a@example.com"}}
    return StatusWriter(accounts, await accounts.create("ns", body))


def write(writer: StatusWriter, **facts: Any) -> StatusWriter:
    writer.account = writer.account.model_copy(update={"status": writer.account.status.model_copy(update=facts)})
    return writer


def intent(**changes: Any) -> CreateRequest:
    return CreateRequest(**{"email": "a@b.co", "account_name": "a", "recorded_at": utc_now()} | changes)


async def test_only_the_difference_is_written(cluster: Cluster, writer: StatusWriter) -> None:
    await write(writer, owner="a@example.com", error="trouble").flush()
    cluster.writes.clear()
    assert await write(writer, error=None).flush()
    [(verb, _, body)] = cluster.writes
    assert (verb, body["status"]) == ("status", {"error": None})
    assert body["metadata"]["resourceVersion"]


async def test_where_nothing_differs_nothing_is_written(cluster: Cluster, writer: StatusWriter) -> None:
    await write(writer, owner="a@example.com").flush()
    cluster.writes.clear()
    assert not await write(writer, owner="a@example.com").flush()
    assert cluster.writes == []


async def test_a_removed_key_is_gone_at_every_depth(writer: StatusWriter, accounts: Any) -> None:
    steps = {"create_account": StepRecord(inputs="x", gave_up_at=1), "check_status": StepRecord(inputs="y")}
    await write(writer, create_request=intent(request_id="car-1"), steps=steps).flush()
    await write(writer, create_request=intent(), steps={"create_account": StepRecord(inputs="x")}).flush()
    stored = (await accounts.get("ns", "acme")).status
    assert stored.create_request.request_id is None
    assert stored.steps == {"create_account": StepRecord(inputs="x")}


async def test_what_is_put_off_goes_out_with_the_next_write_and_is_told_of_then(
    writer: StatusWriter, cluster: Cluster
) -> None:
    told: list[str] = []
    assert writer.deferred_for is None
    cluster.writes.clear()
    write(writer, owner="a@example.com").on_written(lambda: told.append("owner"))
    writer.defer()
    await asyncio.sleep(0.05)
    writer.defer()
    assert writer.deferred_for is not None
    assert writer.deferred_for < LONGEST_SECONDS - 0.04, "the second waits no longer than the first"
    assert (cluster.writes, told) == ([], [])
    await write(writer, error="trouble").flush()
    assert [body["status"] for _, _, body in cluster.writes] == [{"owner": "a@example.com", "error": "trouble"}]
    assert (told, writer.deferred_for) == (["owner"], None)
    await writer.flush()
    assert told == ["owner"]


async def test_what_could_not_be_written_is_not_told(writer: StatusWriter, accounts: Any) -> None:
    told: list[str] = []
    await accounts.merge_status("ns", "acme", {"status": {"owner": "other@example.com"}})
    write(writer, owner="a@example.com").on_written(lambda: told.append("owner"))
    with pytest.raises(LostRaceError):
        await writer.flush()
    assert told == []


async def test_what_another_step_says_during_a_write_is_in_the_next(writer: StatusWriter, accounts: Any) -> None:
    merge = accounts.merge_status

    async def slow(*args: Any) -> Any:
        await asyncio.sleep(0.02)
        return await merge(*args)

    accounts.merge_status = slow
    writing = asyncio.create_task(write(writer, owner="a@example.com").flush())
    await asyncio.sleep(0.01)
    write(writer, error="trouble")
    await writing
    assert writer.account.status.error == "trouble"
    await writer.flush()
    status = (await accounts.get("ns", "acme")).status
    assert (status.owner, status.error) == ("a@example.com", "trouble")


async def test_a_changed_spec_costs_another_try_and_no_write(writer: StatusWriter, accounts: Any) -> None:
    await accounts.merge("ns", "acme", {"spec": {"githubRepos": ["o/r"]}})
    assert await write(writer, owner="a@example.com").flush()
    stored = await accounts.get("ns", "acme")
    assert (stored.status.owner, stored.spec.github_repos) == ("a@example.com", ["o/r"])
    assert writer.account.metadata.generation == 1, "the reconcile's outcomes are for the spec that it read"
    assert writer.account.spec.github_repos == []


async def test_somebody_elses_status_is_not_written_over(writer: StatusWriter, accounts: Any) -> None:
    await accounts.merge_status("ns", "acme", {"status": {"owner": "other@example.com"}})
    with pytest.raises(LostRaceError):
        await write(writer, owner="a@example.com").flush()
    assert (await accounts.get("ns", "acme")).status.owner == "other@example.com"


async def test_an_object_of_the_same_name_is_another_object(
    writer: StatusWriter, cluster: Cluster, accounts: Any
) -> None:
    cluster.delete("AwsAccount", "ns", "acme")
    await accounts.create("ns", {"metadata": {"name": "acme"}, "spec": {"email": "b@example.com"}})
    with pytest.raises(LostRaceError):
        await write(writer, owner="a@example.com").flush()
    assert (await accounts.get("ns", "acme")).status.owner is None


async def test_a_deleted_object_is_a_lost_race(writer: StatusWriter, cluster: Cluster) -> None:
    cluster.delete("AwsAccount", "ns", "acme")
    with pytest.raises(LostRaceError):
        await write(writer, owner="a@example.com").flush()


async def test_a_spec_that_never_rests_is_given_up(writer: StatusWriter, cluster: Cluster) -> None:
    def conflict(kind: str, body: Any) -> None:
        raise ApiException(status=409)

    cluster.before_write = conflict
    with pytest.raises(LostRaceError, match="changes faster"):
        await write(writer, owner="a@example.com").flush()


async def test_other_refusals_are_the_callers_business(writer: StatusWriter, cluster: Cluster) -> None:
    tries = []

    def forbid(kind: str, body: Any) -> None:
        tries.append(kind)
        raise ApiException(status=403, reason="Forbidden")

    cluster.before_write = forbid
    with pytest.raises(ApiException, match="Forbidden"):
        await write(writer, owner="a@example.com").flush()
    assert len(tries) == 1 < MAX_TRIES


async def test_the_fake_behaves_like_the_api_server(cluster: Cluster, accounts: Any) -> None:
    body = {"metadata": {"name": "b"}, "spec": {"email": "b@b.co"}}
    made = await accounts.create("ns", {**body, "status": {"owner": "x"}})
    assert (made.status.owner, made.metadata.generation) == (None, 1), "a create carries no status"
    with pytest.raises(ApiException):
        await accounts.create("ns", body)
    seen = await accounts.merge_status("ns", "b", {"spec": {"email": "c@c.co"}, "status": {"owner": "o", "error": "e"}})
    assert (seen.spec.email, seen.status.owner, seen.metadata.generation) == ("b@b.co", "o", 1)
    later = await accounts.merge("ns", "b", {"spec": {"suspended": True}, "status": {"owner": None}})
    assert (later.status.owner, later.spec.suspended, later.metadata.generation) == ("o", True, 2)
    stale = {"metadata": {"resourceVersion": seen.metadata.resource_version}, "status": {"error": None}}
    with pytest.raises(ApiException):
        await accounts.merge_status("ns", "b", stale)
    assert (await accounts.merge_status("ns", "b", {"status": {"error": None}})).status.error is None
