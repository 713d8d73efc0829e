"""What steps need of Kubernetes beside the account itself: Customers, and the Secret with the first password."""

import secrets
import string

from batteries_crds.aws_account import AwsAccount
from batteries_crds.client import Resources
from batteries_crds.customer import Customer
from batteries_crds.names import GROUP, LABEL_ACCOUNT_ID
from batteries_crds.secrets import Secrets, StoredSecret
from batteries_operator.naming import credentials_secret_name
from batteries_operator.step import StoredPassword

FIELD_MANAGER = "batteries-operator"
SET_IN_AWS = f"{GROUP}/set-in-aws"

_CLASSES = (string.ascii_uppercase, string.ascii_lowercase, string.digits, "!@#$%^*()_+-=[]{}")
"""The four classes of IAM's default password policy, which wants three of them (IAM user guide)."""


def new_password(length: int = 24) -> str:
    """A random password with every class in it."""
    letters = [secrets.choice(each) for each in _CLASSES]
    letters += [secrets.choice("".join(_CLASSES)) for _ in range(length - len(letters))]
    secrets.SystemRandom().shuffle(letters)
    return "".join(letters)


class Customers:
    """Reads Customers live: an owner is asked for once in an account's life."""

    def __init__(self, customers: Resources[Customer]) -> None:
        self._customers = customers

    async def find(self, namespace: str, name: str) -> Customer | None:
        """The Customer, or None where there is none."""
        return await self._customers.find(namespace, name)


class Passwords:
    """First passwords in Secrets beside their accounts, owned by them."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    async def find(self, account: AwsAccount) -> StoredPassword | None:
        """The stored password, or None where the Secret is gone."""
        secret = await self._secrets.find(*_place(account))
        return None if secret is None else _stored(secret)

    async def get_or_create(self, account: AwsAccount, user_name: str) -> StoredPassword:
        """The stored password; made and stored first where there is none."""
        data = {"username": user_name, "password": new_password()}
        labels, owners = {LABEL_ACCOUNT_ID: str(account.account_id)}, [account.reference()]
        made = await self._secrets.create(*_place(account), data, labels=labels, ownerReferences=owners)
        return _stored(made or await self._secrets.get(*_place(account)))

    async def discard(self, account: AwsAccount) -> None:
        """Deletes the Secret, if it is there."""
        await self._secrets.delete(*_place(account))

    async def mark_set(self, account: AwsAccount) -> None:
        """Notes on the Secret that AWS took the password; a Secret that is gone meanwhile is no loss."""
        await self._secrets.annotate(*_place(account), {SET_IN_AWS: "true"})


def _place(account: AwsAccount) -> tuple[str, str]:
    """Namespace and name of its Secret."""
    return account.metadata.namespace, credentials_secret_name(account.metadata.name)


def _stored(secret: StoredSecret) -> StoredPassword:
    return StoredPassword(secret.name, secret.data["password"], SET_IN_AWS in secret.annotations)
