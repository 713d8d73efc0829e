"""`batteries-operator release`: releases all AwsAccounts of a namespace, so that they, and it, can be deleted; and with
them its AccountPools and PooledAccounts.

An AwsAccount carries the operator's finalizer. Without an operator nobody removes it, and a namespace with accounts in
it stays Terminating for ever. This command removes it, as the operator does for deletionPolicy Retain: the AWS accounts
stay open and as they are, whatever deletionPolicy says. It does not call AWS, needs no running operator, works in a
namespace that is being deleted, and can be repeated. `orphans` finds the AWS accounts again by their tags.
"""

import sys
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from kubernetes.aio.client import ApiClient, ApiException, CoordinationV1Api, V1Lease

from batteries_crds.account_pool import AccountPool
from batteries_crds.aws_account import AwsAccount
from batteries_crds.kube.client import CONFLICT, FORBIDDEN, NOT_FOUND, Resources, UnreadableError, connect, status_of
from batteries_crds.names import FINALIZER
from batteries_crds.pooled_account import PooledAccount
from batteries_crds.resource import Resource
from batteries_operator.runtime.field_manager import FIELD_MANAGER
from batteries_operator.runtime.settings import Settings

KINDS: tuple[type[Resource], ...] = (AwsAccount, PooledAccount, AccountPool)
"""What carries the operator's finalizer."""

TRIES = 5
"""Somebody else may write the object meanwhile; each try reads it again."""


class OperatorAtWorkError(Exception):
    """A running operator would add the finalizer again at once; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Held:
    """An AwsAccount with our finalizer. It is kept as JSON, because objects that no model can read must be released
    too.
    """

    raw: dict[str, Any]
    model: type[Resource] = AwsAccount

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return str(self.raw["metadata"]["namespace"])

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.raw["metadata"]["name"])

    def __str__(self) -> str:
        spec, status = self.raw.get("spec") or {}, self.raw.get("status") or {}
        aws = status.get("awsAccountId") or spec.get("awsAccountId")
        what = f"AWS account {aws} stays open" if aws else "no AWS account is known for it"
        if not aws and (wish := status.get("claim")):  # written before the account is taken
            what = f"AWS account {wish.get('awsAccountId')} stays open, and may be its own: `orphans` tells by the tags"
        if self.raw["metadata"].get("deletionTimestamp"):
            what += "; the object is being deleted and will be gone"
        if spec.get("deletionPolicy") == "Close":
            what += "; deletionPolicy Close is not carried out"
        kind = "" if self.model is AwsAccount else f"{self.model.definition.kind} "
        return f"{kind}{self.namespace}/{self.name}: {what}"


def arguments(parser: ArgumentParser) -> None:
    """Adds the command's own arguments."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--namespace",
        "-n",
        action="append",
        default=[],
        help="release the accounts of this namespace; may be repeated (default: BATTERIES_NAMESPACES)",
    )
    where.add_argument("--all-namespaces", "-A", action="store_true", help="release the accounts of all namespaces")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--dry-run", action="store_true", help="say what would be released, and do nothing (the default)")
    how.add_argument("--yes", action="store_true", help="release them")


async def release(settings: Settings, given: Namespace) -> int:
    """Releases, or lists what it would release; returns 0, 1 if an account is still held, 2 for wrong arguments.

    Raises:
        NoClusterError: there is no Kubernetes to talk to.
        OperatorAtWorkError: an operator is at work there.
    """
    places: Sequence[str | None] = [None] if given.all_namespaces else given.namespace or settings.namespace_list
    if not places:
        print("Say which accounts to release: --namespace NAME, or --all-namespaces.", file=sys.stderr)
        return 2
    async with await connect(settings.kubeconfig) as api:
        every = {kind: Resources(api, kind, FIELD_MANAGER) for kind in KINDS}
        held = [each for place in places for each in await _all_held(every, place)]
        for each in held:
            print(f"{'releasing' if given.yes else 'would release'} {each}")
        if not given.yes:
            print(f"Nothing was done. {_counted(held)} would be released; to release them, add --yes.")
            return 0
        await _refuse_an_operator_at_work(
            api, [*places, *([settings.lease_namespace] if settings.lease_namespace else [])]
        )
        for each in held:
            await _let_go(every[each.model], each)
        left = [each for place in places for each in await _all_held(every, place)]
    for each in left:
        print(
            f"{each.namespace}/{each.name} is held again: an operator is running. Stop it, then repeat this command.",
            file=sys.stderr,
        )
    still = {(each.model, each.namespace, each.name) for each in left}
    gone = [each for each in held if (each.model, each.namespace, each.name) not in still]
    print(f"Released {_counted(gone)}; their AWS accounts stay as they are.")
    return 1 if left else 0


