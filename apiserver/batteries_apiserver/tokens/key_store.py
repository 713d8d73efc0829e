"""The issuer's keys as this replica knows them: read again every few seconds, so that all replicas go over together.

A replica that has not read the Secret for a while neither signs nor publishes: its keys may have been dropped in an
emergency. Until then it goes on with what it knows, through any short outage of Kubernetes.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
from kubernetes.aio.client import ApiException

from batteries_apiserver.http.errors import Unavailable
from batteries_apiserver.runtime import metrics
from batteries_apiserver.runtime.background import in_background
from batteries_apiserver.tokens.keys import IssuerKey, KeySet
from batteries_apiserver.tokens.rotation import ForeignSecretError, KeySecret
from batteries_apiserver.tokens.stored_keys import LaterFormError
from batteries_crds.kube.client import UNANSWERED, said_in
from batteries_crds.kube.secrets import StoredSecret

log = structlog.get_logger(__name__)

_ATTEMPTS = 3
_TIMEOUT_SECONDS = 10.0


class KeyStore:
    """The keys, while `kept` runs."""

    def __init__(
        self,
        secret: KeySecret,
        *,
        stale_after: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._secret = secret
        self._stale_after = stale_after
        self._clock = clock
        self._keys: KeySet | None = None
        self._version: tuple[str, str] | None = None
        self._heard = 0.0
        self.foreign: str | None = None
        """Why the Secret is not used, as a sentence, if it is somebody else's."""
        self._said: str | None = None

    def signing(self) -> IssuerKey:
        """The key that signs now.

        Raises:
            Unavailable: there is none, or this replica does not know whether there is.
        """
        key = self._current().signing(self._secret.now())
        if key is None:
            raise _unavailable()
        return key

    def published(self) -> tuple[IssuerKey, ...]:
        """The keys with which tokens are verified.

        Raises:
            Unavailable: as `signing`.
        """
        return self._current().published(self._secret.now())

    def measure(self) -> None:
        """Sets the gauges."""
        keys, now = self._keys, self._secret.now()
        key = keys.signing(now) if keys is not None else None
        metrics.ISSUER_KEY_AGE.set((now - key.signs_from).total_seconds() if key is not None else float("nan"))
        metrics.ISSUER_KEYS.set(len(keys.published(now)) if keys is not None else 0)

    @asynccontextmanager
    async def kept(self, seconds: float) -> AsyncIterator[None]:
        """Keeps the keys current while the block runs. The first read is done, or has failed, when the block begins."""
        await self.refresh()
        async with in_background(self._refresh_every(seconds), "issuer's keys"):
            yield

    async def refresh(self) -> None:
        """Reads the keys, and makes or changes them if that is due. It raises nothing, and logs each problem once."""
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                await self._refresh()
        except ForeignSecretError as error:
            self._drop(str(error))
            self._say(str(error))
        except LaterFormError:
            self._drop()
            self._say("A later release wrote them; finish the upgrade.")
        except ApiException as error:
            self._say(f"Kubernetes refuses ({error.status}): {said_in(error)}")
        except UNANSWERED as error:
            self._say(f"Kubernetes does not respond ({type(error).__name__})")
        except Exception:
            # A bug of ours must not end the loop: this replica would never learn of another key.
            log.exception("issuer_keys_broken")

    async def _refresh(self) -> None:
        for _ in range(_ATTEMPTS):
            held, secret = self._keys, await self._secret.find()
            if held and secret and _version(secret) == self._version and not self._secret.is_due(held):
                self._hold(secret, held)
                return
            if held and secret is None:
                log.warning("issuer_keys_deleted", detail="New ones are made; no token lives that the old ones signed.")
            if (kept := await self._secret.kept()) is not None:
                self._hold(*kept)
                return

    def _hold(self, secret: StoredSecret, keys: KeySet) -> None:
        self._keys, self._version, self._heard = keys, _version(secret), self._clock()
        self.foreign = self._said = None

    def _drop(self, foreign: str | None = None) -> None:
        self._keys, self._version, self.foreign = None, None, foreign

    def _current(self) -> KeySet:
        if self._keys is None or self._clock() - self._heard > self._stale_after:
            raise _unavailable()
        return self._keys

    def _say(self, reason: str) -> None:
        if reason != self._said:
            log.error("issuer_keys_unusable", reason=reason)
        self._said = reason

    async def _refresh_every(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            await self.refresh()


def _version(secret: StoredSecret) -> tuple[str, str]:
    return secret.uid, secret.resource_version


def _unavailable() -> Unavailable:
    return Unavailable(
        "tokens_unavailable",
        "This server has no key to sign tokens with at the moment. Send the same request again shortly.",
    )
