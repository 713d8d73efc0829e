"""ETag and If-None-Match (RFC 9110): a poll that finds nothing new costs a 304 without a body.

Tags are made of resource versions, so that nothing is serialised to find out. They are weak: `message` says how long
something has been going on, and that moves on by itself.
"""

import hashlib
from collections.abc import Callable, Mapping

from aiohttp import hdrs, web

from batteries_apiserver.http.responses import raw_json_response
from batteries_apiserver.http.route import Header, Parameter
from batteries_crds.aws_account import AwsAccount

_FORM = "1"
"""Changes when answers look otherwise for the same objects."""

IF_NONE_MATCH = Parameter(
    name="If-None-Match",
    where="header",
    description="An ETag of before: where it is current still, the answer is 304 without a body.",
)
ETAG = Header(name="ETag", description="Names this state, for If-None-Match.")


def tag_of(account: AwsAccount) -> str:
    """The tag of what is shown of an account."""
    return combined(str(account.metadata.uid), str(account.metadata.resource_version))


def combined(*parts: str) -> str:
    """The tag of what depends on all of these, in this order."""
    return hashlib.blake2b("\n".join((_FORM, *parts)).encode(), digest_size=12).hexdigest()


def not_modified(request: web.Request, tag: str) -> bool:
    """Whether the caller has this state already. Tags are compared weakly."""
    if hdrs.IF_NONE_MATCH not in request.headers:
        return False
    return any(one.value in ("*", tag) for one in request.if_none_match or ())


def tagged(request: web.Request, tag: str, body: Callable[[], bytes], headers: Mapping[str, str]) -> web.Response:
    """The answer under its tag, or 304; `body` makes its JSON only where it is sent."""
    # For the caller alone, and asked for again each time.
    headers = {hdrs.CACHE_CONTROL: "private, no-cache", hdrs.ETAG: f'W/"{tag}"', **headers}
    return (
        web.Response(status=304, headers=headers)
        if not_modified(request, tag)
        else raw_json_response(body(), headers=headers)
    )
