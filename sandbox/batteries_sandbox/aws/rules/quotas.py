"""The one quota that this product reads: how many accounts the organization may have.

moto knows quotas of VPC only. The code is believed (Service Quotas console, AWS Organizations).
"""

from __future__ import annotations

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.rules import Proceed
from batteries_sandbox.aws.wire import Answer, answer
from batteries_sandbox.aws.world import World

_ACCOUNTS = ("organizations", "L-E619E033")


def get(call: Call, world: World, proceed: Proceed) -> Answer:
    """GetServiceQuota and GetAWSDefaultServiceQuota."""
    if (call.text("ServiceCode"), call.text("QuotaCode")) != _ACCOUNTS:
        return proceed(call)
    applied = call.operation == "GetServiceQuota"
    quota = {
        "ServiceCode": _ACCOUNTS[0],
        "ServiceName": "AWS Organizations",
        "QuotaCode": _ACCOUNTS[1],
        "QuotaArn": f"arn:{world.settings.partition}:servicequotas:::{_ACCOUNTS[0]}/{_ACCOUNTS[1]}",
        "QuotaName": "Default maximum number of accounts",
        "Value": float(world.settings.max_accounts if applied else 10),
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": True,
    }
    return answer(call, {"Quota": quota})
