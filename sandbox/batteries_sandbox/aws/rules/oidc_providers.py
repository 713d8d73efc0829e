"""Identity providers of an account: one for each URL, with a list of audiences.

moto lacks the two operations that change the audiences; adding one twice is no error in AWS
(IAM API reference, AddClientIDToOpenIDConnectProvider).
"""

from __future__ import annotations

from typing import Any

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.rules import Proceed
from batteries_sandbox.aws.wire import Answer, AwsError, answer
from batteries_sandbox.aws.world import World


def create(call: Call, world: World, proceed: Proceed) -> Answer:
    """CreateOpenIDConnectProvider: the URL is https, and new in the account."""
    url = call.text("Url")
    if not url.startswith("https://"):
        raise AwsError("ValidationError", "Invalid Open ID Connect Provider URL")
    arn = f"arn:{world.settings.partition}:iam::{call.account_id}:oidc-provider/{url.removeprefix('https://')}"
    if arn in world.moto.iam(call.account_id).open_id_providers:
        raise AwsError("EntityAlreadyExists", f"Provider with url {url} already exists.", status=409)
    return proceed(call)


def add_client_id(call: Call, world: World, proceed: Proceed) -> Answer:
    """AddClientIDToOpenIDConnectProvider."""
    provider = _provider(call, world)
    if call.text("ClientID") not in provider.client_id_list:
        provider.client_id_list.append(call.text("ClientID"))
    return answer(call)


def remove_client_id(call: Call, world: World, proceed: Proceed) -> Answer:
    """RemoveClientIDFromOpenIDConnectProvider."""
    provider = _provider(call, world)
    if call.text("ClientID") in provider.client_id_list:
        provider.client_id_list.remove(call.text("ClientID"))
    return answer(call)


def _provider(call: Call, world: World) -> Any:
    arn = call.text("OpenIDConnectProviderArn")
    provider = world.moto.iam(call.account_id).open_id_providers.get(arn)
    if provider is None:
        raise AwsError("NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}", status=404)
    return provider
