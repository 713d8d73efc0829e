"""How many accounts the organization may have, as Service Quotas says it."""

from typing import Any

import pytest

from batteries_operator.aws.quotas import Quotas


@pytest.mark.parametrize(("quota", "allowed"), [({"Value": 50.0}, 50), ({"Value": 0.0}, 0), ({}, 0)])
async def test_a_quota_is_a_whole_number_and_none_where_aws_says_none(quota: dict[str, float], allowed: int) -> None:
    class Calls:
        async def call(self, operation: str, function: Any, **arguments: Any) -> Any:
            assert operation == "servicequotas:GetServiceQuota"
            assert arguments == {"ServiceCode": "organizations", "QuotaCode": "L-E619E033"}
            return {"Quota": quota}

    made: Any = Calls()
    client: Any = type("Client", (), {"get_service_quota": None})
    assert await Quotas(made, client, client).accounts_allowed() == allowed
