"""OpenID Connect providers in one member account: issuers of tokens that its roles may trust."""

from batteries_crds.github.trust_policy import provider_arn
from batteries_operator.aws.caller import AwsError
from batteries_operator.aws.iam_session import MISSING, IamSession
from batteries_operator.aws.member_resources import is_ours, provider_not_ours


class IamProviders:
    """The providers of the account that the session is in."""

    def __init__(self, session: IamSession) -> None:
        self._session = session

    async def ensure(self, host: str) -> str:
        """Ensures that a provider for the issuer `https://<host>` exists for our audience; returns its ARN.

        Somebody else's provider is used unchanged.

        Raises:
            NotOursError: somebody else's lacks our audience. It was left as it is.
            AwsError: with the code UNREACHABLE, AWS reads nothing at that URL.
        """
        session, audience = self._session, self._session.partition.audience
        arn = provider_arn(session.account.id, session.partition.name, host)
        try:
            found = await session.caller.call(
                "iam:GetOpenIDConnectProvider",
                session.client.get_open_id_connect_provider,
                OpenIDConnectProviderArn=arn,
            )
        except AwsError as error:
            if error.code != MISSING:
                raise
            # No thumbprint: AWS trusts public certificate authorities by its own library, and reads the thumbprint
            # itself (botocore's iam model).
            await session.caller.call(
                "iam:CreateOpenIDConnectProvider",
                session.client.create_open_id_connect_provider,
                Url=f"https://{host}",
                ClientIDList=[audience],
                Tags=session.tags,
            )
            return arn
        if audience not in found.get("ClientIDList", []):
            if not is_ours(session.account, found.get("Tags", [])):
                raise provider_not_ours(session.account, host, arn, audience)
            await session.caller.call(
                "iam:AddClientIDToOpenIDConnectProvider",
                session.client.add_client_id_to_open_id_connect_provider,
                OpenIDConnectProviderArn=arn,
                ClientID=audience,
            )
        return arn


UNREACHABLE = "OpenIdIdpCommunicationError"
"""AWS's code where it can't read the certificate at an issuer's URL (botocore's iam model)."""
