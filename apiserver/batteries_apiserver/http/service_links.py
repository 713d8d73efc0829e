"""The Link header that leads to this API's description, on the pages and errors that strangers meet first.

Relations: service-desc and service-doc of RFC 8631, api-catalog of RFC 9727.
"""

from batteries_apiserver.settings import Settings

SERVICE = (
    ("service-desc", "/v1/openapi.json", "application/json"),
    ("service-doc", "/llms.txt", "text/plain"),
    ("service-doc", "/docs", "text/html"),
)
"""Relation, path and media type."""
CATALOG = "/.well-known/api-catalog"


def service_links(settings: Settings) -> str:
    """The header's value."""
    links = [f'<{settings.reference_to(path)}>; rel="{rel}"; type="{kind}"' for rel, path, kind in SERVICE]
    return ", ".join([*links, f'<{settings.reference_to(CATALOG)}>; rel="api-catalog"'])
