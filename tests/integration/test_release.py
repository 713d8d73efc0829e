"""`batteries-operator release` on the real API server: after it, accounts and their namespace can go."""

import time
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from batteries_crds.names import FINALIZER
from batteries_operator.cli import release
from batteries_operator.runtime.settings import Settings


def account(name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "aibatteriesincluded.com/v1",
        "kind": "AwsAccount",
        "metadata": {
            "name": name,
            "finalizers": [FINALIZER, "example.com/theirs"] if name == "shared" else [FINALIZER],
        },
        "spec": {"email": "a@example.com", **spec},
    }


@pytest.fixture
def namespace(cluster: Any) -> str:
    name = cluster.namespace()
    objects = [
        account("one"),
        account("shared"),
        account("closing", deletionPolicy="Close", awsAccountId="123456789012"),
    ]
    cluster.run("create", f"--namespace={name}", "-f", "-", stdin=yaml.safe_dump_all(objects))
    return name


async def run(cluster: Any, *words: str) -> int:
    parser = ArgumentParser()
    release.arguments(parser)
    return await release.release(Settings(kubeconfig=str(cluster.kubeconfig)), parser.parse_args(words))


def finalizers(cluster: Any, namespace: str) -> dict[str, list[str]]:
    text = cluster.run("get", "awsaccounts", f"--namespace={namespace}", "-o", "yaml")
    return {one["metadata"]["name"]: one["metadata"].get("finalizers", []) for one in yaml.safe_load(text)["items"]}


@pytest.mark.parametrize("words", [(), ("--dry-run",)])
async def test_a_dry_run_says_what_it_would_do_and_does_nothing(
    cluster: Any, namespace: str, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    before = finalizers(cluster, namespace)
    assert await run(cluster, "--namespace", namespace, *words) == 0
    told = capsys.readouterr().out
    assert f"would release {namespace}/one" in told
    assert "AWS account 123456789012 stays open; deletionPolicy Close is not carried out" in told
    assert "Nothing was done" in told
    assert finalizers(cluster, namespace) == before


async def test_accounts_are_let_go_of_with_no_operator_at_work(cluster: Any, namespace: str) -> None:
    cluster.run("delete", "awsaccount", "closing", f"--namespace={namespace}", "--wait=false")
    assert "closing" in finalizers(cluster, namespace), "which shows that nobody else takes the finalizer away"
    assert await run(cluster, "-n", namespace, "--yes") == 0
    assert finalizers(cluster, namespace) == {"one": [], "shared": ["example.com/theirs"]}
    assert await run(cluster, "-n", namespace, "--yes") == 0


async def test_a_namespace_that_is_terminating_becomes_empty(cluster: Any, namespace: str) -> None:
    cluster.run("delete", "namespace", namespace, "--wait=false")
    # What the namespace controller, of which there is none here, does next.
    cluster.run("delete", "awsaccounts", "--all", f"--namespace={namespace}", "--wait=false")
    assert await run(cluster, "-n", namespace, "--yes") == 0
    assert finalizers(cluster, namespace) == {"shared": ["example.com/theirs"]}


async def test_other_namespaces_are_left_alone(cluster: Any, namespace: str) -> None:
    other = cluster.namespace()
    cluster.run("create", f"--namespace={other}", "-f", "-", stdin=yaml.safe_dump(account("theirs")))
    assert await run(cluster, "-n", namespace, "--yes") == 0
    assert finalizers(cluster, other) == {"theirs": [FINALIZER]}
    assert await run(cluster) == 2, "without a namespace nothing is guessed"


@pytest.mark.parametrize("age", [0, 3600], ids=["at work", "gone"])
async def test_an_operator_at_work_is_noticed_first(cluster: Any, namespace: str, age: int) -> None:
    renewed = datetime.fromtimestamp(time.time() - age, UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "batteries-operator", "namespace": namespace},
        "spec": {"holderIdentity": "operator-0", "leaseDurationSeconds": 600, "renewTime": renewed},
    }
    cluster.run(
        *("apply", "--server-side", "--field-manager=batteries-operator", "-f", "-"), stdin=yaml.safe_dump(lease)
    )
    before = finalizers(cluster, namespace)
    if age:
        assert await run(cluster, "-n", namespace, "--yes") == 0
        return
    with pytest.raises(release.OperatorAtWorkError, match="operator-0 is running"):
        await run(cluster, "-n", namespace, "--yes")
    assert finalizers(cluster, namespace) == before
