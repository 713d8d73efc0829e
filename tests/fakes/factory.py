"""One account factory for a test: the real runner and gateways, the AWS stand-in, and Kubernetes in memory."""

import asyncio
import base64
import json
import os
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, cast

import boto3
import pytest
from botocore import UNSIGNED
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from fakes import in_process, quick_boto
from fakes.cluster import Cluster, FakeResources, FakeSecrets
from fakes.identity_tokens import github_token

from batteries_crds.account_pool import AccountPool
from batteries_crds.aws_account import AwsAccount
from batteries_crds.customer import Customer
from batteries_crds.github.trust_policy import ROLE_NAME
from batteries_crds.identity import ObjectRef
from batteries_crds.pooled_account import PooledAccount
from batteries_operator.aws.errors import AwsError
from batteries_operator.aws.gateways import Aws
from batteries_operator.aws.guardrails import guardrails
from batteries_operator.aws.member_clients import NOBODY, MemberClient, take_keys_of_the_call
from batteries_operator.aws.partition import of_region
from batteries_operator.aws.permission_sets import PermissionSets
from batteries_operator.aws.policy_setup import PolicySetup
from batteries_operator.aws.setup import Setup
from batteries_operator.cli import bootstrap
from batteries_operator.cli.bootstrap import units
from batteries_operator.controller.controller import Controller, Stopped
from batteries_operator.controller.customer_lookup import Customers
from batteries_operator.controller.live_accounts import LiveAccounts, aws_accounts_named
from batteries_operator.controller.members import members_of
from batteries_operator.controller.passwords import Passwords
from batteries_operator.controller.pool_members import PoolMembers
from batteries_operator.controller.wakeups import Wakeups
from batteries_operator.controller.wiring import is_prepared
from batteries_operator.limits.creation_poller import CreationPoller
from batteries_operator.limits.slots import Slots
from batteries_operator.pool.index import PoolIndex
from batteries_operator.reconcile.reconciler import Reconciler
from batteries_operator.reconcile.result_applier import Pipeline
from batteries_operator.reconcile.step_schedule import StepSchedule
from batteries_operator.runtime.settings import Settings
from batteries_operator.status.status_writer import LostRaceError
from batteries_operator.steps.dependencies import Dependencies
from batteries_operator.steps.lost_claims import LostClaims
from batteries_operator.steps.pipeline import pipeline_of
from batteries_operator.steps.preparation import preparation
from batteries_sandbox.mailboxes import ROOT_EMAILS, SENDER

NAMESPACE = "customers"
ISSUER = "https://batteries.example"
PAUSE = 0.01


ANYWHERE = "http://standin.invalid"
quick_boto.install()
# Of a client that a test makes for itself; the operator says its own.
ONE_TRY = Config(retries={"total_max_attempts": 1})


class SharedSession(boto3.Session):
    """One boto3 session for all tests, which makes each client once: that is what keeps them fast.

    The clients outlive the stand-ins, so where a request goes is decided when it is sent.
    """

    _made: dict[tuple[Any, ...], Any] = {}

    def client(self, service: str, **arguments: Any) -> Any:  # type: ignore[override]  # without the overloads
        config = arguments.setdefault("config", ONE_TRY)
        keys, retries = arguments.get("aws_access_key_id"), tuple((config.retries or {}).items())
        key = service, arguments.get("region_name"), config.signature_version, retries, keys
        if key not in self._made:
            assert keys in (None, *NOBODY.values()), "a client for each member account takes long to make: MemberClient"
            self._made[key] = super().client(service, endpoint_url=ANYWHERE, **arguments)  # type: ignore[call-overload]
            self._made[key].meta.events.register("before-send", _send_to_the_standin)
        return self._made[key]


def _send_to_the_standin(request: Any, **_: Any) -> AWSResponse | None:
    """Answers the request here, which is what keeps the tests fast, or has it sent."""
    request.url = request.url.replace(ANYWHERE, os.environ["AWS_ENDPOINT_URL"])
    return in_process.answer(request)


