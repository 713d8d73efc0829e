"""Customers are told by mail of each change to their keys and accounts."""

from aiohttp import web
from fakes.api_world import Client, World
from kubernetes.aio.client import ApiException

from batteries_apiserver.customers.notification_writer import NOTIFICATIONS, NotificationWriter
from batteries_crds.notification import NotificationKind


async def test_the_owner_is_told_of_each_key_once_and_never_gets_the_key_itself(client: Client, world: World) -> None:
    world.add_customer()
    headers = {**world.headers, "Idempotency-Key": "once"}
    made = await (await client.post("/v1/keys", headers=headers, json={"name": "Pay at evil.example"})).json()
    await client.post("/v1/keys", headers=headers, json={"name": "Pay at evil.example"})
    assert (await client.delete(f"/v1/keys/{made['id']}", headers=world.headers)).status == 204
    assert (await client.delete(f"/v1/keys/{made['id']}", headers=world.headers)).status == 204
    told = [one.spec for one in world.items("notifications").values()]
    assert [each.kind for each in told] == ["KeyCreated", "KeyRevoked"]
    for each in told:
        assert each.details["keyPrefix"] == made["keyPrefix"]
        assert each.details["by"] == f"with your API key aib_{world.key.prefix}"
        assert made["key"] not in str(each)
        assert "evil" not in str(each)


async def test_a_mail_that_cant_be_written_down_fails_no_request_and_is_written_later(
    app: web.Application, client: Client, world: World
) -> None:
    world.add_customer()
    world.fail("notifications", ApiException(status=500))
    assert (await client.post("/v1/keys", headers=world.headers, json={"name": "CI"})).status == 201
    assert world.items("notifications") == {}
    world.fail("notifications", None)
    await app[NOTIFICATIONS].flush()
    assert len(world.items("notifications")) == 1
    asked = len(world.requests("notifications"))
    await app[NOTIFICATIONS].flush()
    assert len(world.requests("notifications")) == asked, "nothing is left to write"


async def test_a_loop_of_changes_does_not_become_a_loop_of_mails(world: World) -> None:
    notifications = NotificationWriter("n", world.kube.notifications)
    for number in range(100):
        await notifications.notify(NotificationKind.REPOSITORIES_CHANGED, "c", "uid", str(number), repositories="a/b")
    told = list(world.items("notifications").values())
    assert len(told) == 30
    assert "too often" in told[-1].spec.details["repositories"]
