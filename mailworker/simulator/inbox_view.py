"""What the inbox pages show of a mail, as plain values."""

import base64
import json
from typing import Any
from urllib.parse import quote

from mailworker.core.readable_size import readable_size
from mailworker.simulator.html_check import html_notes
from mailworker.simulator.link_check import links_of
from mailworker.simulator.received_mail import ReceivedAttachment, ReceivedMail
from mailworker.simulator.state import SimulatorState

_FILES = ("Attachments", "InlinedAttachments")
_SHOWN_ELSEWHERE = {"From", "To", "Cc", "Bcc", "Subject", "Variables", "HTMLPart", "TextPart", *_FILES}


def mail_row(world: SimulatorState, mail: ReceivedMail) -> dict[str, Any]:
    """A line of the list."""
    outcome = world.outcome(mail)
    sender = mail.properties.get("From") or {}
    return {
        "id": str(mail.message_id),
        "to": ", ".join(mail.to),
        "from": sender.get("Name") or sender.get("Email") or "",
        "subject": outcome.subject or "(no subject)",
        "custom_id": mail.custom_id,
        "attachments": len(mail.attachments),
        "error": outcome.error,
        "read": mail.read,
        "arrived": mail.arrived_at.strftime("%H:%M:%S"),
        "day": mail.arrived_at.strftime("%d %b %Y"),
    }


def mail_view(world: SimulatorState, mail: ReceivedMail) -> dict[str, Any]:
    """A mail's own page."""
    outcome = world.outcome(mail)
    return {
        **mail_row(world, mail),
        "sender": person(mail.properties.get("From") or {}),
        "people": [
            (role, ", ".join(person({"Email": one.email, "Name": one.name}) for one in group))
            for role in ("To", "Cc", "Bcc")
            if (group := [one for one in mail.recipients if one.role == role])
        ],
        "text": outcome.text,
        "has_html": bool(outcome.html),
        "html": outcome.html,
        "source": json.dumps(_source(mail), ensure_ascii=False, indent=2),
        "notes": html_notes(outcome.html, outcome.text),
        "links": links_of(outcome.html, outcome.text),
        "related": outcome.error_related_to,
        "detail": outcome.detail,
        "report_to": outcome.report_to,
        "files": [file_view(mail, number, one) for number, one in enumerate(mail.attachments)],
        "variables": [(name, _shown(value)) for name, value in mail.variables.items()],
        "properties": [
            (name, _shown(value)) for name, value in mail.properties.items() if name not in _SHOWN_ELSEWHERE
        ],
        "events": [
            (event.at.strftime("%H:%M:%S"), event.name, event.recipient.email) for event in mail.events
        ],
    }


def _source(mail: ReceivedMail) -> dict[str, Any]:
    """The message as it was posted, headers included, without the files' contents."""
    return mail.properties | {name: "(see Attachments)" for name in _FILES if mail.properties.get(name)}


def with_inline_pictures(html: str, mail: ReceivedMail) -> str:
    """The HTML part with its own inlined pictures in it, as a mail program shows them."""
    for file in mail.attachments:
        if file.content_id and file.content is not None and file.content_type.startswith("image/"):
            whole = base64.b64encode(file.content).decode()
            html = html.replace(f"cid:{file.content_id}", f"data:{quote(file.content_type)};base64,{whole}")
    return html


def file_view(mail: ReceivedMail, number: int, file: ReceivedAttachment) -> dict[str, Any]:
    """An attachment's line."""
    return {
        "name": file.filename,
        "url": f"/mail/{mail.message_id}/files/{number}/{quote(file.filename)}",
        "size": readable_size(file.size),
        "kept": file.content is not None,
        "is_pdf": file.content_type.partition(";")[0].strip().lower() == "application/pdf",
    }


def person(one: dict[str, Any]) -> str:
    """`Name <address>`."""
    name, address = one.get("Name") or "", one.get("Email") or ""
    return f"{name} <{address}>" if name else address


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
