"""A callback's content about a mail's change, and the signature of Standard Webhooks."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

#: What proves that an invoice reached its customer, and what that it never will by this mail.
_TRANSMITTED = frozenset({"sent", "delivered", "opened", "clicked"})
_NOT_TRANSMITTED = frozenset({"failed", "bounced", "blocked", "expired", "suppressed", "cancelled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of one mail. `id` is the change's own: a repeated call has the same.

    `idempotency_key` is the one that the caller gave.
    """

    id: int
    message_id: str
    kind: str
    state: str
    at: datetime
    idempotency_key: str
    customer_id: str
    invoice_id: str
    invoice_number: str
    why: str
    is_invoice: bool

    @property
    def webhook_id(self) -> str:
        """What the CRM knows a repeated call by."""
        return f"mailworker-{self.id}"


def body_of(change: Change) -> dict[str, Any]:
    """The content. No address, no variable: the CRM knows the rest by its own ids."""
    data = {
        "message_id": change.message_id,
        "kind": change.kind,
        "state": change.state,
        "idempotency_key": change.idempotency_key,
        "customer_id": change.customer_id,
        "invoice_id": change.invoice_id,
        "invoice_number": change.invoice_number,
        "why": "" if "@" in change.why else change.why,
    }
    payload: dict[str, Any] = {name: value for name, value in data.items() if value}
    if change.is_invoice and change.state in _TRANSMITTED | _NOT_TRANSMITTED:
        payload["invoice_transmitted"] = change.state in _TRANSMITTED
    moment = change.at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {"type": f"mail.{change.state}", "timestamp": moment, "data": payload}


def signed(
    body: Mapping[str, Any], webhook_id: str, key: bytes, now: datetime
) -> tuple[bytes, dict[str, str]]:
    """The body's bytes and its headers, as Standard Webhooks 1.0 has them."""
    content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return content, {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature(content, webhook_id, int(now.timestamp()), key),
        "content-type": "application/json",
    }


def signature(content: bytes, webhook_id: str, timestamp: int, key: bytes) -> str:
    """`v1,` and the base64 of the HMAC-SHA256 over id.timestamp.body."""
    digest = hmac.new(key, f"{webhook_id}.{timestamp}.".encode() + content, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"
