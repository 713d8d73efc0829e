"""What steps need of Kubernetes beside the account itself: Customers, and the Secret with the first password."""

import base64
import secrets
import string
from typing import Any

from kubernetes.aio.client import ApiClient, ApiException, CoreV1Api, V1Secret

from batteries_crds.aws_account import AwsAccount
from batteries_crds.client import CONFLICT, NOT_FOUND, Resources, status_of
from batteries_crds.customer import Customer
from batteries_crds.names import GROUP, LABEL_ACCOUNT_ID
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

    async def email(self, namespace: str, name: str) -> str | None:
        """The Customer's e-mail address, or None where there is no such Customer."""
        customer = await self._customers.find(namespace, name)
        return None if customer is None else customer.spec.email


class Passwords:
    """First passwords in Secrets beside their accounts, owned by them."""

    def __init__(self, api: ApiClient) -> None:
        self._core = CoreV1Api(api)

    async def find(self, account: AwsAccount) -> StoredPassword | None:
        """The stored password, or None where the Secret is gone."""
        name = credentials_secret_name(account.metadata.name)
        try:
            return _stored(await self._core.read_namespaced_secret(name, account.metadata.namespace))
        except ApiException as error:
            if status_of(error) == NOT_FOUND:
                return None
            raise

    async def get_or_create(self, account: AwsAccount, user_name: str) -> StoredPassword:
        """The stored password; made and stored first where there is none."""
        namespace, name = account.metadata.namespace, credentials_secret_name(account.metadata.name)
        # A plain object is what the API takes; the stubs know the generated model only.
        body: Any = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": name,
                "labels": {LABEL_ACCOUNT_ID: str(account.account_id)},
                "ownerReferences": [account.reference()],
            },
            "type": "Opaque",
            "stringData": {"username": user_name, "password": new_password()},
        }
        try:
            secret = await self._core.create_namespaced_secret(namespace, body, field_manager=FIELD_MANAGER)
        except ApiException as error:
            if status_of(error) != CONFLICT:
                raise
            secret = await self._core.read_namespaced_secret(name, namespace)
        return _stored(secret)

    async def discard(self, account: AwsAccount) -> None:
        """Deletes the Secret, if it is there."""
        try:
            await self._core.delete_namespaced_secret(
                credentials_secret_name(account.metadata.name), account.metadata.namespace
            )
        except ApiException as error:
            if status_of(error) != NOT_FOUND:
                raise

    async def mark_set(self, account: AwsAccount) -> None:
        """Notes on the Secret that AWS took the password; a Secret that is gone meanwhile is no loss."""
        try:
            await self._core.patch_namespaced_secret(
                credentials_secret_name(account.metadata.name),
                account.metadata.namespace,
                {"metadata": {"annotations": {SET_IN_AWS: "true"}}},
                field_manager=FIELD_MANAGER,
                _content_type="application/merge-patch+json",
            )
        except ApiException as error:
            if status_of(error) != NOT_FOUND:
                raise


def _stored(secret: V1Secret) -> StoredPassword:
    assert secret.metadata is not None  # Kubernetes' answers have it
    password = base64.b64decode((secret.data or {})["password"]).decode()
    return StoredPassword(str(secret.metadata.name), password, SET_IN_AWS in (secret.metadata.annotations or {}))
