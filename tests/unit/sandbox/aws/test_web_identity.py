"""AssumeRoleWithWebIdentity at the stand-in: which tokens are taken, and how the others are refused."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

import boto3
import pytest
import requests
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from fakes.identity_tokens import Issuer, SigningKey, place, serve
from fakes.until import until_true

from batteries_crds import agent_access
from batteries_sandbox.aws import Clocks, StandinSettings, serve_in_thread

SESSION: Any = boto3.Session(region_name="us-east-1")
ONCE = Config(retries={"total_max_attempts": 1})
TRUSTED = agent_access.Issuer("https://batteries.localhost")
ACCOUNT = UUID("5f7c1c0e-0000-4000-8000-000000000001")
SUBJECT = agent_access.subject(ACCOUNT)
TAGS = {"principal_tags": {agent_access.KEY_TAG: ["aib_1234abcd"]}}
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
NO_KEY = "Couldn't retrieve verification key from your identity provider"
NOT_GENUINE = "could not be validated"
KEY, SECOND, OTHERS = SigningKey(), SigningKey(), SigningKey()


@dataclass
class World:
    """A stand-in with one account, whose role trusts one issuer."""

    url: str
    issuer: Issuer
    shift: list[float] = field(default_factory=lambda: [0.0])  # by which the stand-in's clocks are ahead
    account_id: str = ""
    iam_changed: bool = False

    def client(self, service: str, credentials: Any = None) -> Any:
        keys = credentials or {"AccessKeyId": "sandbox", "SecretAccessKey": "s", "SessionToken": None}
        return SESSION.client(
            service,
            endpoint_url=self.url,
            config=ONCE,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )

    @cached_property
    def _iam(self) -> Any:
        arn = f"arn:aws:iam::{self.account_id}:role/OrganizationAccountAccessRole"
        return self.client("iam", self.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"])

    @cached_property
    def _sts(self) -> Any:
        return SESSION.client("sts", endpoint_url=self.url, config=ONCE.merge(Config(signature_version=UNSIGNED)))

    def iam(self) -> Any:
        """IAM in the account, of which the next test finds what it should."""
        self.iam_changed = True
        return self._iam

    @property
    def role(self) -> str:
        return f"arn:aws:iam::{self.account_id}:role/{agent_access.ROLE_NAME}"

    @property
    def provider(self) -> str:
        return TRUSTED.provider_arn(self.account_id)

    def assume(self, token: str, **params: Any) -> Any:
        usual = {"RoleArn": self.role, "RoleSessionName": "agent", "WebIdentityToken": token}
        return self._sts.assume_role_with_web_identity(**usual | params)

    def credentials(self, token: str = "", **params: Any) -> Any:
        return self.assume(token or valid(), **params)["Credentials"]

    def limits(self, **changes: Any) -> None:
        requests.post(f"{self.url}/_standin/limits", json=changes, timeout=5).raise_for_status()

    def calls(self, operation: str = "") -> list[dict[str, Any]]:
        query = f"operation={operation}"
        found: list[dict[str, Any]] = requests.get(f"{self.url}/_standin/calls?{query}", timeout=5).json()["calls"]
        return found

    def trust(self, change: Callable[[dict[str, Any]], None]) -> None:
        document = agent_access.trust_policy(TRUSTED, ACCOUNT, self.account_id)
        change(document["Statement"][0])
        self.iam().update_assume_role_policy(RoleName=agent_access.ROLE_NAME, PolicyDocument=json.dumps(document))

    def open_account(self) -> None:
        organizations = self.client("organizations")
        made = organizations.create_account(Email="one@example.com", AccountName="One")["CreateAccountStatus"]

        def account_id() -> Any:
            answer = organizations.describe_create_account_status(CreateAccountRequestId=made["Id"])
            return answer["CreateAccountStatus"].get("AccountId")

        self.account_id = until_true(account_id)

    def prepare(self) -> None:
        """What the operator leaves in an account."""
        iam = self._iam
        iam.create_open_id_connect_provider(Url=TRUSTED.url, ClientIDList=[agent_access.AUDIENCE])
        policy = json.dumps(agent_access.trust_policy(TRUSTED, ACCOUNT, self.account_id))
        iam.create_role(RoleName=agent_access.ROLE_NAME, AssumeRolePolicyDocument=policy, MaxSessionDuration=3600)
        iam.attach_role_policy(RoleName=agent_access.ROLE_NAME, PolicyArn=ADMINISTRATOR)

    def clear(self) -> None:
        """Removes it again."""
        self._iam.detach_role_policy(RoleName=agent_access.ROLE_NAME, PolicyArn=ADMINISTRATOR)
        self._iam.delete_role(RoleName=agent_access.ROLE_NAME)
        self._iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=self.provider)


def valid(key: SigningKey = KEY, subject: str = SUBJECT, tags: Any = TAGS, **claims: Any) -> str:
    return key.token(TRUSTED.url, subject, **{"https://aws.amazon.com/tags": tags} | claims)


def refusal(function: Callable[..., Any], *args: Any, **params: Any) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as caught:
        function(*args, **params)
    response = caught.value.response
    error = response["Error"]
    return error["Code"], response["ResponseMetadata"]["HTTPStatusCode"], error["Message"]


@pytest.fixture(scope="module")
def shared() -> Iterator[World]:
    """One for all tests here: a stand-in takes long to start, and boto3's clients to make."""
    shift = [0.0]
    clocks = Clocks(lambda: time.monotonic() + shift[0], lambda: time.time() + shift[0])
    at_once: Any = {"creation_seconds": 0, "role_seconds": 0, "iam_seconds": 0}
    with serve(Issuer(TRUSTED.url, KEY)) as issuer:
        at_once["issuer_answer_seconds"] = 60  # a busy machine is no issuer that doesn't answer
        chosen = StandinSettings(**at_once, issuer_addresses=(f"{TRUSTED.url}={issuer.address}",))
        with serve_in_thread(chosen, clocks) as url:
            world = World(url, issuer, shift)
            world.open_account()
            world.prepare()
            yield world


