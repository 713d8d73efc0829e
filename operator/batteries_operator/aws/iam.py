"""IAM in one member account: its users, roles and identity providers."""

from batteries_operator.aws.iam_providers import IamProviders
from batteries_operator.aws.iam_roles import IamRoles
from batteries_operator.aws.iam_session import IamSession
from batteries_operator.aws.iam_users import IamUsers


class Iam:
    """IAM of the account that the session is in."""

    def __init__(self, session: IamSession) -> None:
        self.session = session
        self.users = IamUsers(session)
        self.roles = IamRoles(session)
        self.providers = IamProviders(session)
