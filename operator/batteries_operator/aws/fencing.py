"""Connections to AWS that ask, right before bytes go out, whether they may.

botocore's own `before-send` comes before the connection is opened, which takes a while; a process that is stopped in
between and goes on later would send what another operator has done meanwhile.
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
    """Has `client`, a boto3 client that has sent nothing yet, ask `require` before each piece that it sends.

    What `require` raises comes out of botocore as its HTTPClientError.
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

    # botocore has no setting for it; a test holds this to the version that is installed.
    client._endpoint.http_session._manager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