def _counted(held: Sequence[Held]) -> str:
    """How many of each kind; of pools only if there are any."""
    numbers = Counter(each.model for each in held)
    return " and ".join(
        f"{numbers[kind]} {kind.definition.kind}s" for kind in KINDS if numbers[kind] or kind is AwsAccount
    )


async def _all_held(every: Mapping[type[Resource], Resources[Any]], namespace: str | None) -> list[Held]:
    """Everything in the namespace that has our finalizer."""
    return [each for kind, resources in every.items() for each in await _held(kind, resources, namespace)]


async def _held(kind: type[Resource], resources: Resources[Any], namespace: str | None) -> list[Held]:
    """Every object of one kind in the namespace that has our finalizer, by namespace and name."""
    found, token = [], None
    while True:
        page = await resources.raw_page(namespace, token=token)
        found += [Held(raw, kind) for raw in page.items if FINALIZER in raw["metadata"].get("finalizers", [])]
        token = page.next_token
        if token is None:
            return sorted(found, key=lambda each: (each.namespace, each.name))


async def _let_go(resources: Resources[Any], held: Held) -> None:
    """Removes our finalizer and keeps those of others."""
    raw = held.raw
    for _ in range(TRIES):
        meta = raw["metadata"]
        others = [each for each in meta.get("finalizers", []) if each != FINALIZER]
        body = {"metadata": {"finalizers": others, "resourceVersion": meta["resourceVersion"]}}
        try:
            await resources.merge(held.namespace, held.name, body)
        except UnreadableError:
            return  # it was written; only the response can't be read
        except ApiException as error:
            if status_of(error) == NOT_FOUND:
                return
            if status_of(error) != CONFLICT:
                raise
            page = await resources.raw_page(held.namespace, field_selector=f"metadata.name={held.name}")
            if not page.items:
                return
            raw = page.items[0]
        else:
            return


async def _refuse_an_operator_at_work(api: ApiClient, places: Sequence[str | None]) -> None:
    """Raises if an operator holds its Lease in one of the namespaces; None is any namespace."""
    leases = CoordinationV1Api(api)
    for place in places:
        try:
            found = await (leases.list_namespaced_lease(place) if place else leases.list_lease_for_all_namespaces())
        except ApiException as error:
            if status_of(error) != FORBIDDEN:
                raise
            continue  # without this permission one sees at the end that accounts are held again
        for lease in found.items:
            if (holder := _holder(lease)) is not None:
                raise OperatorAtWorkError(
                    f"{holder} and would hold the accounts again. Uninstall the release, or scale its operator "
                    "to 0 (kubectl scale deployment --replicas=0), then repeat this command."
                )


def _holder(lease: V1Lease) -> str | None:
    """The operator that holds the Lease now, as the beginning of a sentence."""
    meta, spec = lease.metadata, lease.spec
    if meta is None or spec is None or not spec.holder_identity or spec.renew_time is None:
        return None
    ours = any(each.manager == FIELD_MANAGER for each in meta.managed_fields or [])
    if not ours or datetime.now(UTC) - spec.renew_time >= timedelta(seconds=spec.lease_duration_seconds or 0):
        return None
    return f"{spec.holder_identity} is running, by the Lease {meta.namespace}/{meta.name}"
