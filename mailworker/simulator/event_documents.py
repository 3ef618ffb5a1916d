"""What an event looks like, and what it does to the mail (Mailjet's Event API guide)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mailworker.simulator.received_mail import MailEvent, ReceivedMail, Recipient
from mailworker.simulator.state import SimulatorState

_EXTRA: Mapping[str, Mapping[str, Any]] = {
    "sent": {"smtp_reply": "sent (250 2.0.0 OK)"},
    "open": {"ip": "203.0.113.7", "geo": "FR", "agent": "Mozilla/5.0"},
    "click": {"url": "https://example.com/", "ip": "203.0.113.7", "geo": "FR", "agent": "Mozilla/5.0"},
    "bounce": {
        "blocked": False,
        "hard_bounce": True,
        "error_related_to": "recipient",
        "error": "user unknown",
        "comment": "",
    },
    "blocked": {"error_related_to": "mailjet", "error": "preblocked"},
    "spam": {"source": "JMRPP"},
    "unsub": {"mj_list_id": 0, "ip": "203.0.113.7", "geo": "FR", "agent": "Mozilla/5.0"},
}
_STATUS = {"open": "opened", "click": "clicked", "spam": "spam", "unsub": "unsub", "blocked": "blocked"}


def event_document(event: MailEvent, mail: ReceivedMail) -> dict[str, Any]:
    """The event as it is posted."""
    document = {
        "event": event.name,
        "time": int(event.at.timestamp()),
        "MessageID": event.recipient.message_id,
        "Message_GUID": event.recipient.message_uuid,
        "email": event.recipient.email,
        "mj_campaign_id": int(mail.properties.get("_Campaign") or 0),
        "mj_contact_id": mail.contact_id,
        "customcampaign": str(mail.properties.get("CustomCampaign") or ""),
        "CustomID": mail.custom_id,
        "Payload": str(mail.properties.get("EventPayload") or ""),
    }
    if event.name == "sent":
        document["mj_message_id"] = str(event.recipient.message_id)
    return {**document, **_EXTRA.get(event.name, {}), **event.fields}


def happen(world: SimulatorState, mail: ReceivedMail, event: MailEvent) -> dict[str, Any]:
    """Let an event happen: it enters the mail's history, and a hard bounce blocks the address from now on."""
    document = event_document(event, mail)
    mail.events.append(event)
    if event.name == "bounce" and document.get("hard_bounce"):
        world.store.preblocked.add(event.recipient.email.lower())
    return document


def first_events(world: SimulatorState, mail: ReceivedMail, now: datetime) -> list[MailEvent]:
    """Mailjet's own events of a mail: `sent` for each recipient, or `blocked` with the reason."""
    outcome = world.outcome(mail)
    if outcome.delivered:
        return [MailEvent("sent", now, one) for one in mail.recipients]
    reason = {"error_related_to": outcome.error_related_to, "error": outcome.error}
    return [MailEvent("blocked", now, one, reason) for one in mail.recipients]


def status_of(world: SimulatorState, mail: ReceivedMail, recipient: Recipient) -> str:
    """The status that look-ups show for one recipient, the latest word counting."""
    status = "sent" if world.outcome(mail).delivered else "blocked"
    for event in mail.events:
        if event.recipient.message_id == recipient.message_id:
            status = _after(event, status)
    return status


def _after(event: MailEvent, status: str) -> str:
    if event.name == "bounce":
        return "hardbounced" if event.fields.get("hard_bounce", True) else "softbounced"
    if event.name == "open" and status == "clicked":
        return status
    return _STATUS.get(event.name, status)
