"""What the ledger keeps of one event, and what it leaves out.

What the event has about the reader (IP address, mail program, place, the URL that was clicked) is dropped
here. Texts may hold anything that fits into JSON, so they are cleaned of what no database takes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from mailworker.core.canonical_address import canonical_address
from mailworker.mailjet.bounce_classification import SuppressionVerdict, suppression_of
from mailworker.mailjet.parse_webhook import WebhookEvent
from mailworker.observability.redaction import redact
from mailworker.rules.delivery_status import Delivery, delivery_of
from mailworker.rules.pseudonym import is_pseudonym, pseudonyms

_CLOCKS_DIFFER = timedelta(minutes=5)
_WORD = 16
_TEXT = 300
_EMAIL = 320
_LARGEST_ID = 2**63 - 1
#: What an event's row has beside columns of their own, where the event has it.
_DETAILS = ("hard", "related", "error", "reply")
_OURS = re.compile(r"[0-9A-Za-z-]{1,36}")


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One event. `custom_id` is empty where it cannot be one of our message ids."""

    id: str
    word: str
    at: datetime
    mailjet_id: int | None
    mailjet_uuid: str
    custom_id: str
    email: str = field(repr=False)  # in its canonical form: Mailjet writes domains in punycode
    hard: bool | None = None
    related: str = ""
    error: str = ""
    reply: str = ""
    verdict: SuppressionVerdict = SuppressionVerdict.NONE

    @property
    def delivery(self) -> Delivery | None:
        """How far the mail got by this."""
        return delivery_of(self.word, hard=self.hard, error=self.error)

    @property
    def cause(self) -> str:
        """Mailjet's own words for a failure, empty where there was none."""
        return ", ".join(part for part in (self.related, self.error) if part)

    def is_for(self, message: Mapping[str, Any]) -> bool:
        """Whether it is about the mail to the message's own recipient, and not of a copy of it.

        Each copy has a MessageID of its own, and the address in the event; an erased recipient is known by
        the pseudonym.
        """
        if self.email:
            known = canonical_address(message["to_email"] or "")
            if is_pseudonym(self.email):  # of somebody who was erased, and may have come back since
                return self.email in {known, *pseudonyms(known)}
            return known in {self.email, *pseudonyms(self.email)}
        return None in {self.mailjet_id, message["mailjet_id"]} or self.mailjet_id == message["mailjet_id"]

    def row(self, *, received_at: datetime, message: Mapping[str, Any] | None) -> dict[str, Any]:
        """The event's row. It repeats the address only where its message does not have it."""
        detail = {name: getattr(self, name) for name in _DETAILS}
        if self.verdict is not SuppressionVerdict.NONE:
            detail["verdict"] = str(self.verdict)
        if message is None or not self.is_for(message):
            detail["email"] = self.email
        if message is None:
            detail |= {"custom_id": self.custom_id, "uuid": self.mailjet_uuid}
        return {
            "id": self.id,
            "message_id": message["id"] if message else None,
            "mailjet_id": self.mailjet_id,
            "event": self.word,
            "at": self.at,
            "received_at": received_at,
            "detail": {name: value for name, value in detail.items() if value not in (None, "")} or None,
        }


def record_from_event(event: WebhookEvent, id_: str, *, now: datetime) -> EventRecord:
    """The record of this event, whose id is `id_`; one further ahead than clocks differ is of `now`."""
    number = event.message_id
    return EventRecord(
        id=id_,
        word=_clean(event.event, _WORD),
        at=event.time if event.time - now <= _CLOCKS_DIFFER else now,
        mailjet_id=number if number is not None and number <= _LARGEST_ID else None,
        mailjet_uuid=_id(_extra(event, "Message_GUID")),
        custom_id=_id(event.custom_id),
        email=_email(event.email),
        hard=event.hard_bounce,
        related=_clean(event.error_related_to),
        error=_clean(event.error),
        reply=_clean(_extra(event, "smtp_reply") or _extra(event, "comment") or event.source),
        verdict=suppression_of(event).verdict,
    )


def record_from_row(row: Mapping[str, Any]) -> EventRecord:
    """The record of an event that was kept without its message."""
    detail = row["detail"] or {}
    return EventRecord(
        id=row["id"],
        word=row["event"],
        at=row["at"],
        mailjet_id=row["mailjet_id"],
        mailjet_uuid=detail.get("uuid", ""),
        custom_id=detail.get("custom_id", ""),
        email=detail.get("email", ""),
        **{name: detail[name] for name in _DETAILS if name in detail},
        verdict=SuppressionVerdict(detail.get("verdict", SuppressionVerdict.NONE)),
    )


def _extra(event: WebhookEvent, name: str) -> str:
    """One of the event's further texts; what is no text there, is empty."""
    value = event.extras.get(name)
    return value if isinstance(value, str) else ""


def _clean(text: str, length: int = _TEXT) -> str:
    if not text:
        return text
    # Cut first: a recipient's mail server may have written megabytes.
    short = redact(text[: 4 * length], longest=2 * length)
    return short.replace("\x00", "").encode("utf-8", "replace").decode()[:length]


def _id(text: str) -> str:
    return text if _OURS.fullmatch(text) else ""


def _email(text: str) -> str:
    storable = canonical_address(text.replace("\x00", "").encode("utf-8", "replace").decode())
    return storable if "@" in storable and len(storable) <= _EMAIL else ""