SHARED = SharedSession(aws_access_key_id="sandbox", aws_secret_access_key="sandbox", region_name="us-east-1")
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "sandbox", "AWS_SECRET_ACCESS_KEY": "sandbox", "AWS_REGION": "us-east-1"}
UNSIGNED_CALLS = Config(signature_version=UNSIGNED)


def _soon(seconds: float, function: Callable[[], None]) -> object:
    """A shut line opens as soon as waits are cut short."""
    return asyncio.get_running_loop().call_later(min(seconds, PAUSE), function)


class CrashError(BaseException):
    """The process is gone; not an Exception, so that nothing in the operator can catch it."""


def settings(**changes: Any) -> Settings:
    """Settings in which nothing takes long."""
    fast: dict[str, Any] = {"intent_grace_seconds": 0, "poll_seconds": 0.01, "backoff_max_seconds": 0.01}
    own = {"account_email_template": ROOT_EMAILS, "mail_sender": SENDER, "issuer_url": ISSUER}
    return Settings(**fast | own | {"aws_threads": 8} | changes)


class Process:
    """One life of the operator: what it remembers dies with it."""

    def __init__(self, factory: "Factory", aws: Aws, pipeline: Pipeline) -> None:
        self.calls: list[str] = []
        self.answered = 0
        self.is_dead = False
        self.events: list[tuple[str, str]] = []
        self.before_call: Callable[[str, int], None] = lambda operation, number: None
        self.after_call: Callable[[str, int], None] = lambda operation, number: None
        self._call = aws.caller.call
        aws.caller.call = self._observed  # type: ignore[method-assign]
        self.wakeups = Wakeups()
        self.accounts = cast(Any, FakeResources(factory.cluster, AwsAccount))
        customers = cast(Any, FakeResources(factory.cluster, Customer))
        members = cast(Any, FakeResources(factory.cluster, PooledAccount))
        api: Any = factory.cluster
        chosen = factory.settings
        creations = Slots(chosen.creations_in_flight, self.wakeups.wake, _soon)
        self.pool = PoolIndex(partial(is_prepared, chosen), creations.first_in, self.wakeups.wake)
        self.deps = Dependencies(
            settings=chosen,
            aws=aws,
            customers=Customers(customers, self.accounts),
            live=LiveAccounts(self.accounts),
            passwords=Passwords(cast(Any, FakeSecrets(factory.cluster))),
            members=PoolMembers(members, preparation(chosen), self._post_event),
            pool=self.pool,
            lost_claims=LostClaims(aws.organizations, partial(aws_accounts_named, self.accounts, [None]), "Pool"),
            creation_poller=CreationPoller(
                aws.creations.in_progress,
                aws.creations.status,
                self.wakeups.wake,
                between_lists=PAUSE / 10,  # not 0: the clock stands still while AWS is asked without a pause
                between_descriptions=PAUSE / 10,
            ),
            creations=creations,
            assignments=Slots(chosen.assignments_in_flight, self.wakeups.wake, _soon),
            closures=Slots(chosen.closures_in_flight, self.wakeups.wake, _soon),
        )
        self._following: asyncio.Task[None] | None = None
        self.reconciler = Reconciler(self.accounts, self.deps, pipeline, self._post_event)
        self.controller = Controller(api, self.accounts, self.deps, self.reconciler, self.wakeups, pipeline)
        self.members = members_of(self.controller, self._post_event, members)
        factory.cluster.watches.append(self._shown)
        for (kind, _, _), body in factory.cluster.objects.items():
            self._shown_pool(kind, body)

    def _post_event(self, account: AwsAccount, event_type: str, reason: str, message: str) -> None:
        self.events.append((event_type, reason))

    def _shown(self, kind: str, body: dict[str, Any]) -> None:
        """As the operator's handler of a watch's events does, while it lives."""
        if self.is_dead:
            return
        for each in (self.controller, self.members):
            if kind == each.model.definition.kind:
                each.observe(cast(Any, each.accounts).read(body))
        self._shown_pool(kind, body)

    def _shown_pool(self, kind: str, body: dict[str, Any]) -> None:
        if kind == PooledAccount.definition.kind:
            self.pool.seen(cast(Any, self.members.accounts).read(body))
        elif kind == AccountPool.definition.kind:
            self.pool.pool_seen(AccountPool.model_validate(body))

    async def _observed(self, operation: str, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        if self.is_dead:
            raise CrashError  # what ran beside the step that crashed ends with it
        self.calls.append(operation)
        number = len(self.calls)
        try:
            self.before_call(operation, number)
            answer = await self._call(operation, function, *args, **kwargs)
            self.answered += 1
            self.after_call(operation, self.answered)
        except CrashError:
            self.is_dead = True
            raise
        return answer

    async def drive(self, account: AwsAccount, stopped: Stopped) -> None:
        """As the operator does, which follows creations beside."""
        self._follow()
        await self.controller.drive(ObjectRef.of(account), stopped)

    async def drive_until_active(self, account: AwsAccount) -> None:
        """Its whole provisioning, driven as kopf's daemon does."""
        stop = asyncio.Event()
        driving = asyncio.create_task(self.drive(account, stop))
        async with asyncio.timeout(10):
            while (await self.accounts.get(NAMESPACE, account.metadata.name)).status.phase != "active":
                await asyncio.sleep(0.02)
        stop.set()
        await driving

    async def resync(self, account: AwsAccount) -> bool | None:
        """Compares an account at rest with AWS."""
        return await self.controller.resync(ObjectRef.of(account))

    async def release(self, account: AwsAccount) -> None:
        """The same for an account that is being deleted."""
        self._follow()
        await self.controller.release(ObjectRef.of(account))

    def _follow(self) -> None:
        if self._following is None:
            self._following = asyncio.create_task(self.deps.creation_poller.run())

    def close(self) -> None:
        if self._following is not None:
            self._following.cancel()

    async def until(
        self,
        name: str,
        reached: Callable[[AwsAccount], bool] | None = None,
        look: Callable[[AwsAccount], None] = lambda _: None,
        seconds: float = 10,
        namespace: str = NAMESPACE,
        of: Controller | None = None,
    ) -> AwsAccount:
        """Reconciles until nothing is pending, or until `reached` holds, which it then must; waits are cut short.

        `look` is shown the account after each reconcile. `of` is the controller, by default that of accounts.

        Raises:
            AssertionError: the account came to rest without `reached`, or neither came in time.
        """
        clock = asyncio.get_running_loop().time
        schedule, deadline, by = StepSchedule(), clock() + seconds, of or self.controller
        while True:
            schedule.make_all_due()
            await self.deps.creation_poller.poll()
            try:
                result = await by.reconciler.reconcile(namespace, name, schedule)
            except LostRaceError:
                continue
            account = await by.accounts.get(namespace, name)
            look(account)
            if reached is not None and reached(account):
                return account
            if result.requeue_after is None:
                assert reached is None, f"nothing is pending, and it was not reached: {account.status.conditions}"
                return account
            assert clock() < deadline, f"still {account.status.conditions}"
            await asyncio.sleep(min(result.requeue_after, PAUSE))


class Factory:
    """The world that outlives an operator process: AWS and the cluster."""

    def __init__(self, url: str, chosen: Settings) -> None:
        self.url = url
        self.settings = chosen
        self.cluster = Cluster()
        self.accounts: FakeResources[AwsAccount] = FakeResources(self.cluster, AwsAccount)
        self.customers: FakeResources[Customer] = FakeResources(self.cluster, Customer)
        self._opened: list[Aws] = []
        self._processes: list[Process] = []

    async def bootstrap(self) -> None:
        """All that an organization should have, by the operator's own command."""
        await bootstrap.bootstrap(self.settings)

    async def prepare(self) -> None:
        """No more than accounts need: the stand-in takes a third of a second over the rest."""
        aws = await self.prepare_policies()
        await PermissionSets(aws.caller, aws.identity_center).create(self.settings.permission_set_name)

    async def prepare_policies(self) -> Aws:
        """The OUs, and the policies on them."""
        aws = await Aws.open(self.settings)
        self._opened.append(aws)
        setup, policies = Setup(aws, self.settings), PolicySetup(aws, self.settings)
        for place in units(self.settings):
            await setup.ensure_ou(place)
        for guard in guardrails(self.settings, await aws.sts.partition()).all:
            await policies.ensure_policy(guard)
            await policies.ensure_attached(guard)
        return aws

    async def start(self, pipeline: Pipeline | None = None) -> Process:
        """A new operator process with an empty memory."""
        pipeline = pipeline or pipeline_of(self.settings)
        aws = await Aws.open(self.settings)
        self._opened.append(aws)
        process = Process(self, aws, pipeline)
        self._processes.append(process)
        return process

    def close(self) -> None:
        for process in self._processes:
            process.close()
        for aws in self._opened:
            aws.close()

    async def add(self, name: str = "acme", **spec: Any) -> AwsAccount:
        body = {"metadata": {"name": name}, "spec": {"email": f"{name}@example.com"} | spec}
        return await self.accounts.create(NAMESPACE, body)

    async def account(self, name: str = "acme") -> AwsAccount:
        return await self.accounts.get(NAMESPACE, name)

    async def change(self, name: str = "acme", **spec: Any) -> AwsAccount:
        return await self.accounts.merge(NAMESPACE, name, {"spec": spec})

    async def active(self, name: str = "acme", **spec: Any) -> Process:
        """An account that is active, and the process that made it so."""
        await self.add(name, **spec)
        process = await self.start()
        account = await process.until(name)
        assert account.status.phase == "active", account.status
        return process

    # What AWS looks like from outside the operator.

    async def standin(self, path: str, body: Any = None) -> Any:
        """The stand-in's own view, or None where it refuses."""
        return await asyncio.to_thread(self._request, path, body)

    def clear_faults(self) -> None:
        """AWS is well again."""
        request = urllib.request.Request(f"{self.url}/_standin/faults", method="DELETE")  # noqa: S310  # loopback
        urllib.request.urlopen(request).close()  # noqa: S310  # loopback

    def _request(self, path: str, body: Any) -> Any:
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(f"{self.url}/_standin/{path}", data) as answer:  # noqa: S310  # loopback
                return json.load(answer)
        except urllib.error.HTTPError:
            return None

    async def members(self, account: AwsAccount) -> list[Any]:
        """The member accounts that carry this account's tag."""
        everyone = (await self.standin("accounts"))["accounts"]
        return [each for each in everyone if str(account.account_id) in each["tags"].values()]

    async def requests(self, account: AwsAccount) -> int:
        """How often AWS took a request to make this account."""
        created = (await self.standin("creations"))["creations"]
        return sum(str(account.account_id) in each["tags"].values() for each in created)

    async def signs_in(self, account: AwsAccount) -> Any:
        """Whether the password in the Secret opens the console; None is a refusal."""
        secret = self.cluster.get("Secret", NAMESPACE, f"{account.metadata.name}-credentials")
        user, password = (base64.b64decode(secret["data"][key]).decode() for key in ("username", "password"))
        words = {"accountId": account.status.aws_account_id, "userName": user, "password": password}
        return await self.standin("console-sign-in", words)

    async def client(self, service: str, account: str | None = None) -> Any:
        """boto3 of the management account, or of a member as its access role."""
        region = os.environ["AWS_REGION"]
        if account is None:
            return SHARED.client(service, region_name=region)
        return as_session(service, await asyncio.to_thread(self._assume, await self.client("sts"), region, account))

    def _assume(self, sts: Any, region: str, account: str) -> Any:
        """By the access role that it has: ours, or the one that AWS gives by default."""
        for name in self.settings.access_role_names:
            role = of_region(region).arn("iam", f"role/{name}", account)
            try:
                return sts.assume_role(RoleArn=role, RoleSessionName="test")
            except ClientError as error:
                if error.response["Error"]["Code"] != "AccessDenied" or name == self.settings.access_role_names[-1]:
                    raise
        raise AssertionError("there is no role to assume")

    async def admits(self, account: AwsAccount, subject: str, role: str = ROLE_NAME) -> bool:
        """Whether a GitHub workflow with that `sub` may assume the deploy role, or another one."""
        try:
            await self._deploy_session(account, subject, role)
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDenied":
                raise
            return False
        return True

    async def deployer(self, service: str, account: AwsAccount, subject: str) -> Any:
        """boto3 of such a workflow, which administers the account as its owner does."""
        return as_session(service, await self._deploy_session(account, subject))

    async def _deploy_session(self, account: AwsAccount, subject: str, role: str = ROLE_NAME) -> Any:
        audience = of_region(os.environ["AWS_REGION"]).audience
        ever = {"iat": 0, "exp": 2**32}  # whatever clock the test goes by
        token = await asyncio.to_thread(partial(github_token, self.url, subject, aud=audience, **ever))
        sts = SHARED.client("sts", region_name=os.environ["AWS_REGION"], config=UNSIGNED_CALLS)
        return await asyncio.to_thread(
            sts.assume_role_with_web_identity,
            RoleArn=str(account.status.oidc_role_arn).replace(ROLE_NAME, role),
            RoleSessionName="deploy",
            WebIdentityToken=token,
        )


def as_session(service: str, answer: Any) -> Any:
    """boto3 with the credentials of what was assumed."""
    raw = answer["Credentials"]
    client = SHARED.client(service, region_name=os.environ["AWS_REGION"], **NOBODY)
    take_keys_of_the_call(client)
    return _Assumed(client, Credentials(raw["AccessKeyId"], raw["SecretAccessKey"], raw["SessionToken"]))


class _Assumed(MemberClient):
    """With the exceptions that a test expects. It has no paginators: their calls would have no keys."""

    @property
    def exceptions(self) -> Any:
        return self._client.exceptions


# Longer than a reconcile takes on a machine that is busy.
LONG_CREATION = pytest.mark.parametrize("standin_settings", [{"creation_seconds": 1}])


def crash(operation: str) -> Callable[[str, int], None]:
    """The process ends at a call of `operation`."""

    def at(called: str, _: int) -> None:
        if called == operation:
            raise CrashError

    return at


def refusal(operation: str, code: str, *, times: int = 1_000_000, **more: Any) -> Callable[[str, int], None]:
    """AWS refuses `operation` so many times."""
    left = [times]

    def before(called: str, _: int) -> None:
        if called == operation and left[0] > 0:
            left[0] -= 1
            raise AwsError(operation, code, "refused by the test.", **{"http_status": 400} | more)

    return before


def left_the_organization(called: str, _: int) -> None:
    """What AWS says of an account that is no member any more."""
    codes = {
        "organizations:DescribeAccount": "AccountNotFoundException",
        "organizations:ListTagsForResource": "TargetNotFoundException",
        "organizations:ListParents": "ChildNotFoundException",
        "sts:AssumeRole": "AccessDenied",
    }
    if called in codes:
        raise AwsError(called, codes[called], "refused by the test.", http_status=400)


def tally(operations: Iterable[str]) -> dict[str, int]:
    """How often each was called."""
    return dict(Counter(operations))


def acts(operation: str) -> bool:
    """Whether it changes anything in AWS."""
    return operation.split(":")[1].startswith(("Create", "Move", "Attach", "Update", "Add", "Delete", "Send", "Put"))
