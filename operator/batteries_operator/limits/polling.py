"""How often AWS is asked about what it is at work on."""

SHARE = 0.1
"""How late something asynchronous may be seen, as a part of the time that it took."""


def next_poll_delay(lasted: float, shortest: float, longest: float, share: float = SHARE) -> float:
    """Seconds until AWS is asked again about what has lasted so many seconds: the longer, the more rarely.

    AWS publishes two DescribeCreateAccountStatus a second (Organizations quotas, throttling limits); five creations
    of two minutes, asked about like this, stay below.
    """
    return min(max(lasted * share, shortest), max(longest, shortest))
