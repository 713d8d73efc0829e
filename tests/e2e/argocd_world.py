"""A git folder, the Application that syncs it, and a record of everything that Argo CD said of it meanwhile."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from batteries_sandbox import gitops
from batteries_sandbox.paths import CHECKOUT

Json = dict[str, Any]
APPLICATION = "aws-accounts"
DOCS = CHECKOUT / "docs" / "gitops.md"


def pasted(language: str, beginning: str) -> str:
    """The block of docs/gitops.md that begins so."""
    blocks = DOCS.read_text().split("```")[1::2]
    (found,) = (block for block in blocks if block.startswith(f"{language}\n{beginning}"))
    return found.removeprefix(f"{language}\n")


def an(kind: str, name: str, spec: Json) -> Json:
    """An object as a file in git has it."""
    return {"apiVersion": "aibatteriesincluded.com/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


class Folder:
    """A git repository with one object a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.commits: list[str] = []
        (path / "accounts").mkdir(parents=True)
        self._git("init", "--quiet", "--initial-branch=main")

    def commit(self, *objects: Json, remove: str | None = None) -> str:
        """Writes the objects over those of the same name; the revision."""
        for each in objects:
            # JSON is YAML; PyYAML leaves an id such as 087 unquoted, which Go reads as a number.
            (self.path / "accounts" / f"{each['metadata']['name']}.yaml").write_text(json.dumps(each))
        if remove:
            (self.path / "accounts" / f"{remove}.yaml").unlink()
        self._git("add", "--all")
        self._git("-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "--quiet", "--message=change")
        self.commits.append(self._git("rev-parse", "HEAD").strip())
        return self.commits[-1]

    def _git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.path, capture_output=True, text=True, check=True)
        return done.stdout


class Said:
    """Every state of the Application that Kubernetes told of, in order, by one watch."""

    def __init__(self, sandbox: Any, file: Path) -> None:
        self._states: list[Json] = []
        self._unread = ""
        cluster = sandbox.cluster
        where = (f"--namespace={gitops.NAMESPACE}", "--watch", "--output=json")
        command = [cluster.kubectl, "--kubeconfig", cluster.kubeconfig, "get", "application", APPLICATION, *where]
        with file.open("wb") as sink:
            self._process = subprocess.Popen(command, stdout=sink)
        self._source = file.open(encoding="utf-8")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=10)
        self._source.close()

    def states(self) -> list[Json]:
        """The statuses so far."""
        assert self._process.poll() is None, "the watch has ended"
        self._unread += self._source.read()
        decoder, end = json.JSONDecoder(), 0
        while True:
            start = end + self._unread.startswith("\n", end)
            try:
                found, end = decoder.raw_decode(self._unread, start)
            except json.JSONDecodeError:  # the end, or the last one is still being written
                break
            self._states.append(found.get("status", {}))
        self._unread = self._unread[end:]
        return list(self._states)


def relapses(states: list[Json]) -> list[Json]:
    """The states that were not Synced with a revision with which it had been Synced before: drift, seen by Argo CD."""
    reached, found = set(), []
    for state in states:
        sync = state.get("sync", {})
        if sync.get("status") == "Synced":
            reached.add(sync["revision"])
        elif sync.get("revision") in reached:
            found.append(state)
    return found


def operations(states: list[Json]) -> list[str]:
    """The revision of each sync that Argo CD began, in order; a revision that comes twice was healed."""
    begun: dict[tuple[str, str, int], str] = {}
    for state in states:
        operation = state.get("operationState")
        if operation:
            sync = operation["operation"]["sync"]
            # Two may begin within one second, which is as exactly as Argo CD says it.
            which = (operation["startedAt"], sync["revision"], sync.get("autoHealAttemptsCount", 0))
            begun.setdefault(which, sync["revision"])
    return list(begun.values())


class World:
    """The sandbox with Argo CD on it."""

    def __init__(self, sandbox: Any, folder: Folder, said: Said) -> None:
        self.sandbox = sandbox
        self.folder = folder
        self.said = said

    def status(self) -> Json:
        """The Application's status now."""
        return self.get("application", APPLICATION, gitops.NAMESPACE).get("status", {})

    def get(self, kind: str, name: str, namespace: str | None = None) -> Json:
        """An object, in the sandbox's namespace where no other is given."""
        where = f"--namespace={namespace or self.sandbox.env['NAMESPACE']}"
        found = self.sandbox.cluster.run("get", kind, name, where, "--output=json", "--ignore-not-found")
        return json.loads(found) if found else {}

    def push(self, *objects: Json, remove: str | None = None) -> None:
        """Commits, tells Argo CD as a git server's webhook would, and waits until that revision is synced."""
        revision = self.folder.commit(*objects, remove=remove)
        where = f"--namespace={gitops.NAMESPACE}"
        refresh = ("annotate", "application", APPLICATION, where, "argocd.argoproj.io/refresh=normal", "--overwrite")
        self.sandbox.cluster.run(*refresh)

        def synced() -> bool:
            sync = self.status().get("sync", {})
            return (sync.get("status"), sync.get("revision")) == ("Synced", revision)

        self.until(synced, "the commit is synced")

    def health(self, name: str) -> tuple[str, str]:
        """Argo CD's verdict of an AwsAccount, and its message."""
        return health_in(self.status(), name)

    def until_health(self, name: str, wanted: str) -> str:
        """Waits for that verdict; the message with it."""
        self.until(lambda: self.health(name)[0] == wanted, f"{name} is {wanted}")
        return self.health(name)[1]

    def until(self, holds: Callable[[], Any], what: str) -> None:
        """Waits for it, or fails with what Argo CD says."""
        try:
            self.sandbox.until(holds, 60, what)
        except AssertionError as error:
            said = {name: value for name, value in self.status().items() if name not in ("history", "resources")}
            words = [state.get("resources", []) for state in self.said.states()[-10:]]
            raise AssertionError(
                f"{error}; Argo CD says {json.dumps(said)[:6000]}, and of the objects last {json.dumps(words)[:6000]}"
            ) from None


def health_in(state: Json, name: str) -> tuple[str, str]:
    """An object's verdict and message in a status of the Application."""
    for each in state.get("resources", []):
        if each["name"] == name:
            health = each.get("health", {})
            return health.get("status", ""), health.get("message", "")
    return "", ""
