"""How often AWS is polled about its asynchronous work."""

SHARE = 0.1
"""How late the end of asynchronous work may be seen, as a fraction of its duration."""


def next_poll_delay(lasted: float, shortest: float, longest: float, share: float = SHARE) -> float:
    """Seconds until the next poll of something that has lasted so many seconds: the longer, the less often.

    AWS publishes two DescribeCreateAccountStatus a second (Organizations quotas, throttling limits); five creations of
    two minutes each, polled like this, stay below.
    """
    return min(max(lasted * share, shortest), max(longest, shortest))
