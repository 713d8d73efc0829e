"""How the Secret with the keys changes: made, given its next key, replaced. Each write is fenced by the version read.

Every replica does this by itself. If several want the same at once, the first write wins, and the others find what it
wrote: creating a name is atomic in Kubernetes, and so is changing a version that was read.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from batteries_apiserver.settings import Settings
from batteries_apiserver.tokens.keys import KeySet, new_key
from batteries_apiserver.tokens.stored_keys import DamagedKeysError, from_data, to_data
from batteries_crds.base import utc_now_exactly
from batteries_crds.kube.secrets import Secrets, StoredSecret
from batteries_crds.names import LABEL_ISSUER_KEYS

log = structlog.get_logger(__name__)


class ForeignSecretError(Exception):
    """The Secret of that name is not the API server's; the text says so, and what to do."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """When keys change. `spread` is how long it takes until every replica knows a key.

    A replica that can't read the Secret goes on for `api_cache_stale_seconds`. The next key is published for longer
    than that before it signs, so no replica publishes keys without it when it signs.
    """

    period: timedelta
    ahead: timedelta
    spread: timedelta

    @classmethod
    def of(cls, settings: Settings) -> "Rotation":
        """As the settings say it."""
        spread = timedelta(seconds=3 * settings.issuer_poll_seconds)
        unread = timedelta(seconds=settings.api_cache_stale_seconds)
        ahead = max(timedelta(seconds=settings.issuer_key_ahead_seconds), unread + spread)
        return cls(timedelta(days=settings.issuer_key_days), ahead, spread)


class KeySecret:
    """The one Secret with the keys.

    Every method raises `kubernetes.aio.client.ApiException` if Kubernetes refuses.
    """

    def __init__(
        self,
        secrets: Secrets,
        namespace: str,
        name: str,
        rotation: Rotation,
        now: Callable[[], datetime] = utc_now_exactly,
    ) -> None:
        self._secrets = secrets
        self._namespace = namespace
        self._name = name
        self._rotation = rotation
        self.now = now

    async def find(self) -> StoredSecret | None:
        """The Secret as it is now.

        Raises:
            ForeignSecretError: it has no label of ours.
        """
        secret = await self._secrets.find(self._namespace, self._name)
        if secret is not None and LABEL_ISSUER_KEYS not in secret.labels:
            raise ForeignSecretError(
                f"Tokens for AWS are off: the Secret {self._name} in {self._namespace} has no label "
                f"{LABEL_ISSUER_KEYS}, so it is not this server's and is left alone. Delete it, or name another "
                "one with BATTERIES_ISSUER_KEYS_SECRET."
            )
        return secret

    async def create(self) -> StoredSecret | None:
        """Creates it with one key; None if another replica was first."""
        data = to_data(await self._only_new())
        made = await self._secrets.create(self._namespace, self._name, data, labels={LABEL_ISSUER_KEYS: "true"})
        if made is not None:
            log.info("issuer_keys_made", secret=self._name)
        return made

    async def read(self, secret: StoredSecret) -> KeySet:
        """The keys in it.

        Raises:
            DamagedKeysError, LaterFormError: as `from_data`.
        """
        return await asyncio.to_thread(from_data, secret.data, self.now())

    async def publish_next(self, secret: StoredSecret, keys: KeySet) -> StoredSecret | None:
        """Publishes the next key; None if the Secret was changed meanwhile."""
        key = await asyncio.to_thread(new_key, self._rotation.ahead, self.now)
        written = await self._write(secret, keys.with_next(key, key.created_at))
        if written is not None:
            log.info("issuer_key_published", kid=key.kid, signs_from=key.signs_from.isoformat())
        return written

    async def replace(self, secret: StoredSecret) -> StoredSecret | None:
        """Replaces all keys by a new one, so that no token lives that they signed; None as above."""
        return await self._write(secret, await self._only_new())

    def is_due(self, keys: KeySet) -> bool:
        """Whether the next key must be published now."""
        return keys.needs_next(self.now(), self._rotation.period, self._rotation.ahead)

    async def kept(self) -> tuple[StoredSecret, KeySet] | None:
        """The Secret and its keys, made and changed as they must be now; None if somebody else changed it meanwhile.

        Damaged keys are replaced: nobody can restore them, replicas that still know them would die one by one, and
        accounts trust whatever the issuer publishes.

        Raises:
            ForeignSecretError, LaterFormError: as above.
        """
        secret = await self.find() or await self.create()
        if secret is None:
            return None
        try:
            keys = await self.read(secret)
        except DamagedKeysError as error:
            log.error("issuer_keys_replaced", secret=self._name, reason=str(error))
            written = await self.replace(secret)
        else:
            if not self.is_due(keys):
                return secret, keys
            written = await self.publish_next(secret, keys)
        return None if written is None else (written, await self.read(written))

    async def _only_new(self) -> KeySet:
        return KeySet((await asyncio.to_thread(new_key, self._rotation.spread, self.now),))

    async def _write(self, secret: StoredSecret, keys: KeySet) -> StoredSecret | None:
        return await self._secrets.write(self._namespace, secret, await asyncio.to_thread(to_data, keys))
