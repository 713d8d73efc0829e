"""The stand-in's member accounts: who gets in, what IAM refuses, and what GitHub may assume."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from fakes.identity_tokens import github_token
from fakes.until import until_true

from batteries_crds import agent_access
from batteries_sandbox.aws import Clocks, StandinSettings, serve_in_thread

SESSION: Any = boto3.Session(aws_access_key_id="sandbox", aws_secret_access_key="s", region_name="us-east-1")
ONCE = Config(retries={"total_max_attempts": 1})
GITHUB = "token.actions.githubusercontent.com"


@dataclass
class Place:
    """A stand-in with one open account in it."""

    url: str
    account_id: str = ""

    def client(self, service: str, credentials: dict[str, str] | None = None) -> Any:
        return SESSION.client(service, endpoint_url=self.url, config=ONCE, **credentials or {})

    def assume(self, role: str = "OrganizationAccountAccessRole", **more: Any) -> dict[str, str]:
        arn = f"arn:aws:iam::{self.account_id}:role/{role}"
        answer = self.client("sts").assume_role(RoleArn=arn, RoleSessionName="test", **more)
        keys = answer["Credentials"]
        return {
            "aws_access_key_id": keys["AccessKeyId"],
            "aws_secret_access_key": keys["SecretAccessKey"],
            "aws_session_token": keys["SessionToken"],
        }

    def iam(self) -> Any:
        return self.client("iam", self.assume())

    def open_account(self) -> None:
        organizations = self.client("organizations")
        request = organizations.create_account(Email="one@example.com", AccountName="One")
        request_id = request["CreateAccountStatus"]["Id"]

        def account_id() -> Any:
            answer = organizations.describe_create_account_status(CreateAccountRequestId=request_id)
            return answer["CreateAccountStatus"].get("AccountId")

        self.account_id = until_true(account_id)


def refusal(function: Callable[..., Any], *args: Any, **params: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        function(*args, **params)
    response = caught.value.response
    return {"code": response["Error"]["Code"], "status": response["ResponseMetadata"]["HTTPStatusCode"]} | {
        "message": response["Error"]["Message"]
    }


@pytest.fixture
def place() -> Iterator[Place]:
    with serve_in_thread(StandinSettings(creation_seconds=0, role_seconds=0, iam_seconds=0)) as url:
        place = Place(url)
        place.open_account()
        yield place


def trust(condition: Any, account_id: str = "", **more: Any) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{account_id or '1' * 12}:oidc-provider/{GITHUB}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement | more]})


def repositories(*names: str) -> dict[str, Any]:
    return {
        "StringEquals": {f"{GITHUB}:aud": "sts.amazonaws.com"},
        "StringLike": {f"{GITHUB}:sub": [f"repo:{name}:*" for name in names]},
    }


def test_role_is_assumable_only_after_its_propagation_delay() -> None:
    now = [0.0]
    clocks = Clocks(monotonic=lambda: now[0])
    with serve_in_thread(StandinSettings(creation_seconds=0, role_seconds=0.4), clocks) as url:
        place = Place(url)
        place.open_account()
        early = refusal(place.assume)
        assert (early["code"], early["status"]) == ("AccessDenied", 403)
        now[0] += 0.5
        identity = place.client("sts", place.assume()).get_caller_identity()
        assert identity["Account"] == place.account_id
        role = "OrganizationAccountAccessRole"
        assert identity["Arn"] == f"arn:aws:sts::{place.account_id}:assumed-role/{role}/test"


def test_unknown_accounts_roles_and_keys_are_refused(place: Place) -> None:
    assert refusal(place.assume, "NoSuchRole")["code"] == "AccessDenied"
    assert refusal(Place(place.url, "999999999999").assume)["code"] == "AccessDenied"
    stranger = {"aws_access_key_id": "AKIASTRANGER", "aws_secret_access_key": "x"}
    answer = refusal(place.client("sts", stranger).get_caller_identity)
    assert (answer["code"], answer["status"]) == ("InvalidClientTokenId", 403)
    answer = refusal(place.client("organizations", stranger).list_accounts)
    assert answer["code"] == "UnrecognizedClientException"
    without_token = place.assume() | {"aws_session_token": "wrong"}
    assert refusal(place.client("iam", without_token).list_users)["code"] == "InvalidClientTokenId"
    assert place.client("sts").get_caller_identity()["Account"] == "111111111111"


def test_role_of_a_closed_account_is_refused(place: Place) -> None:
    place.client("organizations").close_account(AccountId=place.account_id)
    assert refusal(place.assume)["code"] == "AccessDenied"


def test_first_role_of_an_account_has_any_name_and_trusts_the_management_account(place: Place) -> None:
    organizations = place.client("organizations")
    organizations.create_account(Email="two@example.com", AccountName="Two", RoleName="Factory")
    named = [a["Id"] for a in organizations.list_accounts()["Accounts"] if a["Name"] == "Two"]
    second = Place(place.url, named[0])
    assert refusal(second.assume)["code"] == "AccessDenied"
    assert second.client("iam", second.assume("Factory")).list_users()["Users"] == []
    member = place.client("sts", place.assume())
    arn = f"arn:aws:iam::{second.account_id}:role/Factory"
    answer = refusal(member.assume_role, RoleArn=arn, RoleSessionName="test")
    assert answer["code"] == "AccessDenied"


def test_session_length_and_policy_are_held_to(place: Place) -> None:
    assert refusal(place.assume, DurationSeconds=7200)["code"] == "ValidationError"
    policy = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iam:List*", "Resource": "*"}}
    narrow = place.client("iam", place.assume(Policy=json.dumps(policy)))
    assert narrow.list_users()["Users"] == []
    assert refusal(narrow.create_user, UserName="x")["code"] == "AccessDenied"


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("organizations", "list_accounts", {}),
        ("sso-admin", "list_instances", {}),
        ("identitystore", "list_users", {"IdentityStoreId": "d-1234567890"}),
    ],
)
def test_member_account_may_not_call_the_organization(
    place: Place, service: str, operation: str, params: dict[str, str]
) -> None:
    member = place.client(service, place.assume())
    assert refusal(getattr(member, operation), **params)["code"] == "AccessDeniedException"


def test_accounts_do_not_see_each_others_users(place: Place) -> None:
    place.iam().create_user(UserName="ada")
    assert place.client("iam").list_users()["Users"] == []


def test_aws_managed_policies_can_be_attached(place: Place) -> None:
    iam = place.iam()
    iam.create_user(UserName="ada")
    names = ["AdministratorAccess", "IAMUserChangePassword", "ReadOnlyAccess"]
    for name in names:
        iam.attach_user_policy(UserName="ada", PolicyArn=f"arn:aws:iam::aws:policy/{name}")
    attached = iam.list_attached_user_policies(UserName="ada")["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == names
    arn = "arn:aws:iam::aws:policy/NoSuchPolicy"
    assert refusal(iam.attach_user_policy, UserName="ada", PolicyArn=arn)["code"] == "NoSuchEntity"


def test_user_names_are_unique_whatever_their_case(place: Place) -> None:
    iam = place.iam()
    iam.create_user(UserName="ada")
    answer = refusal(iam.create_user, UserName="ADA")
    assert (answer["code"], answer["status"]) == ("EntityAlreadyExists", 409)


def sign_in(place: Place, password: str) -> tuple[int, dict[str, Any]]:
    body = {"accountId": place.account_id, "userName": "ada", "password": password}
    request = urllib.request.Request(f"{place.url}/_standin/console-sign-in", json.dumps(body).encode())  # noqa: S310
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_console_takes_the_current_password_only(place: Place) -> None:
    iam = place.iam()
    iam.create_user(UserName="ada")
    assert sign_in(place, "")[0] == 401
    iam.create_login_profile(UserName="ada", Password="Correct-Horse-1", PasswordResetRequired=True)
    assert sign_in(place, "Correct-Horse-1") == (200, {"passwordResetRequired": True})
    assert sign_in(place, "correct-horse-1")[0] == 401
    again = refusal(iam.create_login_profile, UserName="ada", Password="Correct-Horse-2")
    assert (again["code"], again["status"]) == ("EntityAlreadyExists", 409)
    iam.update_login_profile(UserName="ada", PasswordResetRequired=False)
    assert sign_in(place, "Correct-Horse-1") == (200, {"passwordResetRequired": False})
    iam.update_login_profile(UserName="ada", Password="Correct-Horse-2")
    assert sign_in(place, "Correct-Horse-1")[0] == 401
    assert iam.get_login_profile(UserName="ada")["LoginProfile"]["PasswordResetRequired"] is False
    assert refusal(iam.delete_user, UserName="ada")["code"] == "DeleteConflict"
    iam.delete_login_profile(UserName="ada")
    assert sign_in(place, "Correct-Horse-2")[0] == 401
    iam.delete_user(UserName="ada")


@pytest.mark.parametrize("password", ["Short-1", "alllowercase1", "12345678901"], ids=["short", "two-kinds", "one"])
def test_weak_password_is_refused(place: Place, password: str) -> None:
    iam = place.iam()
    iam.create_user(UserName="ada")
    answer = refusal(iam.create_login_profile, UserName="ada", Password=password)
    assert (answer["code"], answer["status"]) == ("PasswordPolicyViolation", 400)


def test_trust_policy_size_leaves_out_whitespace(place: Place) -> None:
    iam = place.iam()
    names = [f"o/{'r' * 40}{number:02}" for number in range(60)]
    fits = next(n for n in range(60, 0, -1) if len(trust(repositories(*names[:n])).replace(" ", "")) <= 2048)
    padded = trust(repositories(*names[:fits])).replace(" ", " " * 40)
    assert len(padded) > 2048
    iam.create_role(RoleName="fits", AssumeRolePolicyDocument=padded)
    too_long = trust(repositories(*names[: fits + 1]))
    for function, params in (
        (iam.create_role, {"RoleName": "bigger", "AssumeRolePolicyDocument": too_long}),
        (iam.update_assume_role_policy, {"RoleName": "fits", "PolicyDocument": too_long}),
    ):
        answer = refusal(function, **params)
        assert (answer["code"], answer["status"]) == ("LimitExceeded", 409)
        assert answer["message"] == "Cannot exceed quota for ACLSizePerRole: 2048"


@pytest.mark.parametrize(
    "document",
    [
        pytest.param("not json", id="not-json"),
        pytest.param(trust({"StringEquals": {f"{GITHUB}:aud": "sts.amazonaws.com"}}), id="no-sub"),
        pytest.param(trust({"StringLike": {f"{GITHUB}:sub": "*"}}), id="sub-for-all"),
        pytest.param(trust({"StringLike": {f"{GITHUB}:sub": []}}), id="no-repositories"),
        pytest.param(trust({"StringLike": {f"{GITHUB}:sub": ["*", "repo:a/x:*"]}}), id="first-for-all"),
        pytest.param(trust(repositories("a/x"), Principal={"AWS": "nobody"}), id="implausible-principal"),
        pytest.param(trust(repositories("a/x"), Principal={}), id="no-principal"),
        pytest.param(trust(repositories("a/x"), Action="s3:GetObject"), id="other-action"),
        pytest.param(trust(repositories("a/x"), Resource="*"), id="resource"),
    ],
)
def test_malformed_trust_policy_is_refused(place: Place, document: str) -> None:
    answer = refusal(place.iam().create_role, RoleName="deploy", AssumeRolePolicyDocument=document)
    assert (answer["code"], answer["status"]) == ("MalformedPolicyDocument", 400)


def test_guard_looks_at_the_first_value_only(place: Place) -> None:
    document = trust({"StringLike": {f"{GITHUB}:sub": ["repo:a/x:*", "*"]}})
    place.iam().create_role(RoleName="open", AssumeRolePolicyDocument=document)


def test_principal_that_does_not_exist_is_refused(place: Place) -> None:
    arn = f"arn:aws:iam::{place.account_id}:role/nobody"
    document = trust({}, Principal={"AWS": arn}, Action="sts:AssumeRole")
    answer = refusal(place.iam().create_role, RoleName="r", AssumeRolePolicyDocument=document)
    assert "Invalid principal in policy" in answer["message"]


def test_identity_provider_is_made_once_and_takes_audiences(place: Place) -> None:
    iam = place.iam()
    arn = iam.create_open_id_connect_provider(Url=f"https://{GITHUB}", ClientIDList=["one"])["OpenIDConnectProviderArn"]
    answer = refusal(iam.create_open_id_connect_provider, Url=f"https://{GITHUB}", ClientIDList=["one"])
    assert (answer["code"], answer["status"]) == ("EntityAlreadyExists", 409)
    for _ in range(2):
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="two")
    provider = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert provider["ClientIDList"] == ["one", "two"]
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="one")
    provider = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert provider["ClientIDList"] == ["two"]
    answer = refusal(iam.create_open_id_connect_provider, Url="http://example.com", ClientIDList=["one"])
    assert answer["code"] == "ValidationError"


@pytest.mark.parametrize(
    "url",
    [
        "http://tokens.example",
        "https://tokens.example:8443",
        "https://tokens.example/?tenant=1",
        "https://me@tokens.example",
        "https://",
        f"https://{'t' * 248}",
    ],
)
def test_an_issuers_url_is_https_and_has_no_port_query_or_user(place: Place, url: str) -> None:
    iam = place.iam()
    assert refusal(iam.create_open_id_connect_provider, Url=url, ClientIDList=["one"])["code"] == "ValidationError"
    longest = f"https://{'t' * 240}/tenant"
    iam.create_open_id_connect_provider(Url=longest, ClientIDList=["one"])


def test_providers_and_their_audiences_are_limited(place: Place) -> None:
    iam = place.iam()
    for number in range(100):
        iam.create_open_id_connect_provider(Url=f"https://{number}.example", ClientIDList=["one"])
    answer = refusal(iam.create_open_id_connect_provider, Url="https://one-more.example", ClientIDList=["one"])
    assert (answer["code"], answer["status"]) == ("LimitExceeded", 409)
    again = refusal(iam.create_open_id_connect_provider, Url="https://1.example", ClientIDList=["one"])
    assert again["code"] == "EntityAlreadyExists"
    arn = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"][0]["Arn"]
    for number in range(99):
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID=f"client-{number}")
    more: dict[str, Any] = {"OpenIDConnectProviderArn": arn, "ClientID": "one-more"}
    assert refusal(iam.add_client_id_to_open_id_connect_provider, **more)["code"] == "LimitExceeded"
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="one")


def test_a_roles_longest_session_and_boundary_are_what_iam_takes(place: Place) -> None:
    iam = place.iam()
    document = trust(repositories("a/x"), place.account_id)
    bound = "arn:aws:iam::aws:policy/PowerUserAccess"
    missing = "arn:aws:iam::aws:policy/NoSuchPolicy"
    wanted: dict[str, Any] = {"AssumeRolePolicyDocument": document, "Description": "kept"}
    assert refusal(iam.create_role, RoleName="r", **wanted, PermissionsBoundary=missing)["code"] == "NoSuchEntity"
    assert refusal(iam.create_role, RoleName="r", **wanted, MaxSessionDuration=43_201)["code"] == "ValidationError"
    iam.create_role(RoleName="r", **wanted, MaxSessionDuration=7200)
    iam.update_role(RoleName="r", MaxSessionDuration=43_200)
    iam.put_role_permissions_boundary(RoleName="r", PermissionsBoundary=bound)
    role = iam.get_role(RoleName="r")["Role"]
    assert (role["MaxSessionDuration"], role["Description"]) == (43_200, "kept")
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == bound
    iam.update_role(RoleName="r")
    assert iam.get_role(RoleName="r")["Role"]["MaxSessionDuration"] == 3600, "as its API reference has it"
    answer = refusal(iam.put_role_permissions_boundary, RoleName="r", PermissionsBoundary=missing)
    assert answer["code"] == "NoSuchEntity"
    assert refusal(iam.update_role, RoleName="nobody", MaxSessionDuration=3600)["code"] == "NoSuchEntity"


def test_the_agents_trust_policy_is_taken_by_iam_and_so_is_the_closed_one(place: Place) -> None:
    iam, issuer = place.iam(), agent_access.issuer("https://tokens.example/" + "t" * 232, "")
    ours = agent_access.trust_policy(issuer, UUID(int=1), place.account_id)
    iam.create_role(RoleName=agent_access.ROLE_NAME, AssumeRolePolicyDocument=json.dumps(ours))
    closed = json.dumps(agent_access.nobody())
    iam.update_assume_role_policy(RoleName=agent_access.ROLE_NAME, PolicyDocument=closed)


@pytest.fixture
def workflow(place: Place) -> Callable[..., dict[str, Any]]:
    """Assumes the deploy role of repo a/x and of one immutable subject with a token."""
    iam = place.iam()
    iam.create_open_id_connect_provider(Url=f"https://{GITHUB}", ClientIDList=["sts.amazonaws.com"])
    document = trust(repositories("a/x", "b@7/y?@8"), place.account_id)
    arn = iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    sts = SESSION.client("sts", endpoint_url=place.url, config=ONCE.merge(Config(signature_version=UNSIGNED)))

    def assume(jwt: str = "", **claims: Any) -> Any:
        signed = jwt or github_token(place.url, **claims)
        return sts.assume_role_with_web_identity(RoleArn=arn, RoleSessionName="ci", WebIdentityToken=signed)

    return assume


@pytest.mark.parametrize("subject", ["repo:a/x:ref:refs/heads/main", "repo:b@7/y1@8:environment:prod"])
def test_workflow_of_a_trusted_repository_gets_in(place: Place, workflow: Any, subject: str) -> None:
    keys = workflow(subject=subject)["Credentials"]
    credentials = {
        "aws_access_key_id": keys["AccessKeyId"],
        "aws_secret_access_key": keys["SecretAccessKey"],
        "aws_session_token": keys["SessionToken"],
    }
    identity = place.client("sts", credentials).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{place.account_id}:assumed-role/deploy/ci"


@pytest.mark.parametrize(
    "subject",
    [
        pytest.param("repo:a/xy:ref:refs/heads/main", id="other-repository"),
        pytest.param("repo:A/x:ref:refs/heads/main", id="other-case"),
        pytest.param("repo:b@7/y@8:environment:prod", id="question-mark-is-one-character"),
    ],
)
def test_other_workflows_stay_out(workflow: Any, subject: str) -> None:
    answer = refusal(workflow, subject=subject)
    assert (answer["code"], answer["status"]) == ("AccessDenied", 403)
    assert answer["message"] == "Not authorized to perform sts:AssumeRoleWithWebIdentity"


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ({"aud": "https://github.com/a"}, "Incorrect token audience"),
        ({"iss": "https://example.com"}, "No OpenIDConnect provider found in your account for https://example.com"),
    ],
    ids=["other-audience", "other-issuer"],
)
def test_token_of_no_provider_of_the_account_is_invalid(workflow: Any, claims: dict[str, str], message: str) -> None:
    answer = refusal(workflow, subject="repo:a/x:ref:main", **claims)
    assert (answer["code"], answer["status"], answer["message"]) == ("InvalidIdentityToken", 400, message)


def test_deny_and_missing_provider_keep_a_trusted_workflow_out(place: Place, workflow: Any) -> None:
    jwt = github_token(place.url, "repo:a/x:ref:main")
    workflow(jwt)
    iam = place.iam()
    document = json.loads(trust(repositories("a/x"), place.account_id))
    deny = {**document["Statement"][0], "Effect": "Deny", "Condition": {}}
    denied = json.dumps(document | {"Statement": [*document["Statement"], deny]})
    iam.update_assume_role_policy(RoleName="deploy", PolicyDocument=denied)
    assert refusal(workflow, jwt)["code"] == "AccessDenied"
    iam.update_assume_role_policy(RoleName="deploy", PolicyDocument=json.dumps(document))
    workflow(jwt)
    provider = f"arn:aws:iam::{place.account_id}:oidc-provider/{GITHUB}"
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider)
    assert refusal(workflow, jwt)["code"] == "InvalidIdentityToken"


def test_broken_and_expired_tokens_are_named_as_such(workflow: Any) -> None:
    assert refusal(workflow, "not-a-token")["code"] == "InvalidIdentityToken"
    assert refusal(workflow, subject="repo:a/x:y", exp=1)["code"] == "ExpiredTokenException"
