"""The frozen data classes that every package passes on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mailworker.core.lane import Lane


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox. `name` is what a mail program shows, empty where unknown. Logs show neither."""

    email: str = field(repr=False)
    name: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class AttachmentRef:
    """A file kept in the store under `key`; `size` is in bytes before base64, `sha256` in hex."""

    key: str
    filename: str
    content_type: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file ready to leave, already in base64."""

    filename: str
    content_type: str
    base64: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Job:
    """What a caller asked for: one e-mail to one person, checked against its kind.

    `id` is the message's id from now on, and `key` its idempotency key. An invoice comes either whole in
    `invoice`, in OmniCRM's own names, or as `invoice_id` to be fetched from the CRM; only then may `to` be
    None, for the CRM knows the customer's address. `send_at` and `expires_at` are aware.
    `replaces` is the id of an earlier message that this one corrects. `fitted` names the fields whose text
    was made fit for a mail. `recipient_key` is the same in all jobs of one caller's key to this person,
    whether they name others beside them or not.
    """

    id: str
    key: str
    kind: str
    lane: Lane
    to: Address | None
    variables: Mapping[str, Any] = field(repr=False)
    language: str = "fr"
    customer_id: str | None = None
    send_at: datetime | None = None
    expires_at: datetime | None = None
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    attachments: tuple[Attachment, ...] = field(default=(), repr=False)
    invoice: Mapping[str, Any] | None = field(default=None, repr=False)
    invoice_id: str | None = None
    replaces: str | None = None
    fitted: tuple[str, ...] = ()
    recipient_key: str | None = None

    @property
    def needs_preparing(self) -> bool:
        """Whether its invoice has to be fetched, or its PDF made, before the mail can leave."""
        return self.invoice is not None or self.invoice_id is not None


@dataclass(frozen=True, slots=True)
class Mail:
    """One e-mail, ready for Mailjet. `id` travels as its CustomID.

    Answers go to `reply_to`, or to the sender where it is empty. A `quiet` one is not tracked: its links
    lead where they say, and nobody learns when it is opened. `unsubscribe` is the link that a mail program's
    own button posts to, empty for none.
    """

    id: str
    kind: str
    from_: Address
    to: Address
    template_id: int
    subject: str
    variables: Mapping[str, Any] = field(repr=False)
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    attachments: tuple[Attachment, ...] = field(default=(), repr=False)
    reply_to: str = field(default="", repr=False)
    quiet: bool = False
    unsubscribe: str = field(default="", repr=False)

    @property
    def recipients(self) -> int:
        """How many addresses count against Mailjet's 50 a call: To, Cc and Bcc together."""
        return 1 + len(self.cc) + len(self.bcc)
