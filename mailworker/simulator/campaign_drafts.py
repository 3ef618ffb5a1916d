"""Campaign drafts: what must be right before one is sent, and whom it goes to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mailworker.core.clock import utc_now
from mailworker.simulator.address_syntax import may_send
from mailworker.simulator.contact_store import ContactStore, StoredContact
from mailworker.simulator.rest_tables import Row, Table
from mailworker.simulator.segment_expressions import read_segment
from mailworker.simulator.template_store import Content

_FIRST_DRAFT = 7001
#: 2026, in seconds; ids that count from here on stay below what 32 bits hold.
_SINCE = 1_767_225_600
_FIRST_SEGMENT = 501
#: A draft's states (Mailjet's campaign guide) that are shown by word.
DRAFT, PROGRAMMED, SENT = 0, 1, 2
WORDS: Mapping[int, str] = {DRAFT: "Draft", PROGRAMMED: "Programmed", SENT: "Sent"}
_DRAFT_FIELDS: Mapping[str, Any] = {
    "AXFraction": 0,
    "AXFractionName": "",
    "AXTesting": "",
    "ContactsListID": 0,
    "CreatedAt": "",
    "Current": 0,
    "DeliveredAt": "",
    "EditMode": "html2",
    "IsStarred": False,
    "IsTextPartIncluded": True,
    "Locale": "",
    "ModifiedAt": "",
    "Preset": "",
    "ReplyEmail": "",
    "SegmentationID": 0,
    "Sender": "",
    "SenderEmail": "",
    "SenderName": "",
    "Status": DRAFT,
    "Subject": "",
    "TemplateID": 0,
    "Title": "",
    "Url": "",
    "Used": False,
}


def _first_draft() -> int:
    """Higher at each start: a ledger remembers the drafts of earlier ones."""
    return _FIRST_DRAFT + int(utc_now().timestamp() - _SINCE)


@dataclass(slots=True)
class Campaigns:
    """Drafts, their contents and times, segments, and which campaign each sent draft became."""

    drafts: Table = field(
        default_factory=lambda: Table(
            "CampaignDraft", ("ID",), _DRAFT_FIELDS, _first_draft(), ("Locale", "Subject", "ContactsListID")
        )
    )
    segments: Table = field(
        default_factory=lambda: Table(
            "ContactFilter",
            ("Name",),
            {"Description": "", "Expression": "", "Name": "", "Status": "unused"},
            _FIRST_SEGMENT,
            ("Name", "Expression"),
        )
    )
    contents: dict[int, Content] = field(default_factory=dict)
    due: dict[int, datetime] = field(default_factory=dict)

    def campaign_of(self, draft_id: int) -> int:
        """The campaign's id of a sent draft."""
        return draft_id + 7_000_000


def audience(draft: Row, campaigns: Campaigns, store: ContactStore) -> list[StoredContact]:
    """Who gets it: on the list, in the segment, neither unsubscribed nor excluded."""
    segment = campaigns.segments.rows.get(draft["SegmentationID"] or 0)
    test = read_segment(segment["Expression"], loose=True) if segment else lambda _contact: True
    return [
        one.contact
        for one in store.members(draft["ContactsListID"])
        if not one.unsubscribed and not one.contact.excluded and test(one.contact.properties)
    ]


def hindrances(draft: Row, campaigns: Campaigns, store: ContactStore, senders: tuple[str, ...]) -> list[str]:
    """What keeps a draft from being sent (Mailjet's campaign guide). The sentences are stand-ins."""
    content = campaigns.contents.get(draft["ID"], Content())
    active = sum(not one.unsubscribed for one in store.members(draft["ContactsListID"]))
    checks = (
        (draft["Status"] in (DRAFT, PROGRAMMED), "The draft was sent already."),
        (
            bool(draft["SenderEmail"]) and may_send(draft["SenderEmail"], senders),
            "SenderEmail is no active sender.",
        ),
        (bool(draft["Sender"]), "Sender is empty."),
        (bool(draft["Subject"]), "Subject is empty."),
        (draft["ContactsListID"] in store.lists.rows, "The contacts list does not exist."),
        (active > 1, "The contacts list needs more than one active subscriber."),
        (bool(content.html or content.text), "The draft has no content."),
        (not draft["AXTesting"], "The draft is an A/X test."),
    )
    return [sentence for right, sentence in checks if not right]
