"""An agent that was given nothing but the base URL gets to its first AWS call without a guess."""

from typing import Any

import boto3
import requests
from botocore import UNSIGNED
from botocore.config import Config
from fakes.guide_reader import GuideReader

from batteries_sandbox.components import ISSUER_URL

MOST_REQUESTS = 7
"""What an agent took to the role's ARN, in 46 s and with guesses, before the answers led on."""
MOST_SECONDS = 120.0


def test_from_the_base_url_to_the_first_aws_call_without_a_guess(sandbox: Any, capsys: Any) -> None:
    def pays(url: str) -> None:
        card = {"cardNumber": "4242424242424242", "cardExpiry": "12/34", "cardCvc": "123"}
        assert requests.post(url, data=card, allow_redirects=False, timeout=10).status_code == 303

    # AWS finds the issuer by its name; here the stand-in is told where that name leads.
    found = {"issuer": ISSUER_URL, "address": sandbox.env["API_URL"]}
    assert requests.post(f"{sandbox.env['AWS_ENDPOINT_URL']}/_standin/issuers", json=found, timeout=10).ok
    reader = GuideReader(sandbox.env["API_URL"], pays, MOST_SECONDS)
    guide = reader.guide()
    account = reader.follow(guide, lambda answer: answer.get("status") == "active")
    assert account["oidcRoleArn"].startswith(f"arn:aws:iam::{account['awsAccountId']}:role/")
    to_the_role, after = reader.asked, reader.seconds
    given = reader.step_about(guide, "To call AWS yourself")
    identity = first_call(sandbox.env["AWS_ENDPOINT_URL"], given)
    seconds = reader.seconds
    with capsys.disabled():
        print("", *reader.log, f"to {identity['Arn']}", sep="\n  ")
        print(f"  {to_the_role} requests and {after:.1f} s to the role's ARN (before: 7 requests, 46 s)")
        print(f"  {reader.asked} requests, {seconds:.1f} s, {reader.guesses} guesses to the first call of AWS")
    assert identity["Account"] == account["awsAccountId"]
    assert reader.guesses == 0
    # One request more for each 20 seconds that the account takes, and for each answer that said to try again.
    assert to_the_role <= MOST_REQUESTS + after // 20
    assert reader.asked == to_the_role + 1 + reader.told_to_wait


def first_call(aws: str, given: dict[str, Any]) -> dict[str, Any]:
    """Assumes the role with the token, as the answer says, and asks AWS who that is."""
    options: Any = {"region_name": given["region"], "endpoint_url": aws}
    sts = boto3.client("sts", config=Config(signature_version=UNSIGNED), **options)
    assumed = sts.assume_role_with_web_identity(
        RoleArn=given["roleArn"], RoleSessionName="agent", WebIdentityToken=given["token"]
    )["Credentials"]
    mine = boto3.client(
        "sts",
        aws_access_key_id=assumed["AccessKeyId"],
        aws_secret_access_key=assumed["SecretAccessKey"],
        aws_session_token=assumed["SessionToken"],
        **options,
    )
    return dict(mine.get_caller_identity())
