"""What an account may be used for, where, and who hears of it: a part of llms.txt and of the OpenAPI document."""

from collections.abc import Mapping

from batteries_apiserver.settings import Settings

_POLICY, _REGION = "__POLICY__", "__REGION__"

GRANTED = (
    f"The deploy role, the console's IAM user and single sign-on may do what the AWS policy `{_POLICY}` allows. The "
    f"service closes no AWS Region; its examples use `{_REGION}`. Mails go only to the owner, at the e-mail address of "
    "the sign-up: a link to confirm the address after the checkout, and the addresses for signing in once the account "
    "is active. Nobody else is invited."
)
"""With placeholders, which `granted_by` fills."""


def granted_by(settings: Settings) -> Mapping[str, str]:
    """What this installation's settings say for each placeholder."""
    return {_POLICY: settings.managed_policy_arn.rpartition("/")[2], _REGION: settings.account_region}
