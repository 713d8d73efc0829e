"""The command `batteries-apiserver rotate-issuer-key`: the next key now, or in an emergency a new one at once."""

from batteries_apiserver.kube.clients import FIELD_MANAGER
from batteries_apiserver.settings import Settings
from batteries_apiserver.tokens.keys import OUTLIVES
from batteries_apiserver.tokens.rotation import KeySecret, Rotation
from batteries_apiserver.tokens.stored_keys import DamagedKeysError, LaterFormError
from batteries_crds.kube.client import connect
from batteries_crds.kube.secrets import Secrets

_ATTEMPTS = 5


class NotRotatedError(Exception):
    """The keys were not changed; the text says why, and what to do."""


async def rotate(settings: Settings, *, emergency: bool) -> str:
    """Changes the keys, and returns what happens now, as a sentence.

    Raises:
        NoClusterError: no cluster can be reached.
        NotRotatedError, ForeignSecretError: the Secret can't be used.
        kubernetes.aio.client.ApiException: Kubernetes refuses.
    """
    if not settings.issuer_keys_secret:
        raise NotRotatedError("There are no keys: BATTERIES_ISSUER_KEYS_SECRET is empty.")
    rotation = Rotation.of(settings)
    async with await connect(settings.kubeconfig) as api:
        secret = KeySecret(Secrets(api, FIELD_MANAGER), settings.namespace, settings.issuer_keys_secret, rotation)
        for _ in range(_ATTEMPTS):
            said = await (_replaced(secret, rotation) if emergency else _with_next(secret))
            if said is not None:
                return said
    raise NotRotatedError("The replicas are changing the keys at this moment. Run the command again.")


async def _with_next(keys: KeySecret) -> str | None:
    """Publishes the next key, unless one waits already; None if somebody else changed the Secret meanwhile."""
    secret = await keys.find()
    if secret is None:
        return "There were no keys; the first one was made." if await keys.create() else None
    try:
        held = await keys.read(secret)
    except (DamagedKeysError, LaterFormError) as error:
        raise NotRotatedError(f"The Secret {secret.name} can't be read{_because(error)}.") from error
    waiting = held.waiting(keys.now())
    if waiting is None:
        written = await keys.publish_next(secret, held)
        if written is None:
            return None
        waiting = (await keys.read(written)).waiting(keys.now())
        begun = "is published now"
    else:
        begun = "was published before"
    if waiting is None:
        return None
    minutes = OUTLIVES.total_seconds() / 60
    return (
        f"The next key {waiting.kid} {begun} and signs from {waiting.signs_from:%Y-%m-%d %H:%M:%S} UTC on. The one "
        f"before it is published for {minutes:g} minutes more. Nothing else is to do."
    )


async def _replaced(keys: KeySecret, rotation: Rotation) -> str | None:
    """Drops all keys; None if somebody else changed the Secret meanwhile."""
    secret = await keys.find()
    done = await (keys.create() if secret is None else keys.replace(secret))
    if done is None:
        return None
    seconds = rotation.spread.total_seconds()
    return (
        f"All keys were dropped, and the new one signs in {seconds:g} seconds. Until AWS fetches the keys again, it "
        "goes on to take tokens of the old ones, and may refuse tokens of the new one: docs/security.md says how to "
        "close that gap."
    )


def _because(error: Exception) -> str:
    if isinstance(error, LaterFormError):
        return ": a later release wrote it; run the command of that release"
    return f": {error}. Replace the keys with --emergency"
