"""What Mailjet's webhook posts, read without deciding anything.

Source: Mailjet's Event API guide. Version 2 posts a JSON array of mixed events, version 1 one bare
object. Nothing is promised about order or repetition, and no event has an id of its own.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

_READ = {
    "event", "time", "MessageID", "CustomID", "email", "Payload", "url", "error", "error_related_to",
    "hard_bounce", "blocked", "source",
}  # fmt: skip
#: Years in which an event can lie; beyond them the calendars of other programs end.
_EARLIEST, _LATEST = 2000, 2200
#: More than 4 MB of real events can be: what comes in larger numbers is none of Mailjet's.
MAX_EVENTS = 50_000
#: Longer than any number of Mailjet's; Python reads none of more than 4,300 digits.
_DIGITS = 40
_DECODER = json.JSONDecoder(parse_int=lambda digits: int(digits) if len(digits) <= _DIGITS else 0)
_SPACE = re.compile(r"[ \t\n\r]*")


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """One thing that happened to one message.

    `event` is Mailjet's word, also one that we do not know yet. `custom_id` is the ledger's message
    id, empty for mail that others sent over the same account. `hard_bounce` and `blocked` are None
    where Mailjet does not give it. `extras` is whatever else came along (ip, agent, geo, smtp_reply, ...).
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
        """The same for the same happening, however often Mailjet posts it: a SHA-256 in hex."""
        own = [self.event, self.message_id, self.custom_id, int(self.time.timestamp()), self.email, self.url]
        identity = json.dumps([*own, _text(self.extras, "ip")], ensure_ascii=True)
        return hashlib.sha256(identity.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class BadEvent:
    """Something in a webhook's body that is no event. `reason` names no value, so it may be logged."""

    reason: str


def parse_events(body: Any) -> list[WebhookEvent | BadEvent]:
    """Every event of a webhook's body: bytes, text, or JSON that was already read.

    One bad element spoils none of the others. A body that is no JSON is one BadEvent.
    """
    return list(read_events(body))


def read_events(body: Any) -> Iterator[WebhookEvent | BadEvent]:
    """The same, one after the other: only one element of a long text is in memory at a time."""
    if isinstance(body, bytes):
        body = body.decode("utf-8", "replace")
    if isinstance(body, str):
        return _of_text(body)
    elements = body if isinstance(body, list) else [body]
    return (_event(element, position) for position, element in enumerate(elements))


def _of_text(text: str) -> Iterator[WebhookEvent | BadEvent]:
    try:
        for position, element in enumerate(_elements(text)):
            if position == MAX_EVENTS:
                yield BadEvent(f"The body has more than {MAX_EVENTS:,} elements; the rest is left out.")
                return
            yield _event(element, position)
    except (ValueError, RecursionError):
        yield BadEvent("The body is not JSON.")


def _elements(text: str) -> Iterator[Any]:
    """The elements of a JSON array, or a single value; ValueError where the text stops being JSON."""
    at = _skip(text, 0)
    if text[at : at + 1] != "[":
        yield _DECODER.decode(text)
        return
    at = _skip(text, at + 1)
    if text[at : at + 1] != "]":
        while True:
            element, at = _DECODER.raw_decode(text, at)
            yield element
            at = _skip(text, at)
            if text[at : at + 1] != ",":
                break
            at = _skip(text, at + 1)
    if text[at : at + 1] != "]" or _skip(text, at + 1) != len(text):
        raise ValueError


def _skip(text: str, at: int) -> int:
    """The next position that is no white space."""
    found = _SPACE.match(text, at)
    return found.end() if found else at


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
    return str(value) if isinstance(value, str | int | float) else ""


def _number(value: Any) -> int | None:
    """An id, which some of Mailjet's answers write as text; None for none and for zero."""
    text = str(value) if isinstance(value, str | int) else ""
    return (int(text) or None) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _time(value: Any) -> datetime | None:
    try:
        moment = datetime.fromtimestamp(int(value), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
    return moment if _EARLIEST <= moment.year <= _LATEST else None


def _flag(value: Any) -> bool | None:
    words = {"true": True, "1": True, "false": False, "0": False}
    return words.get(str(value).lower()) if isinstance(value, str | int) else None
