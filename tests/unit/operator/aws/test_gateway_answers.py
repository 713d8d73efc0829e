"""How each gateway reads AWS's answers and refusals, one by one, without the stand-in."""

from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from batteries_operator.aws.cache import IdCaches
from batteries_operator.aws.directory import Directory
from batteries_operator.aws.errors import AwsError
from batteries_operator.aws.identity_center import IdentityCenter
from batteries_operator.aws.organizations import ManagementAccountError, NotPreparedError, Organizations


class Anything:
    """A client whose methods are only named."""

    def __getattr__(self, name: str) -> str:
        return name


class Scripted:
    """A caller whose answers are written down by operation; an AwsError is raised."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.caches = IdCaches()

    def _answer(self, operation: str, arguments: dict[str, Any]) -> Any:
        self.calls.append((operation, arguments))
        answer = self.answers[operation.split(":")[1]]
        if isinstance(answer, AwsError):
            raise answer
        return answer(**arguments) if callable(answer) else answer

    async def call(self, operation: str, function: Any, /, *args: Any, **arguments: Any) -> Any:
        return self._answer(operation, arguments)

    async def pages(self, operation: str, function: Any, /, **arguments: Any) -> AsyncIterator[Any]:
        for page in self._answer(operation, arguments):
            yield page


def refused(code: str) -> AwsError:
    return AwsError("any:Thing", code, "said by the test", http_status=400)


INSTANCES = {"Instances": [{"InstanceArn": "arn:i", "IdentityStoreId": "d-1"}, {"InstanceArn": "arn:other"}]}


def center(**answers: Any) -> tuple[IdentityCenter, Scripted]:
    caller = Scripted(**{"ListInstances": INSTANCES, **answers})
    return IdentityCenter(cast(Any, caller), cast(Any, Anything())), caller


def directory(**answers: Any) -> Directory:
    own, caller = center(**answers)
    return Directory(cast(Any, caller), cast(Any, Anything()), own)


def organizations(**answers: Any) -> tuple[Organizations, Scripted]:
    caller = Scripted(**{"DescribeOrganization": {"Organization": {"MasterAccountId": "000"}}, **answers})
    return Organizations(cast(Any, caller), cast(Any, Anything())), caller


OWNED: Any = SimpleNamespace(id="111")


async def test_identity_center_that_is_not_enabled_is_told_and_looked_for_again() -> None:
    gateway, caller = center(ListInstances={"Instances": []})
    for _ in range(2):
        with pytest.raises(NotPreparedError, match="Enable it for the organization"):
            await gateway.instance()
    caller.answers["ListInstances"] = INSTANCES
    found = await gateway.instance()
    assert (found.arn, found.identity_store_id) == ("arn:i", "d-1")
    await gateway.instance()
    assert len(caller.calls) == 3, "then it is known"


async def test_a_permission_set_is_found_by_its_name_on_any_page() -> None:
    def described(PermissionSetArn: str, **_: Any) -> Any:  # AWS's name
        return {"PermissionSet": {"Name": PermissionSetArn.upper()}}

    gateway, caller = center(
        ListPermissionSets=[{"PermissionSets": ["a", "b"]}, {"PermissionSets": ["c"]}],
        DescribePermissionSet=described,
    )
    assert await gateway.permission_set("C") == "c"
    assert await gateway.permission_set("B") == "b"
    with pytest.raises(NotPreparedError, match="no permission set 'a'"):
        await gateway.permission_set("a")
    asked = len(caller.calls)
    assert await gateway.permission_set("C") == "c"
    assert len(caller.calls) == asked


async def test_only_users_count_as_assigned_on_whatever_page() -> None:
    gateway, caller = center(
        ListAccountAssignments=[
            {"AccountAssignments": [{"PrincipalType": "GROUP", "PrincipalId": "g"}]},
            {"AccountAssignments": [{"PrincipalType": "USER", "PrincipalId": "u"}]},
        ]
    )
    assert [user async for user in gateway.assigned_users("111", "ps")] == ["u"]
    assert await gateway.is_assigned("111", "ps", "u")
    assert not await gateway.is_assigned("111", "ps", "g")
    assert caller.calls[-1][1] == {"InstanceArn": "arn:i", "AccountId": "111", "PermissionSetArn": "ps"}


@pytest.mark.parametrize(
    ("act", "operation", "key"),
    [
        (IdentityCenter.assign, "sso:CreateAccountAssignment", "AccountAssignmentCreationStatus"),
        (IdentityCenter.unassign, "sso:DeleteAccountAssignment", "AccountAssignmentDeletionStatus"),
    ],
)
async def test_an_assignment_names_account_permission_set_and_user(
    act: Callable[..., Any], operation: str, key: str
) -> None:
    raw = {key: {"RequestId": "r-1", "Status": "IN_PROGRESS"}}
    gateway, caller = center(CreateAccountAssignment=raw, DeleteAccountAssignment=raw)
    begun = await act(gateway, OWNED, "ps", "u")
    assert (begun.request_id, begun.is_in_progress, begun.failure_reason) == ("r-1", True, None)
    assert caller.calls[-1] == (
        operation,
        {
            "InstanceArn": "arn:i",
            "TargetId": "111",
            "TargetType": "AWS_ACCOUNT",
            "PermissionSetArn": "ps",
            "PrincipalType": "USER",
            "PrincipalId": "u",
        },
    )


REQUESTS = [
    ("removal_status", "DescribeAccountAssignmentDeletionStatus", "Deletion"),
    ("assignment_status", "DescribeAccountAssignmentCreationStatus", "Creation"),
]


@pytest.mark.parametrize(("method", "operation", "what"), REQUESTS)
async def test_a_request_is_told_as_it_is_and_forgotten_ones_are_none(method: str, operation: str, what: str) -> None:
    raw = {"RequestId": "r", "Status": "FAILED", "FailureReason": "why"}
    gateway, caller = center(**{operation: {f"AccountAssignment{what}Status": raw}})
    told = await getattr(gateway, method)("r")
    assert (told.state, told.failure_reason, told.is_in_progress) == ("FAILED", "why", False)
    assert caller.calls[-1][1] == {"InstanceArn": "arn:i", f"AccountAssignment{what}RequestId": "r"}
    assert await getattr(center(**{operation: refused("ResourceNotFoundException")})[0], method)("r") is None
    with pytest.raises(AwsError):
        await getattr(center(**{operation: refused("AccessDeniedException")})[0], method)("r")


async def test_a_user_is_found_by_name_first_and_then_by_address() -> None:
    asked: list[tuple[str, str]] = []

    def by(AlternateIdentifier: Any, IdentityStoreId: str) -> Any:  # AWS's names
        unique = AlternateIdentifier["UniqueAttribute"]
        asked.append((unique["AttributePath"], unique["AttributeValue"]))
        if unique["AttributePath"] == "userName":
            raise refused("ResourceNotFoundException")
        return {"UserId": "u-1"}

    assert await directory(GetUserId=by).find_user("a@b.com") == "u-1"
    assert asked == [("userName", "a@b.com"), ("emails.value", "a@b.com")]
    assert await directory(GetUserId={"UserId": "u-2"}).find_user("a@b.com") == "u-2"
    with pytest.raises(AwsError):
        await directory(GetUserId=refused("ThrottlingException")).find_user("a@b.com")


async def test_a_user_is_made_with_its_address_and_its_mark() -> None:
    given: list[Any] = []

    def made(**arguments: Any) -> Any:
        given.append(arguments)
        return {"UserId": "u-1"}

    assert await directory(CreateUser=made).create_user("ada@b.com", made_for="c-1") == "u-1"
    await directory(CreateUser=made).create_user("ada@b.com")
    plain = {
        "IdentityStoreId": "d-1",
        "UserName": "ada@b.com",
        "DisplayName": "ada@b.com",
        "Name": {"GivenName": "ada", "FamilyName": "ada"},
        "Emails": [{"Value": "ada@b.com", "Type": "work", "Primary": True}],
    }
    assert given == [{**plain, "UserType": "c-1"}, plain]


async def test_what_is_known_of_a_user() -> None:
    one = directory(DescribeUser={"UserName": "ada", "UserType": "c-1"})
    assert (await one.user_name("u"), await one.made_for("u")) == ("ada", "c-1")
    assert await directory(DescribeUser={"UserName": "ada"}).made_for("u") is None
    assert await directory(DescribeUser=refused("ResourceNotFoundException")).user_name("u") is None
    with pytest.raises(AwsError):
        await directory(DescribeUser=refused("AccessDeniedException")).user_name("u")


async def test_a_directory_that_takes_no_users_says_why() -> None:
    listed = {"Users": [{"UserName": "ada"}]}
    closed = directory(ListUsers=listed, CreateUser=refused("ValidationException"))
    assert await closed.refusal_of_new_users() == "ValidationException: said by the test"
    assert await directory(ListUsers=listed, CreateUser=refused("ConflictException")).refusal_of_new_users() is None
    assert await directory(ListUsers={"Users": []}).refusal_of_new_users() is None


async def test_the_management_account_is_refused_and_no_other() -> None:
    gateway, caller = organizations()
    await gateway.refuse_management("111")
    with pytest.raises(ManagementAccountError, match="AWS account 000 is the organization's management account"):
        await gateway.refuse_management("000")
    assert len(caller.calls) == 1, "it is asked for once"


ACCOUNTS = [
    {"Accounts": [{"Id": "000", "Email": "m@b.com", "Name": "m", "State": "ACTIVE"}]},
    {"Accounts": [{"Id": "111", "Email": "Ada@B.com", "Name": "ada", "State": "CLOSED"}]},
]


async def test_members_are_all_but_the_management_account_and_found_by_address_in_any_case() -> None:
    gateway, _ = organizations(ListAccounts=ACCOUNTS)
    (member,) = [each async for each in gateway.members()]
    assert (member.id, member.name, member.email, member.state) == ("111", "ada", "Ada@B.com", "CLOSED")
    assert await gateway.find_account_by_email("aDA@b.com") == "111"
    assert await gateway.find_account_by_email("nobody@b.com") is None


async def test_tags_of_every_page_are_read_and_written_one_by_one() -> None:
    tags = [{"Tags": [{"Key": "a", "Value": "1"}]}, {"Tags": [{"Key": "b", "Value": "2"}]}]
    gateway, caller = organizations(ListTagsForResource=tags, TagResource={})
    assert await gateway.tags("111") == {"a": "1", "b": "2"}
    await gateway.tag(OWNED, {"c": "3"})
    written = {"ResourceId": "111", "Tags": [{"Key": "c", "Value": "3"}]}
    assert caller.calls[-1] == ("organizations:TagResource", written)


async def test_what_is_done_already_is_success_and_any_other_refusal_is_not() -> None:
    moved, _ = organizations(MoveAccount=refused("DuplicateAccountException"))
    await moved.move(OWNED, source="a", destination="b")
    closed, _ = organizations(CloseAccount=refused("AccountAlreadyClosedException"))
    await closed.close(OWNED)
    with pytest.raises(AwsError):
        await organizations(MoveAccount=refused("AccessDeniedException"))[0].move(OWNED, source="a", destination="b")
    with pytest.raises(AwsError):
        await organizations(CloseAccount=refused("AccessDeniedException"))[0].close(OWNED)


async def test_a_move_names_both_ends() -> None:
    gateway, caller = organizations(MoveAccount={})
    await gateway.move(OWNED, source="a", destination="b")
    assert caller.calls[-1][1] == {"AccountId": "111", "SourceParentId": "a", "DestinationParentId": "b"}


async def test_an_account_that_is_no_member_has_no_state() -> None:
    assert await organizations(DescribeAccount={"Account": {"State": "ACTIVE"}})[0].state("111") == "ACTIVE"
    assert await organizations(DescribeAccount=refused("AccountNotFoundException"))[0].state("111") is None
    with pytest.raises(AwsError):
        await organizations(DescribeAccount=refused("AccessDeniedException"))[0].state("111")


async def test_the_first_parent_and_the_first_root_are_taken_and_none_is_an_error() -> None:
    gateway, _ = organizations(
        ListParents=[{"Parents": []}, {"Parents": [{"Id": "ou-1"}]}], ListRoots=[{"Roots": [{"Id": "r-1"}]}]
    )
    assert (await gateway.parent("111"), await gateway.root()) == ("ou-1", "r-1")
    nothing, _ = organizations(ListParents=[{"Parents": []}], ListRoots=[{"Roots": []}])
    with pytest.raises(AwsError, match="names no parent of account 111"):
        await nothing.parent("111")
    with pytest.raises(AwsError, match="names no root"):
        await nothing.root()


async def test_an_ou_is_known_once_found_and_looked_for_anew_on_request() -> None:
    found = [{"Name": "Customers", "Id": "ou-1"}]
    units = [{"OrganizationalUnits": list[Any]()}, {"OrganizationalUnits": found}]
    gateway, caller = organizations(
        ListRoots=[{"Roots": [{"Id": "r-1"}]}], ListOrganizationalUnitsForParent=lambda **_: units
    )
    assert await gateway.ou("Customers") == await gateway.ou("Customers") == "ou-1"
    assert [operation.split(":")[1] for operation, _ in caller.calls] == [
        "ListRoots",
        "ListOrganizationalUnitsForParent",
    ]
    found[0]["Id"] = "ou-2"
    assert await gateway.ou("Customers") == "ou-1"
    assert await gateway.look_for_ou("Customers", "r-1") == await gateway.ou("Customers") == "ou-2"
    with pytest.raises(NotPreparedError, match="no OU 'Others'"):
        await gateway.ou("Others")
