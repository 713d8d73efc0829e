"""The caller's customer, for routes that only customers may use."""

from batteries_apiserver.auth.authenticator import Caller
from batteries_apiserver.http.errors import WrongKey


def customer_of(caller: Caller) -> str:
    """The caller's Customer.

    Raises:
        WrongKey: the key is an administrator's.
    """
    if caller.customer is None:
        raise WrongKey(
            "customer_key_required",
            "This is an administrator's key, but accounts and keys belong to customers. Use a customer's key.",
        )
    return caller.customer
