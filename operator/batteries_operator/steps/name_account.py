"""name_account: gives an AWS account that a pool prepared the name that it would have had without the pool.

Only where the setting asks for it, once, and after the account is ready. AWS has the name before the status says so;
after a crash in between the account is seen to have it. A name that is neither that one nor the pool's was given by
somebody, and stays. Nothing goes by an account's name: whose it is, its tags say.
"""

from batteries_crds.aws_account import AwsAccount
from batteries_operator.aws.account_names import accepted
from batteries_operator.aws.error_meanings import ErrorKind
from batteries_operator.aws.errors import AwsError
from batteries_operator.aws.ownership import OwnedAccount
from batteries_operator.runtime.naming import account_name, names_account
from batteries_operator.runtime.settings import Settings
from batteries_operator.steps.outcome import Done, Fail, Outcome
from batteries_operator.steps.step import Scope


def may_be_from_pool(account: AwsAccount) -> bool:
    """Whether it has an AWS account that AWS was not asked for: a pool prepared it, or it was adopted."""
    return account.status.aws_account_id is not None and account.status.create_request is None


def name_of(settings: Settings, account: AwsAccount) -> str:
    """The name that its AWS account is to have."""
    return accepted(account_name(settings.account_name_prefix, account.spec.display_name, str(account.account_id)))


async def run(scope: Scope) -> Outcome:
    """Done once the AWS account has the name. What AWS refuses is tried again with each comparison with AWS.

    Raises:
        AwsError: AWS is busy or does not answer; it is tried again soon.
    """
    owned = await scope.owned_account()
    try:
        return await _named(scope, owned)
    except AwsError as error:
        if error.kind is ErrorKind.TRANSIENT:
            raise
        message = f"AWS account {owned.id} keeps the name that its pool gave it, and is ready with it. {error.words}"
        return Fail(error.meaning.reason, message, cause=error.cause)


async def _named(scope: Scope, owned: OwnedAccount) -> Done:
    names, wanted = scope.deps.aws.account_names, name_of(scope.deps.settings, scope.account)
    if owned.pooled_id is None:
        return Done(f"No pool prepared AWS account {owned.id}, so it keeps its name.")
    found = await names.read(owned)
    if found != wanted and not names_account(found, owned.pooled_id):
        return Done(f"AWS account {owned.id} has a name that no pool gave it, and keeps that.")
    if found != wanted:
        await names.write(owned, wanted)
    return Done(f"AWS account {owned.id} is called {wanted}. Organizations and bills may show that later.")
