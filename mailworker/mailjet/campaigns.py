"""Segments, campaigns and their figures at Mailjet: thin calls, one function each.

Every function raises as `RestApi.rest` does.
Sending a draft is not idempotent, but its status is one row: after an UnknownOutcome, `draft_status`
shows whether it went. Source: Mailjet's segmentation and campaign guides.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from mailworker.core.canonical_address import with_ascii_domain
from mailworker.core.message import Address
from mailworker.errors import TransientError
from mailworker.mailjet.rest_api import RestApi, RestCall
from mailworker.mailjet.rest_rows import Row, first_row, id_of, number_of


class DraftStatus(StrEnum):
    """Where a campaign's draft stands, in Mailjet's words."""

    DELETED = "deleted"
    ARCHIVED = "archived"
    DRAFT = "draft"
    PROGRAMMED = "programmed"
    SENT = "sent"
    TESTING = "a/x testing"


_STATUS_NUMBERS = {
    "-3": DraftStatus.DELETED,
    "-2": DraftStatus.DELETED,
    "-1": DraftStatus.ARCHIVED,
    "0": DraftStatus.DRAFT,
    "1": DraftStatus.PROGRAMMED,
    "2": DraftStatus.SENT,
    "3": DraftStatus.TESTING,
    "4": DraftStatus.TESTING,
}


@dataclass(frozen=True, slots=True)
class CampaignDraft:
    """One campaign to one list, narrowed by at most one segment. `sender` is an active sender."""

    title: str
    subject: str
    sender: Address
    list_id: int
    locale: str = "fr_FR"
    segment_id: int | None = None


@dataclass(frozen=True, slots=True)
class Counters:
    """A campaign's life so far, in messages. Mailjet's figures may lag by hours."""

    sent: int
    opened: int
    clicked: int
    blocked: int
    hard_bounced: int
    soft_bounced: int
    spam: int
    unsubscribed: int


def create_segment(api: RestApi, name: str, expression: str, *, description: str = "") -> int:
    """Keep a segment's expression; gives its number. Each atom stands in parentheses: `(age<40)`."""
    data = {"Name": name, "Expression": expression, "Description": description}
    return id_of(first_row(api.rest(RestCall("contactfilter", "POST", data=data))))


def create_draft(api: RestApi, draft: CampaignDraft) -> int:
    """Make a draft; gives its number."""
    data: dict[str, Any] = {
        "Title": draft.title,
        "Subject": draft.subject,
        "Locale": draft.locale,
        "Sender": draft.sender.name or draft.sender.email,
        "SenderName": draft.sender.name,
        "SenderEmail": with_ascii_domain(draft.sender.email),
        "ContactsListID": draft.list_id,
        "EditMode": "html2",
    }
    data |= {} if draft.segment_id is None else {"SegmentationID": draft.segment_id}
    return id_of(first_row(api.rest(RestCall("campaigndraft", "POST", data=data))))


def set_content(api: RestApi, draft_id: int, *, html: str, text: str) -> None:
    """Write the draft's whole content; what is not given is emptied."""
    data = {"Html-part": html, "Text-part": text}
    api.rest(RestCall("campaigndraft_detailcontent", "POST", id=draft_id, data=data))


def send_test(api: RestApi, draft_id: int, recipients: Sequence[Address]) -> None:
    """Send the draft to these people only."""
    people = [{"Email": with_ascii_domain(one.email), "Name": one.name} for one in recipients]
    api.rest(RestCall("campaigndraft_test", "POST", id=draft_id, data={"Recipients": people}))


def draft_status(api: RestApi, draft_id: int) -> DraftStatus:
    """Where the draft stands; ask before sending, and after a send whose answer was lost."""
    return _status(api.rest(RestCall("campaigndraft_status", id=draft_id)))


def send_draft(api: RestApi, draft_id: int) -> None:
    """Send the campaign to everybody, now. Refused where its list has fewer than two subscribers."""
    api.rest(RestCall("campaigndraft_send", "POST", id=draft_id, data={}))


def schedule_draft(api: RestApi, draft_id: int, when: datetime) -> None:
    """Send the campaign at an aware time, which Mailjet wants to be some minutes away."""
    data = {"Date": when.isoformat(timespec="seconds")}
    api.rest(RestCall("campaigndraft_schedule", "POST", id=draft_id, data=data))


def cancel_schedule(api: RestApi, draft_id: int) -> None:
    """Take a scheduled campaign back."""
    api.rest(RestCall("campaigndraft_schedule", "DELETE", id=draft_id))


def campaign_id(api: RestApi, draft_id: int) -> int:
    """The number of the campaign that a sent draft became; its figures are kept under it."""
    return id_of(first_row(api.raw("GET", f"v3/REST/campaign/mj.nl={draft_id}")))


def counters(api: RestApi, campaign: int) -> Counters:
    """The campaign's figures since it was sent, zeros before there are any."""
    filters = {"CounterSource": "Campaign", "CounterTiming": "Message", "CounterResolution": "Lifetime"}
    row = first_row(api.rest(RestCall("statcounters", filters={**filters, "SourceID": campaign})))
    return Counters(
        sent=_count(row, "Sent"),
        opened=_count(row, "Opened"),
        clicked=_count(row, "Clicked"),
        blocked=_count(row, "Blocked"),
        hard_bounced=_count(row, "HardBounced"),
        soft_bounced=_count(row, "SoftBounced"),
        spam=_count(row, "Spam"),
        unsubscribed=_count(row, "Unsubscribed"),
    )


def _count(row: Row, name: str) -> int:
    return number_of(row, f"Message{name}Count") or 0


def _status(body: Any) -> DraftStatus:
    word = str(first_row(body).get("Status")).lower()
    status = _STATUS_NUMBERS.get(word) or next((one for one in DraftStatus if one == word), None)
    if status is None:
        raise TransientError("Mailjet gave the draft a status that nobody knows.")
    return status
