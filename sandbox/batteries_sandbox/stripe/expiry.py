"""How a session ends without a card: when it is due, whether or not anybody looks, or on request.

A heap of (time, session id) makes it cheap enough to run before every request, which keeps the invariant that no
response shows an open session past its `expires_at`; `server.py` also runs it once a second, for the webhooks.
"""

from heapq import heappop, heappush

from batteries_sandbox.stripe import setup_intents, subscriptions
from batteries_sandbox.stripe.account import BY_ITSELF, Account, Cause
from batteries_sandbox.stripe.objects import JsonObject


def schedule(account: Account, session: JsonObject) -> None:
    """Notes when a new session ends."""
    heappush(account.expiries, (session["expires_at"], session["id"]))


def expire_due(account: Account) -> None:
    """Ends every open session that is past its time, and every subscription that was cancelled for now or before."""
    now = account.clock.now()
    while account.expiries and account.expiries[0][0] <= now:
        _, session_id = heappop(account.expiries)
        session = account.sessions[session_id]
        if session["status"] == "open":
            end_unpaid(account, session, BY_ITSELF)
    subscriptions.end_due(account)


def end_unpaid(account: Account, session: JsonObject, cause: Cause) -> None:
    """Closes an open session for good, and its setup intent, if it has one, with it."""
    if session["setup_intent"] is not None:
        setup_intents.cancel(account, account.setup_intents[session["setup_intent"]], cause)
    session.update(status="expired", url=None)
    account.record("checkout.session.expired", session, cause)
