"""What follows a missing payment, as sentences of the mails. Times come as they are shown. Pure."""


def closure(closes_at: str | None) -> str:
    """What becomes of suspended accounts."""
    if closes_at is None:
        return "They stay suspended until you have a valid payment method."
    return (
        f"AWS closes them at {closes_at} at the earliest, unless you have a valid payment method before; you are told "
        "again before that."
    )


def consequence(suspended_at: str, closes_at: str | None, *, is_over: bool, has_accounts: bool) -> str:
    """The consequence of a missing payment method."""
    if not has_accounts:
        return "Until that changes, you can't request AWS accounts."
    when = "now" if is_over else f"at {suspended_at}"
    will = f"AWS accounts will be suspended {when}: nobody will be able to use them, but their content is kept."
    return f"{f'Your {will}' if is_over else f'Unless that changes, your {will}'} {closure(closes_at)}"


def after_cancellation(suspended_at: str | None, closes_at: str | None, *, has_accounts: bool) -> str:
    """What follows the end of a cancelled subscription; `suspended_at` None: nothing is suspended."""
    if not has_accounts:
        return "You have no AWS accounts now, so nothing else changes."
    if suspended_at is None:
        return "Your existing AWS accounts stay as they are."
    return (
        f"Your existing AWS accounts will be suspended at {suspended_at}: nobody will be able to use them, but their "
        f"content is kept. {closure(closes_at)}"
    )
