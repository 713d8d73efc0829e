"""The instructions of a token's response, run as they are: shell, credential_process, and boto3's own provider.

AWS is a small server here that verifies the token as AWS does; the sandbox's stand-in is stricter. `aws` is a script
that does what the AWS CLI does with the same arguments, for machines that have no AWS CLI.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from fakes.token_world import ACCOUNT, ISSUER, PATH, ROLE, seeded
from fakes.until import until

from batteries_apiserver.app import make_app
from batteries_apiserver.auth.key_format import NewKey, mint
from batteries_apiserver.settings import Settings
from batteries_apiserver.tokens.instructions import Way
from batteries_crds.kube.client import connect

Client = TestClient[web.Request, web.Application]
NS = 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"'
GIVEN = f"""<AssumeRoleWithWebIdentityResponse {NS}><AssumeRoleWithWebIdentityResult>
  <Credentials><SessionToken>session/+==</SessionToken><SecretAccessKey>secret/+=</SecretAccessKey>
  <Expiration>2099-01-01T00:00:00Z</Expiration><AccessKeyId>ASIAEXAMPLE</AccessKeyId></Credentials>
</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"""
CALLER = f"""<GetCallerIdentityResponse {NS}><GetCallerIdentityResult><Account>123456789012</Account>
  <Arn>arn:aws:sts::123456789012:assumed-role/BatteriesAgentRole/agent</Arn><UserId>AROA:agent</UserId>
</GetCallerIdentityResult></GetCallerIdentityResponse>"""

AWS_CLI = """\
#!{python}
import argparse, boto3, jmespath
from botocore import UNSIGNED
from botocore.config import Config
parser = argparse.ArgumentParser()
parser.add_argument("service")
parser.add_argument("operation")
parser.add_argument("--no-sign-request", action="store_true")
for name in ("role-arn", "role-session-name", "web-identity-token", "query", "output", "region"):
    parser.add_argument("--" + name)
given = parser.parse_args()
sts = boto3.client("sts", config=Config(signature_version=UNSIGNED) if given.no_sign_request else None)
if given.operation == "get-caller-identity":
    print(sts.get_caller_identity()["Arn"])
else:
    found = sts.assume_role_with_web_identity(RoleArn=given.role_arn, RoleSessionName=given.role_session_name,
                                              WebIdentityToken=given.web_identity_token)
    print(jmespath.search(given.query, found))
