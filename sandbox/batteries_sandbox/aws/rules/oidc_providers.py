"""Identity providers of an account: one for each URL, with a list of audiences.

moto lacks the two operations that change the audiences; adding one twice is no error in AWS
(IAM API reference, AddClientIDToOpenIDConnectProvider). It takes any URL with a scheme and any number of providers.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.rules import Proceed
from batteries_sandbox.aws.wire import Answer, AwsError, answer
from batteries_sandbox.aws.world import World

_MOST_PROVIDERS = 100  # of one account; IAM quotas page, "OpenID Connect identity providers per account"
_MOST_AUDIENCES = 100  # of one provider; botocore's iam model, ClientIDList


def create(call: Call, world: World, proceed: Proceed) -> Answer:
    """CreateOpenIDConnectProvider: an https URL without port, query or fragment, and new in the account."""
    url = call.text("Url")
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or ":" in parts.netloc or "@" in parts.netloc or "?" in url:
        raise AwsError("ValidationError", "Invalid Open ID Connect Provider URL")
    providers = world.moto.iam(call.account_id).open_id_providers
    arn = f"arn:{world.settings.partition}:iam::{call.account_id}:oidc-provider/{url.removeprefix('https://')}"
    if arn in providers:
        raise AwsError("EntityAlreadyExists", f"Provider with url {url} already exists.", status=409)
    if len(providers) >= _MOST_PROVIDERS:
        raise _too_many("OpenIdConnectProvidersPerAccount", _MOST_PROVIDERS)
    return proceed(call)


def add_client_id(call: Call, world: World, proceed: Proceed) -> Answer:
    """AddClientIDToOpenIDConnectProvider."""
    provider = _provider(call, world)
    if call.text("ClientID") not in provider.client_id_list:
        if len(provider.client_id_list) >= _MOST_AUDIENCES:
            raise _too_many("ClientIdsPerOpenIdConnectProvider", _MOST_AUDIENCES)
        provider.client_id_list.append(call.text("ClientID"))
    return answer(call)


def remove_client_id(call: Call, world: World, proceed: Proceed) -> Answer:
    """RemoveClientIDFromOpenIDConnectProvider."""
    provider = _provider(call, world)
    if call.text("ClientID") in provider.client_id_list:
        provider.client_id_list.remove(call.text("ClientID"))
    return answer(call)


def _too_many(quota: str, most: int) -> AwsError:
    return AwsError("LimitExceeded", f"Cannot exceed quota for {quota}: {most}", status=409)


def _provider(call: Call, world: World) -> Any:
    arn = call.text("OpenIDConnectProviderArn")
    provider = world.moto.iam(call.account_id).open_id_providers.get(arn)
    if provider is None:
        raise AwsError("NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}", status=404)
    return provider
