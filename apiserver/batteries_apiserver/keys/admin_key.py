"""Creates an administrator's key, for whoever installs the system: `batteries-apiserver admin-key`."""

from uuid import uuid4

from batteries_apiserver.auth.key_format import mint
from batteries_apiserver.kube.clients import FIELD_MANAGER
from batteries_apiserver.settings import Settings
from batteries_crds.api_key import ApiKey
from batteries_crds.kube.client import Resources, connect


async def create(settings: Settings, name: str) -> str:
    """Stores a new administrator's key and returns the raw key, which can't be shown again.

    Raises:
        NoClusterError: no cluster can be reached.
        kubernetes.aio.client.ApiException: Kubernetes refuses.
    """
    key = mint()
    async with await connect(settings.kubeconfig) as api:
        await Resources(api, ApiKey, FIELD_MANAGER).create(
            settings.namespace,
            {
                "metadata": {"name": str(uuid4())},
                "spec": {"role": "admin", "name": name, "keyPrefix": key.prefix, "keyHash": key.digest},
            },
        )
    return key.raw
