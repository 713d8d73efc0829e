"""ETag and If-None-Match (RFC 9110): a poll that finds nothing new costs a 304 without a body.

Tags are made of resource versions, so that nothing is serialised to find out. They are weak: `message` says how long
something has been going on, and that moves on by itself.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping

from aiohttp import ETag, web

from batteries_apiserver.answer import raw_answer
from batteries_apiserver.route import Header, Parameter
from batteries_crds.aws_account import AwsAccount

_FORM = "1"
"""Changes when answers look otherwise for the same objects."""

IF_NONE_MATCH = Parameter(
    name="If-None-Match",
    where="header",
    description="An ETag of before: where it is current still, the answer is 304 without a body.",
)
ETAG = Header(name="ETag", description="Names this state, for If-None-Match.")


def tag_of(accounts: Iterable[AwsAccount], *more: str) -> ETag:
    """The tag of what is shown of these accounts, in this order; `more` is what else the answer depends on."""
    text = hashlib.blake2b(_FORM.encode(), digest_size=12)
    for part in more:
        text.update(f"\n{part}".encode())
    for account in accounts:
        text.update(f"\n{account.metadata.uid} {account.metadata.resource_version}".encode())
    return ETag(text.hexdigest(), is_weak=True)


def not_modified(request: web.Request, tag: ETag) -> bool:
    """Whether the caller has this state already. Tags are compared weakly."""
    known = request.if_none_match or ()
    return any(one.value in ("*", tag.value) for one in known)


def tagged(request: web.Request, tag: ETag, body: Callable[[], bytes], headers: Mapping[str, str]) -> web.Response:
    """The answer under its tag, or 304; `body` makes its JSON only where it is sent."""
    # For the caller alone, and asked for again each time.
    headers = {"Cache-Control": "private, no-cache", **headers}
    if not_modified(request, tag):
        response = web.Response(status=304, headers=headers)
    else:
        response = raw_answer(body(), headers=headers)
    response.etag = tag
    return response
