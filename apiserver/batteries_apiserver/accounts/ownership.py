"""Writes AwsAccounts so that Kubernetes knows which fields are the API's, and which are git's or a person's.

Both writes are server-side apply by our field manager, and of the same set of fields (`_ours`). What somebody declares,
in git or otherwise, is never written over; what somebody wrote once is (`server_side_apply`):

- Creating by POST would record the manager under operation Update, and a later apply by the same manager would
  conflict with it: Kubernetes tells managers apart by name *and* operation. So creation is an apply as well.
- An apply creates or changes; ours must create or fail, because a deterministic name is a lock. A resourceVersion
  that no object ever has makes it so: it is ignored where there is no object, and a conflict where there is one.
  Should Kubernetes come to refuse it on creation too, nothing is overwritten; the integration tests would tell.
- An apply that leaves a field out gives it up, and Kubernetes removes a field that nobody holds. So a change repeats
  the owner, the label and the annotation beside the repositories, as they are. Where another manager wrote those,
  holding them together is no conflict. It adds none: an account made with kubectl keeps its labels.
- What we don't send we don't own: defaults stay free for whoever wants to set them.
"""

import re
from collections.abc import Awaitable
from typing import Any
from uuid import uuid4

from kubernetes.aio.client import ApiException

from batteries_apiserver.http.errors import ApiError, BadRequest, Conflict, NotFound
from batteries_apiserver.kube import server_side_apply
from batteries_apiserver.kube.clients import Kube
from batteries_apiserver.kube.lost_responses import write_or_find
from batteries_apiserver.kube.server_side_apply import causes
from batteries_crds.aws_account import AwsAccount
from batteries_crds.kube.client import CONFLICT, NOT_FOUND, UNPROCESSABLE, status_of
from batteries_crds.names import ANNOTATION_REQUEST, LABEL_CUSTOMER

_NEVER_A_VERSION = "1"  # etcd's revision before its first write
_LONGEST_LABEL = 63
_WRAPPING = re.compile(r'^Invalid value: ("(?:[^"\\]|\\.)*": )?', re.DOTALL)
"""A rule on a string is reported with the string, one on a list or an object without."""


async def create(
    kube: Kube, name: str, customer: str, repositories: list[str], *, request: str | None = None
) -> AwsAccount:
    """Creates the account or fails. `request` is the fingerprint of what asks for it, to know it again by.

    Raises:
        Conflict: there is an object of that name.
        BadRequest: the resource's rules refuse it, in their words.
    """
    body = _anew(customer, repositories, request)
    return await _noted(kube, kube.accounts.apply(kube.namespace, name, body))


async def create_once(kube: Kube, customer: str, repositories: list[str]) -> AwsAccount:
    """Creates an account under a name of its own. One whose making was not answered is looked for.

    Whoever asked can't name it, and could only ask again: for a second account, which costs money.

    Raises:
        BadRequest: the resource's rules refuse it, in their words.
    """
    name, body = str(uuid4()), _anew(customer, repositories, None)

    async def made() -> AwsAccount | None:
        account = await kube.accounts.find(kube.namespace, name)
        return account if account is not None and account.owner_in(kube.namespace) == customer else None

    return await _noted(kube, write_or_find(lambda: kube.accounts.apply(kube.namespace, name, body), made))


async def change(kube: Kube, account: AwsAccount, customer: str, repositories: list[str]) -> AwsAccount:
    """Changes which repositories may deploy, fenced by uid: an account deleted meanwhile is not made anew.

    Raises:
        Conflict: another manager owns the list; the sentence names it.
        NotFound: the account is gone.
        BadRequest: the resource's rules refuse it, in their words.
    """
    meta = account.metadata
    body = _ours(customer, repositories, meta.labels.get(LABEL_CUSTOMER), meta.annotations.get(ANNOTATION_REQUEST))
    body["metadata"]["uid"] = meta.uid
    return await _noted(kube, server_side_apply.apply(kube.accounts, kube.namespace, meta.name, body))


async def _noted(kube: Kube, writing: Awaitable[AwsAccount]) -> AwsAccount:
    """What was written, once the cache knows it; refusals are ours."""
    try:
        account = await writing
    except ApiException as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
        raise refusal from error
    kube.caches.accounts.put(account)
    return account


def _anew(customer: str, repositories: list[str], request: str | None) -> dict[str, Any]:
    """As `_ours`, for an account that must not be there yet."""
    body = _ours(customer, repositories, customer if len(customer) <= _LONGEST_LABEL else None, request)
    body["metadata"]["resourceVersion"] = _NEVER_A_VERSION
    return body


def _ours(customer: str, repositories: list[str], label: str | None, request: str | None) -> dict[str, Any]:
    """Every field that the API owns of an account."""
    labels = {} if label is None else {"labels": {LABEL_CUSTOMER: label}}
    annotations = {} if request is None else {"annotations": {ANNOTATION_REQUEST: request}}
    return {
        "metadata": {**labels, **annotations},
        "spec": {"customerRef": {"name": customer}, "githubRepos": repositories},
    }


def refusal_of(error: ApiException) -> ApiError | None:
    """Kubernetes' refusal as ours, where it is about the request."""
    status = status_of(error)
    if status == UNPROCESSABLE:
        return BadRequest("invalid_request", _sentences(error))
    if status == NOT_FOUND:
        return NotFound("account_not_found", "This account is gone.")
    if status != CONFLICT:
        return None
    return Conflict(
        "changed_meanwhile", "This account was changed or deleted at the same moment. Read it and try again."
    )


def _sentences(error: ApiException) -> str:
    """What the rules say, without what Kubernetes wraps around it."""
    found = [_WRAPPING.sub("", str(cause.get("message", ""))) for cause in causes(error)]
    return " ".join(dict.fromkeys(found)) or "The account's specification is not valid."
