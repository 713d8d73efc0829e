"""Last-Event-ID: what this API sent is taken back, whatever became of the event; all else is refused."""

from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from batteries_apiserver.events.last_event_id import last_event_id
from batteries_apiserver.events.stream import end_id
from batteries_apiserver.http.errors import BadRequest
from batteries_apiserver.projections.event_views import event_views
from batteries_crds.aws_account import AwsAccount
from batteries_crds.names import ClosingStep, EventStatus, OptionalStep, Phase, ProvisioningStep


def given(*values: str) -> Any:
    return make_mocked_request("GET", "/", headers=CIMultiDict([("Last-Event-ID", value) for value in values]))


def accounts() -> list[AwsAccount]:
    """With an event of each step and status, some at one moment, and without any; in each phase."""
    history = [
        {"step": step.value, "status": status.value, "timestamp": moment, "message": "m"}
        for step in (*ProvisioningStep, *ClosingStep, *OptionalStep)
        for status in EventStatus
        for moment in ("2026-11-24T08:00:00Z", "2026-11-24T08:00:00.123456Z", "2026-11-24T08:00:00Z")
    ]
    metadata = {"name": "a", "namespace": "n", "uid": "u", "resourceVersion": "1"}
    return [
        AwsAccount.model_validate(
            {"metadata": metadata, "spec": {"email": "a@b.c"}, "status": {"phase": phase.value, "history": events}}
        )
        for phase in Phase
        for events in (history[:60], history[60:120], history[120:], [])
    ]


def test_every_id_that_is_sent_is_taken_back() -> None:
    ids = {event["id"] for account in accounts() for event in event_views(account)}
    ids |= {end_id(account) for account in accounts()}
    assert len(ids) > 50
    assert any(one.endswith("/2") for one in ids), "two events of one moment"
    assert "#active" in ids
    assert {last_event_id(given(one)) for one in ids} == ids


def test_none_and_an_empty_one_mean_the_start() -> None:
    assert last_event_id(given()) is None
    assert last_event_id(given("")) is None
    assert last_event_id(given(" ")) is None


@pytest.mark.parametrize(
    "wrong",
    [
        "x",
        "42",
        "-1",
        "#",
        "#done",
        "2026-11-24T08:00:00Z",
        "2026-02-30T08:00:00Z/create_account/started",
        "2026-11-24T08:00:00/create_account/started",
        "2026-11-24T08:00:00Z/create_account/begun",
        "2026-11-24T08:00:00Z/create_account/started/",
        "2026-11-24T08:00:00Z/create_account/started#",
        "2026-11-24T08:00:00Z/create_account/started\nx",
        "é",
        "x" * 8000,
    ],
)
def test_what_was_never_sent_is_refused_and_not_repeated(wrong: str) -> None:
    with pytest.raises(BadRequest) as error:
        last_event_id(given(wrong))
    assert error.value.code == "invalid_last_event_id"
    assert "8000" not in error.value.sentence
    assert len(error.value.sentence) < 200
