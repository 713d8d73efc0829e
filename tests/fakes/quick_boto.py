"""What botocore does for each request that nobody here looks at, left out: the stand-in checks no signature."""

from typing import Any

from botocore import useragent
from botocore.auth import SigV4Auth
from botocore.exceptions import NoCredentialsError


def install() -> None:
    """For this process. Who calls, with which keys and in which region, is in each request as before."""
    useragent.UserAgentString.to_string = lambda self: "botocore"  # type: ignore[method-assign]
    SigV4Auth.add_auth = _name_the_caller  # type: ignore[method-assign]


def _name_the_caller(self: Any, request: Any) -> None:
    """A request's headers as `SigV4Auth.add_auth` sets them, around a signature that is none."""
    if self.credentials is None:
        raise NoCredentialsError
    request.context["timestamp"] = "20261130T000000Z"
    self._modify_request_before_signing(request)
    credential = f"Credential={self.scope(request)}"
    request.headers["Authorization"] = f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=unsigned"
