"""A claim that is broken off or interfered with at every point: after each of its writes and calls."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog
from fakes.aws_world import assert_exactly_right
from fakes.factory import NAMESPACE, CrashError, Factory, Process
from fakes.pool import pooled
from fakes.pool_owners import assert_one_each

from batteries_crds.names import ProvisioningStep

REPOSITORIES = ["octo-org/web"]


@dataclass
class Points:
    """Counts the writes and calls of a claim, and does the deed after the n-th of them."""

    number: int
    deed: Callable[[str], None]
    passed: list[str] = field(default_factory=list)
    done: str = ""

    def __call__(self, what: str) -> None:
        if self.done or "over" in self.passed:
            return
        self.passed.append(what)
        if len(self.passed) == self.number:
            self.done = what
            self.deed(what)


def _is_beside() -> bool:
    """Whether this call is one of those that look for single sign-on beside the claim."""
    return bool(structlog.contextvars.get_contextvars().get("step") == ProvisioningStep.SETUP_SSO_ACCESS)


def watch(factory: Factory, process: Process, points: Points, *, beside: bool) -> None:
    """Passes the points of the process until the account is known: its claim, and the search before it.

    What looks for single sign-on meanwhile has its own points (`beside`): in which order two things that run side by
    side come, nobody can say.
    """
    known: list[bool] = []

    def after_write(_: int) -> None:
        verb, kind, body = factory.cluster.writes[-1]
        if kind not in ("AwsAccount", "PooledAccount"):
            return
        if not beside:
            points(f"{verb} of {kind}")
        if "awsAccountId" in body.get("status", {}):
            known.append(True)
            points.passed.append("over")

    factory.cluster.after_write = after_write
    process.after_call = lambda operation, _: points(operation) if _is_beside() is beside else None


Deed = Callable[[Process, str, int], None]
"""What is done at a point of a walk: to the process, after that write or call, in the walk of that number."""


async def walked(factory: Factory, number: int, deed: Deed, life: "Life", *, beside: bool) -> str:
    """One walk, in which the deed is done at that point; which point that was, or nothing."""
    name = f"a{number}"
    await pooled(factory, f"m{number}")
    await factory.add(name, githubRepos=REPOSITORIES)
    process = await factory.start()
    points = Points(number, lambda what: deed(process, what, number))
    watch(factory, process, points, beside=beside)
    try:
        await life(factory, process, name)
    except CrashError:
        factory.cluster.after_write = lambda _: None
        await life(factory, await factory.start(), name)
    factory.cluster.after_write = lambda _: None
    factory.cluster.watches.clear()  # the operators of this walk have ended
    if ("PooledAccount", NAMESPACE, f"m{number}") in factory.cluster.objects:
        factory.cluster.delete("PooledAccount", NAMESPACE, f"m{number}")  # so that the next walk has one of its own
    return points.done


Life = Callable[[Factory, Process, str], Awaitable[None]]


async def every_point(
    factory: Factory, deed: Deed, life: Life, first: int = 1, step: int = 1, *, beside: bool = False
) -> list[str]:
    """All the points at which the deed was done: from the `first`, every `step`th."""
    met: list[str] = []
    number = first
    while True:
        try:
            point = await walked(factory, number, deed, life, beside=beside)
        except (AssertionError, TimeoutError) as failure:
            raise AssertionError(f"at point {number}, after {met[-3:]}") from failure
        if not point:
            return met
        met.append(point)
        number += step


async def becomes_active(factory: Factory, process: Process, name: str) -> None:
    account = await process.until(name)
    await assert_exactly_right(factory, account, mails=0)
    await assert_one_each(factory)


BESIDE = {"sso:ListAccountAssignments", "identitystore:CreateUser", "organizations:ListParents"}
"""What is looked up for single sign-on, and made."""

CLAIM = ["status of AwsAccount", "status of PooledAccount", "organizations:TagResource", "status of AwsAccount"]


def assert_whole(met: list[str]) -> None:
    """The points have the claim's three writes and its call in them, and every look before."""
    assert met[-1] == "status of AwsAccount", met
    mark = met.index("status of PooledAccount")
    assert met[mark : mark + 3] == CLAIM[1:], met
    assert {"organizations:ListTagsForResource", "organizations:DescribeAccount", "sts:AssumeRole"} < {*met[:mark]}
    assert {"iam:GetAccountSummary", "iam:ListRoles", "cloudtrail:DescribeTrails", "s3:ListBuckets"} < {*met[:mark]}
    assert "status of AwsAccount" in met[:mark], "the wish comes first"
