"""An AccountPool of the sandbox that a test fills, uses and takes away again.

The tests share one sandbox. A pool that stays would hand its AWS accounts to whatever the next tests ask for.
"""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

GROUP = "aibatteriesincluded.com"
API_VERSION = f"{GROUP}/v1"


@dataclass(frozen=True)
class Pool:
    """The AccountPool of that name and namespace; there is none before `fill`."""

    sandbox: Any
    namespace: str
    name: str

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl prints, in the pool's namespace."""
        return str(self.sandbox.cluster.run(f"--namespace={self.namespace}", *arguments, stdin=stdin))

    def apply(self, size: int, **spec: Any) -> None:
        """Makes it, or changes it."""
        pool = {"apiVersion": API_VERSION, "kind": "AccountPool", "metadata": {"name": self.name}}
        self.kubectl("apply", "-f", "-", stdin=json.dumps({**pool, "spec": {"size": size, **spec}}))

    def fill(self, size: int, **spec: Any) -> list[dict[str, Any]]:
        """Makes it, and returns its members once so many are ready. It goes on making those that are taken."""
        self.apply(size, **spec)
        self.kubectl("wait", f"accountpool/{self.name}", "--for=condition=Filled", "--timeout=120s")
        free = self.free
        assert len(free) == size
        return free

    def fill_once(self, size: int, **spec: Any) -> list[dict[str, Any]]:
        """The same, but it makes no more."""
        members = self.fill(size, **spec)
        self.apply(0, **spec)
        return members

    @property
    def status(self) -> dict[str, Any]:
        """What it says of itself."""
        return dict(json.loads(self.kubectl("get", "accountpool", self.name, "-o", "json"))["status"])

    @property
    def members(self) -> list[dict[str, Any]]:
        """All of them, the claimed ones too."""
        return list(json.loads(self.kubectl("get", *self._members, "-o", "json"))["items"])

    @property
    def free(self) -> list[dict[str, Any]]:
        """Those that nobody has."""
        return [each for each in self.members if not each.get("status", {}).get("claimedBy")]

    def end(self) -> None:
        """Deletes it, which deletes the members that nobody has, and waits until they are gone."""
        self.kubectl("delete", "accountpool", self.name, "--ignore-not-found", "--timeout=60s")

    def take_away(self) -> None:
        """Ends it, and deletes its claimed members too: the sandbox is as if there had been no pool."""
        self.end()
        self.kubectl("delete", *self._members, "--timeout=60s")

    @property
    def _members(self) -> tuple[str, str]:
        return "pooledaccounts", f"--field-selector=spec.poolRef.name={self.name}"

    def apply_account(self, name: str, **spec: Any) -> None:
        """Makes an AwsAccount in the pool's namespace, as a platform team does."""
        account = {"apiVersion": API_VERSION, "kind": "AwsAccount", "metadata": {"name": name}}
        self.kubectl("apply", "-f", "-", stdin=json.dumps({**account, "spec": {"email": "team@example.com", **spec}}))

    def until_ready(self, account: str) -> dict[str, Any]:
        """The status of that AwsAccount once it is ready."""
        self.kubectl("wait", f"awsaccount/{account}", "--for=condition=Ready", "--timeout=90s")
        return dict(json.loads(self.kubectl("get", "awsaccount", account, "-o", "json"))["status"])

    def in_aws(self, member: dict[str, Any]) -> dict[str, Any]:
        """The stand-in's own view of the member's AWS account."""
        wanted = member["status"]["awsAccountId"]
        [found] = [each for each in self.sandbox.aws("accounts")["accounts"] if each["id"] == wanted]
        return dict(found)

    def unit_of(self, member: dict[str, Any]) -> str:
        """The name of the organizational unit that the member's AWS account is in."""
        unit = self.in_aws(member)["parentId"]
        found = self.sandbox.boto3("organizations").describe_organizational_unit(OrganizationalUnitId=unit)
        return str(found["OrganizationalUnit"]["Name"])

    def events(self, kind: str, name: str, reason: str = "") -> list[str]:
        """The messages of the Events about an object, which may be gone."""
        selector = f"involvedObject.kind={kind},involvedObject.name={name}" + (f",reason={reason}" if reason else "")
        found = json.loads(self.kubectl("get", "events", f"--field-selector={selector}", "-o", "json"))
        return [each["message"] for each in found["items"]]


@contextlib.contextmanager
def taken_away(pool: Pool) -> Iterator[Pool]:
    """For the block; after it there is neither the pool nor a member."""
    try:
        yield pool
    finally:
        pool.take_away()


def left_behind(sandbox: Any) -> list[str]:
    """Pools, and members that nobody has, in any namespace."""
    found = json.loads(sandbox.cluster.run("get", "accountpools,pooledaccounts", "--all-namespaces", "-o", "json"))
    return [
        f"{each['kind']} {each['metadata']['namespace']}/{each['metadata']['name']}"
        for each in found["items"]
        if not each.get("status", {}).get("claimedBy")
    ]
