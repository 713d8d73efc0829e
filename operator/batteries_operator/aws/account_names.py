"""Account Management: the name of a member account, read and changed from the management account.

Account Management reference, PutAccountName: it takes a member's id from the management account where the service has
trusted access to the organization, and names of 1 to 50 characters of `[ -;=?-~]`, which CreateAccount takes and two
more. Organizations and bills show a new name later.
"""

from typing import Any

from batteries_operator.aws.caller import Caller
from batteries_operator.aws.organizations import Organizations
from batteries_operator.aws.ownership import OwnedAccount
from batteries_operator.aws.trusted_access import TrustedAccess

SERVICE = "account.amazonaws.com"
_REFUSED = str.maketrans({"<": "-", ">": "-"})


class AccountNames:
    """The names of the organization's accounts."""

    def __init__(self, caller: Caller, organizations: Organizations, client: Any) -> None:
        """`client` is boto3's of the service `account`; None where no account is named."""
        self._caller = caller
        self._client = client
        self.trust = TrustedAccess(caller, organizations, SERVICE)

    async def read(self, account: OwnedAccount) -> str:
        """The account's name.

        Raises:
            AwsError: AWS refused, as it does without trusted access, or did not answer.
        """
        ask = self._client.get_account_information
        answer = await self._caller.call("account:GetAccountInformation", ask, AccountId=account.id)
        return str(answer.get("AccountName", ""))

    async def write(self, account: OwnedAccount, name: str) -> None:
        """Names it; a name that it has already is no error.

        Raises:
            AwsError: as `read`.
        """
        put = self._client.put_account_name
        await self._caller.call("account:PutAccountName", put, AccountId=account.id, AccountName=name)


def accepted(name: str) -> str:
    """A name of CreateAccount as PutAccountName takes it."""
    return name.translate(_REFUSED)
