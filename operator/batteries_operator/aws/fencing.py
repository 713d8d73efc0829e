"""Connections to AWS that check right before bytes are sent whether they may be.

botocore's own `before-send` event comes before the connection is opened, which takes a while; a process that is stopped
in between and continues later would send what another operator has done meanwhile.
"""

from collections.abc import Callable
from typing import Any

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)


def fence(client: Any, require: Callable[[], None]) -> None:
    """Makes `client`, a boto3 client that has sent nothing yet, call `require` before each piece that it sends.

    What `require` raises leaves botocore as its HTTPClientError.
    """

    class Plain(AWSHTTPConnection):
        def send(self, data: Any) -> Any:
            require()
            return super().send(data)

    class Secure(AWSHTTPSConnection):
        def send(self, data: Any) -> Any:
            require()
            return super().send(data)

    class PlainPool(AWSHTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(AWSHTTPSConnectionPool):
        ConnectionCls = Secure

    # botocore has no setting for it; a test checks this against the installed version.
    client._endpoint.http_session._manager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
