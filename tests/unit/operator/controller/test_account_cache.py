"""A reconcile starts from what a watch or a write showed last; what was decided from older state is decided anew."""

from typing import Any

import pytest
from fakes.factory import NAMESPACE, CrashError, Factory, crash

from batteries_crds.aws_account import AwsAccount
from batteries_crds.names import FINALIZER
from batteries_crds.resource import ObjectMeta
from batteries_operator.controller.account_cache import AccountCache
from batteries_operator.reconcile.reconciler import UNKEPT_SECONDS


def version(number: str) -> AwsAccount:
    return AwsAccount.model_validate({"metadata": ObjectMeta(uid="1", resource_version=number), "spec": {}})


def test_the_newest_is_kept_however_late_something_older_is_seen() -> None:
    cache = AccountCache()
    assert cache.get("1") is None
    for number in ("9", "10", "9"):
        cache.update(version(number))
    newest = cache.get("1")
    assert newest is not None
    assert newest.metadata.resource_version == "10"
    cache.forget("1")
    cache.forget("1")
    assert cache.get("1") is None
    assert len(cache) == 0


def count_reads(process: Any) -> list[str]:
    """The names of the accounts that are read from here on."""
    real, reads = process.accounts.find, []

    async def find(namespace: str, name: str) -> AwsAccount | None:
        reads.append(name)
        found: AwsAccount | None = await real(namespace, name)
        return found

    process.accounts.find = find
    return reads


async def test_an_account_is_read_once_in_all_its_provisioning(factory: Factory) -> None:
    account = await factory.add()
    process = await factory.start()
    reads = count_reads(process)
    await process.drive_until_active(account)
    assert reads == ["acme"]
    assert len(process.controller.cache) == 0, "of an account at rest nothing is kept"


async def test_what_was_decided_from_something_older_is_decided_anew(factory: Factory) -> None:
    old = await factory.add()
    first = await factory.start()
    first.after_call = crash("organizations:CreateAccount")
    with pytest.raises(CrashError):
        await first.until("acme")
    second = await factory.start()
    factory.cluster.watches.clear()
    reads = count_reads(second)
    second.controller.cache.update(old)
    await second.drive_until_active(old)
    assert "acme" in reads
    assert [*first.calls, *second.calls].count("organizations:CreateAccount") == 1


async def test_an_account_that_is_let_go_of_is_read_each_time(factory: Factory) -> None:
    process = await factory.active()
    account = await factory.account()
    process.controller.cache.update(account)
    factory.cluster.patch("AwsAccount", NAMESPACE, "acme", {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}})
    reads = count_reads(process)
    await process.release(account)
    assert reads
    assert len(process.controller.cache) <= 1


async def unkept(factory: Factory) -> AwsAccount:
    """A new account that kopf has not put the finalizer on."""
    await factory.add()
    factory.cluster.patch("AwsAccount", NAMESPACE, "acme", {"metadata": {"finalizers": []}})
    return await factory.account()


async def test_nothing_is_begun_before_the_finalizer_is_on_it(factory: Factory) -> None:
    await unkept(factory)
    process = await factory.start()
    writes = len(factory.cluster.writes)
    assert (await process.reconciler.reconcile(NAMESPACE, "acme")).requeue_after == UNKEPT_SECONDS
    factory.cluster.patch("AwsAccount", NAMESPACE, "acme", {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}})
    assert (await process.reconciler.reconcile(NAMESPACE, "acme")).requeue_after is None, "it goes as it came"
    assert process.calls == []
    assert len(factory.cluster.writes) == writes + 1, "the test's own"


async def test_a_finalizer_that_no_watch_has_shown_yet_is_found_by_reading(factory: Factory) -> None:
    """At a start among thousands of accounts the watch begins when all of them have been listed."""
    account = await unkept(factory)
    process = await factory.start()
    process.controller.cache.update(account)
    factory.cluster.watches.clear()
    factory.cluster.patch("AwsAccount", NAMESPACE, "acme", {"metadata": {"finalizers": [FINALIZER]}})
    reads = count_reads(process)
    await process.drive_until_active(account)
    assert reads == ["acme"]
