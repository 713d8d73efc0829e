"""The routes of tokens for AWS, and of the issuer that accounts trust."""

from typing import Any

from batteries_apiserver.accounts.routes import ID
from batteries_apiserver.http.entity_tags import ETAG, IF_NONE_MATCH
from batteries_apiserver.http.route import Access, AnyHandler, Parameter, Response, Route, Tag
from batteries_apiserver.tokens import discovery, handlers
from batteries_apiserver.tokens.instructions import TOKEN_TYPE
from batteries_crds.api_key import Scope


def _published(path: str, handler: AnyHandler, summary: str) -> Route:
    """A document for verifiers."""
    return Route(
        method="GET",
        path=path,
        handler=handler,
        access=Access.ANYONE,
        tag=Tag.PAGES,
        summary=summary,
        parameters=(IF_NONE_MATCH,),
        responses={
            200: Response(summary, dict[str, Any], headers=(ETAG,)),
            304: Response("Nothing has changed since the ETag in If-None-Match", headers=(ETAG,)),
        },
        errors=("not_found", "tokens_unavailable"),
    )


ROUTES = (
    Route(
        method="POST",
        path="/v1/accounts/{id}/token",
        handler=handlers.issue,
        access=Access.KEY,
        tag=Tag.ACCOUNTS,
        summary="Get a token for AWS",
        details="With the token, AssumeRoleWithWebIdentity of AWS gives credentials for the account: no browser and no "
        "repository is needed. `instructions` show how: in a shell, for `credential_process`, and for an SDK. The "
        "token is for this account alone and expires after five minutes; its session lasts up to an hour. "
        f"`Accept: {TOKEN_TYPE}` gives the token alone.",
        parameters=(ID, Parameter(name="Accept", where="header", description=f"`{TOKEN_TYPE}` for the token alone.")),
        scopes=frozenset({Scope.FULL, Scope.AWS}),
        responses={200: Response("The token", handlers.AccountToken, media_types=(TOKEN_TYPE,))},
        errors=(
            "account_not_found",
            "customer_key_required",
            "scope_aws_required",
            "tokens_off",
            "account_being_deleted",
            "account_suspended",
            "account_failed",
            "account_not_active",
            "trust_pending",
            "tokens_unavailable",
        ),
    ),
    _published(discovery.DISCOVERY_PATH, handlers.configuration, "Discovery document of the issuer of tokens for AWS"),
    _published(discovery.JWKS_PATH, handlers.jwks, "Keys that verify tokens for AWS"),
)
