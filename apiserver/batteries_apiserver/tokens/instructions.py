"""How to get from an API key to AWS credentials: the one text for responses, llms.txt and docs/credentials.md.

It contains no secret, only the names of environment variables that hold them. Nothing of it needs this project: the
shell lines need curl and the AWS CLI, the script needs Python alone, and an SDK needs a file.
"""

from dataclasses import dataclass
from textwrap import indent
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from batteries_crds.agent_access import MAX_SESSION_SECONDS, ROLE_NAME, TOKEN_SECONDS

TOKEN_TYPE = "application/jwt"  # noqa: S105  # a media type
"""What to accept for a response that is the token alone."""


AS_VARIABLES = (
    "Credentials.join(' ', [join('=', ['AWS_ACCESS_KEY_ID', AccessKeyId]), "
    "join('=', ['AWS_SECRET_ACCESS_KEY', SecretAccessKey]), join('=', ['AWS_SESSION_TOKEN', SessionToken])])"
)
"""What of AssumeRoleWithWebIdentity's response a shell exports (JMESPath)."""


class Instructions(TypedDict):
    """How to use a token; `$API_KEY` stands for the API key."""

    shell: Annotated[str, Field(description="Three lines for a shell with curl and the AWS CLI.")]
    credentialProcess: Annotated[
        str,
        Field(
            description="A Python script without dependencies that prints credentials for the AWS CLI and all SDKs. "
            "Its first lines say how to install it."
        ),
    ]
    sdk: Annotated[
        str, Field(description="Shell lines that keep a token in a file for an SDK, which assumes the role itself.")
    ]


@dataclass(frozen=True, slots=True)
class Way:
    """What the text is about: the URL of the API, the account, its role and a region. Each may be a shell variable."""

    api: str
    account_id: str
    role_arn: str
    region: str

    @property
    def _curl(self) -> str:
        return (
            f'curl -fsS -X POST "{self.api}/v1/accounts/{self.account_id}/token" '
            f'-H "Authorization: Bearer $API_KEY" -H "Accept: {TOKEN_TYPE}"'
        )

    @property
    def _regions(self) -> str:
        """boto3 and the AWS CLI of version 1 read only the second."""
        return f"AWS_REGION={self.region} AWS_DEFAULT_REGION={self.region}"

    def shell(self) -> str:
        """Get a token, assume the role, call AWS."""
        return "\n".join(
            (
                f"TOKEN=$({self._curl})",
                f"export {self._regions} $(aws sts assume-role-with-web-identity --no-sign-request "
                f'--region {self.region} --role-arn "{self.role_arn}" --role-session-name agent '
                f'--web-identity-token "$TOKEN" --output text --query "{AS_VARIABLES}")',
                "aws sts get-caller-identity",
            )
        )

    def sdk(self) -> str:
        """Keep a token in a file: an SDK reads it whenever its session has ended."""
        return "\n".join(
            (
                f'export {self._regions} AWS_ROLE_ARN="{self.role_arn}" AWS_ROLE_SESSION_NAME=agent '
                'AWS_WEB_IDENTITY_TOKEN_FILE="$HOME/.aws-token"',
                f'renew() {{ (umask 077 && {self._curl} > "$AWS_WEB_IDENTITY_TOKEN_FILE.new" && '
                'mv "$AWS_WEB_IDENTITY_TOKEN_FILE.new" "$AWS_WEB_IDENTITY_TOKEN_FILE"); }',
                # It holds no output open: a tool that runs this and reads its output to the end would wait for ever.
                f"renew; while sleep {TOKEN_SECONDS - 60}; do renew; done >/dev/null 2>&1 &",
            )
        )

    def credential_process(self) -> str:
        """The script, which names the account and the role as they are here."""
        filled = {
            "__API__": self.api,
            "__ACCOUNT__": self.account_id,
            "__ROLE__": self.role_arn,
            "__REGION__": self.region,
            "__SECONDS__": str(MAX_SESSION_SECONDS),
            "__TYPE__": TOKEN_TYPE,
        }
        script = _SCRIPT
        for place, text in filled.items():
            script = script.replace(place, text)
        return script

    def markdown(self) -> str:
        """The three ways with what to do for each, for documents."""
        parts = (
            ("In a shell, with curl and the AWS CLI:", self.shell()),
            (
                "For the AWS CLI and every SDK, as `credential_process`: this script needs Python alone, and "
                "AWS's tools run it again whenever a session ends.",
                self.credential_process(),
            ),
            (
                "For an SDK that assumes the role itself: keep a token in a file. The SDK reads it whenever its "
                "session ends.",
                self.sdk(),
            ),
        )
        return "\n\n".join(f"{text}\n\n{indent(code.rstrip(), ' ' * 4)}" for text, code in parts)

    def all(self) -> Instructions:
        """The three ways."""
        return {"shell": self.shell(), "credentialProcess": self.credential_process(), "sdk": self.sdk()}


_SCRIPT = """\
#!/usr/bin/env python3
# Save this as ~/.aws/agent-credentials, chmod 700 it, and add to ~/.aws/config:
#   [profile agent]
#   region = __REGION__
#   credential_process = /home/YOU/.aws/agent-credentials
# The API key is read from the environment variable API_KEY. Then: aws --profile agent sts get-caller-identity
import json, os, sys, urllib.error, urllib.parse, urllib.request
import xml.etree.ElementTree as ElementTree

API, ACCOUNT = "__API__", "__ACCOUNT__"
ROLE, REGION = "__ROLE__", "__REGION__"
STS = os.environ.get("AWS_ENDPOINT_URL_STS") or os.environ.get("AWS_ENDPOINT_URL") or (
    f"https://sts.{REGION}.amazonaws.com" + (".cn" if REGION.startswith("cn-") else ""))

def post(url, fields, headers):
    request = urllib.request.Request(url, urllib.parse.urlencode(fields).encode(), headers)
    try:
        return urllib.request.urlopen(request, timeout=30).read().decode()
    except urllib.error.HTTPError as error:
        sys.exit(f"{error.code}: {error.read().decode()}")

token = post(f"{API}/v1/accounts/{ACCOUNT}/token", {},
             {"Authorization": "Bearer " + os.environ["API_KEY"], "Accept": "__TYPE__"})
answer = ElementTree.fromstring(post(STS, {
    "Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "RoleArn": ROLE,
    "RoleSessionName": "agent", "DurationSeconds": "__SECONDS__", "WebIdentityToken": token}, {}))
found = {field.tag.split("}")[1]: field.text for field in answer.find(".//{*}Credentials")}
print(json.dumps({"Version": 1, **found}))
"""
"""AWS CLI and SDKs: `credential_process` (AWS SDKs and Tools Reference Guide, "Process credential provider")."""

SAMPLE = Way(
    "__BASE__",
    "11111111-2222-4333-8444-555555555555",
    f"arn:aws:iam::123456789012:role/{ROLE_NAME}",
    "us-east-1",
)
"""For documents, which put the URL of the API in place of `__BASE__`."""
