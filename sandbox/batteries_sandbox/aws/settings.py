"""The stand-in's settings: its address, AWS's delays and AWS's limits.

Every number that AWS decides and a test may change is here, with AWS's value (or a sandbox-sized delay) as the default;
nothing else in this package holds a tunable number. A world has its own copy, of which POST /_standin/limits changes
what is in `CHANGEABLE`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from batteries_sandbox.mailboxes import SENDER


@dataclass(slots=True)
class StandinSettings:
    """The stand-in's settings; port 0 asks the system for a free one."""

    host: str = "127.0.0.1"
    port: int = 0
    access_key_id: str = "sandbox"
    admin_key_id: str = ""  # a second key of the management account, that no policy limits
    operator_policy: str = ""  # a file with the IAM policy of access_key_id; empty allows everything
    management_account_id: str = "111111111111"
    region: str = "us-east-1"
    identity_source: str = "identity-center"  # external: an IdP or AD provisions users, and nobody else makes them
    ses_identities: tuple[str, ...] = (SENDER,)
    # Sandbox-sized delays: in AWS these are minutes.
    creation_seconds: float = 3.0
    role_seconds: float = 2.0  # until a new account's first role can be assumed
    assignment_seconds: float = 2.0
    closure_seconds: float = 2.0
    iam_seconds: float = 0.3  # until a new user or role is known everywhere
    account_name_seconds: float = 1.0  # until Organizations shows a new name; in AWS up to hours
    identity_center_seconds: float = 0.3  # until Identity Center knows a new account
    # How long an Organizations write takes, in which another is refused; 0 lets all of them pass. AWS publishes
    # no number; this one makes writes of one process at the same time collide, and costs a journey nothing.
    organization_write_seconds: float = 0.05
    empty_page_every: int = 0  # every so many lists of Organizations begin with an empty page; 0 none
    # Limits, from the quotas pages of the services.
    max_creations: int = 5  # in progress at once
    max_accounts: int = 10_000  # a new organization starts with 10; raised on request
    max_assignments: int = 10  # outstanding at once
    max_closures: int = 250  # within closure_window_seconds; or a fifth of the members; never over 1,000
    max_closures_in_progress: int = 3
    closure_window_seconds: float = 30 * 86_400.0
    closed_state: str = "CLOSED"  # of an account once closed; believed, the CloseAccount page says SUSPENDED
    # OpenID Connect: where issuers are, as https://issuer.example.com=http://127.0.0.1:8080, in place of DNS and TLS.
    issuer_addresses: tuple[str, ...] = ()
    issuer_keys_seconds: float = 60.0  # for which an issuer's keys are kept; AWS publishes no number
    issuer_answer_seconds: float = 5.0  # within which an issuer must answer (re:Post, InvalidIdentityToken)
    trust_policy_size: int = 2048  # characters; IAM quotas page, "Role trust policy length"

    @property
    def partition(self) -> str:
        """The partition of AWS that the region is in, as ARNs name it."""
        from moto.utilities.utils import get_partition

        return get_partition(self.region)


_FIXED = frozenset(
    {"host", "port", "access_key_id", "admin_key_id", "operator_policy", "management_account_id", "region"}
    | {"identity_source"}
    | {"ses_identities", "issuer_addresses"}
)
CHANGEABLE = tuple(name for name in StandinSettings.__dataclass_fields__ if name not in _FIXED)
_CLOSED_STATES = ("CLOSED", "SUSPENDED")


def change(settings: StandinSettings, changes: Mapping[str, Any]) -> None:
    """Changes settings of a running world, all of them or none.

    Raises:
        ValueError: a name or a value that can't be; the text says which.
    """
    for name, value in changes.items():
        if name not in CHANGEABLE:
            raise ValueError(f"'{name}' can't be changed. What can: {', '.join(CHANGEABLE)}.")
        if name == "closed_state":
            if value not in _CLOSED_STATES:
                raise ValueError(f"'{name}' is one of {', '.join(_CLOSED_STATES)}.")
            continue
        whole = _is_whole(name)
        number = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        if not number or value < 0:
            raise ValueError(f"'{name}' must be a {'whole ' if whole else ''}number of at least 0.")
    for name, value in changes.items():
        setattr(settings, name, value)


def _is_whole(name: str) -> bool:
    """Whether the default is a whole number: a delay given as one may still be changed to half a second."""
    return isinstance(StandinSettings.__dataclass_fields__[name].default, int)