@pytest.fixture
def world(shared: World) -> Iterator[World]:
    yield shared
    shared.shift[0] = 0.0
    shared.issuer.reset(KEY)
    place(shared.url, TRUSTED.url, shared.issuer.address)  # and none of its keys is known
    shared.limits(issuer_answer_seconds=60)
    if shared.iam_changed:
        shared.clear()
        shared.prepare()
    shared.iam_changed = False


def test_token_of_the_account_gives_a_session_of_its_role(world: World) -> None:
    answer = world.assume(valid())
    assert answer["SubjectFromWebIdentityToken"] == SUBJECT
    assert (answer["Provider"], answer["Audience"]) == (TRUSTED.url, agent_access.AUDIENCE)
    identity = world.client("sts", answer["Credentials"]).get_caller_identity()
    assert identity["Account"] == world.account_id
    assert identity["Arn"] == f"arn:aws:sts::{world.account_id}:assumed-role/{agent_access.ROLE_NAME}/agent"


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"])
def test_every_algorithm_that_sts_names_is_taken(world: World, algorithm: str) -> None:
    key = SigningKey(algorithm)
    world.issuer.keys.append(key)
    assert world.credentials(valid(key))["AccessKeyId"].startswith("ASIA")


def unsigned() -> str:
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in ({"alg": "none", "kid": KEY.kid}, decoded(valid()))
    ]
    return ".".join([*parts, ""])


