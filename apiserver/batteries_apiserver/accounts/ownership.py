"""Writes AwsAccounts so that Kubernetes knows which fields the API owns, and which git or a person owns.

Both writes use server-side apply with our field manager and the same set of fields (`_ours`). Fields that somebody
declares, in git or otherwise, are never overwritten; fields from one-off updates are (`server_side_apply`):

- Creating by POST would record the manager under operation Update, and a later apply by the same manager would
  conflict with it: Kubernetes tells managers apart by name *and* operation. So creation is an apply as well.
- An apply creates or changes; ours must create or fail, because the derived name is a lock. So it sends a
  resourceVersion that no object ever has: Kubernetes ignores it if there is no object, and reports a conflict if there
  is one. If a later Kubernetes refuses it on creation too, nothing is overwritten, and the integration tests fail.
- An apply that leaves a field out releases it, and Kubernetes removes a field that nobody owns. So a change repeats
  the owner, the label and the annotation beside the repositories, with their current values. If another manager wrote
  them too, shared ownership is no conflict. It adds none: an account made with kubectl keeps its labels.
- Where git and the API each own some of the fields about repositories, a change sends those that it changes and those
  that are ours already, so that no share of git's fields becomes ours.
- We don't own what we don't send: anybody may set the fields that have defaults.
"""

import re
from collections.abc import Awaitable, Mapping
from typing import Any
from uuid import uuid4

from kubernetes.aio.client import ApiException

from batteries_apiserver.accounts.times import TIMES
from batteries_apiserver.http.errors import ApiError, BadRequest, Conflict, NotFound
from batteries_apiserver.kube import server_side_apply
from batteries_apiserver.kube.clients import Kube
from batteries_apiserver.kube.lost_responses import write_or_find
from batteries_apiserver.kube.server_side_apply import causes
from batteries_crds.aws_account import AwsAccount
from batteries_crds.aws_account_spec import ExpiryPolicy
from batteries_crds.github.repository_fields import RepositoryFields, repositories_of
from batteries_crds.kube.client import CONFLICT, NOT_FOUND, UNPROCESSABLE, status_of
from batteries_crds.names import ANNOTATION_REQUEST, LABEL_CUSTOMER, MAX_LABEL_LENGTH

_NEVER_A_VERSION = "1"  # etcd's revision before its first write
_FIELDS = {name: field.alias or name for name, field in RepositoryFields.model_fields.items()}
"""The names of the fields in Python, and in Kubernetes."""
_WRAPPING = re.compile(r'^Invalid value: ("(?:[^"\\]|\\.)*": )?', re.DOTALL)
"""Kubernetes quotes the value if a rule on a string fails, and no value for a list or an object."""


async def create(
    kube: Kube,
    name: str,
    customer: str,
    wanted: RepositoryFields,
    times: Mapping[str, Any],
    *,
    request: str | None = None,
) -> AwsAccount:
    """Creates the account or fails. `times` are the fields of the spec about its end; `request` is the request's
    fingerprint, by which a repeat is recognized.

    Raises:
        Conflict: there is an object with that name.
        BadRequest: the resource's rules refuse it; the sentence is theirs.
    """
    body = _creation(customer, wanted, times, request)
    return await _cached(kube, kube.accounts.apply(kube.namespace, name, body))


async def create_once(kube: Kube, customer: str, wanted: RepositoryFields, times: Mapping[str, Any]) -> AwsAccount:
    """Creates an account under a random name. If the response to the write is lost, looks for the account.

    The caller does not know the name, and could only repeat the request and get a second account, which costs money.

    Raises:
        BadRequest: the resource's rules refuse it; the sentence is theirs.
    """
    name, body = str(uuid4()), _creation(customer, wanted, times, None)

    async def made() -> AwsAccount | None:
        account = await kube.accounts.find(kube.namespace, name)
        return account if account is not None and account.owner_in(kube.namespace) == customer else None

    return await _cached(kube, write_or_find(lambda: kube.accounts.apply(kube.namespace, name, body), made))


