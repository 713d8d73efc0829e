"""The journey's last step: what an agent does in its account with nothing but its API key.

A token of the API server, a session of the account's role for it, and real calls with that: who am I, make a bucket,
list the buckets.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any

import aiohttp
import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from batteries_sandbox.errors import SandboxError

_ROLE_SECONDS = 30  # until a role that was made just now can be assumed
_KEY_SECONDS = 60  # until the key that a new server signs with is known to all replicas
_LOOK_SECONDS = 0.2


async def work_in_the_account(
    http: aiohttp.ClientSession, env: Mapping[str, str], account_url: str, key: Mapping[str, str]
) -> None:
    """Walks it, and prints what AWS answers.

    Raises:
        SandboxError: the API gave no token, or AWS refused it or a call.
    """
    issued = await _token(http, account_url, key)
    print(f"   a token for {issued['roleArn']}, until {issued['expiresAt']}")
    try:
        await asyncio.to_thread(_work, issued, env["AWS_ENDPOINT_URL"], f"agent-{account_url.rpartition('/')[2]}")
    except ClientError as error:
        raise SandboxError(f"AWS refused what the API's token is for: {error}") from error


async def _token(http: aiohttp.ClientSession, account_url: str, key: Mapping[str, str]) -> dict[str, Any]:
    """A token; a server that was started just now asks to wait until its new key is known everywhere."""
    deadline = time.monotonic() + _KEY_SECONDS
    while True:
        async with http.post(f"{account_url}/token", headers=key) as answer:
            wait = answer.headers.get("Retry-After", "")
            if answer.status != 503 or not wait.isdigit() or time.monotonic() > deadline:
                break
        await asyncio.sleep(int(wait))
    return await call(http, "POST", f"{account_url}/token", 200, headers=key)


async def call(http: aiohttp.ClientSession, method: str, url: str, expected: int, **options: Any) -> dict[str, Any]:
    """What the API answers.

    Raises:
        SandboxError: it answered with another status.
    """
    async with http.request(method, url, **options) as answer:
        text = await answer.text()
        if answer.status != expected:
            raise SandboxError(f"{method} {url} answered {answer.status} instead of {expected}: {text[:500]}")
        decoded: dict[str, Any] = json.loads(text)
        return decoded


def _work(issued: Mapping[str, Any], endpoint: str, bucket: str) -> None:
    session = _session(issued, endpoint)
    identity = session.client("sts", endpoint_url=endpoint).get_caller_identity()
    print(f"   GetCallerIdentity: {identity['Arn']}")
    s3 = session.client("s3", endpoint_url=endpoint)
    s3.create_bucket(Bucket=bucket)
    names = [each["Name"] for each in s3.list_buckets()["Buckets"]]
    print(f"   CreateBucket, ListBuckets: {', '.join(names)}", flush=True)


def _session(issued: Mapping[str, Any], endpoint: str) -> boto3.Session:
    """A session of the role, as soon as AWS knows the role everywhere."""
    region = issued["region"]
    unsigned = Config(signature_version=UNSIGNED)
    sts = boto3.client("sts", endpoint_url=endpoint, region_name=region, config=unsigned)
    deadline = time.monotonic() + _ROLE_SECONDS
    while True:
        try:
            answer = sts.assume_role_with_web_identity(
                RoleArn=issued["roleArn"], RoleSessionName="agent", WebIdentityToken=issued["token"]
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "AccessDenied" or time.monotonic() > deadline:
                raise
            time.sleep(_LOOK_SECONDS)  # in a thread of its own
            continue
        credentials = answer["Credentials"]
        return boto3.Session(
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
            region_name=region,
        )