def signed_with_the_public_key() -> str:
    """HS256, with what everybody can read as the secret: the oldest attack on JWT libraries."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    secret = KEY.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in ({"alg": "HS256", "kid": KEY.kid}, decoded(valid()))
    ]
    signature = hmac.new(secret, ".".join(parts).encode(), hashlib.sha256).digest()
    return ".".join([*parts, base64.urlsafe_b64encode(signature).decode().rstrip("=")])


def decoded(token: str) -> Any:
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def tampered() -> str:
    header, _, signature = valid().split(".")
    payload = base64.urlsafe_b64encode(json.dumps(decoded(valid()) | {"jti": "other"}).encode()).decode().rstrip("=")
    return ".".join([header, payload, signature])


def _now() -> int:
    return int(time.time())


INVALID, DENIED = ("InvalidIdentityToken", 400), ("AccessDenied", 403)
NO_PROVIDER = "No OpenIDConnect provider found in your account for "
NOT_AUTHORIZED = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
REFUSED: dict[str, tuple[Callable[[], str], tuple[str, int], str]] = {
    "expired": (lambda: valid(exp=_now() - 301), ("ExpiredTokenException", 400), "must be before"),
    "future": (lambda: valid(iat=_now() + 320, exp=_now() + 900), INVALID, NOT_GENUINE),
    "not-before": (lambda: valid(nbf=_now() + 320), INVALID, NOT_GENUINE),
    "another-key": (lambda: valid(SigningKey(kid=KEY.kid)), INVALID, NOT_GENUINE),
    "unknown-key-id": (lambda: valid(OTHERS), INVALID, NO_KEY),
    "no-key-id": (lambda: valid(SigningKey(kid="")), INVALID, NO_KEY),
    "alg-none": (unsigned, INVALID, NOT_GENUINE),
    "hs256-of-the-public-key": (signed_with_the_public_key, INVALID, NOT_GENUINE),
    "tampered": (tampered, INVALID, NOT_GENUINE),
    "other-algorithm": (lambda: valid(SigningKey("RS384", KEY.kid)), INVALID, NOT_GENUINE),
    "other-kind-of-key": (lambda: valid(SigningKey("ES256", KEY.kid)), INVALID, NOT_GENUINE),
    "fractions": (lambda: valid(exp=_now() + 60.5), INVALID, "not an integer"),
    "for-ever": (lambda: valid(exp=None), INVALID, "Missing a required claim: exp"),
    "no-iat": (lambda: valid(iat=None), INVALID, "Missing a required claim: iat"),
    "no-audience": (lambda: valid(aud=None), INVALID, "Missing a required claim: aud"),
    "other-audience": (lambda: valid(aud="sts.amazonaws.com.cn"), INVALID, "Incorrect token audience"),
    "other-account": (lambda: valid(subject=agent_access.subject(UUID(int=7))), DENIED, NOT_AUTHORIZED),
    "other-case": (lambda: valid(subject=SUBJECT.upper()), DENIED, NOT_AUTHORIZED),
    "other-issuer": (lambda: valid(iss="https://example.com"), INVALID, f"{NO_PROVIDER}https://example.com"),
    "http-issuer": (lambda: valid(iss="http://batteries.localhost"), INVALID, NO_PROVIDER),
    "slash": (lambda: valid(iss=f"{TRUSTED.url}/"), INVALID, f"{NO_PROVIDER}{TRUSTED.url}/"),
    "no-token": (lambda: "not-a-token", INVALID, "The ID Token provided is not a valid JWT."),
    "too-long": (lambda: "x" * 20_001, ("ValidationError", 400), "webIdentityToken"),
}


@pytest.mark.parametrize(("token", "code", "words"), REFUSED.values(), ids=REFUSED)
def test_other_tokens_are_refused(world: World, token: Callable[[], str], code: tuple[str, int], words: str) -> None:
    answer = refusal(world.assume, token())
    assert answer[:2] == code
    assert words in answer[2]


def test_token_is_taken_five_minutes_after_its_end_and_no_longer(world: World) -> None:
    """The clocks of AWS and of an issuer may differ (IAM user guide)."""
    token = valid()
    world.shift[0] = 300 + 290
    world.credentials(token)
    world.shift[0] = 300 + 302
    assert refusal(world.assume, token)[0] == "ExpiredTokenException"


def test_new_key_works_at_once_and_a_withdrawn_one_until_its_set_is_read_again(world: World) -> None:
    world.credentials(valid())
    world.issuer.keys[:] = [KEY, SECOND]
    world.credentials(valid(SECOND))
    world.issuer.keys[:] = [SECOND]
    world.credentials(valid(KEY))
    world.shift[0] = 61
    code, _, message = refusal(world.assume, valid(KEY))
    assert (code, message.startswith(NO_KEY)) == ("InvalidIdentityToken", True)
    world.credentials(valid(SECOND))


def test_keys_are_fetched_once_and_kept(world: World) -> None:
    for _ in range(3):
        world.credentials()
    assert world.issuer.asked == ["/.well-known/openid-configuration", "/.well-known/jwks.json"]


def test_issuer_is_asked_only_where_the_account_has_it_as_its_provider(world: World) -> None:
    world.iam().delete_open_id_connect_provider(OpenIDConnectProviderArn=world.provider)
    code, _, message = refusal(world.assume, valid())
    assert (code, message) == (
        "InvalidIdentityToken",
        f"No OpenIDConnect provider found in your account for {TRUSTED.url}",
    )
    assert world.issuer.asked == []


def test_provider_must_list_the_audience(world: World) -> None:
    iam = world.iam()
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=world.provider, ClientID="other")
    iam.remove_client_id_from_open_id_connect_provider(
        OpenIDConnectProviderArn=world.provider, ClientID=agent_access.AUDIENCE
    )
    assert refusal(world.assume, valid())[2] == "Incorrect token audience"


def _break(issuer: Issuer, document: str, body: bytes) -> None:
    issuer.bodies[f"/.well-known/{document}"] = body


@pytest.mark.parametrize(
    "breaks",
    [
        pytest.param(lambda issuer: setattr(issuer, "status", 500), id="error"),
        pytest.param(lambda issuer: setattr(issuer, "status", 302), id="redirect"),
        pytest.param(lambda issuer: _break(issuer, "openid-configuration", b"<html>"), id="garbage"),
        pytest.param(lambda issuer: _break(issuer, "openid-configuration", b"[]"), id="list"),
        pytest.param(lambda issuer: issuer.discovery.update(issuer="https://elsewhere.example.com"), id="other-issuer"),
        pytest.param(lambda issuer: issuer.discovery.pop("jwks_uri"), id="no-key-set"),
        pytest.param(lambda issuer: issuer.discovery.pop("subject_types_supported"), id="incomplete"),
        pytest.param(lambda issuer: _break(issuer, "jwks.json", b"{"), id="garbage-keys"),
        pytest.param(lambda issuer: _break(issuer, "jwks.json", b'{"keys": 3}'), id="no-keys"),
        pytest.param(lambda issuer: issuer.keys.clear(), id="empty"),
        pytest.param(lambda issuer: issuer.keys.extend([KEY] * 100), id="101-keys"),
        pytest.param(lambda issuer: _break(issuer, "jwks.json", b" " * 2**21), id="endless"),
    ],
)
def test_issuer_that_publishes_no_keys_makes_its_tokens_invalid(world: World, breaks: Any) -> None:
    breaks(world.issuer)
    code, status, message = refusal(world.assume, valid())
    assert (code, status, message.startswith(NO_KEY)) == ("InvalidIdentityToken", 400, True)


def test_issuer_that_does_not_answer_holds_up_nobody_else(world: World) -> None:
    world.limits(issuer_answer_seconds=0.3)
    world.issuer.silent.set()
    code, status, _ = refusal(world.assume, valid())
    assert (code, status) == ("IDPCommunicationError", 400)
    world.issuer.silent.clear()
    world.credentials()


def test_issuer_that_cannot_be_reached_is_told_as_that(world: World) -> None:
    world.issuer.discovery["jwks_uri"] = "https://elsewhere.example.com/keys"
    assert refusal(world.assume, valid())[0] == "IDPCommunicationError"
    place(world.url, TRUSTED.url, "http://127.0.0.1:9")
    assert refusal(world.assume, valid())[0] == "IDPCommunicationError"


@pytest.mark.parametrize(
    "body",
    [
        {"issuer": TRUSTED.url, "address": "http://192.0.2.1:8080"},
        {"issuer": TRUSTED.url, "address": "http://issuer.example.com"},
        {"issuer": TRUSTED.url, "address": "https://127.0.0.1:8080"},
        {"issuer": "http://batteries.localhost", "address": "http://127.0.0.1:8080"},
        {"issuer": TRUSTED.url},
        {"issuer": TRUSTED.url, "keys": [{"kty": "RSA"}]},
        {"issuer": TRUSTED.url, "keys": [], "address": "http://127.0.0.1:8080"},
    ],
)
def test_issuer_is_on_this_machine_or_nowhere(world: World, body: Any) -> None:
    answer = requests.post(f"{world.url}/_standin/issuers", json=body, timeout=5)
    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")


def test_tags_need_the_permission_to_tag(world: World) -> None:
    world.trust(lambda statement: statement.update(Action="sts:AssumeRoleWithWebIdentity"))
    code, status, message = refusal(world.assume, valid())
    assert (code, status, message) == ("AccessDenied", 403, "Not authorized to perform sts:TagSession")
    world.credentials(valid(tags=None))


def test_trust_policy_sees_the_tags(world: World) -> None:
    condition = {"StringEquals": {f"aws:RequestTag/{agent_access.KEY_TAG}": "aib_1234abcd"}}
    world.trust(lambda statement: statement.update(Condition=condition))
    world.credentials()
    other = {"principal_tags": {agent_access.KEY_TAG: ["aib_other"]}}
    assert refusal(world.assume, valid(tags=other))[0] == "AccessDenied"


def _tags(number: int) -> dict[str, list[str]]:
    return {f"key{n}": ["value"] for n in range(number)}


@pytest.mark.parametrize(
    "claim",
    [
        pytest.param("a text", id="text"),
        pytest.param({}, id="nothing"),
        pytest.param({"principal_tags": {"key": "value"}}, id="no-list"),
        pytest.param({"principal_tags": {"key": ["one", "two"]}}, id="two-values"),
        pytest.param({"principal_tags": {"key": [1]}}, id="number"),
        pytest.param({"principal_tags": _tags(51)}, id="51-tags"),
        pytest.param({"principal_tags": {"key": ["a"], "Key": ["b"]}}, id="twice"),
        pytest.param({"principal_tags": {"": ["a"]}}, id="empty-key"),
        pytest.param({"principal_tags": {"k" * 129: ["a"]}}, id="long-key"),
        pytest.param({"principal_tags": {"key": ["v" * 257]}}, id="long-value"),
        pytest.param({"principal_tags": {"key": ["a,b"]}}, id="comma"),
        pytest.param({"principal_tags": {"aws:key": ["a"]}}, id="reserved"),
        pytest.param({"principal_tags": {"key": ["a"]}, "transitive_tag_keys": ["other"]}, id="transitive"),
    ],
)
def test_tags_that_cannot_be_are_refused(world: World, claim: Any) -> None:
    code, status, _ = refusal(world.assume, valid(tags=claim))
    assert (code, status) == ("InvalidIdentityToken", 400)


def test_most_and_longest_tags_are_taken(world: World) -> None:
    claim = {"principal_tags": {**_tags(48), "k" * 128: ["v" * 256], "a+b=c/d:e@f.g_h-": [""]}}
    world.credentials(valid(tags=claim))
    assert len(world.calls("AssumeRoleWithWebIdentity")[-1]["sessionTags"]) == 50


@pytest.mark.parametrize(
    ("params", "code"),
    [
        pytest.param({"DurationSeconds": 3601}, "ValidationError", id="over-the-roles-maximum"),
        pytest.param({"RoleSessionName": "a b"}, "ValidationError", id="name-with-a-space"),
        pytest.param({"Policy": "{"}, "MalformedPolicyDocument", id="malformed-policy"),
    ],
)
def test_sessions_that_cannot_be_are_refused(world: World, params: Any, code: str) -> None:
    assert refusal(world.assume, valid(), **params)[0] == code


def test_session_lasts_as_long_as_it_was_asked_for(world: World) -> None:
    form = {"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "RoleSessionName": "agent"}
    form |= {"RoleArn": world.role, "WebIdentityToken": valid(), "DurationSeconds": "899"}  # which boto3 doesn't send
    answer = requests.post(world.url, data=form, timeout=5)
    assert (answer.status_code, "ValidationError" in answer.text) == (400, True)
    sts = world.client("sts", world.credentials(DurationSeconds=900))
    world.shift[0] = 890
    sts.get_caller_identity()
    world.shift[0] = 901
    assert refusal(sts.get_caller_identity)[0] == "ExpiredToken"


@contextmanager
def suspended(world: World) -> Iterator[None]:
    """The account is in a unit whose policy denies everything, as the operator's quarantine puts it."""
    organizations = world.client("organizations")
    root = organizations.list_roots()["Roots"][0]["Id"]
    unit = organizations.create_organizational_unit(ParentId=root, Name="Suspended")["OrganizationalUnit"]["Id"]
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}}
    policy = organizations.create_policy(
        Name="deny", Description="d", Type="SERVICE_CONTROL_POLICY", Content=json.dumps(document)
    )["Policy"]["PolicySummary"]["Id"]
    organizations.attach_policy(PolicyId=policy, TargetId=unit)
    organizations.move_account(AccountId=world.account_id, SourceParentId=root, DestinationParentId=unit)
    yield
    organizations.move_account(AccountId=world.account_id, SourceParentId=unit, DestinationParentId=root)


