"""Whose request it is, where only a customer's will do."""

from batteries_apiserver.auth.authenticator import Caller
from batteries_apiserver.http.errors import Forbidden


def customer_of(caller: Caller) -> str:
    """The caller's Customer.

    Raises:
        Forbidden: the key is an administrator's.
    """
    if caller.customer is None:
        raise Forbidden(
            "customer_key_required",
            "This is an administrator's key, and accounts and keys belong to customers. Use the key of a customer.",
        )
    return caller.customer
