"""SES: mails to owners. At least once, because SendEmail has no idempotency token."""

from typing import TYPE_CHECKING

from batteries_operator.aws.caller import AwsError, Caller

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sesv2.type_defs import GetAccountResponseTypeDef


class Mail:
    """Sends mail from one verified address."""

    def __init__(self, caller: Caller, client: "SESV2Client", sender: str) -> None:
        self._caller = caller
        self._client = client
        self._sender = sender

    @property
    def enabled(self) -> bool:
        """Whether a sender is configured; without one no mail is sent."""
        return bool(self._sender)

    async def account(self) -> "GetAccountResponseTypeDef":
        """SES's account details: sandbox, quota, whether sending is enabled."""
        return await self._caller.call("ses:GetAccount", self._client.get_account)

    async def sender_verified(self) -> bool:
        """Whether SES sends from our address: the address or its domain is a verified identity."""
        for identity in (self._sender, self._sender.split("@")[-1]):
            try:
                response = await self._caller.call(
                    "ses:GetEmailIdentity", self._client.get_email_identity, EmailIdentity=identity
                )
            except AwsError as error:
                if error.code != "NotFoundException":
                    raise
            else:
                if response.get("VerifiedForSendingStatus"):
                    return True
        return False

    async def send(self, to: str, subject: str, text: str, *, about: str) -> str:
        """Sends a plain-text mail and returns SES's message id. `about` becomes a header by which repeats are
        recognized.
        """
        response = await self._caller.call(
            "ses:SendEmail",
            self._client.send_email,
            FromEmailAddress=self._sender,
            Destination={"ToAddresses": [to]},
            Content={
                "Simple": {
                    "Subject": {"Data": subject, "Charset": "UTF-8"},
                    "Body": {"Text": {"Data": text, "Charset": "UTF-8"}},
                    "Headers": [{"Name": "X-Entity-Ref-ID", "Value": about}],
                }
            },
        )
        return response["MessageId"]
