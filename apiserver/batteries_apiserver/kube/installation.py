"""The name of this installation. It marks this installation's checkouts, because several may share a Stripe account.

The default is the uid of the API server's own namespace: all replicas see the same one, and no other namespace, in
this cluster or another, ever has it.
"""

from dataclasses import dataclass, field

import structlog
from kubernetes.aio.client import ApiException

from batteries_apiserver.http.errors import Unavailable
from batteries_crds.kube.client import UNANSWERED
from batteries_crds.kube.rest import Rest, path_of

log = structlog.get_logger(__name__)


class NoInstallationError(Exception):
    """The API server may not read its namespace's uid, and no name is set; the text says what to do."""


@dataclass(slots=True)
class Installation:
    """Reads the uid once, when it is first needed."""

    rest: Rest
    namespace: str
    given: str = ""
    _read: str = field(default="", init=False)

    async def name(self) -> str:
        """The installation's name.

        Raises:
            Unavailable: Kubernetes refuses or does not respond.
        """
        try:
            return await self.required()
        except NoInstallationError as error:
            log.error("installation_unknown", reason=str(error))
            raise _away() from error

    async def required(self) -> str:
        """As `name`, for the start of the program.

        Raises:
            NoInstallationError: Kubernetes refuses.
            Unavailable: it does not respond.
        """
        if not (self.given or self._read):
            self._read = await self._uid()
        return self.given or self._read

    async def _uid(self) -> str:
        try:
            found = await self.rest.json("GET", path_of("api", "v1", "namespaces", self.namespace))
        except ApiException as error:
            if error.status in (401, 403, 404):
                raise NoInstallationError(
                    f"The uid of namespace {self.namespace}, which marks this installation's checkouts at Stripe, "
                    f"can't be read ({error.status}). Let the API server's service account get that namespace, as the "
                    "chart's Role does, or set BATTERIES_INSTALLATION to a name that no other installation on the same "
                    "Stripe account has."
                ) from error
            raise _away() from error
        except UNANSWERED as error:
            raise _away() from error
        return str(found["metadata"]["uid"])


def _away() -> Unavailable:
    return Unavailable(
        "unavailable", "A service that this request needs does not respond. Send the same request again shortly."
    )
