"""What the management account is allowed: Service Quotas, and IAM's simulation of our own policies."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from batteries_operator.aws.caller import Caller

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_service_quotas import ServiceQuotasClient

ACCOUNTS_QUOTA = ("organizations", "L-E619E033")
"""'Default maximum number of accounts'; the code is assumed (Service Quotas console, AWS Organizations)."""

_SETS = ("aws:TagKeys", "account:AccountResourceOrgTags/")
"""The condition keys of our policies that have several values."""

_SESSION = re.compile(r"arn:(?P<partition>[\w-]+):sts::(?P<account>\d{12}):assumed-role/(?P<role>[^/]+)/.+")


class Quotas:
    """Used by the doctor only."""

    def __init__(self, caller: Caller, quotas: "ServiceQuotasClient", iam: "IAMClient") -> None:
        self._caller = caller
        self._quotas = quotas
        self._iam = iam

    async def accounts_allowed(self) -> int:
        """How many accounts the organization may have, including the management account and closed ones."""
        service, code = ACCOUNTS_QUOTA
        response = await self._caller.call(
            "servicequotas:GetServiceQuota", self._quotas.get_service_quota, ServiceCode=service, QuotaCode=code
        )
        return int(response["Quota"].get("Value", 0))

    async def not_granted(
        self, principal_arn: str, actions: Sequence[str], resource: str = "*", context: Mapping[str, str] | None = None
    ) -> list[str]:
        """The actions that the principal's policies don't grant on that resource, under these condition keys.

        A session's ARN is turned into its role's: IAM simulates users and roles only (its API reference).
        """
        session = _SESSION.fullmatch(principal_arn)
        source = (
            "arn:{partition}:iam::{account}:role/{role}".format(**session.groupdict()) if session else principal_arn
        )
        pages = self._caller.marked_pages(
            "iam:SimulatePrincipalPolicy",
            self._iam.simulate_principal_policy,
            PolicySourceArn=source,
            ActionNames=list(actions),
            ResourceArns=[resource],
            ContextEntries=[
                {
                    "ContextKeyName": key,
                    "ContextKeyValues": [value],
                    "ContextKeyType": "stringList" if key.startswith(_SETS) else "string",
                }
                for key, value in (context or {}).items()
            ],
        )
        allowed = {
            each["EvalActionName"]
            async for page in pages
            for each in page.get("EvaluationResults", [])
            if each["EvalDecision"] == "allowed"
        }
        # An action without a result is not granted either.
        return [action for action in actions if action not in allowed]
