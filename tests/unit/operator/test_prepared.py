"""The organization that most tests of the operator begin with: prepared once, it must be as if it were made anew."""

from typing import Any

import fakes.prepared
import pytest
from fakes.factory import Factory, settings
from fakes.prepared import prepared
from moto.core.base_backend import BackendDict
from moto.organizations.models import organizations_backends

from batteries_operator.runtime.settings import Settings
from batteries_sandbox.aws.server import in_this_process

OTHER = settings(permission_set_name="Another")


def shown(factory: Factory) -> dict[str, Any]:
    """What there is in AWS, and what was asked of it."""
    world = in_this_process[factory.url]._world
    organization, center = world.moto.organizations(), world.moto.identity_center()
    return {
        "policies by unit": {each.name: [policy.name for policy in each.attached_policies] for each in organization.ou},
        "policies": {each.name: each.content for each in organization.policies},
        "accounts": [each.email for each in organization.accounts],
        "permission sets": [each.name for each in center.permission_sets],
        "creations": len(world.creations.all()),
        "calls": world.journal.counts(),
        "lists": dict(world.lists_asked),
        "in moto": sorted(place[:2] for service in BackendDict._instances for place in service.iter_backends()),  # type: ignore[misc]
        "members": dict(organizations_backends.master_accounts),
    }


async def put_back(factory: Factory) -> None:
    await prepared(factory.url, factory.settings.model_dump_json(), factory.prepare)


@pytest.mark.parametrize("operator_settings", [settings(), OTHER], ids=["usual", "another"])
async def test_it_is_as_its_preparation_leaves_it(
    bare_factory: Factory, operator_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fakes.prepared, "_kept", {})
    anew: list[dict[str, Any]] = []

    async def prepare() -> None:
        await bare_factory.prepare()
        await bare_factory.active("first")
        anew.append(shown(bare_factory))

    await prepared(bare_factory.url, bare_factory.settings.model_dump_json(), prepare)
    assert [shown(bare_factory)] == anew
    assert anew[0]["permission sets"] == [operator_settings.permission_set_name]
    await bare_factory.active("second")
    assert shown(bare_factory) != anew[0]
    await put_back(bare_factory)
    assert [shown(bare_factory)] == anew


async def test_what_was_done_to_it_before_is_gone_and_it_can_be_lived_in(factory: Factory) -> None:
    fresh = shown(factory)
    process = await factory.active()
    account = await factory.account()
    assert account.status.aws_account_id is not None
    await put_back(factory)
    assert shown(factory) == fresh
    assert await factory.members(account) == []
    await factory.active("another")
    assert len(shown(factory)["accounts"]) == len(fresh["accounts"]) + 1
    assert process.calls


async def test_other_settings_have_another(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fakes.prepared, "_kept", dict(fakes.prepared._kept))
    anew: list[str] = []

    async def prepare() -> None:
        anew.append("prepared")

    await prepared(factory.url, factory.settings.model_dump_json(), prepare)
    assert anew == []
    await prepared(factory.url, OTHER.model_dump_json(), prepare)
    assert anew == ["prepared"]


async def test_its_policies_are_of_its_own_accounts(factory: Factory) -> None:
    """Each object in it is one, as in what was kept: a policy that is attached is the one that is listed."""
    organization = in_this_process[factory.url]._world.moto.organizations()
    attached = [policy for unit in organization.ou for policy in unit.attached_policies]
    assert attached
    assert {id(policy) for policy in attached} <= {id(policy) for policy in organization.policies}
    assert in_this_process[factory.url]._world.creations.moto is in_this_process[factory.url]._world.moto
