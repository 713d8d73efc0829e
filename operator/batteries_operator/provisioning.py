"""The runbook: the one place where the order of the steps lives."""

from batteries_crds.names import ProvisioningStep as Name
from batteries_operator.step import Step
from batteries_operator.steps import (
    check_status,
    create_account,
    create_iam_user,
    move_to_ou,
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
    ),
    Step(
        Name.CREATE_IAM_USER,
        "IAMUserReady",
        create_iam_user.run,
        "IAM user, AdministratorAccess, first password in a Secret and then in AWS",
    ),
    Step(
        Name.SETUP_SSO_ACCESS,
        "SSOAssigned",
        setup_sso_access.run,
        "Identity Center user found or made, account assignment made and polled",
    ),
    Step(
        Name.SETUP_OIDC,
        "OIDCConfigured",
        setup_oidc.run,
        "GitHub OIDC provider, GitHubActionsDeployRole, trust policy for spec.githubRepos",
        inputs=setup_oidc.inputs,
    ),
    Step(
        Name.SEND_WELCOME_EMAIL,
        "WelcomeEmailSent",
        send_welcome_email.run,
        "SES v2 SendEmail; a failing mail does not hold the account back",
        required=False,
    ),
)
