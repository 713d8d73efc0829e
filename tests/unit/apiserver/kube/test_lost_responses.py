"""After which answers a write may have been carried out, so that it is looked for before it is repeated."""

import pytest
from kubernetes.aio.client import ApiException

from batteries_apiserver.kube.lost_responses import write_or_find


@pytest.mark.parametrize(
    ("status", "is_looked_for"),
    [(0, True), (409, True), (500, True), (501, True), (503, True), (400, False), (404, False), (422, False)],
)
@pytest.mark.parametrize("there", [True, False])
async def test_what_may_be_written_is_looked_for_and_what_was_refused_is_not(
    status: int, is_looked_for: bool, there: bool
) -> None:
    did: list[str] = []

    async def write() -> str:
        did.append("write")
        raise ApiException(status=status)

    async def find() -> str | None:
        did.append("find")
        return "found" if there else None

    if is_looked_for and there:
        assert await write_or_find(write, find) == "found"
        assert did == ["write", "find"]
        return
    with pytest.raises(ApiException):
        await write_or_find(write, find)
    assert did == (["write", "find"] * 2 if is_looked_for else ["write"])
