"""What people do with kubectl, and what happens to the cluster and to the operator in it."""

import asyncio
from datetime import UTC, datetime, timedelta

from crash import clock
from kubernetes.aio.client import CoreV1Api
from weather.scene import SECOND
from weather.walk import Act, Turn, Walk

from batteries_crds.aws_account_spec import DeletionPolicy
from batteries_crds.names import ANNOTATION_RETRY

CUSTOMERS = 4
HOUR = 3600.0


async def suspend(turn: Turn) -> str:
    return await turn.spec(suspended=True)


async def resume(turn: Turn) -> str:
    return await turn.spec(suspended=False)


async def repositories(turn: Turn) -> str:
    many = [f"octo-org/repo-{turn.draw.randrange(100)}" for _ in range(turn.draw.randrange(4))]
    return await turn.spec(githubRepos=sorted(set(many)))


async def where_from(turn: Turn) -> str:
    """From everywhere again, or only from some runs; and whether pull requests may read."""
    deploys: list[dict[str, list[str]] | None] = [
        None,
        {"branches": ["main", "release/*"], "tags": [], "environments": []},
        {"branches": [], "tags": ["v*"], "environments": ["production"]},
        {"branches": [], "tags": [], "environments": []},
    ]
    reads = turn.draw.choice([None, {"pullRequests": True}])
    return await turn.spec(deployFrom=turn.draw.choice(deploys), readOnlyFrom=reads)


async def too_many_repositories(turn: Turn) -> str:
    return (await turn.spec(githubRepos=[f"octo-org/a-rather-long-name-{number:03}" for number in range(90)]))[:60]


async def delete(turn: Turn) -> str:
    account = await turn.account()
    await turn.lane.accounts.delete(turn.wish.namespace, turn.wish.name)
    turn.walk.gone_with(turn.wish, account.spec.deletion_policy)
    return f"with {account.spec.deletion_policy}"


async def make_again(turn: Turn) -> str:
    await turn.walk.apply(turn.wish)
    return "the same owner"


async def make_again_for_another(turn: Turn) -> str:
    wish = turn.wish
    if await turn.lane.find(wish.name) is not None:
        raise LookupError("it is there")
    kept = {name: value for name, value in wish.spec.items() if name not in ("email", "customerRef")}
    wish.spec = {**kept, "email": f"newcomer-{turn.draw.randrange(9)}@example.com"}
    await turn.walk.apply(wish)
    return str(wish.spec["email"])


async def take_the_finalizer(turn: Turn) -> str:
    account = await turn.account()
    await turn.lane.accounts.delete(turn.wish.namespace, turn.wish.name)
    await turn.lane.accounts.merge(turn.wish.namespace, turn.wish.name, {"metadata": {"finalizers": None}})
    turn.walk.gone_with(turn.wish, DeletionPolicy.RETAIN)
    return f"in phase {account.status.phase}"


async def retry(turn: Turn) -> str:
    await turn.account()
    body = {"metadata": {"annotations": {ANNOTATION_RETRY: str(turn.draw.random())}}}
    await turn.lane.accounts.merge(turn.wish.namespace, turn.wish.name, body)
    return "asked for"


async def wipe_the_status(turn: Turn) -> str:
    account = await turn.account()
    empty = {name: None for name in account.status.to_wire()}
    await turn.lane.accounts.merge_status(turn.wish.namespace, turn.wish.name, {"status": empty})
    return f"was {account.status.phase}"


async def take_the_password(turn: Turn) -> str:
    name = f"{turn.wish.name}-credentials"
    await CoreV1Api(turn.lane.api).delete_namespaced_secret(name, turn.wish.namespace)
    return "its owner has it now"


async def block(turn: Turn) -> str:
    return await _customer(turn, {"spec": {"blocked": True}})


async def unblock(turn: Turn) -> str:
    return await _customer(turn, {"spec": {"blocked": False}})


async def _customer(turn: Turn, body: dict[str, object]) -> str:
    name = f"customer-{turn.draw.randrange(CUSTOMERS)}"
    await turn.scene.customers.merge(turn.wish.namespace, name, body)
    return f"{turn.wish.namespace}/{name}"


async def do_not_pay(turn: Turn) -> str:
    name = f"customer-{turn.draw.randrange(CUSTOMERS)}"
    since = (datetime.now(UTC) - timedelta(days=30)).isoformat()
    status = {"paymentMethod": "missing", "paymentMethodSince": since, "paymentGraceSince": since}
    await turn.scene.customers.merge_status(turn.wish.namespace, name, {"status": status})
    return f"{turn.wish.namespace}/{name}, for 30 days"


async def pay(turn: Turn) -> str:
    name = f"customer-{turn.draw.randrange(CUSTOMERS)}"
    status = {"paymentMethod": "valid", "paymentGraceSince": None}
    await turn.scene.customers.merge_status(turn.wish.namespace, name, {"status": status})
    return f"{turn.wish.namespace}/{name}"


async def make_the_customer_again(turn: Turn) -> str:
    name = f"customer-{turn.draw.randrange(CUSTOMERS)}"
    spec = (await turn.scene.customers.get(turn.wish.namespace, name)).spec.to_wire()
    await turn.scene.customers.delete(turn.wish.namespace, name)
    await asyncio.sleep(turn.draw.uniform(0, 3))
    await turn.scene.customers.create(turn.wish.namespace, {"metadata": {"name": name}, "spec": spec})
    return f"{turn.wish.namespace}/{name}"