async def change(kube: Kube, account: AwsAccount, customer: str, wanted: RepositoryFields) -> AwsAccount:
    """Changes which repositories may deploy, and where from. The uid prevents that a deleted account is created again.

    Raises:
        Conflict: another manager owns the list; the sentence names that manager.
        NotFound: the account was deleted.
        BadRequest: the resource's rules refuse it; the sentence is theirs.
    """
    meta, before = account.metadata, repositories_of(account.spec)
    body = _ours(customer, wanted, meta.labels.get(LABEL_CUSTOMER), meta.annotations.get(ANNOTATION_REQUEST))
    body["metadata"]["uid"] = meta.uid
    await _keep_times(kube, account, body)
    if not _has_rules(before) and not _has_rules(wanted):
        return await _cached(kube, server_side_apply.apply(kube.accounts, kube.namespace, meta.name, body))
    changed = {name for name in _FIELDS if getattr(before, name) != getattr(wanted, name)}
    live = await kube.accounts.raw(kube.namespace, meta.name)
    gone = {_FIELDS[name] for name in changed if getattr(wanted, name) is None}
    server_side_apply.refuse_declared(live, gone, frozenset({kube.accounts.manager}))
    ours = server_side_apply.owned_by(live, kube.accounts.manager)
    for name, field in _FIELDS.items():
        if name in changed and name == "repositories":
            body["spec"][field] = body["spec"].get(field, [])  # one that is left out would stay another manager's
        elif name not in changed:
            body["spec"].pop(field, None)
            body["spec"] |= {field: live["spec"][field]} if field in ours and field in live["spec"] else {}
    written = await _cached(kube, server_side_apply.apply(kube.accounts, kube.namespace, meta.name, body))
    left = [field for name, field in _FIELDS.items() if field in gone and getattr(written.spec, name) is not None]
    if not left:
        return written
    # A one-off update, such as kubectl edit, wrote it: what an apply leaves out stays with whoever wrote it.
    version = {"uid": meta.uid, "resourceVersion": written.metadata.resource_version}
    nothing = {"metadata": version, "spec": dict.fromkeys(left)}
    return await _cached(kube, kube.accounts.merge(kube.namespace, meta.name, nothing))


async def _keep_times(kube: Kube, account: AwsAccount, body: dict[str, Any]) -> None:
    """Repeats the fields about the account's end that are ours since its creation: left out, they would be removed.

    The write is fenced then, because somebody may extend the account at this moment.
    """
    if account.spec.expires_at is None and account.spec.expiry_policy is ExpiryPolicy.SUSPEND:
        return
    live = await kube.accounts.raw(kube.namespace, account.metadata.name)
    ours = server_side_apply.owned_by(live, kube.accounts.manager)
    kept = {field: live["spec"][field] for field in TIMES if field in ours and field in live["spec"]}
    if kept:
        body["spec"] |= kept
        body["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"]


def _has_rules(fields: RepositoryFields) -> bool:
    """Whether it says more than names. Without, a change writes what the releases before it wrote."""
    return bool(fields.repositories) or fields.deploy_from is not None or fields.read_only_from is not None


async def _cached(kube: Kube, writing: Awaitable[AwsAccount]) -> AwsAccount:
    """Puts the written account into the cache and returns it; translates Kubernetes' refusals into our errors."""
    try:
        account = await writing
    except ApiException as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
        raise refusal from error
    kube.caches.accounts.put(account)
    return account


def _creation(customer: str, wanted: RepositoryFields, times: Mapping[str, Any], request: str | None) -> dict[str, Any]:
    """`_ours`, for an account that must not exist yet."""
    body = _ours(customer, wanted, customer if len(customer) <= MAX_LABEL_LENGTH else None, request)
    body["metadata"]["resourceVersion"] = _NEVER_A_VERSION
    body["spec"] |= times
    return body


def _ours(customer: str, wanted: RepositoryFields, label: str | None, request: str | None) -> dict[str, Any]:
    """Every field of an account that the API owns."""
    labels = {} if label is None else {"labels": {LABEL_CUSTOMER: label}}
    annotations = {} if request is None else {"annotations": {ANNOTATION_REQUEST: request}}
    return {
        "metadata": {**labels, **annotations},
        "spec": {"customerRef": {"name": customer}, **_about_repositories(wanted)},
    }


def _about_repositories(wanted: RepositoryFields) -> dict[str, Any]:
    """The fields as Kubernetes has them; what says nothing is left out, as in releases that did not know it."""
    wire = wanted.to_wire()
    return {name: value for name, value in wire.items() if name == "githubRepos" or value != []}


def refusal_of(error: ApiException) -> ApiError | None:
    """Translates Kubernetes' refusal into our error, if it is about the request; otherwise None."""
    status = status_of(error)
    if status == UNPROCESSABLE:
        return BadRequest("invalid_request", _sentences(error))
    if status == NOT_FOUND:
        return NotFound("account_not_found", "This account was deleted.")
    if status != CONFLICT:
        return None
    return Conflict(
        "changed_meanwhile", "This account was changed or deleted at the same moment. Read it and try again."
    )


def _sentences(error: ApiException) -> str:
    """The messages of the rules, without the prefix that Kubernetes adds."""
    found = [_WRAPPING.sub("", str(cause.get("message", ""))) for cause in causes(error)]
    return " ".join(dict.fromkeys(found)) or "The account's specification is not valid."
