"""The controller of the members of pools: the same machinery, with a pipeline of its own, beside that of accounts.

Both share AWS, the slots for its limits, the wakeups and the watchdog.
"""

from functools import partial

from batteries_crds.aws_account import AwsAccount
from batteries_crds.kube.client import Resources
from batteries_crds.pooled_account import PooledAccount
from batteries_operator.controller.controller import Controller
from batteries_operator.controller.pool_members import pooled_accounts
from batteries_operator.reconcile.reconciler import Reconciler
from batteries_operator.reconcile.result_applier import PostEvent
from batteries_operator.steps.preparation import steps_for


def members_in(controller: Controller) -> Resources[AwsAccount]:
    """The PooledAccounts of its cluster."""
    return pooled_accounts(controller.api)


def members_of(
    controller: Controller, post_event: PostEvent, members: Resources[AwsAccount] | None = None
) -> Controller:
    """The controller of members beside that of accounts."""
    deps, chosen = controller.deps, partial(steps_for, controller.deps.settings)
    members = members or members_in(controller)
    reconciler = Reconciler(members, deps, chosen, post_event)
    return Controller(
        *(controller.api, members, deps, reconciler, controller.wakeups, chosen),
        watchdog=controller.watchdog,
        model=PooledAccount,
    )