def test_session_makes_and_lists_buckets_in_its_account(world: World) -> None:
    s3 = world.client("s3", world.credentials())
    s3.create_bucket(Bucket="agents-own-bucket")
    s3.put_object(Bucket="agents-own-bucket", Key="a/b.txt", Body=b"hello")
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["agents-own-bucket"]
    assert s3.get_object(Bucket="agents-own-bucket", Key="a/b.txt")["Body"].read() == b"hello"
    assert [each["Key"] for each in s3.list_objects_v2(Bucket="agents-own-bucket")["Contents"]] == ["a/b.txt"]
    assert world.client("s3").list_buckets()["Buckets"] == []  # those of the management account
    s3.delete_object(Bucket="agents-own-bucket", Key="a/b.txt")
    s3.delete_bucket(Bucket="agents-own-bucket")


def test_journal_tells_which_api_key_did_what(world: World) -> None:
    s3 = world.client("s3", world.credentials())
    s3.list_buckets()
    signed_in, listed = world.calls("AssumeRoleWithWebIdentity")[-1], world.calls("ListBuckets")[-1]
    assert signed_in["sessionTags"] == listed["sessionTags"] == {agent_access.KEY_TAG: "aib_1234abcd"}
    assert signed_in["issuedAccessKeyId"] == listed["accessKeyId"]
    assert listed["callerArn"].endswith(f":assumed-role/{agent_access.ROLE_NAME}/agent")
    assert signed_in["params"]["WebIdentityToken"] == "(redacted)"


