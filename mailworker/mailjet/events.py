"""What Mailjet's webhook says, read without deciding anything.

Source: Mailjet's Event API guide. Version 2 posts a JSON array of mixed events, version 1 one bare
object. Nothing is promised about order or repetition, and no event has an id of its own.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

_READ = {
    "event", "time", "MessageID", "CustomID", "email", "Payload", "url", "error", "error_related_to",
    "hard_bounce", "blocked", "source",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """One thing that happened to one message.

    `event` is Mailjet's word, also one that we do not know yet. `custom_id` is the ledger's message
    id, empty for mail that others sent over the same account. `hard_bounce` and `blocked` are None
    where Mailjet does not say. `extras` is whatever else came along (ip, agent, geo, smtp_reply, ...).
    """

    event: str
    time: datetime
    message_id: int | None
    custom_id: str
    email: str = field(repr=False)
    payload: str = ""
    url: str = field(default="", repr=False)
    error: str = ""
    error_related_to: str = ""
    hard_bounce: bool | None = None
    blocked: bool | None = None
    source: str = ""
    extras: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def id(self) -> str:
        """The same for the same happening, however often Mailjet tells it: a SHA-256 in hex."""
        told = [self.event, self.message_id, self.custom_id, int(self.time.timestamp()), self.email, self.url]
        identity = json.dumps([*told, str(self.extras.get("ip") or "")], ensure_ascii=True)
        return hashlib.sha256(identity.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class BadEvent:
    """Something in a webhook's body that is no event. `reason` names no value, so it may be logged."""

    reason: str


def parse_events(body: Any) -> list[WebhookEvent | BadEvent]:
    """Every event of a webhook's body: bytes, text, or JSON that was already read.

    One bad element spoils none of the others. A body that is no JSON is one BadEvent.
    """
    if isinstance(body, bytes | str):
        try:
            body = json.loads(body)
        except (ValueError, RecursionError):
            return [BadEvent("The body is not JSON.")]
    elements = body if isinstance(body, list) else [body]
    return [_event(element, position) for position, element in enumerate(elements)]


def _event(raw: Any, position: int) -> WebhookEvent | BadEvent:
    if not isinstance(raw, dict):
        return BadEvent(f"Element {position} is not an object.")
    name, time = _text(raw, "event"), _time(raw.get("time"))
    if not name:
        return BadEvent(f"Element {position} has no event.")
    if time is None:
        return BadEvent(f"Element {position} has no time in Unix seconds.")
    return WebhookEvent(
        event=name,
        time=time,
        message_id=_number(raw.get("MessageID")),
        custom_id=_text(raw, "CustomID"),
        email=_text(raw, "email"),
        payload=_text(raw, "Payload"),
        url=_text(raw, "url"),
        error=_text(raw, "error"),
        error_related_to=_text(raw, "error_related_to"),
        hard_bounce=_flag(raw.get("hard_bounce")),
        blocked=_flag(raw.get("blocked")),
        source=_text(raw, "source"),
        extras={key: value for key, value in raw.items() if key not in _READ},
    )


def _text(raw: Mapping[str, Any], key: str) -> str:
    value = raw.get(key)
    return "" if value is None else str(value)


def _number(value: Any) -> int | None:
    """An id, which some of Mailjet's answers write as text; None for none and for zero."""
    text = str(value)
    return (int(text) or None) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _time(value: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(value), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _flag(value: Any) -> bool | None:
    words = {"true": True, "1": True, "false": False, "0": False}
    return words.get(str(value).lower())