async def cut_watches(turn: Turn) -> str:
    return f"{turn.scene.lane.proxy.cut()} of them"


async def forbid(turn: Turn) -> str:
    await turn.scene.forbid(turn.wish.namespace)
    return turn.wish.namespace


async def permit(turn: Turn) -> str:
    for namespace in [*turn.scene.forbidden_since]:
        await turn.scene.permit(namespace)
    return "all of them"


async def forbid_all(turn: Turn) -> str:
    """For so long that /healthz has to tell; `Scene.keep` holds it against that."""
    for namespace in turn.scene.homes:
        await turn.scene.forbid(namespace)

    async def until_it_tells() -> None:
        async with asyncio.timeout(170):
            while await turn.scene.healthy() is not False:
                if len(turn.scene.forbidden_since) < len(turn.scene.homes):
                    return  # given back by another act meanwhile
                await asyncio.sleep(1)
        for namespace in turn.scene.homes:
            await turn.scene.permit(namespace)

    turn.walk.beside(until_it_tells())
    return "until /healthz tells"


async def end_the_namespace(turn: Turn) -> str:
    walk, scene = turn.walk, turn.scene
    if walk.background:
        raise LookupError("something goes on that needs the namespaces")
    ours = [wish for wish in walk.wishes.values() if wish.namespace == SECOND]
    there = {
        account.metadata.name: account for account in await scene.everything() if account.metadata.namespace == SECOND
    }
    await scene.end_namespace(SECOND)
    again = [wish for wish in ours if wish.name in there]
    for wish in again:
        walk.gone_with(wish, there[wish.name].spec.deletion_policy)

    async def made_again() -> None:
        async with asyncio.timeout(240):
            while not await scene.is_empty(SECOND):
                await asyncio.sleep(0.5)
        await scene.begin_namespace(SECOND)
        await customers(turn, SECOND)
        for wish in again:
            await walk.apply(wish)
        print(f"{scene.now:6.1f} s       {SECOND} is there again, with {len(again)} accounts", flush=True)

    walk.beside(made_again())
    return f"{SECOND}, with {len(again)} accounts"


async def customers(turn: Turn, namespace: str) -> None:
    """Those that wishes name; every other one has confirmed the address."""
    for number in range(CUSTOMERS):
        email = f"{namespace}-customer-{number}@example.com"
        spec = {"email": email, **({"confirmedEmail": email} if number % 2 == 0 else {})}
        await turn.scene.customers.create(namespace, {"metadata": {"name": f"customer-{number}"}, "spec": spec})


async def kill(turn: Turn) -> str:
    await turn.scene.kill()
    return "kill -9"


async def restart(turn: Turn) -> str:
    seconds = await turn.scene.stop()
    await turn.scene.start()
    return f"SIGTERM; it took {seconds:.1f} s"


async def turn_the_clock(turn: Turn) -> str:
    hours = turn.draw.choice([-200.0, -2.0, -0.02, 0.0, 0.0, 0.02, 2.0, 200.0])
    clock.turn(turn.scene.clock, hours * HOUR)
    return f"{hours:+} hours"


MENDED = "It is as its spec says."
ACTS = (
    Act("an account is suspended", "Every door is closed.", suspend, 4),
    Act("an account is resumed", "Every door that is its owner's is open.", resume, 4),
    Act("other repositories may deploy", "The role admits exactly those.", repositories, 4),
    Act("other runs may deploy or read", "The roles admit exactly those.", where_from, 3),
    Act("more repositories than fit", "TrustPolicyTooLarge, and the old ones are admitted.", too_many_repositories, 1),
    Act("an object is deleted", "Its AWS account is closed, or an orphan.", delete, 4),
    Act("an object is made again", "It has the AWS account that it had.", make_again, 4, of=Walk.deleted),
    Act(
        "its name is used by another",
        "NotOurAccount where the AWS account had an owner.",
        make_again_for_another,
        1,
        of=Walk.deleted,
    ),
    Act("an object loses its finalizer and goes", "Its AWS account is an orphan.", take_the_finalizer, 1),
    Act("another try is asked for", MENDED, retry, 2),
    Act("a status is wiped by hand", "It has the AWS account that it had.", wipe_the_status, 1),
    Act("an owner takes the first password", "Nobody makes another one.", take_the_password, 2),
    Act("a Customer is blocked", "Its accounts are closed.", block, 1),
    Act("a Customer is unblocked", "Its accounts are open.", unblock, 2),
    Act("a Customer does not pay", "Its accounts are closed.", do_not_pay, 1),
    Act("a Customer pays", "Its accounts are open.", pay, 2),
    Act("a Customer is made again", "Its accounts continue.", make_the_customer_again, 1),
    Act("the watches are cut", "Nothing is missed.", cut_watches, 3),
    Act("the operator may not read a namespace", "The other one is served.", forbid, 1),
    Act("the operator may read again", "What happened meanwhile is seen.", permit, 2),
    Act("no namespace may be read", "/healthz tells, and all is served again.", forbid_all, 1, heavy=True),
    Act("a namespace is deleted", "Its accounts are let go; made again, it is served.", end_the_namespace, 1),
    Act("the operator is killed", "Nothing is done twice.", kill, 2),
    Act("the operator is restarted", "It ends within ten seconds.", restart, 2),
    Act("the operator's clock is turned", "Nothing waits for ever.", turn_the_clock, 2),
)