def test_session_policy_and_tags_decide_what_a_session_may(world: World) -> None:
    listing = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
    own = {"StringEquals": {f"aws:PrincipalTag/{agent_access.KEY_TAG}": "aib_1234abcd"}}
    policy = {"Version": "2012-10-17", "Statement": [{**listing, "Condition": own}]}
    s3 = world.client("s3", world.credentials(Policy=json.dumps(policy)))
    s3.list_buckets()
    code, status, message = refusal(s3.create_bucket, Bucket="agents-own-bucket")
    assert (code, status) == ("AccessDenied", 403)
    assert "s3:CreateBucket on resource: arn:aws:s3:::agents-own-bucket" in message
    other = {"principal_tags": {agent_access.KEY_TAG: ["aib_other"]}}
    s3 = world.client("s3", world.credentials(valid(tags=other), Policy=json.dumps(policy)))
    assert refusal(s3.list_buckets)[0] == "AccessDenied"


def test_unknown_and_expired_keys_are_refused_in_s3s_own_words(world: World) -> None:
    stranger = {"AccessKeyId": "AKIASTRANGER", "SecretAccessKey": "x", "SessionToken": None}
    assert refusal(world.client("s3", stranger).list_buckets)[:2] == ("InvalidAccessKeyId", 403)
    s3 = world.client("s3", world.credentials(DurationSeconds=900))
    world.shift[0] = 901
    assert refusal(s3.list_buckets)[:2] == ("ExpiredToken", 400)


