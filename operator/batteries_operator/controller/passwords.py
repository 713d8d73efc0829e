"""Stores first passwords, each in a Secret beside its account."""

import secrets
import string

from batteries_crds.aws_account import AwsAccount
from batteries_crds.kube.secrets import Secrets, StoredSecret
from batteries_crds.names import ANNOTATION_SET_IN_AWS, LABEL_ACCOUNT_ID
from batteries_operator.runtime.naming import credentials_secret_name
from batteries_operator.steps.dependencies import SecretNameTakenError, StoredPassword

_TRIES = 5
"""Tries to write a Secret that others write at the same time."""

_CLASSES = (string.ascii_uppercase, string.ascii_lowercase, string.digits, "!@#$%^*()_+-=[]{}")
"""The four character classes of IAM's default password policy, which demands three of them (IAM user guide)."""


def new_password(length: int = 24) -> str:
    """A random password with characters of every class."""
    letters = [secrets.choice(each) for each in _CLASSES]
    letters += [secrets.choice("".join(_CLASSES)) for _ in range(length - len(letters))]
    secrets.SystemRandom().shuffle(letters)
    return "".join(letters)


class Passwords:
    """First passwords in Secrets that their accounts own.

    Every access to an existing Secret goes through `_ours`, so somebody else's is not read, written or deleted.
    """

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    async def find(self, account: AwsAccount) -> StoredPassword | None:
        """The stored password; None if there is no Secret of ours."""
        secret = await self._ours(account)
        return None if secret is None else _stored(secret)

    async def get_or_create(self, account: AwsAccount, user_name: str) -> StoredPassword:
        """The stored password; creates and stores one if there is none.

        Raises:
            SecretNameTakenError: somebody else's Secret has its name.
        """
        data = {"username": user_name, "password": new_password()}
        labels, owners = {LABEL_ACCOUNT_ID: str(account.account_id)}, [account.reference()]
        made = await self._secrets.create(*_place(account), data, labels=labels, ownerReferences=owners)
        secret = made or await self._ours(account)
        if secret is None:
            raise SecretNameTakenError(_taken(account))
        return _stored(secret)

    async def discard(self, account: AwsAccount) -> None:
        """Deletes our Secret, if there is one."""
        for _ in range(_TRIES):
            secret = await self._ours(account)
            if secret is None or await self._secrets.take(account.metadata.namespace, secret):
                return
        raise _changing(account)

    async def mark_set(self, account: AwsAccount) -> None:
        """Marks our Secret as set in AWS; does nothing if it was deleted meanwhile."""
        for _ in range(_TRIES):
            secret, mark = await self._ours(account), {ANNOTATION_SET_IN_AWS: "true"}
            if secret is None or await self._secrets.annotate(account.metadata.namespace, secret, mark):
                return
        raise _changing(account)

    async def _ours(self, account: AwsAccount) -> StoredSecret | None:
        """The Secret of the account's name, if the operator made it for this account."""
        secret = await self._secrets.find(*_place(account))
        return secret if secret is not None and secret.holds_password_of(account) else None


def _taken(account: AwsAccount) -> str:
    namespace, name = _place(account)
    return (
        f"The Secret {name} in the namespace {namespace} would hold this account's first password, but it was not made "
        "for this account, so it is left alone. Delete that Secret or give it another name; this step is then done by "
        "itself. Or make this AwsAccount anew with another name."
    )


def _changing(account: AwsAccount) -> RuntimeError:
    namespace, name = _place(account)
    return RuntimeError(f"the Secret {name} in the namespace {namespace} is being changed by others all the time")


def _place(account: AwsAccount) -> tuple[str, str]:
    """Namespace and name of the account's Secret."""
    return account.metadata.namespace, credentials_secret_name(account.metadata.name)


def _stored(secret: StoredSecret) -> StoredPassword:
    return StoredPassword(secret.name, secret.data["password"], ANNOTATION_SET_IN_AWS in secret.annotations)
