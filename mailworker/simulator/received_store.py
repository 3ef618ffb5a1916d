"""What arrived, kept in memory and found again by number, message id and CustomID."""

from collections import Counter, deque
from collections.abc import Iterator
from datetime import datetime, timedelta
from threading import RLock
from typing import Any
from uuid import uuid4

from mailworker.core.clock import utc_now
from mailworker.simulator.received_mail import ReceivedAttachment, ReceivedCall, ReceivedMail, Recipient

#: Mailjet's message ids exceed what a double holds exactly (2**53); ours do too, so careless readers fail.
FIRST_MESSAGE_ID = 1152921509000000000
#: Each start begins so many ids a second later: ledgers outlive this memory, and no id may come again.
_IDS_A_SECOND = 10_000


class Store:
    """All mails and calls since the start or the last reset. Safe to read from another thread."""

    def __init__(self, keep_attachment_bytes: int) -> None:
        self._keep = keep_attachment_bytes
        self._lock = RLock()
        self._next_id = FIRST_MESSAGE_ID + int(utc_now().timestamp() * _IDS_A_SECOND)
        self.reset()

    def reset(self) -> None:
        """Forget everything; message ids go on rising."""
        with self._lock:
            self._mails: list[ReceivedMail] = []
            self._by_message_id: dict[int, tuple[ReceivedMail, Recipient]] = {}
            self._by_custom_id: dict[str, list[ReceivedMail]] = {}
            self._custom_ids: Counter[str] = Counter()
            self._twice: set[str] = set()
            self._calls: list[ReceivedCall] = []
            self._since = utc_now()
            self._kept: deque[ReceivedAttachment] = deque()
            self._kept_bytes = 0
            self.preblocked: set[str] = set()
            self.campaign_contacts: set[tuple[str, str]] = set()

    def add(
        self, properties: dict[str, Any], attachments: list[ReceivedAttachment], now: datetime, delay: float
    ) -> ReceivedMail:
        """Keep an accepted message; look-ups find it `delay` seconds from now."""
        with self._lock:
            visible = now + timedelta(seconds=delay)
            people = tuple(self._recipients(properties))
            mail = ReceivedMail(len(self._mails) + 1, people, properties, tuple(attachments), now, visible)
            mail.blocked_because = self._blocked_at_once(mail)
            self._mails.append(mail)
            self._by_message_id.update({one.message_id: (mail, one) for one in people})
            if mail.custom_id:
                self._by_custom_id.setdefault(mail.custom_id, []).append(mail)
                self._custom_ids[mail.custom_id] += 1
                if self._custom_ids[mail.custom_id] > 1:
                    self._twice.add(mail.custom_id)
            self._keep_contents(attachments)
            return mail

    def mails(self) -> list[ReceivedMail]:
        """All mails in the order of their arrival."""
        with self._lock:
            return list(self._mails)

    def mail(self, message_id: int) -> tuple[ReceivedMail, Recipient] | None:
        """The mail and the recipient of one message id."""
        with self._lock:
            return self._by_message_id.get(message_id)

    def remove(self, message_id: int) -> bool:
        """Forget one mail, so that no page and no look-up finds it; what was counted stays counted."""
        with self._lock:
            found = self._by_message_id.get(message_id)
            if found is None:
                return False
            mail = found[0]
            self._mails.remove(mail)
            for one in mail.recipients:
                self._by_message_id.pop(one.message_id, None)
            if mail.custom_id:
                self._by_custom_id[mail.custom_id].remove(mail)
            return True

    def by_custom_id(self, custom_id: str) -> list[ReceivedMail]:
        """Every mail that came with this CustomID, in the order of arrival."""
        with self._lock:
            return list(self._by_custom_id.get(custom_id, ()))

    def tally(self) -> tuple[int, int, list[str]]:
        """How many mails arrived, how many CustomIDs, and those that came more than once."""
        with self._lock:
            return len(self._mails), len(self._custom_ids), sorted(self._twice)

    def note_call(self, call: ReceivedCall) -> None:
        """Keep the record of a call; not of one that arrived before the reset and ended after it."""
        with self._lock:
            if call.arrived_at >= self._since:
                self._calls.append(call)

    def calls(self) -> list[ReceivedCall]:
        """All calls in the order of their answers."""
        with self._lock:
            return list(self._calls)

    def _recipients(self, properties: dict[str, Any]) -> Iterator[Recipient]:
        for role in ("To", "Cc", "Bcc"):
            for person in properties.get(role) or ():
                self._next_id += 1
                name = person.get("Name") or ""
                yield Recipient(person["Email"], name, role, self._next_id, str(uuid4()))

    def _blocked_at_once(self, mail: ReceivedMail) -> tuple[str, str] | None:
        """Mailjet's own reasons: an address that bounced hard, a campaign's second mail to a person."""
        if any(address.lower() in self.preblocked for address in mail.to):
            return "mailjet", "preblocked"
        if not mail.properties.get("DeduplicateCampaign"):
            return None
        keys = {(str(mail.properties["CustomCampaign"]), address.lower()) for address in mail.to}
        seen = bool(keys & self.campaign_contacts)
        self.campaign_contacts |= keys
        return ("mailjet", "duplicate in campaign") if seen else None

    def _keep_contents(self, attachments: list[ReceivedAttachment]) -> None:
        self._kept.extend(attachments)
        self._kept_bytes += sum(one.size for one in attachments)
        while self._kept and self._kept_bytes > self._keep:
            oldest = self._kept.popleft()
            self._kept_bytes -= oldest.size
            oldest.drop()