def test_session_from_before_a_suspension_can_do_nothing_after_it(world: World) -> None:
    """The token was minted and the role assumed a moment before; the unit's policy is asked at each call."""
    credentials = world.credentials()
    s3, iam = world.client("s3", credentials), world.client("iam", credentials)
    s3.list_buckets()
    iam.list_users()
    with suspended(world):
        code, status, message = refusal(s3.list_buckets)
        assert (code, status) == ("AccessDenied", 403)
        assert "with an explicit deny in a service control policy" in message
        assert refusal(s3.create_bucket, Bucket="agents-own-bucket")[0] == "AccessDenied"
        assert refusal(iam.list_users)[0] == "AccessDenied"


def test_boto3_assumes_the_role_by_itself_and_again_with_the_files_next_token(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The way of SDKs: a token in a file, which somebody renews, and two variables (AWS SDKs reference guide)."""
    file = tmp_path / "token"
    file.write_text(valid())
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", world.url)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(file))
    monkeypatch.setenv("AWS_ROLE_ARN", world.role)
    monkeypatch.setenv("AWS_ROLE_SESSION_NAME", "sdk")
    session: Any = boto3.Session(region_name="us-east-1")
    sts = session.client("sts")
    assert sts.get_caller_identity()["Arn"].endswith(f"{agent_access.ROLE_NAME}/sdk")
    sts.get_caller_identity()
    file.write_text(valid(tags={"principal_tags": {agent_access.KEY_TAG: ["aib_rotated"]}}))
    later = datetime.now(UTC) + timedelta(seconds=3590)
    monkeypatch.setattr(session.get_credentials(), "_time_fetcher", lambda: later)
    monkeypatch.setattr("botocore.credentials._local_now", lambda: later)
    sts.get_caller_identity()
    assert [call["sessionTags"] for call in world.calls("GetCallerIdentity")[-3:]] == [
        {agent_access.KEY_TAG: "aib_1234abcd"},
        {agent_access.KEY_TAG: "aib_1234abcd"},
        {agent_access.KEY_TAG: "aib_rotated"},
    ]
