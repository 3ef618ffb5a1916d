"""Did Mailjet take it? Asked of Mailjet's `message` resource.

What is found is proof. What is not found proves nothing: Mailjet promises no delay within which a
message appears there, nor how long it stays.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from mailworker.errors import TransientError
from mailworker.mailjet.rest_api import RestApi, RestCall
from mailworker.mailjet.rest_rows import Row, listed, number_of, pages, uuid_of

#: More rows than a message and its copies have.
_COPIES = 100


@dataclass(frozen=True, slots=True)
class Found:
    """A message that Mailjet has. `status` is Mailjet's word: queued, sent, opened, blocked, ..."""

    custom_id: str
    message_id: int
    uuid: str
    status: str


def find_by_custom_id(api: RestApi, custom_id: str) -> Found | None:
    """The message with this CustomID, None where Mailjet shows none (yet). ONE call.

    Raises the transient errors of `Gateway.rest`, for an answer that proves nothing, too. A copy's row
    (Cc, Bcc) has the same CustomID: the oldest is given.
    """
    filters = {"CustomID": custom_id, "ShowCustomID": "true", "Limit": _COPIES}
    rows = listed(api.rest(RestCall("message", filters=filters)), limit=_COPIES)
    ours = [one for row in rows if (one := _found(row)) is not None and one.custom_id == custom_id]
    if rows and not ours:
        # A filter that the server ignores would show the last messages of anybody.
        raise TransientError("Mailjet shows other messages than the one that it was asked for.")
    return min(ours, key=lambda one: one.message_id, default=None)


def list_between(api: RestApi, since: datetime, until: datetime) -> Iterator[list[Found]]:
    """All of Mailjet's messages that arrived in this time and carry a CustomID, a page a call.

    One question for a thousand messages: the way to settle many unknown ones after an outage. A
    message may come twice when others arrive meanwhile.
    """
    filters = {
        "FromTS": int(since.timestamp()),
        "ToTS": int(until.timestamp()),
        "ShowCustomID": "true",
        "Sort": "ID DESC",
    }
    for page in pages(api, RestCall("message", filters=filters)):
        if not any("CustomID" in row for row in page):
            raise TransientError("Mailjet shows messages without the CustomIDs that it was asked for.")
        named = [row for row in page if row.get("CustomID")]
        found = [one for row in named if (one := _found(row)) is not None]
        if len(found) < len(named):
            raise TransientError("Mailjet shows a message without its number.")
        yield found


def _found(row: Row) -> Found | None:
    number = number_of(row)
    if number is None:
        return None
    return Found(
        custom_id=str(row.get("CustomID") or ""),
        message_id=number,
        uuid=uuid_of(row),
        status=str(row.get("Status") or "unknown"),
    )
