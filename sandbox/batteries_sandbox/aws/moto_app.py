"""moto, called in process: its WSGI application and typed access to its state.

moto holds its state in module globals and is not thread-safe, so one process can hold one stand-in, and only the
stand-in's worker thread may call anything here. moto never determines the account itself: every request carries it in
moto's own header.
"""

from __future__ import annotations

import io
import logging
import os
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from batteries_sandbox.aws.call import Call, RawRequest
from batteries_sandbox.aws.moto_once import Handled, application, handler
from batteries_sandbox.aws.wire import Answer, AwsError

if TYPE_CHECKING:
    from moto.cloudtrail.models import Trail
    from moto.iam.models import IAMBackend
    from moto.identitystore.models import IdentityStoreBackend
    from moto.organizations.models import OrganizationsBackend
    from moto.ssoadmin.models import SSOAdminBackend

_log = logging.getLogger(__name__)
_ERROR_CODE = re.compile(rb'"__type"\s*:\s*"(?:[^"#]*#)?([^"]+)"|<Code>([^<]+)</Code>')


class Moto:
    """moto's whole world, emptied when this is created."""

    def __init__(self, management_account_id: str, region: str) -> None:
        # moto prefers this variable to any header: with it, all accounts would be one.
        if "MOTO_ACCOUNT_ID" in os.environ:
            raise RuntimeError("MOTO_ACCOUNT_ID is set: moto would put every account into that one")
        from moto.core.base_backend import BackendDict
        from moto.core.model_instances import reset_model_data
        from moto.organizations.models import organizations_backends
        from moto.utilities.utils import get_partition

        self._app = application()
        BackendDict.reset()
        reset_model_data()  # moto goes on tracking each object that it ever made
        organizations_backends.master_accounts.clear()  # moto's own reset does not reset it
        self._management_account_id = management_account_id
        self._region = region
        self._partition = get_partition(region)

    def __call__(self, call: Call) -> Answer:
        """Lets moto handle the call, in the caller's account."""
        environ = _environ(call.raw, call.account_id or self._management_account_id)
        ask = handler(call.service) if call.raw.path == "/" else None
        try:
            code, headers, body = ask(environ) if ask is not None else self._by_flask(environ)
        except Exception as error:
            # moto lacks the service or the operation, or broke on it: never a success for the caller.
            _log.exception("moto failed on %s.%s", call.service, call.operation)
            message = f"The stand-in could not do this: {error!r}"
            raise AwsError("InternalFailure", message, status=500) from error
        headers.pop("content-length", None)
        return Answer(code, body, headers, _error_code(code, headers, body))

    def _by_flask(self, environ: dict[str, Any]) -> Handled:
        status: list[str] = []
        headers: dict[str, str] = {}

        def start_response(line: str, fields: list[tuple[str, str]], _: Any = None) -> None:
            status.append(line)
            headers.update({name.lower(): value for name, value in fields})

        body = b"".join(self._app(environ, start_response))
        return int(status[0].split()[0]), headers, body

    def organizations(self) -> OrganizationsBackend:
        """moto's organization."""
        from moto.organizations.models import organizations_backends

        return organizations_backends[self._management_account_id][self._partition]

    def iam(self, account_id: str) -> IAMBackend:
        """moto's IAM of one account."""
        from moto.iam.models import iam_backends

        return iam_backends[account_id][self._partition]

    def settle_access_role(self, account_id: str) -> None:
        """Gives a new account's first role what moto forgets: a path (its ARN is broken without) and the partition.

        moto uses the partition `aws`, whatever the organization's is, and makes the role trust an account there.
        """
        from moto.iam.models import iam_backends

        made, ours = iam_backends[account_id]["aws"], self.iam(account_id)
        for role in list(made.get_roles()):
            role.path = "/"
            if ours is not made:
                ours.create_role(
                    role_name=role.name,
                    assume_role_policy_document=role.assume_role_policy_document.replace(
                        "arn:aws:", f"arn:{self._partition}:"
                    ),
                    path="/",
                    permissions_boundary=None,
                    description="",
                    tags=[],
                    max_session_duration="3600",
                )

    def organization_trails(self, region: str) -> list[Trail]:
        """The organization's trails that a region shows."""
        from moto.cloudtrail.models import cloudtrail_backends

        every = cloudtrail_backends[self._management_account_id][region].describe_trails(include_shadow_trails=True)
        return [trail for trail in every if trail.is_org_trail]

    def identity_center(self) -> SSOAdminBackend:
        """moto's Identity Center in the one region that has an instance."""
        from moto.ssoadmin.models import ssoadmin_backends

        return ssoadmin_backends[self._management_account_id][self._region]

    def identity_store(self) -> IdentityStoreBackend:
        """moto's Identity Store in the same region."""
        from moto.identitystore.models import identitystore_backends

        return identitystore_backends[self._management_account_id][self._region]


def _environ(raw: RawRequest, account_id: str) -> dict[str, Any]:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": raw.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(raw.path),
        "RAW_URI": raw.path,
        "QUERY_STRING": raw.query,
        "CONTENT_LENGTH": str(len(raw.body)),
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(raw.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in raw.headers.items():
        key = name.upper().replace("-", "_")
        if key == "CONTENT_TYPE":
            environ[key] = value
        elif key not in ("CONTENT_LENGTH", "TRANSFER_ENCODING"):
            environ[f"HTTP_{key}"] = value
    environ["HTTP_X_MOTO_ACCOUNT_ID"] = account_id
    return environ


def _error_code(status: int, headers: dict[str, str], body: bytes) -> str | None:
    if status < 400:
        return None
    named = headers.get("x-amzn-errortype", "")
    found = _ERROR_CODE.search(body)
    return named or ((found[1] or found[2]).decode() if found else str(status))
