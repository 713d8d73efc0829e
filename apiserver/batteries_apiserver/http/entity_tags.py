"""ETag and If-None-Match (RFC 9110): a poll that finds nothing new costs a 304 without a body.

Tags are made of resource versions, so comparing them serializes nothing. They are weak: `message` says how long
something has been going on, which changes without a new resource version.
"""

import hashlib
from collections.abc import Callable, Mapping

from aiohttp import hdrs, web

from batteries_apiserver.http.responses import raw_json_response
from batteries_apiserver.http.route import Header, Parameter
from batteries_crds.aws_account import AwsAccount

_FORM = "1"
"""Change this when the same objects produce different responses."""

IF_NONE_MATCH = Parameter(
    name="If-None-Match",
    where="header",
    description="The ETag of an earlier response: if nothing has changed, the response is 304 without a body.",
)
ETAG = Header(name="ETag", description="Identifies this state, for If-None-Match.")


def tag_of(account: AwsAccount) -> str:
    """The tag of one account's representation."""
    return combined(str(account.metadata.uid), str(account.metadata.resource_version))


def combined(*parts: str) -> str:
    """The tag of a response that depends on all of these parts, in this order."""
    return hashlib.blake2b("\n".join((_FORM, *parts)).encode(), digest_size=12).hexdigest()


def not_modified(request: web.Request, tag: str) -> bool:
    """Whether the caller has this state already (weak comparison)."""
    if hdrs.IF_NONE_MATCH not in request.headers:
        return False
    return any(one.value in ("*", tag) for one in request.if_none_match or ())


def tagged(request: web.Request, tag: str, body: Callable[[], bytes], headers: Mapping[str, str]) -> web.Response:
    """The response with its tag, or 304. `body` is called only if the JSON is sent."""
    # Only the caller may cache it, and must revalidate it each time.
    headers = {hdrs.CACHE_CONTROL: "private, no-cache", hdrs.ETAG: f'W/"{tag}"', **headers}
    return (
        web.Response(status=304, headers=headers)
        if not_modified(request, tag)
        else raw_json_response(body(), headers=headers)
    )
