"""What is said of a console that was closed, and of a user that is not ours."""

import pytest
from fakes.factory import Factory

from batteries_crds.conditions import find

TAG = "aibatteriesincluded.com/account-id"


@pytest.mark.parametrize("is_ours", [True, False])
async def test_a_closed_console_says_who_cannot_sign_in_or_who_was_left_alone(factory: Factory, is_ours: bool) -> None:
    process = await factory.active()
    account = await factory.account()
    iam = await factory.client("iam", account.status.aws_account_id)
    if not is_ours:
        iam.untag_user(UserName="admin", TagKeys=[TAG])
        await factory.accounts.merge_status("customers", "acme", {"status": {"iamUserName": None}})
    await factory.change(suspended=True)
    closed = await process.until("acme")
    said = find(closed.status.conditions, "ConsoleClosed")
    assert said is not None
    expected = "admin can't sign in." if is_ours else "The IAM user admin is not ours and was left alone."
    assert (said.status, said.message) == ("True", expected)
    if is_ours:
        with pytest.raises(iam.exceptions.NoSuchEntityException):
            iam.get_login_profile(UserName="admin")
    else:
        assert iam.get_login_profile(UserName="admin")["LoginProfile"]["UserName"] == "admin"
    assert closed.status.credentials_secret_name is None
