"""The room in AWS's quota is asked for rarely, and never counted too large."""

import asyncio

from batteries_operator.pool.room import KEPT_SECONDS, Room


class Aws:
    def __init__(self) -> None:
        self.quota, self.accounts, self.in_flight, self.asked = 10, 4, 1, 0

    async def allowed(self) -> int:
        self.asked += 1
        return self.quota

    async def there(self) -> int:
        return self.accounts

    def room(self) -> Room:
        return Room(self.allowed, self.there, lambda: self.in_flight)


async def test_what_is_there_and_what_was_asked_for_takes_room() -> None:
    aws = Aws()
    assert (await aws.room().left(), aws.asked) == (5, 1)


async def test_an_answer_is_kept_for_ten_minutes_and_what_is_made_since_counts() -> None:
    aws = Aws()
    room = aws.room()
    await room.left()
    room.take()
    room.take()
    aws.accounts += 1  # one of them is listed meanwhile
    await asyncio.sleep(KEPT_SECONDS - 1)
    assert (await room.left(), aws.asked) == (3, 1)
    await asyncio.sleep(2)
    assert (await room.left(), aws.asked) == (4, 2)
