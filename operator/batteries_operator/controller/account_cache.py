"""Caches each account that is worked on, so that a reconcile need not read it from Kubernetes.

As in an informer's cache, an entry may be slightly out of date. That is safe because every write carries the
resourceVersion that it is based on: a decision from an older version is refused, and the next reconcile reads the
account. What must not be done twice is written to the status before it is done.
"""

from batteries_crds.aws_account import AwsAccount


class AccountCache:
    """Accounts as a watch event or a response to a write showed them last, by UID."""

    def __init__(self) -> None:
        self._newest: dict[str, AwsAccount] = {}

    def __len__(self) -> int:
        """The number of cached accounts."""
        return len(self._newest)

    def update(self, account: AwsAccount) -> None:
        """Stores the account, unless a newer version is cached."""
        known = self._newest.get(account.metadata.uid)
        if known is None or known.metadata.version < account.metadata.version:
            self._newest[account.metadata.uid] = account

    def get(self, uid: str) -> AwsAccount | None:
        """The account as last seen; None if it has to be read."""
        return self._newest.get(uid)

    def forget(self, uid: str) -> None:
        """Drops the account: nobody works on it any more, or the cached version was found to be old."""
        self._newest.pop(uid, None)
