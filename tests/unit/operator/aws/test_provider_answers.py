"""OpenID Connect providers in a member account: what is created with which tags, and whose is left alone."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from batteries_operator.aws.errors import AwsError, NotOursError
from batteries_operator.aws.iam_providers import IamProviders
from batteries_operator.aws.iam_session import MISSING
from batteries_operator.aws.partition import of_region

HOST, ARN = "issuer.example.com/x", "arn:aws:iam::111:oidc-provider/issuer.example.com/x"
AUDIENCE = of_region("us-east-1").audience
OURS = [{"Key": "ours", "Value": "yes"}]


class Member:
    """A member account with a provider, or none."""

    def __init__(self, found: dict[str, Any] | AwsError, monkeypatch: pytest.MonkeyPatch) -> None:
        self.found = found
        self.calls: list[tuple[str, dict[str, Any]]] = []
        client = SimpleNamespace(
            get_open_id_connect_provider=None,
            create_open_id_connect_provider=None,
            add_client_id_to_open_id_connect_provider=None,
        )
        account = SimpleNamespace(id="111", key="n/acme")
        session = SimpleNamespace(
            caller=self, client=client, tags=OURS, account=account, partition=of_region("us-east-1")
        )
        name = "batteries_operator.aws.iam_providers"
        monkeypatch.setattr(f"{name}.is_ours", lambda account, tags: tags == OURS)
        monkeypatch.setattr(f"{name}.provider_not_ours", lambda *_: NotOursError("NotOurProvider", "left alone"))
        self.providers = IamProviders(cast(Any, session))

    async def call(self, operation: str, function: Any, /, **arguments: Any) -> Any:
        self.calls.append((operation.split(":")[1], arguments))
        if operation == "iam:GetOpenIDConnectProvider":
            if isinstance(self.found, AwsError):
                raise self.found
            return self.found
        return {}


def refused(code: str) -> AwsError:
    return AwsError("iam:GetOpenIDConnectProvider", code, "no", http_status=404)


LOOK = ("GetOpenIDConnectProvider", {"OpenIDConnectProviderArn": ARN})


async def test_a_provider_that_is_missing_is_created_with_our_audience_and_tags(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    member = Member(refused(MISSING), monkeypatch)
    assert await member.providers.ensure(HOST) == ARN
    created = {"Url": f"https://{HOST}", "ClientIDList": [AUDIENCE], "Tags": OURS}
    assert member.calls == [LOOK, ("CreateOpenIDConnectProvider", created)]


async def test_another_refusal_creates_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    member = Member(refused("AccessDenied"), monkeypatch)
    with pytest.raises(AwsError):
        await member.providers.ensure(HOST)
    assert member.calls == [LOOK]


@pytest.mark.parametrize("tags", [OURS, []])
async def test_a_provider_with_our_audience_is_used_whoever_made_it(
    monkeypatch: pytest.MonkeyPatch, tags: list[Any]
) -> None:
    member = Member({"ClientIDList": ["other", AUDIENCE], "Tags": tags}, monkeypatch)
    assert await member.providers.ensure(HOST) == ARN
    assert member.calls == [LOOK]


async def test_our_own_provider_gets_the_audience_that_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    member = Member({"ClientIDList": ["other"], "Tags": OURS}, monkeypatch)
    assert await member.providers.ensure(HOST) == ARN
    added = {"OpenIDConnectProviderArn": ARN, "ClientID": AUDIENCE}
    assert member.calls == [LOOK, ("AddClientIDToOpenIDConnectProvider", added)]


@pytest.mark.parametrize("found", [{"ClientIDList": ["other"], "Tags": []}, {}])
async def test_somebody_elses_provider_without_it_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, found: dict[str, Any]
) -> None:
    member = Member(found, monkeypatch)
    with pytest.raises(NotOursError, match="left alone"):
        await member.providers.ensure(HOST)
    assert member.calls == [LOOK]
