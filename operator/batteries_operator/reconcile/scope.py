"""What a step sees of one reconcile: the account with its newest writes, and a way to write to the status at once."""

from typing import Any

from batteries_crds.aws_account import AwsAccount
from batteries_operator.aws.ownership import OwnedAccount
from batteries_operator.reconcile.result_applier import ResultApplier
from batteries_operator.status.status_writer import StatusWriter
from batteries_operator.steps.dependencies import Dependencies
from batteries_operator.steps.step import Scope


class ReconcileScope(Scope):
    """The scope of one reconcile's steps."""

    def __init__(self, writer: StatusWriter, deps: Dependencies, results: ResultApplier) -> None:
        self._writer = writer
        self._results = results
        self._deps = deps

    @property
    def deps(self) -> Dependencies:
        return self._deps

    @property
    def account(self) -> AwsAccount:
        return self._writer.account

    async def owned_account(self) -> OwnedAccount:
        return await self.deps.aws.ownership.prove(self.account, self.aws_account_id)

    async def record(self, **facts: Any) -> None:
        account = self.account
        # If the account was deleted since the reconcile began, AWS must not be asked for anything any more.
        unless_deleted = not account.is_deleted
        status = account.status.model_copy(update=facts)
        self._writer.account = self._results.summarized(account.model_copy(update={"status": status}))
        await self._writer.flush(unless_deleted=unless_deleted)
