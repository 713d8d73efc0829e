"""create_iam_user and the first password: set once, and left alone when its owner has taken it."""

from types import SimpleNamespace
from typing import Any

import pytest

from batteries_crds.aws_account import AwsAccount
from batteries_operator.aws.partition import AWS, Partition
from batteries_operator.runtime.settings import Settings
from batteries_operator.steps import create_iam_user
from batteries_operator.steps.dependencies import StoredPassword
from batteries_operator.steps.outcome import Done


class Iam:
    """A member account with or without a login profile; notes what is done to it."""

    def __init__(self, *, has_profile: bool, is_chosen: bool = False) -> None:
        self.has_profile = has_profile
        self.is_chosen = is_chosen
        self.passwords: list[str] = []

    async def ensure_user(self, name: str, *, is_known: bool) -> bool:
        return self.has_profile

    async def has_chosen_password(self, name: str) -> bool:
        return self.has_profile and self.is_chosen

    async def attach_to_user(self, name: str, policy_arn: str) -> None:
        pass

    async def has_login_profile(self, name: str) -> bool:
        return self.has_profile

    async def create_login_profile(self, name: str, password: str) -> bool:
        if self.has_profile:
            return False
        self.has_profile = True
        self.passwords.append(password)
        return True

    async def reset_login_profile(self, name: str, password: str) -> None:
        self.passwords.append(password)


class Store:
    """The Secret, if there is one."""

    def __init__(self, stored: StoredPassword | None) -> None:
        self.stored = stored
        self.made = 0
        self.marked = False

    async def find(self, account: AwsAccount) -> StoredPassword | None:
        return self.stored

    async def get_or_create(self, account: AwsAccount, user_name: str) -> StoredPassword:
        if self.stored is None:
            self.made += 1
            self.stored = StoredPassword("a-credentials", "new", set_in_aws=False)
        return self.stored

    async def mark_set(self, account: AwsAccount) -> None:
        self.marked = True


async def run(iam: Iam, store: Store, secret_name: str | None) -> Done:
    async def member(*_: Any) -> Any:
        return SimpleNamespace(users=iam)

    async def owned_account() -> Any:
        return SimpleNamespace(id="123456789012", account_id=str(account.account_id))

    async def partition() -> Partition:
        return AWS

    status = {"awsAccountId": "123456789012", "credentialsSecretName": secret_name}
    account = AwsAccount.model_validate(
        {"metadata": {"name": "a", "namespace": "n"}, "spec": {"email": "a@example.com"}, "status": status}
    )
    deps = SimpleNamespace(
        settings=Settings(), aws=SimpleNamespace(iam=member, sts=SimpleNamespace(partition=partition)), passwords=store
    )
    scope: Any = SimpleNamespace(account=account, deps=deps, owned_account=owned_account)
    outcome = await create_iam_user.run(scope)
    assert isinstance(outcome, Done)
    return outcome


async def test_the_first_run_makes_a_secret_and_sets_its_password() -> None:
    iam, store = Iam(has_profile=False), Store(None)
    outcome = await run(iam, store, None)
    assert (store.made, iam.passwords, store.marked) == (1, ["new"], True)
    assert outcome.facts["credentials_secret_name"] == "a-credentials"


async def test_a_password_that_its_owner_has_taken_is_neither_made_anew_nor_reset() -> None:
    iam, store = Iam(has_profile=True), Store(None)
    outcome = await run(iam, store, "a-credentials")
    assert (store.made, iam.passwords) == (0, [])
    assert outcome.facts["credentials_secret_name"] == "a-credentials"


@pytest.mark.parametrize("secret_name", [None, "a-credentials"])
async def test_a_password_that_aws_has_is_left_alone(secret_name: str | None) -> None:
    iam, store = Iam(has_profile=True), Store(StoredPassword("a-credentials", "old", set_in_aws=True))
    await run(iam, store, secret_name)
    assert (store.made, iam.passwords) == (0, [])


@pytest.mark.parametrize("secret_name", [None, "a-credentials"])
async def test_a_password_that_aws_may_not_have_is_set(secret_name: str | None) -> None:
    iam, store = Iam(has_profile=True), Store(StoredPassword("a-credentials", "old", set_in_aws=False))
    await run(iam, store, secret_name)
    assert (iam.passwords, store.marked) == (["old"], True)
