"""The Last-Event-ID header: where a reader of events goes on.

An id of ours stays valid for ever: its event may have been dropped since, and then newer ones follow. Any other text is
refused. Otherwise a client that mixes up its ids would get all events again and take them for new.
"""

import re
from datetime import datetime

from aiohttp import web

from batteries_apiserver.http.errors import BadRequest
from batteries_crds.names import EventStatus, Phase

LAST_EVENT_ID = "Last-Event-ID"
END = "#"
"""Between an event's id and the state in which the account settled after that event."""

_TIME = r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d))"
_EVENT = rf"{_TIME}/[a-z_]{{1,63}}/(?:{'|'.join(EventStatus)})(?:/\d{{1,3}})?"
_ID = re.compile(rf"(?:{_EVENT})?(?:{END}(?:{'|'.join(Phase)}))?", re.ASCII)


def last_event_id(request: web.Request) -> str | None:
    """Returns the header's value; None if there is none, or an empty one, which means the start (HTML standard).

    Raises:
        BadRequest: it is not an id that this API sends.
    """
    given = request.headers.get(LAST_EVENT_ID, "").strip()
    if not given:
        return None
    found = _ID.fullmatch(given)
    if found is None or not _is_time(found["time"]):
        raise BadRequest(
            "invalid_last_event_id",
            f"{LAST_EVENT_ID} must be the id of an event of this account, as an earlier response gave it. Leave the "
            "header out to get all events.",
        )
    return given


def _is_time(text: str | None) -> bool:
    try:
        return text is None or datetime.fromisoformat(text) is not None
    except ValueError:
        return False