"""


class Aws:
    """STS, as far as the instructions use it."""

    def __init__(self, api: Client) -> None:
        self._api = api
        self.assumed: list[dict[str, Any]] = []
        self.callers: list[str] = []

    async def handle(self, request: web.Request) -> web.Response:
        given = await request.post()
        if given["Action"] == "GetCallerIdentity":
            self.callers.append(request.headers.get("Authorization", ""))
            return web.Response(text=CALLER, content_type="text/xml")
        assert given["Action"] == "AssumeRoleWithWebIdentity"
        assert "Authorization" not in request.headers, "the call needs no credentials, so none are asked for"
        keys = jwt.PyJWKSet.from_dict(await (await self._api.get("/.well-known/jwks.json")).json())
        token = str(given["WebIdentityToken"])
        key = keys[jwt.get_unverified_header(token)["kid"]].key
        jwt.decode(token, key, algorithms=["RS256"], audience="sts.amazonaws.com", issuer=ISSUER)
        self.assumed.append({"role": given["RoleArn"], "session": given["RoleSessionName"]})
        return web.Response(text=GIVEN, content_type="text/xml")


class World:
    """An active account, its owner's key, and AWS."""

    def __init__(self, api: Client, aws: Aws, aws_url: str, key: NewKey, home: Path) -> None:
        self.aws, self.home = aws, home
        self.way = Way(str(api.make_url("")).rstrip("/"), ACCOUNT, ROLE, "us-east-1")
        tools = home / "bin"
        tools.mkdir()
        (tools / "aws").write_text(AWS_CLI.format(python=sys.executable))
        (tools / "aws").chmod(0o700)
        self.environment = {
            "API_KEY": key.raw,
            "AWS_ENDPOINT_URL": aws_url,
            "HOME": str(home),
            "PATH": f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    async def run(self, *command: str) -> str:
        """Runs a command in an environment without anything of AWS."""
        process = await asyncio.create_subprocess_exec(
            *command, env=self.environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
        return out.decode()


@pytest.fixture
async def world(
    cluster: Any, tmp_path: Path, aiohttp_client: Callable[[web.Application], Awaitable[Client]]
) -> AsyncIterator[World]:
    namespace = cluster.namespace()
    settings = Settings(
        kubeconfig=str(cluster.kubeconfig), namespace=namespace, public_url=ISSUER, issuer_poll_seconds=0.1
    )
    async with await connect(str(cluster.kubeconfig)) as api:
        key = await seeded(api, namespace)
        client = await aiohttp_client(make_app(settings))
        aws, app = Aws(client), web.Application()
        app.router.add_post("/", aws.handle)
        async with TestServer(app) as server:
            await until(lambda: gives_tokens(client, key))
            yield World(client, aws, str(server.make_url("")).rstrip("/"), key, tmp_path)


async def gives_tokens(client: Client, key: NewKey) -> bool:
    headers = {"Authorization": f"Bearer {key.raw}"}
    return (await client.post(PATH, headers=headers)).status == 200


async def test_three_lines_of_shell_call_aws(world: World) -> None:
    assert len(world.way.shell().splitlines()) == 3
    said = await world.run("sh", "-eu", "-c", world.way.shell())
    assert said.strip() == "arn:aws:sts::123456789012:assumed-role/BatteriesAgentRole/agent"
    assert world.aws.assumed == [{"role": ROLE, "session": "agent"}]
    (caller,) = world.aws.callers
    assert "Credential=ASIAEXAMPLE/" in caller


async def test_the_script_is_a_credential_process_of_boto3(world: World) -> None:
    script = world.home / "agent-credentials"
    script.write_text(world.way.credential_process())
    script.chmod(0o700)
    assert json.loads(await world.run(str(script))) == {
        "Version": 1,
        "AccessKeyId": "ASIAEXAMPLE",
        "SecretAccessKey": "secret/+=",
        "SessionToken": "session/+==",
        "Expiration": "2099-01-01T00:00:00Z",
    }
    folder = world.home / ".aws"
    folder.mkdir()
    (folder / "config").write_text(f"[profile agent]\nregion = us-east-1\ncredential_process = {script}\n")
    program = "import boto3; print(boto3.Session(profile_name='agent').client('sts').get_caller_identity()['Arn'])"
    assert "assumed-role/BatteriesAgentRole/agent" in await world.run(sys.executable, "-c", program)
    assert "Credential=ASIAEXAMPLE/" in world.aws.callers[0]


async def test_the_script_says_why_there_is_no_token(world: World) -> None:
    world.environment["API_KEY"] = mint().raw
    script = world.home / "agent-credentials"
    script.write_text(world.way.credential_process())
    with pytest.raises(AssertionError, match=r"401: .*This API key is unknown"):
        await world.run(sys.executable, str(script))


async def test_an_sdk_assumes_the_role_with_the_token_in_the_file(world: World) -> None:
    lines = world.way.sdk().splitlines()
    assert lines[-1].endswith("&")  # renews for ever, so it is not run here
    program = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
    script = "\n".join([*lines[:-1], "renew", 'stat -c %a "$AWS_WEB_IDENTITY_TOKEN_FILE"', f'python -c "{program}"'])
    said = await world.run("sh", "-eu", "-c", script)
    assert said.splitlines() == ["600", "arn:aws:sts::123456789012:assumed-role/BatteriesAgentRole/agent"]
    assert world.aws.assumed == [{"role": ROLE, "session": "agent"}]


def test_the_instructions_hold_no_secret_and_no_name_that_was_not_filled_in() -> None:
    text = "\n".join(str(part) for part in Way("https://api.example.com", ACCOUNT, ROLE, "us-east-1").all().values())
    assert "$API_KEY" in text
    assert "aib_" not in text
    assert "__" not in text
