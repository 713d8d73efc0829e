"""The world behind the stand-in's endpoint: moto, and everything that moto doesn't keep.

One object per stand-in, touched by its worker thread only; so rules need no locks, and every call sees the state of one
moment (`settle` first, then the rules).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from batteries_sandbox.aws.account_names import AccountNames
from batteries_sandbox.aws.assignments import Assignments
from batteries_sandbox.aws.callers import Callers
from batteries_sandbox.aws.closures import Closures
from batteries_sandbox.aws.creations import Creations
from batteries_sandbox.aws.issuers import Issuers
from batteries_sandbox.aws.journal import Journal
from batteries_sandbox.aws.moto_app import Moto
from batteries_sandbox.aws.propagation import Propagation
from batteries_sandbox.aws.settings import StandinSettings


class Clocks(NamedTuple):
    """What a world goes by."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep  # while an answer takes its time


MACHINE = Clocks()


class World:
    """A customer's AWS organization on the day that this product is installed."""

    def __init__(self, settings: StandinSettings, clocks: Clocks = MACHINE) -> None:
        self.settings = settings = replace(settings)  # our own, as limits may be changed while it runs
        self.clock, self.wall, self.sleep = clocks  # `wall` is the time of day, which AWS's timestamps carry
        self.moto = Moto(settings.management_account_id, settings.region)
        self.callers = Callers(settings.access_key_id, settings.management_account_id, self.clock, settings.partition)
        if settings.admin_key_id:
            self.callers.add_user(settings.admin_key_id, settings.management_account_id, "administrator")
        self._policy = _policy(settings.operator_policy)
        self._policy_read = _changed(settings.operator_policy)
        self.creations = Creations(self.moto, settings)
        self.assignments = Assignments(self.moto, settings)
        self.closures = Closures(settings)
        self.propagation = Propagation()
        self.account_names = AccountNames()
        self.issuers = Issuers(settings, self.clock)
        self.left: dict[str, Any] = {}  # accounts that are no members any more, by id; moto's objects
        self.journal = Journal(self.callers.find)
        self.organization_written_until = 0.0  # on our clock
        self.lists_asked: Counter[str] = Counter()  # first pages of each list of Organizations
        self.trusted_services: dict[str, float] = {}  # by service principal, since when
        self.organization_features: set[str] = set()  # of IAM
        self.mails: list[dict[str, Any]] = []
        self._prepare_organization()
        self._verify_senders()

    @property
    def operator_policy(self) -> dict[str, Any] | None:
        """The IAM policy of the operator's key, as its file says now: an administrator may narrow it at any time."""
        changed = _changed(self.settings.operator_policy)
        if changed != self._policy_read:
            self._policy, self._policy_read = _policy(self.settings.operator_policy), changed
        return self._policy

    def settle(self) -> None:
        """Applies everything that is due."""
        now = self.clock()
        self.creations.settle(now)
        self.assignments.settle(now)
        self.closures.settle(now)
        self.propagation.settle(now)
        self.account_names.settle(now)

    def account(self, account_id: str) -> Any | None:
        """The organization's account of that id, moto's object."""
        return next((a for a in self.moto.organizations().accounts if a.id == account_id), None)

    @property
    def organization_id(self) -> str:
        """The organization's id, o-..."""
        organization: Any = self.moto.organizations().org
        return str(organization.id)

    def _prepare_organization(self) -> None:
        organizations = self.moto.organizations()
        organizations.create_organization(region=self.settings.region, FeatureSet="ALL")
        organizations.enable_policy_type(RootId=organizations.ou[0].id, PolicyType="SERVICE_CONTROL_POLICY")
        self.creations.reserve_email(organizations.accounts[0].email)

    def _verify_senders(self) -> None:
        from moto.ses.models import ses_backends

        if self.settings.partition == "aws-cn":  # which has no SES
            return
        backend = ses_backends[self.settings.management_account_id][self.settings.region]
        for identity in self.settings.ses_identities:
            created = backend.create_email_identity_v2(identity, None, None, None)
            created.verified_for_sending_status = True


def _changed(path: str) -> int:
    """When the file was last written; 0 where there is none."""
    return Path(path).stat().st_mtime_ns if path else 0


def _policy(path: str) -> dict[str, Any] | None:
    """The policy document in a file; None where there is no file to read.

    Raises:
        ValueError: the file holds no policy.
    """
    if not path:
        return None
    document = json.loads(Path(path).read_text())
    if not isinstance(document, dict) or "Statement" not in document:
        raise ValueError(f"{path} holds no IAM policy: it must be a JSON object with a Statement")
    return document
