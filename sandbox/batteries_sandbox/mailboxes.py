"""The sandbox's own addresses: in a domain that is nobody's, and that the doctor takes for an installation's own."""

DOMAIN = "sandbox.internal"  # .internal is reserved for private use, so no mail ever leaves the machine
ROOT_EMAILS = f"aws+{{id}}@{DOMAIN}"
SENDER = f"noreply@{DOMAIN}"
