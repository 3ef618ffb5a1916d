"""The nouns of what arrived: a mail, its recipients, its attachments, and a call."""

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any


@dataclass(frozen=True, slots=True)
class Recipient:
    """One person of one mail. Mailjet gives each its own message id."""

    email: str
    name: str
    role: str
    message_id: int
    message_uuid: str


@dataclass(slots=True)
class ReceivedAttachment:
    """A file that came with a mail. `content` is None once it was dropped to bound the memory."""

    filename: str
    content_type: str
    size: int
    content: bytes | None
    content_id: str = ""
    _digest: str = ""

    @property
    def sha256(self) -> str:
        """The digest of the content, which stays known when the content is dropped."""
        if not self._digest and self.content is not None:
            self._digest = sha256(self.content).hexdigest()
        return self._digest

    def drop(self) -> None:
        """Forget the content, keep size and digest."""
        self._digest = self.sha256
        self.content = None


@dataclass(slots=True)
class MailEvent:
    """Something that happened to a mail at one recipient: `sent`, `open`, `click`, `bounce`, ..."""

    name: str
    at: datetime
    recipient: Recipient
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Outcome:
    """What became of a mail after it was accepted, and what the customer sees.

    `error` and `error_related_to` are empty where it was delivered; the words are the Event API's.
    `report_to` is who gets Mailjet's own mail about an error in the template, where that was asked for.
    """

    subject: str
    html: str
    text: str
    error_related_to: str = ""
    error: str = ""
    detail: str = ""
    report_to: str = ""

    @property
    def delivered(self) -> bool:
        """Whether the mail went to its recipients."""
        return not self.error


@dataclass(slots=True)
class ReceivedMail:
    """One entry of `Messages` that was accepted, Globals merged in.

    `properties` are the message's as they came, without the attachments' contents. `visible_at` is when
    look-ups begin to find it. `read` is whether somebody opened it on the inbox page.
    """

    number: int
    recipients: tuple[Recipient, ...]
    properties: dict[str, Any]
    attachments: tuple[ReceivedAttachment, ...]
    arrived_at: datetime
    visible_at: datetime
    blocked_because: tuple[str, str] | None = None
    contact_id: int = 0
    contact_properties: dict[str, Any] = field(default_factory=dict)
    outcome: Outcome | None = None
    events: list[MailEvent] = field(default_factory=list)
    read: bool = False

    @property
    def custom_id(self) -> str:
        """The caller's own name for this mail, empty where it gave none."""
        return str(self.properties.get("CustomID") or "")

    @property
    def message_id(self) -> int:
        """The id of the first recipient's message."""
        return self.recipients[0].message_id

    @property
    def to(self) -> tuple[str, ...]:
        """The addresses in To, in order."""
        return tuple(one.email for one in self.recipients if one.role == "To")

    @property
    def variables(self) -> dict[str, Any]:
        """The template's variables as they came."""
        return dict(self.properties.get("Variables") or {})

    @property
    def template_id(self) -> int | None:
        """The Mailjet template asked for, None where the mail brought its own parts."""
        return self.properties.get("TemplateID")


@dataclass(frozen=True, slots=True)
class ReceivedCall:
    """One request to an API endpoint. `status` 0 means no answer; `messages` counts the accepted ones."""

    arrived_at: datetime
    endpoint: str
    status: int
    messages: int
