"""The newest that is known of each account that is worked on, so that a reconcile need not read it from Kubernetes.

As in an informer's cache it may be an instant old. That is safe because every write carries the resourceVersion it was
made from: what was decided from something older is refused, forgotten, and decided anew from what is there. What must
not be done twice is written down before it is done.
"""

from batteries_crds.aws_account import AwsAccount


class AccountCache:
    """Accounts as a watch or the response to a write showed them last. Keys are AwsAccount UIDs."""

    def __init__(self) -> None:
        self._newest: dict[str, AwsAccount] = {}

    def __len__(self) -> int:
        """Accounts that are held."""
        return len(self._newest)

    def update(self, account: AwsAccount) -> None:
        """Keeps it, unless something newer is known."""
        known = self._newest.get(account.metadata.uid)
        if known is None or known.metadata.version < account.metadata.version:
            self._newest[account.metadata.uid] = account

    def get(self, uid: str) -> AwsAccount | None:
        """The account as last seen; None where it has to be read."""
        return self._newest.get(uid)

    def forget(self, uid: str) -> None:
        """It is worked on no more, or what is known of it was found to be old."""
        self._newest.pop(uid, None)
