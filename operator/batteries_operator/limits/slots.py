"""A limited number of slots, and a queue for them that serves owners in turn.

AWS's limits are for the whole organization (five accounts in creation, ten assignments), so slots are shared by all
accounts. Waiting costs memory only: a queued account is woken when a slot is free. If AWS itself reports that its limit
is reached, the queue is closed for a while. Then one account may try, and the others are admitted only when that one
succeeded: a thousand accounts that all ask a full organization help nobody.

Members of a pool belong to nobody yet, so they yield: their line is served when no customer waits, they never take the
last free slot, and what AWS refuses them closes the queue for members only.
"""

import asyncio
import bisect
from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial

from batteries_crds.pooled_account import LINE

Later = Callable[[float, Callable[[], None]], object]
"""Calls a function after so many seconds."""


def _later(seconds: float, function: Callable[[], None]) -> object:
    return asyncio.get_running_loop().call_later(seconds, function)


class Slots:
    """The accounts that hold a slot, and the queue. Keys are AwsAccount UIDs."""

    def __init__(self, capacity: int, wake: Callable[[str], None], later: Later = _later) -> None:
        self._capacity = capacity
        self._wake = wake
        self._later = later
        self._held: set[str] = set()
        # Each owner's queue, oldest account first, so that a restart does not reorder it.
        self._lines: OrderedDict[str, list[tuple[datetime, str]]] = OrderedDict()
        self._owners: dict[str, str] = {}
        self._shut_until_proved = False
        self._refusals = 0
        self._room = capacity
        self._members_refused = 0
        self._is_shut_for_members = False

    @property
    def held(self) -> int:
        """The number of held slots."""
        return len(self._held)

    @property
    def waiting(self) -> int:
        """The number of queued keys."""
        return len(self._owners)

    @property
    def waiting_customers(self) -> int:
        """The number of queued keys that are no members of a pool."""
        return len(self._owners) - len(self._lines.get(LINE, ()))

    @property
    def is_shut(self) -> bool:
        """Whether AWS reported that its limit is reached, and no account has succeeded since."""
        return self._shut_until_proved

    def is_shut_for(self, owner: str) -> bool:
        """The same for that owner's line: members of a pool are held up by what AWS refused one of them, too."""
        return self._shut_until_proved or (owner == LINE and self._is_shut_for_members)

    def first_in(self, namespace: str) -> Iterator[str]:
        """The queued customers' keys of a namespace, in the order in which they will be served."""
        lines = [[key for _, key in line] for owner, line in self._customers if owner.startswith(f"{namespace}/")]
        for turn in range(max(map(len, lines), default=0)):
            yield from (line[turn] for line in lines if turn < len(line))

    @property
    def _customers(self) -> Iterator[tuple[str, list[tuple[datetime, str]]]]:
        return ((owner, line) for owner, line in self._lines.items() if owner != LINE)

    def restore(self, key: str) -> None:
        """Restores a slot that was held before a restart, even beyond the capacity: AWS is already at work."""
        self._drop_from_line(key)
        self._held.add(key)

    def acquire(self, key: str, owner: str, since: datetime) -> bool:
        """Whether `key` has a slot now; if not, it joins its owner's queue, by age, and is woken later."""
        if key in self._held:
            return True
        if key not in self._owners:
            self._owners[key] = owner
            bisect.insort(self._lines.setdefault(owner, []), (since, key))
        self._admit(entering=key)
        return key in self._held

    def release(self, key: str) -> None:
        """Frees the slot or the queue position, and admits the next account."""
        self._held.discard(key)
        self._drop_from_line(key)
        self._admit()

    def forget(self, uid: str) -> None:
        """The account is left: as `release`."""
        self.release(uid)

    def finish(self, key: str) -> None:
        """Releases the slot as soon as AWS finishes, before the result is known.

        If AWS's limit was reached recently, the slot is kept: the result decides whether another account may try.
        """
        if not self.is_shut:
            self.release(key)

    def position(self, key: str) -> int | None:
        """Its queue position, from 1, if nobody joins or leaves; None if it isn't queued."""
        owner = self._owners.get(key)
        if owner is None:
            return None
        turn = next(index for index, entry in enumerate(self._lines[owner]) if entry[1] == key)
        if owner == LINE:
            return self.waiting_customers + turn + 1
        before = sum(min(len(line), turn) for _, line in self._customers)
        for other, line in self._customers:
            if other == owner:
                break
            before += len(line) > turn
        return before + 1

    def refused(self, key: str, owner: str, since: datetime, seconds: float) -> None:
        """Notes that AWS refused `key` because its limit is reached: it rejoins the queue, which is closed for so many
        seconds.

        The round begins again with the owner of the oldest account. Everybody in the queue is woken once, to report it.
        A member of a pool closes only the members' line, and its slot goes to the next customer.
        """
        self._held.discard(key)
        if key not in self._owners:
            self._owners[key] = owner
            bisect.insort(self._lines.setdefault(owner, []), (since, key))
        if owner == LINE:
            self._is_shut_for_members = True
            self._members_refused += 1
            self._later(seconds, partial(self._let_members_ask, self._members_refused))
            self._admit()
            return
        self._lines = OrderedDict(sorted(self._lines.items(), key=lambda item: item[1][0]))
        is_new, self._shut_until_proved, self._room = not self._shut_until_proved, True, 0
        self._refusals += 1
        self._later(seconds, partial(self._let_one_try, self._refusals))
        if is_new:
            for waiting in list(self._owners):
                self._wake(waiting)

    def proved(self) -> None:
        """Notes that AWS accepted an account: its limit is not reached."""
        if self._shut_until_proved:
            self._shut_until_proved, self._room = False, self._capacity
            self._admit()

    def _drop_from_line(self, key: str) -> None:
        owner = self._owners.pop(key, None)
        if owner is not None:
            self._lines[owner] = [entry for entry in self._lines[owner] if entry[1] != key]
            if not self._lines[owner]:
                del self._lines[owner]

    def _let_one_try(self, refusals: int) -> None:
        """Of several that AWS refused at one time only the last counts the seconds, so that one tries and not each."""
        if self._shut_until_proved and refusals == self._refusals:
            self._room = 1
            self._admit()

    def _let_members_ask(self, refusals: int) -> None:
        if refusals == self._members_refused:
            self._is_shut_for_members = False
            self._admit()

    def _next_line(self) -> tuple[str, list[tuple[datetime, str]]] | None:
        """Whose turn it is: the customers' in their round, then the members' of pools."""
        room = self._room - len(self._held)
        if room <= 0:
            return None
        if (customer := next(self._customers, None)) is not None:
            return customer
        members = self._lines.get(LINE)
        # The last slot stays free for the next customer, unless members would never get one.
        may_enter = not self._is_shut_for_members and (room > 1 or not self._held)
        return (LINE, members) if members and may_enter else None

    def _admit(self, entering: str | None = None) -> None:
        while (turn := self._next_line()) is not None:
            owner, line = turn
            _, key = line.pop(0)
            del self._owners[key]
            # The owner goes to the end of the round, so one with a thousand accounts delays others by one account.
            if line:
                self._lines.move_to_end(owner)
            else:
                del self._lines[owner]
            self._held.add(key)
            if key != entering:
                self._wake(key)
