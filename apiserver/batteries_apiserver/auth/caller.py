"""The caller's customer, for routes that only customers may use."""

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
            "This is an administrator's key, but accounts and keys belong to customers. Use a customer's key.",
        )
    return caller.customer
