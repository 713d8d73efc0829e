"""The limits of the operator's own key: the documented policy refuses every attempt beyond them."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from batteries_crds.names import TAG_ACCOUNT_ID, TAG_RESOURCE
from batteries_operator.aws.permissions import Reach, denials, for_running, policy
from batteries_sandbox.aws import StandinSettings, serve_in_thread
from batteries_sandbox.mailboxes import SENDER

MANAGEMENT = "111111111111"
ROLE = "AIBatteriesIncludedAccess"
OTHER = "other@sandbox.internal"
ONCE = Config(retries={"total_max_attempts": 1})
SESSION: Any = boto3.Session(region_name="us-east-1")
AT_ONCE: Any = {"creation_seconds": 0, "role_seconds": 0, "iam_seconds": 0, "identity_center_seconds": 0}
AT_ONCE |= {"organization_write_seconds": 0, "ses_identities": (SENDER, OTHER), "admin_key_id": "admin"}


class Company:
    """An organization with an account of ours, a stranger's, and two permission sets; the operator, and an admin."""

    def __init__(self, url: str, policy: Path) -> None:
        self.url = url
        self.policy = policy
        self.ours = self.account("ours", ROLE, {TAG_RESOURCE: "batteries/acme", TAG_ACCOUNT_ID: "1"})
        self.strangers = self.account("payroll", "OrganizationAccountAccessRole", {"team": "payroll"})
        sso = self.admin("sso-admin")
        self.instance = sso.list_instances()["Instances"][0]
        (self.permission_set, self.others_set) = (
            sso.create_permission_set(InstanceArn=self.instance["InstanceArn"], Name=name)["PermissionSet"][
                "PermissionSetArn"
            ]
            for name in ("BatteriesAdministrator", "Payroll")
        )
        organizations = self.admin("organizations")
        self.root = organizations.list_roots()["Roots"][0]["Id"]
        made = organizations.create_organizational_unit(ParentId=self.root, Name="Customers")
        self.unit = made["OrganizationalUnit"]["Id"]

    def admin(self, service: str) -> Any:
        return self._client(service, "admin")

    def operator(self, service: str) -> Any:
        return self._client(service, "sandbox")

    def _client(self, service: str, key: str) -> Any:
        keys = {"aws_access_key_id": key, "aws_secret_access_key": "s"}
        return SESSION.client(service, endpoint_url=self.url, config=ONCE, **keys)

    def account(self, name: str, role: str, tags: dict[str, str]) -> str:
        organizations = self.admin("organizations")
        request = organizations.create_account(
            Email=f"{name}@acme.io",
            AccountName=name,
            RoleName=role,
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )["CreateAccountStatus"]["Id"]
        status = organizations.describe_create_account_status(CreateAccountRequestId=request)
        return str(status["CreateAccountStatus"]["AccountId"])

    def assign(self, account: str, permission_set: str) -> Any:
        return self.operator("sso-admin").create_account_assignment(
            InstanceArn=self.instance["InstanceArn"],
            TargetId=account,
            TargetType="AWS_ACCOUNT",
            PermissionSetArn=permission_set,
            PrincipalType="USER",
            PrincipalId="11111111-1111-1111-1111-111111111111",
        )

    def tag(self, which: str, /, **tags: str) -> Any:
        named = [{"Key": f"aibatteriesincluded.com/{key}", "Value": value} for key, value in tags.items()]
        return self.operator("organizations").tag_resource(ResourceId=which, Tags=named)

    def create(self, *tags: tuple[str, str]) -> Any:
        named = [{"Key": key, "Value": value} for key, value in tags]
        return self.operator("organizations").create_account(Email="n@acme.io", AccountName="n", Tags=named)

    def enter(self, account: str, role: str) -> Any:
        arn = f"arn:aws:iam::{account}:role/{role}"
        return self.operator("sts").assume_role(RoleArn=arn, RoleSessionName="test")

    def move(self, account: str) -> Any:
        where = {"SourceParentId": self.root, "DestinationParentId": self.unit}
        return self.operator("organizations").move_account(AccountId=account, **where)

    def call_it(self, account: str) -> Any:
        return self.operator("account").put_account_name(AccountId=account, AccountName="Acme")

    def mail(self, sender: str) -> Any:
        content = {"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}}
        return self.operator("sesv2").send_email(
            FromEmailAddress=sender, Destination={"ToAddresses": ["a@acme.io"]}, Content=content
        )


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """With the operator's policy as `batteries-operator policy --from-aws` prints it."""
    file = tmp_path_factory.mktemp("reach") / "policy.json"
    file.write_text(json.dumps({"Version": "2012-10-17", "Statement": []}))
    with serve_in_thread(StandinSettings(**AT_ONCE, operator_policy=str(file))) as url:
        made = Company(url, file)
        instance = made.instance["InstanceArn"].rpartition("/")[2]
        made.admin("organizations").enable_aws_service_access(ServicePrincipal="account.amazonaws.com")
        reach = Reach((ROLE,), SENDER, MANAGEMENT, "o-*", instance, made.permission_set, renames=True)
        file.write_text(json.dumps(policy(for_running("", reach), denied=denials(reach))))
        yield made


OURS_TAGGED = ((TAG_RESOURCE, "batteries/new"), (TAG_ACCOUNT_ID, "2"))

WITHIN: dict[str, Callable[[Company], Any]] = {
    "assign on ours": lambda company: company.assign(company.ours, company.permission_set),
    "tag ours": lambda company: company.tag(company.ours, owner="a"),
    "create": lambda company: company.create(*OURS_TAGGED),
    "enter ours": lambda company: company.enter(company.ours, ROLE),
    "mail as the sender": lambda company: company.mail(SENDER),
    "name ours": lambda company: company.call_it(company.ours),
    "move ours": lambda company: company.move(company.ours),
    "close ours": lambda company: company.operator("organizations").close_account(AccountId=company.ours),
}
BEYOND: dict[str, Callable[[Company], Any]] = {
    "assign on the management account": lambda company: company.assign(MANAGEMENT, company.permission_set),
    "assign another permission set": lambda company: company.assign(company.ours, company.others_set),
    "name a stranger's account": lambda company: company.call_it(company.strangers),
    "name the management account": lambda company: company.operator("account").put_account_name(AccountName="Acme"),
    "tag a stranger's account": lambda company: company.tag(company.strangers, resource="batteries/acme"),
    "tag it as a creation would": lambda company: company.tag(
        company.strangers, **{"resource": "batteries/acme", "account-id": "1"}
    ),
    "tag the management account": lambda company: company.tag(MANAGEMENT, **{"resource": "a/b", "account-id": "1"}),
    "tag the root": lambda company: company.tag(company.root, **{"resource": "a/b", "account-id": "1"}),
    "tag ours with a stranger's key": lambda company: company.operator("organizations").tag_resource(
        ResourceId=company.ours, Tags=[{"Key": "team", "Value": "payroll"}]
    ),
    "untag ours": lambda company: company.operator("organizations").untag_resource(
        ResourceId=company.ours, TagKeys=[TAG_RESOURCE]
    ),
    "create without our tags": lambda company: company.create(),
    "create with another's tag": lambda company: company.create(*OURS_TAGGED, ("team", "payroll")),
    "enter a stranger's account": lambda company: company.enter(company.strangers, "OrganizationAccountAccessRole"),
    "enter another role of ours": lambda company: company.enter(company.ours, "GitHubActionsDeployRole"),
    "enter the management account": lambda company: company.enter(MANAGEMENT, ROLE),
    "move a stranger's account": lambda company: company.move(company.strangers),
    "close a stranger's account": lambda company: company.operator("organizations").close_account(
        AccountId=company.strangers
    ),
    "mail as another sender": lambda company: company.mail(OTHER),
    "mail as the domain": lambda company: company.mail("ceo@sandbox.internal"),
    "attach a policy to itself": lambda company: company.operator("iam").attach_user_policy(
        UserName="operator", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
    ),
    "make a key for somebody": lambda company: company.operator("iam").create_access_key(UserName="admin"),
    "let anybody into its role": lambda company: company.operator("iam").update_assume_role_policy(
        RoleName="operator", PolicyDocument="{}"
    ),
    "leave a policy off": lambda company: company.operator("organizations").detach_policy(
        PolicyId="p-FullAWSAccess", TargetId=company.root
    ),
    "change a permission set": lambda company: company.operator("sso-admin").put_inline_policy_to_permission_set(
        InstanceArn=company.instance["InstanceArn"], PermissionSetArn=company.permission_set, InlinePolicy="{}"
    ),
}


@pytest.mark.parametrize("reach", BEYOND)
def test_what_is_beyond_is_refused(company: Company, reach: str) -> None:
    with pytest.raises(ClientError, match=r"AccessDenied") as caught:
        BEYOND[reach](company)
    assert "identity-based policy" in str(caught.value)


@pytest.mark.parametrize("reach", WITHIN)
def test_what_is_within_is_not(company: Company, reach: str) -> None:
    WITHIN[reach](company)


def test_no_wider_policy_beside_it_opens_what_is_denied(company: Company) -> None:
    """An explicit deny wins over whatever else is granted."""
    granted = json.loads(company.policy.read_text())
    granted["Statement"].append({"Effect": "Allow", "Action": "*", "Resource": "*"})
    company.policy.write_text(json.dumps(granted))
    for reach in ("assign on the management account", "tag it as a creation would", "attach a policy to itself"):
        with pytest.raises(ClientError, match="explicit deny"):
            BEYOND[reach](company)
