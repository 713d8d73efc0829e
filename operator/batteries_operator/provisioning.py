"""The runbooks: the one place where the order of the steps lives, and which of them holds for an account."""

from batteries_crds.aws_account import AwsAccount
from batteries_crds.names import ProvisioningStep as Name
from batteries_crds.names import SuspensionStep as Closing
from batteries_operator.step import Step
from batteries_operator.steps import (
    check_status,
    close_console,
    close_deploy_role,
    create_account,
    create_iam_user,
    move_to_ou,
    quarantine,
    revoke_sso_access,
    send_welcome_email,
    setup_oidc,
    setup_sso_access,
    wait_for_role,
)

PROVISIONING: tuple[Step, ...] = (
    Step(
        Name.CREATE_ACCOUNT,
        "AccountRequested",
        create_account.run,
        "Organizations CreateAccount, the intent written before the call",
        holds=create_account.has_request,
    ),
    Step(
        Name.CHECK_STATUS,
        "AccountCreated",
        check_status.run,
        "DescribeCreateAccountStatus until AWS names the account",
        holds=lambda account: account.status.aws_account_id is not None,
    ),
    Step(
        Name.WAIT_FOR_ROLE,
        "RoleReady",
        wait_for_role.run,
        "AssumeRole of the organization's access role, GetCallerIdentity",
    ),
    Step(
        Name.MOVE_TO_OU,
        "InCustomersOU",
        move_to_ou.run,
        "ListParents, MoveAccount to the Customers OU",
        undoes=("Quarantined",),
    ),
    Step(
        Name.CREATE_IAM_USER,
        "IAMUserReady",
        create_iam_user.run,
        "IAM user, AdministratorAccess, first password in a Secret and then in AWS",
        undoes=("ConsoleClosed",),
    ),
    Step(
        Name.SETUP_SSO_ACCESS,
        "SSOAssigned",
        setup_sso_access.run,
        "Identity Center user found or made, account assignment made and polled",
        undoes=("SSORevoked",),
    ),
    Step(
        Name.SETUP_OIDC,
        "OIDCConfigured",
        setup_oidc.run,
        "GitHub OIDC provider, GitHubActionsDeployRole, trust policy for spec.githubRepos",
        inputs=setup_oidc.inputs,
        undoes=("DeployRoleClosed",),
    ),
    Step(
        Name.SEND_WELCOME_EMAIL,
        "WelcomeEmailSent",
        send_welcome_email.run,
        "SES v2 SendEmail; a failing mail does not hold the account back",
        required=False,
    ),
)

SUSPENSION: tuple[Step, ...] = (
    Step(
        Closing.QUARANTINE,
        "Quarantined",
        quarantine.run,
        "MoveAccount to the Suspended OU, whose policy denies everything to everyone but the operator's role",
        undoes=("InCustomersOU",),
    ),
    Step(
        Closing.CLOSE_CONSOLE,
        "ConsoleClosed",
        close_console.run,
        "the IAM user's login profile and its Secret deleted",
        undoes=("IAMUserReady",),
    ),
    Step(
        Closing.REVOKE_SSO_ACCESS,
        "SSORevoked",
        revoke_sso_access.run,
        "account assignment deleted and polled",
        undoes=("SSOAssigned",),
    ),
    Step(
        Closing.CLOSE_DEPLOY_ROLE,
        "DeployRoleClosed",
        close_deploy_role.run,
        "trust policy of GitHubActionsDeployRole admits nobody",
        undoes=("OIDCConfigured",),
    ),
)

UNTIL_IT_ANSWERS = PROVISIONING[:3]
"""What has to be over before anything can be done in an account, closing it included."""


def runbook(account: AwsAccount) -> tuple[Step, ...]:
    """The steps that hold for the account as its spec is now.

    A suspended account whose making AWS was asked for is followed to its end and then closed; one that AWS does not
    know of is left unmade.
    """
    if not account.spec.suspended:
        return PROVISIONING
    if account.status.create_request is None and account.status.aws_account_id is None:
        return ()
    return (*UNTIL_IT_ANSWERS, *SUSPENSION)
