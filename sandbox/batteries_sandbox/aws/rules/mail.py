"""SES: an account in production, that sends from verified identities only.

moto lacks GetAccount. What is sent is kept, so that a test can read a customer's mail.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from email import message_from_bytes, policy
from email.utils import parseaddr
from typing import Any

from batteries_sandbox.aws.call import Call
from batteries_sandbox.aws.rules import Proceed
from batteries_sandbox.aws.wire import Answer, AwsError, answer
from batteries_sandbox.aws.world import World

_MAX_RECIPIENTS = 50  # SES quotas page


def get_account(call: Call, world: World, proceed: Proceed) -> Answer:
    """GetAccount."""
    quota = {"Max24HourSend": 50_000.0, "MaxSendRate": 14.0, "SentLast24Hours": float(len(world.mails))}
    account = {
        "DedicatedIpAutoWarmupEnabled": False,
        "EnforcementStatus": "HEALTHY",
        "ProductionAccessEnabled": True,
        "SendingEnabled": True,
        "SendQuota": quota,
    }
    return answer(call, account)


def send(call: Call, world: World, proceed: Proceed) -> Answer:
    """SendEmail."""
    sender = call.text("FromEmailAddress")
    _check_sender(call, world, sender)
    recipients = [a for kind in ("To", "Cc", "Bcc") for a in _addresses(call, kind)]
    if not 1 <= len(recipients) <= _MAX_RECIPIENTS:
        raise AwsError("BadRequestException", f"Recipient count must be from 1 to {_MAX_RECIPIENTS}.")
    if any("@" not in parseaddr(recipient)[1] for recipient in recipients):
        raise AwsError("BadRequestException", "Missing final '@domain'")
    message_id = f"{secrets.token_hex(8)}-{secrets.token_hex(4)}-000000"
    mail = {
        "messageId": message_id,
        "time": world.wall(),
        "accountId": call.account_id,
        "from": sender,
        "to": _addresses(call, "To"),
        "cc": _addresses(call, "Cc"),
        "bcc": _addresses(call, "Bcc"),
        "tags": {tag["Name"]: tag["Value"] for tag in call.params.get("EmailTags") or []},
    }
    world.mails.append(mail | _content(call.params.get("Content") or {}))
    return answer(call, {"MessageId": message_id})


def _check_sender(call: Call, world: World, sender: str) -> None:
    from moto.ses.models import ses_backends

    address = parseaddr(sender)[1]
    domain = address.rpartition("@")[2].lower()
    identities = ses_backends[call.account_id][call.region].email_identities
    verified = {name.lower() for name, found in identities.items() if found.verified_for_sending_status}
    if not address or not verified & {address.lower(), domain}:
        message = (
            "Email address is not verified. The following identities failed the check "
            f"in region {call.region.upper()}: {sender}"
        )
        raise AwsError("MessageRejected", message)


def _addresses(call: Call, kind: str) -> list[str]:
    return list((call.params.get("Destination") or {}).get(f"{kind}Addresses") or [])


def _content(content: Mapping[str, Any]) -> dict[str, Any]:
    if simple := content.get("Simple"):
        body = simple.get("Body") or {}
        text, html = (str((body.get(kind) or {}).get("Data", "")) for kind in ("Text", "Html"))
        headers = {header["Name"]: header["Value"] for header in simple.get("Headers") or []}
        return _mail_text(str((simple.get("Subject") or {}).get("Data", "")), text, html, headers)
    if raw := content.get("Raw"):
        message = message_from_bytes(base64.b64decode(raw["Data"]), policy=policy.default)
        parts = {kind: message.get_body((kind,)) for kind in ("plain", "html")}
        text, html = (str(part.get_content()) if part else "" for part in parts.values())
        return _mail_text(str(message["subject"] or ""), text, html, {k: str(v) for k, v in message.items()})
    raise AwsError("BadRequestException", "The stand-in knows Simple and Raw content only.")


def _mail_text(subject: str, text: str, html: str, headers: dict[str, str]) -> dict[str, Any]:
    return {"subject": subject, "body": text or html, "text": text, "html": html, "headers": headers}
