"""The requests for tokens, and what their verifiers fetch."""

from datetime import UTC, datetime
from functools import lru_cache
from time import time
from typing import Annotated

from aiohttp import hdrs, web
from pydantic import Field
from typing_extensions import TypedDict

from batteries_apiserver.accounts.lookup import own_account
from batteries_apiserver.auth.authenticator import Caller
from batteries_apiserver.auth.caller import customer_of
from batteries_apiserver.auth.rate_limit import RATE_LIMITS
from batteries_apiserver.http.accept import named
from batteries_apiserver.http.entity_tags import combined, tagged
from batteries_apiserver.http.errors import ApiError, Conflict, NotFound
from batteries_apiserver.http.request_context import LOG_CONTEXT
from batteries_apiserver.http.responses import json_response
from batteries_apiserver.kube.clients import KUBE
from batteries_apiserver.projections.account_views import Moment
from batteries_apiserver.projections.partitions import partition_of, region_of
from batteries_apiserver.runtime import metrics
from batteries_apiserver.settings import SETTINGS
from batteries_apiserver.tokens import discovery
from batteries_apiserver.tokens.context import TOKENS, Tokens
from batteries_apiserver.tokens.instructions import TOKEN_TYPE, Instructions, Way
from batteries_apiserver.tokens.refusals import refuse_scope, refuse_unusable, trusted_role
from batteries_apiserver.tokens.signing import Token, claims, signed
from batteries_crds.agent_access import Issuer
from batteries_crds.api_key import Scope
from batteries_crds.base import to_rfc3339
from batteries_crds.identity import uuid_at
from batteries_crds.runtime.logs import FrequentEvent

log_issued = FrequentEvent(__name__, "token_issued")
_ISSUED = metrics.TOKENS.labels("issued")

_CACHED: dict[str, str] = {hdrs.CACHE_CONTROL: f"public, max-age={discovery.MAX_AGE_SECONDS}"}


class AccountToken(TypedDict):
    """A token for AWS, and how to use it."""

    token: Annotated[str, Field(description="The token: a signed JWT for AssumeRoleWithWebIdentity. Keep it secret.")]
    expiresAt: Annotated[Moment, Field(description="When it expires, five minutes after it was made.")]
    roleArn: Annotated[
        str,
        Field(
            description="The role to assume with it.",
            examples=["arn:aws:iam::123456789012:role/BatteriesAgentRole"],
        ),
    ]
    region: Annotated[str, Field(description="An AWS region for the first calls.", examples=["us-east-1"])]
    instructions: Instructions


async def issue(request: web.Request, caller: Caller) -> web.Response:
    """POST /v1/accounts/{id}/token: a token for the caller's own account."""
    try:
        response = await _issue(request, caller)
    except ApiError as error:
        metrics.TOKENS.labels(error.code).inc()
        raise
    _ISSUED.inc()
    return response


async def _issue(request: web.Request, caller: Caller) -> web.Response:
    settings, kube, tokens = request.app[SETTINGS], request.app[KUBE], request.app[TOKENS]
    customer = customer_of(caller)
    refuse_scope(caller, Scope(settings.token_scope))
    account = await own_account(kube, customer, request.match_info["id"])
    issuer = _issuer(tokens)
    refuse_unusable(account)
    role = trusted_role(account, issuer)
    key = tokens.keys.signing()
    request.app[RATE_LIMITS].take_token(request, account.key)
    key_id = uuid_at(kube.namespace, caller.key_name)
    token = await signed(key, claims(issuer, account.account_id, key_id, partition_of(role), int(time())))
    tokens.events.note(account, caller)
    log_issued(
        **LOG_CONTEXT.get(),
        customer=customer,
        key=caller.key_name,
        key_prefix=caller.key_prefix,
        jti=token.jti,
        kid=key.kid,
    )
    if TOKEN_TYPE in named(request):
        return web.Response(text=token.raw, content_type=TOKEN_TYPE, headers={hdrs.CACHE_CONTROL: "no-store"})
    way = Way(settings.public_base, str(account.account_id), role, region_of(role, settings.account_region))
    return json_response(_shown(token, way), headers={hdrs.CACHE_CONTROL: "no-store"})


def _shown(token: Token, way: Way) -> AccountToken:
    return {
        "token": token.raw,
        "expiresAt": to_rfc3339(datetime.fromtimestamp(token.expires_at, UTC)),
        "roleArn": way.role_arn,
        "region": way.region,
        "instructions": _instructions(way),
    }


@lru_cache(maxsize=1000)
def _instructions(way: Way) -> Instructions:
    """Kept, because an account's are always the same."""
    return way.all()


def _issuer(tokens: Tokens) -> Issuer:
    off = tokens.off
    if tokens.issuer is None or off is not None:
        raise Conflict("tokens_off", off or tokens.why_off)
    return tokens.issuer


async def configuration(request: web.Request) -> web.Response:
    """GET /.well-known/openid-configuration."""
    body = discovery.configuration(_published(request.app[TOKENS]))
    return tagged(request, combined(body.decode()), lambda: body, _CACHED)


async def jwks(request: web.Request) -> web.Response:
    """GET /.well-known/jwks.json."""
    tokens = request.app[TOKENS]
    _published(tokens)
    keys = tokens.keys.published()
    return tagged(request, combined(*(key.kid for key in keys)), lambda: discovery.jwks(keys), _CACHED)


def _published(tokens: Tokens) -> Issuer:
    """The issuer, for those who verify: where there is none, there is nothing at its paths."""
    off = tokens.off
    if tokens.issuer is None or off is not None:
        raise NotFound("not_found", off or tokens.why_off)
    return tokens.issuer
