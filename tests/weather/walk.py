"""The walk: acts drawn by a seed, each printed with its number and time, against accounts that people wished for.

What is drawn depends on the seed and the number of the act alone, never on how the world answers: so the same seed
gives the same acts, though what they meet may differ by a moment.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from crash.lane import Lane
from kubernetes.aio.client import ApiException
from weather.scene import FIRST, SECOND, Scene

from batteries_crds.aws_account import AwsAccount
from batteries_crds.aws_account_spec import DeletionPolicy
from batteries_sandbox.errors import SandboxError

REFUSALS = (ClientError, BotoCoreError, ApiException, SandboxError, LookupError, TimeoutError)
"""What an act meets where the world does not let it, as another act before it has left it."""


@dataclass
class Wish:
    """An AwsAccount that people applied, and what they did to it since."""

    namespace: str
    name: str
    spec: dict[str, Any]
    is_there: bool = True
    was_let_go: bool = False
    """Deleted with Retain, or with its finalizer taken away: its AWS account may be there without an object."""
    was_closed: bool = False
    """Deleted with Close."""
    made: int = 0

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class Act:
    """One thing that people or AWS do; `afterwards` is what holds when the weather is over."""

    does: str
    afterwards: str
    run: Callable[["Turn"], Awaitable[str]]
    weight: int = 2
    heavy: bool = False
    """Not in a short walk: it takes long, or changes everything."""
    of: Callable[["Walk"], Iterable[str]] = lambda walk: walk.wishes
    """The accounts that it makes sense for, by what was done before; where there are none it is drawn among all."""


@dataclass
class Walk:
    """One walk, and what is known of it."""

    scene: Scene
    seed: int
    wishes: dict[str, Wish] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    """The first owner of each AWS account: it never gets another."""
    took_user: set[str] = field(default_factory=set)
    """AWS accounts whose owner deleted our IAM user, which is the owner's right."""
    taken: set[str] = field(default_factory=set)
    """Accounts that were closed or suspended in AWS, or taken out of the organization."""
    untagged: set[str] = field(default_factory=set)
    """Accounts whose tag was taken away or changed; a departure takes it, too."""
    background: set[asyncio.Task[None]] = field(default_factory=set)

    def wish(self, namespace: str, name: str, **spec: Any) -> Wish:
        """People want this account."""
        wish = Wish(namespace, name, spec)
        self.wishes[wish.key] = wish
        return wish

    async def apply(self, wish: Wish) -> None:
        """Makes the object, as `kubectl apply` does."""
        body = {"metadata": {"name": wish.name}, "spec": wish.spec}
        await self.scene.lane.accounts.create(wish.namespace, body)
        wish.is_there, wish.made = True, wish.made + 1

    def deleted(self) -> list[str]:
        """Wishes whose object is deleted."""
        return [key for key, wish in self.wishes.items() if not wish.is_there]

    def gone_with(self, wish: Wish, policy: DeletionPolicy) -> None:
        """People have deleted it."""
        wish.is_there = False
        wish.was_let_go |= policy is DeletionPolicy.RETAIN
        wish.was_closed |= policy is DeletionPolicy.CLOSE

    async def note_owners(self) -> None:
        """Remembers who owned each AWS account first."""
        for account in await self.scene.everything():
            status = account.status
            if status.aws_account_id is not None and status.owner is not None:
                self.owners.setdefault(status.aws_account_id, status.owner)

    async def run(self, table: Sequence[Act], acts: int, pause: float) -> None:
        """Draws and does so many of them, about `pause` seconds apart."""
        weights = [act.weight for act in table]
        for number in range(1, acts + 1):
            draw = Random(f"{self.seed}/{number}")  # noqa: S311  # a game, no secret
            (act,) = draw.choices(table, weights)
            await self.do(number, act, draw)
            with contextlib.suppress(*REFUSALS):  # noted again after the next act
                await self.note_owners()
            await asyncio.sleep(draw.uniform(0, 2 * pause))

    async def do(self, number: int, act: Act, draw: Random) -> None:
        """One act, and a line of what came of it."""
        turn = Turn(self, draw, draw.choice(sorted(act.of(self)) or sorted(self.wishes)))
        try:
            came = await act.run(turn)
        except REFUSALS as error:
            came = f"refused: {_line(error)}"
        print(f"{self.scene.now:6.1f} s  #{number:<3} {act.does}: {turn.key}: {came}", flush=True)

    def beside(self, work: Awaitable[None]) -> None:
        """Goes on while others act; ended by `settle_background`."""

        async def done() -> None:
            await work

        task = asyncio.create_task(done())
        self.background.add(task)
        task.add_done_callback(self.background.discard)

    async def settle_background(self) -> None:
        """Waits until all that goes on beside has ended."""
        await asyncio.gather(*self.background)


@dataclass
class Turn:
    """What one act sees: the walk, its own dice, and the account that was drawn."""

    walk: Walk
    draw: Random
    key: str

    @property
    def scene(self) -> Scene:
        """The world."""
        return self.walk.scene

    @property
    def lane(self) -> Lane:
        """The lane in the account's namespace."""
        return self.scene.homes[self.wish.namespace]

    @property
    def wish(self) -> Wish:
        """What people wished."""
        return self.walk.wishes[self.key]

    async def account(self) -> AwsAccount:
        """The object.

        Raises:
            LookupError: there is none now.
        """
        found = await self.lane.find(self.wish.name)
        if found is None:
            raise LookupError("there is no such object now")
        return found

    async def aws_id(self) -> str:
        """The account's id in AWS.

        Raises:
            LookupError: it has none yet.
        """
        known = (await self.account()).status.aws_account_id
        if known is None:
            raise LookupError("it has no AWS account yet")
        return known

    async def spec(self, **changes: Any) -> str:
        """Patches the object's spec, and remembers it for whoever applies it again."""
        await self.account()
        await self.lane.accounts.merge(self.wish.namespace, self.wish.name, {"spec": changes})
        self.wish.spec |= changes
        return str(changes)


def wishes(walk: Walk, accounts: int) -> None:
    """So many accounts in both namespaces: most by e-mail, some by a Customer; a quarter with the policy Close."""
    draw = Random(f"{walk.seed}/wishes")  # noqa: S311  # a game, no secret
    for number in range(accounts):
        namespace = SECOND if number % 3 == 2 else FIRST
        owner: dict[str, Any] = (
            {"customerRef": {"name": f"customer-{number % 4}"}}
            if draw.random() < 0.3
            else {"email": f"owner-{number % max(accounts // 3, 1)}@example.com"}
        )
        closes = draw.random() < 0.25
        spec = {**owner, "githubRepos": [f"octo-org/repo-{number}"], "suspended": draw.random() < 0.1}
        if number % 4 == 1:
            spec |= {"readOnlyFrom": {"pullRequests": True}}
        walk.wish(namespace, f"w-{number:02}", **spec, **({"deletionPolicy": "Close"} if closes else {}))


def _line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".replace("\n", " ")[:140]
