"""The real Argo CD syncs a git folder of AwsAccounts and Customers into the sandbox, as docs/gitops.md says.

`make e2e-argocd` keeps an eye on it for ten minutes (ARGOCD_MINUTES), `make test` for one round of all that happens.
"""

import itertools
import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import requests
import yaml
from e2e.argocd_world import Folder, Said, World, an, health_in, operations, pasted, relapses
from fakes.account_states import STATES

from batteries_crds.names import ProvisioningStep
from batteries_sandbox import argocd, gitops, redis
from batteries_sandbox.errors import SandboxError
from batteries_sandbox.paths import free_port_base

SECONDS = 60 * float(os.environ.get("ARGOCD_MINUTES", "0"))
"""How long it is watched at least; 0 for one round of each activity."""
OWNER = "platform"
ADMIN = "/v1/admin/accounts"


@pytest.fixture(scope="module")
def programs() -> tuple[argocd.ArgoCd, Path]:
    """Argo CD and Redis; `make test` has built them."""
    try:
        return argocd.provide(), redis.provide()
    except SandboxError as error:
        pytest.skip(str(error))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(
    programs: tuple[argocd.ArgoCd, Path], sandbox: Any, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """Argo CD on the sandbox's cluster, with our health checks and an Application, by the documentation's words."""
    base: Path = tmp_path_factory.mktemp("argocd")
    folder = Folder(base / "git")
    folder.commit(an("Customer", OWNER, {"email": "platform@example.com"}))
    await gitops.install(sandbox.cluster, programs[0])
    sandbox.cluster.paste(pasted("bash", "FILES="))
    example = yaml.safe_load(pasted("yaml", "apiVersion: argoproj.io/v1alpha1"))
    sandbox.cluster.apply(gitops.application(example, folder.path, sandbox.env["NAMESPACE"]))
    said = Said(sandbox, base / "said")
    try:
        async with gitops.running(sandbox.cluster, *programs, base, gitops.Ports(free_port_base())):
            yield World(sandbox, folder, said)
    finally:
        said.stop()


def account(name: str, **spec: Any) -> dict[str, Any]:
    owner = {} if "customerRef" in spec else {"email": f"{name}@example.com"}
    return an("AwsAccount", name, {**owner, **spec})


def admin(world: World, path: str) -> requests.Response:
    env = world.sandbox.env
    headers = {"Authorization": f"Bearer {env['ADMIN_API_KEY']}"}
    return requests.post(f"{env['API_URL']}{ADMIN}/{path}", headers=headers, timeout=10)


def aws_state(world: World, aws_account_id: str) -> str:
    (found,) = (each for each in world.sandbox.aws("accounts")["accounts"] if each["id"] == aws_account_id)
    return str(found["state"])


def test_argo_cds_own_lua_agrees_with_the_operator(programs: tuple[argocd.ArgoCd, Path], tmp_path: Path) -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm"}}
    config["metadata"] |= {"labels": {"app.kubernetes.io/part-of": "argocd"}}  # type: ignore[operator]
    (tmp_path / "argocd-cm.yaml").write_text(yaml.safe_dump(config | {"data": gitops.health_settings()}))
    (tmp_path / "argocd-secret.yaml").write_text(yaml.safe_dump({"metadata": {"name": "argocd-secret"}}))
    for name, state in STATES.items():
        (tmp_path / "object.yaml").write_text(yaml.safe_dump(state.wire))
        ask = ("admin", "settings", "resource-overrides", "health", "object.yaml", "--argocd-cm-path=argocd-cm.yaml")
        done = subprocess.run(
            [programs[0].program, *ask, "--load-cluster-settings=false"],
            cwd=tmp_path,
            env={"HOME": str(tmp_path), "ARGOCD_BINARY_NAME": "argocd"},
            capture_output=True,
            text=True,
        )
        assert done.stdout.startswith(f"STATUS: {state.argocd}\nMESSAGE: {state.message}"), (name, done)
    print(f"proved: Argo CD's Lua tells all {len(STATES)} states as they are")


def test_accounts_and_customers_from_git_become_healthy_step_by_step(world: World) -> None:
    limits = f"{world.sandbox.env['AWS_ENDPOINT_URL']}/_standin/limits"
    before = requests.get(limits, timeout=10).json()["creation_seconds"]
    # Argo CD reads the step when it compares, not when only the step changes: AWS takes longer than that.
    requests.post(limits, json={"creation_seconds": 20}, timeout=10).raise_for_status()
    world.push(account("git-first"), account("git-owned", customerRef={"name": OWNER}))

    def said() -> bool:
        # All its words are looked through: who asks now and then may ask between two of them.
        verdicts = [health_in(state, "git-first") for state in world.said.states()]
        return any(health == "Progressing" and message.startswith("check_status: ") for health, message in verdicts)

    world.until(said, "Argo CD says the step")
    requests.post(limits, json={"creation_seconds": before}, timeout=10).raise_for_status()
    for name in ("git-first", "git-owned"):
        world.until_health(name, "Healthy")
        assert world.get("awsaccount", name)["status"]["phase"] == "active"
    world.until(lambda: world.status()["health"]["status"] == "Healthy", "the whole Application is Healthy")
    seen = [health_in(state, "git-first") for state in world.said.states()]
    steps = {message.split(":")[0] for health, message in seen if health == "Progressing"} & set(ProvisioningStep)
    healthy = [health for health, _ in seen].index("Healthy")
    assert {health for health, _ in seen[healthy:]} == {"Healthy"}, "Healthy only when it was, and then for good"
    print(f"proved: git's accounts became Synced and Healthy; on the way Progressing with {', '.join(sorted(steps))}")


def test_a_stalled_account_is_degraded_with_what_to_do(world: World) -> None:
    world.push(account("git-taken"))
    world.until_health("git-taken", "Healthy")
    taken = world.get("awsaccount", "git-taken")["status"]["awsAccountId"]
    world.push(account("git-stalled", awsAccountId=taken))
    message = world.until_health("git-stalled", "Degraded")
    assert "is not this AwsAccount's and is left as it is" in message
    world.push(remove="git-stalled")
    print(f"proved: a stalled account is Degraded: {message[:70]}…")


def test_a_suspended_account_is_suspended_until_git_resumes_it(world: World) -> None:
    world.push(account("git-paused", suspended=True))
    assert "set spec.suspended to false" in world.until_health("git-paused", "Suspended")
    world.push(account("git-paused", suspended=False))
    world.until_health("git-paused", "Healthy")
    refused = admin(world, f"{world.get('awsaccount', 'git-paused')['status']['accountId']}/suspend")
    assert (refused.status_code, refused.json()["code"]) == (409, "owned_elsewhere")
    print("proved: suspended in git is Suspended; resumed in git is Healthy; the API leaves git's word alone (409)")


def test_a_patch_of_a_field_that_git_owns_names_the_owner(world: World) -> None:
    env = world.sandbox.env
    headers = world.sandbox.sign_up("git-customer@example.com")
    customers = json.loads(world.sandbox.kubectl("get", "customers", "--output=json"))["items"]
    (customer,) = (each for each in customers if each["spec"]["email"] == "git-customer@example.com")
    wanted = account("git-api", customerRef={"name": customer["metadata"]["name"]}, githubRepos=["acme/app"])
    world.push(wanted)
    world.until_health("git-api", "Healthy")
    url = f"{env['API_URL']}/v1/accounts/{world.get('awsaccount', 'git-api')['status']['accountId']}"
    assert requests.get(url, headers=headers, timeout=10).json()["githubRepos"] == ["acme/app"]
    refused = requests.patch(url, headers=headers, json={"githubRepos": ["acme/other"]}, timeout=10)
    assert (refused.status_code, refused.json()["code"]) == (409, "owned_elsewhere")
    assert "argocd-controller" in refused.json()["error"]
    assert world.get("awsaccount", "git-api")["spec"]["githubRepos"] == ["acme/app"]
    print(f"proved: PATCH of what git owns is 409: {refused.json()['error']}")


def test_a_pruned_account_with_retain_keeps_its_aws_account(world: World) -> None:
    world.push(account("git-pruned", deletionPolicy="Retain"))
    world.until_health("git-pruned", "Healthy")
    aws_account_id = world.get("awsaccount", "git-pruned")["status"]["awsAccountId"]
    world.push(remove="git-pruned")
    world.until(lambda: not world.get("awsaccount", "git-pruned"), "the object is gone")
    assert aws_state(world, aws_account_id) == "ACTIVE"
    print(f"proved: the file removed, the AwsAccount is pruned and AWS account {aws_account_id} is still ACTIVE")


# What happens to accounts all the time; each waits until the operator and Argo CD are done with it.


def _repositories(world: World, number: int) -> None:
    wanted = [f"acme/app-{number}"]
    world.push(account("git-busy", githubRepos=wanted))
    world.until(lambda: world.get("awsaccount", "git-busy")["status"].get("githubRepos") == wanted, "AWS admits it")


def _suspension_by_git(world: World, number: int) -> None:
    world.push(account("git-busy", githubRepos=[f"acme/app-{number}"], suspended=True))
    world.until_health("git-busy", "Suspended")
    world.push(account("git-busy", githubRepos=[f"acme/app-{number}"]))


def _suspension_by_the_api(world: World, number: int) -> None:
    identity = world.get("awsaccount", "git-quiet")["status"]["accountId"]
    assert admin(world, f"{identity}/suspend").status_code == 200
    world.until_health("git-quiet", "Suspended")
    assert admin(world, f"{identity}/resume").status_code == 200


def _annotation(world: World, number: int) -> None:
    retry = f"aibatteriesincluded.com/retry={number}"
    world.sandbox.kubectl("annotate", "awsaccount", "git-quiet", retry, "--overwrite")


def _crash(world: World, number: int) -> None:
    pid = world.sandbox.env["OPERATOR_PID"]
    os.kill(int(pid), signal.SIGKILL)
    world.until(lambda: world.sandbox.env.get("OPERATOR_PID", pid) != pid, "the operator is back")


ACTIVITIES: tuple[Callable[[World, int], None], ...] = (
    _repositories,
    _suspension_by_git,
    _suspension_by_the_api,
    _annotation,
    _crash,
)


@pytest.mark.timeout(SECONDS + 240)
def test_self_heal_never_fights_the_operator(world: World) -> None:
    world.push(account("git-busy"), account("git-quiet", githubRepos=["acme/quiet"]))
    for name in ("git-busy", "git-quiet"):
        world.until_health(name, "Healthy")
    before, commits = world.said.states(), len(world.folder.commits)
    started, done = time.monotonic(), Counter[str]()
    for number, activity in enumerate(itertools.cycle(ACTIVITIES)):
        if number >= len(ACTIVITIES) and time.monotonic() - started > SECONDS:
            break
        activity(world, number)
        for name in ("git-busy", "git-quiet"):
            world.until_health(name, "Healthy")
        done[activity.__name__.strip("_")] += 1
    seconds = time.monotonic() - started
    everything = world.said.states()
    states = everything[len(before) :]
    assert relapses(states) == [], "Argo CD saw a difference that git did not make"
    pushed = world.folder.commits[commits:]
    syncs = operations(everything)[len(operations(before)) :]
    assert syncs == pushed, "one sync a commit, and no other"
    print(f"proved: Synced throughout {seconds:.0f} s, in all {len(states)} states that Argo CD told of;")
    print(f"        {len(pushed)} commits, {len(syncs)} syncs; what went on: {dict(done)}")


def test_self_heal_does_undo_what_a_person_changes(world: World) -> None:
    """The same eyes see a difference where there is one."""
    world.push(account("git-touched", githubRepos=["acme/git"]))
    world.until_health("git-touched", "Healthy")
    world.sandbox.kubectl(
        "patch", "awsaccount", "git-touched", "--type=merge", '-p={"spec":{"githubRepos":["acme/me"]}}'
    )

    def healed() -> bool:
        sync = world.status().get("operationState", {}).get("operation", {}).get("sync", {})
        return sync.get("autoHealAttemptsCount", 0) > 0 and sync["revision"] == world.folder.commits[-1]

    world.until(healed, "Argo CD heals")
    world.until(lambda: world.get("awsaccount", "git-touched")["spec"]["githubRepos"] == ["acme/git"], "git's is back")
    world.until(lambda: relapses(world.said.states()) != [], "the difference is seen")
    print("proved: self-heal is on: what a person changes by hand is undone, and seen as a difference")
