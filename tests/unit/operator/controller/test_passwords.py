"""A Secret is the account's own by its owner and its label, never by its name."""

import base64
from typing import Any

import pytest
from fakes.factory import NAMESPACE, Factory

from batteries_crds.aws_account import AwsAccount
from batteries_crds.conditions import find
from batteries_crds.kube.secrets import StoredSecret
from batteries_crds.names import LABEL_ACCOUNT_ID

NAME = "acme-credentials"
SECRET = ("Secret", NAMESPACE, NAME)
PLANTED = {key: base64.b64encode(text).decode() for key, text in (("username", b"admin"), ("password", b"planted-1A"))}


def _with(account: AwsAccount, **changed: Any) -> dict[str, Any]:
    """The Secret that the operator would make, but for what is changed; None takes it away."""
    meta = {
        "name": NAME,
        "labels": {LABEL_ACCOUNT_ID: str(account.account_id)},
        "ownerReferences": [account.reference()],
    }
    kind = changed.pop("type", "Opaque")
    return {"metadata": {k: v for k, v in (meta | changed).items() if v is not None}, "type": kind, "data": PLANTED}


FOREIGN: dict[str, dict[str, Any]] = {
    "nobody's": {"labels": None, "ownerReferences": None},
    "without an owner": {"ownerReferences": None},
    "without the label": {"labels": None},
    "with another account's label": {"labels": {LABEL_ACCOUNT_ID: "7d0df751-a438-4387-b946-89c612a0004a"}},
    "of an object of that name that is gone": {"owner": {"uid": "of-the-one-before"}},
    "of an object of another kind": {"owner": {"kind": "Customer"}},
    "of another type": {"type": "kubernetes.io/basic-auth"},
}


def planted(account: AwsAccount, how: dict[str, Any]) -> dict[str, Any]:
    how = dict(how)
    if owner := how.pop("owner", None):
        how["ownerReferences"] = [account.reference() | owner]
    return _with(account, **how)


FOREIGNERS = pytest.mark.parametrize("how", FOREIGN.values(), ids=FOREIGN.keys())


@FOREIGNERS
async def test_a_foreign_secret_is_no_password_and_is_left_alone(factory: Factory, how: dict[str, Any]) -> None:
    account = await factory.add()
    before = factory.cluster.create("Secret", NAMESPACE, planted(account, how))
    process = await factory.start()
    waiting = await process.until("acme", lambda one: one.status.error is not None)
    said = find(waiting.status.conditions, "IAMUserReady")
    assert said is not None
    assert said.reason == "SecretNameTaken"
    assert f"The Secret {NAME} in the namespace {NAMESPACE}" in str(waiting.status.error)
    assert "Delete that Secret or give it another name" in str(waiting.status.error)
    assert factory.cluster.objects[SECRET] == before
    assert await factory.signs_in(waiting) is None
    assert ("Warning", "SecretNameTaken") in process.events
    # The other doors are opened all the same, and once the Secret is gone the account goes on by itself.
    opened = await process.until("acme", lambda one: find(one.status.conditions, "OIDCConfigured") is not None)
    assert opened.status.oidc_role_arn is not None
    factory.cluster.delete(*SECRET)
    done = await process.until("acme")
    assert (done.status.phase, done.status.error) == ("active", None)
    assert await factory.signs_in(done)


@FOREIGNERS
async def test_suspension_closes_the_console_and_deletes_no_foreign_secret(
    factory: Factory, how: dict[str, Any]
) -> None:
    process = await factory.active()
    account = await factory.account()
    factory.cluster.delete(*SECRET)  # its owner has taken it
    before = factory.cluster.create("Secret", NAMESPACE, planted(account, how))
    await factory.change(suspended=True)
    closed = await process.until("acme")
    assert (closed.status.phase, closed.status.error) == ("suspended", None)
    assert factory.cluster.objects[SECRET] == before


async def test_a_secret_that_becomes_another_after_it_was_looked_at_is_not_deleted(factory: Factory) -> None:
    process = await factory.active()
    account, passwords = await factory.account(), process.deps.passwords
    take = passwords._secrets.take  # type: ignore[attr-defined]
    changed: list[dict[str, Any]] = []

    async def too_late(namespace: str, secret: StoredSecret) -> bool:
        if not changed:
            factory.cluster.delete(*SECRET)
            changed.append(factory.cluster.create("Secret", NAMESPACE, planted(account, FOREIGN["nobody's"])))
        return bool(await take(namespace, secret))

    passwords._secrets.take = too_late  # type: ignore[attr-defined]
    await passwords.discard(account)
    assert factory.cluster.objects[SECRET] == changed[0]


@FOREIGNERS
async def test_no_mark_is_put_on_a_foreign_secret(factory: Factory, how: dict[str, Any]) -> None:
    account, process = await factory.add(), await factory.start()
    before = factory.cluster.create("Secret", NAMESPACE, planted(account, how))
    await process.deps.passwords.mark_set(account)
    await process.deps.passwords.discard(account)
    assert await process.deps.passwords.find(account) is None
    assert factory.cluster.objects[SECRET] == before


async def test_an_object_without_a_uid_owns_nothing() -> None:
    account = AwsAccount.model_validate({"metadata": {"name": "acme"}, "spec": {"email": "a@example.com"}})
    secret = StoredSecret(NAME, "u", "1", {LABEL_ACCOUNT_ID: str(account.account_id)}, {}, {})
    assert not secret.holds_password_of(account)
