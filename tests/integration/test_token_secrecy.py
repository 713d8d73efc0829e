"""Neither a token nor a signing key is anywhere but where it belongs: looked for in all that the process writes."""

import base64
import json
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import unused_port
from fakes.token_world import ISSUER, PATH, seeded
from fakes.until import until, until_true
from integration.test_api_process import run, serving, url

from batteries_crds.kube.client import connect

KINDS = "events,awsaccounts,customers,apikeys,notifications,configmaps,leases"


@pytest.fixture
def environment(cluster: Any) -> dict[str, str]:
    return {
        "PATH": str(Path(sys.executable).parent),
        "BATTERIES_KUBECONFIG": str(cluster.kubeconfig),
        "BATTERIES_NAMESPACE": cluster.namespace(),
        "BATTERIES_API_HOST": "127.0.0.1",
        "BATTERIES_API_PORT": str(unused_port()),
        "BATTERIES_API_METRICS_PORT": str(unused_port()),
        "BATTERIES_PUBLIC_URL": ISSUER,
        "BATTERIES_ISSUER_POLL_SECONDS": "0.2",
        "BATTERIES_LOG_LEVEL": "DEBUG",
        "PYTHONASYNCIODEBUG": "1",  # which logs the arguments of slow callbacks
    }


async def _tokens(base: str, key: str) -> list[str]:
    """Tokens of both forms of the response."""
    found: list[str] = []
    async with aiohttp.ClientSession(base, headers={"Authorization": f"Bearer {key}"}) as http:

        async def is_issued() -> bool:
            response = await http.post(PATH)
            if response.status == 200:
                found.append((await response.json())["token"])
            return response.status == 200

        await until(is_issued)
        found.append(await (await http.post(PATH, headers={"Accept": "application/jwt"})).text())
        # Sent back to us, as a client does that confuses the two: refused, and not repeated in the refusal or the log.
        for headers in ({"Authorization": f"Bearer {found[0]}"}, {"X-Api-Key": found[0]}):
            refused = await http.post(PATH, headers=headers)
            assert refused.status in (200, 401)
            if refused.status == 401:
                assert found[0] not in await refused.text()
    return found


async def test_a_token_and_its_key_are_in_no_log_metric_event_or_object(
    cluster: Any, environment: dict[str, str], tmp_path: Path
) -> None:
    namespace = environment["BATTERIES_NAMESPACE"]
    async with await connect(str(cluster.kubeconfig)) as api:
        key = await seeded(api, namespace)
    async with serving(environment, tmp_path / "log"), aiohttp.ClientSession() as http:
        tokens = await _tokens(url(environment), key.raw)
        status, said, errors = await run(environment, "rotate-issuer-key", "--emergency")
        assert status == 0, errors
        metrics = await (await http.get(f"{url(environment, 'BATTERIES_API_METRICS_PORT')}/metrics")).text()
        # Events are written every few seconds, and this process is killed at the end.
        until_true(lambda: "TokenIssued" in cluster.run("get", "events", f"--namespace={namespace}", "-o", "json"))
    secret = json.loads(cluster.run("get", "secret", "batteries-issuer-keys", f"--namespace={namespace}", "-o", "json"))
    stored = json.loads(base64.b64decode(secret["data"]["keys.json"]))
    lines = [line for one in stored["keys"] for line in one["private_key"].splitlines() if len(line) > 40]
    objects = cluster.run("get", KINDS, f"--namespace={namespace}", "-o", "json", "--show-managed-fields")
    written = {
        "the log": (tmp_path / "log").read_text(),
        "the metrics": metrics,
        "the objects": objects,
        "the command": said + errors,
    }
    assert "token_issued" in written["the log"]
    assert "TokenIssued" in objects
    assert 'batteries_tokens_total{outcome="issued"}' in metrics
    for secret_text in [*lines, *[part for token in tokens for part in (token, token.split(".")[2])]]:
        for where, text in written.items():
            assert secret_text not in text, f"a secret is in {where}"
