"""What Mailjet knows of contacts, read back: thin calls, one function each.

Every function raises as `RestApi.rest` does.
"""

from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from mailworker.core.calendar_range import within_calendar
from mailworker.core.canonical_address import with_ascii_domain
from mailworker.errors import Refused, TransientError
from mailworker.mailjet.rest_api import RestApi, RestCall
from mailworker.mailjet.rest_rows import Row, first_row, id_of, listed, none_if_missing, pages, truth_of

NO_TEMPLATE = "The template {} does not exist for this API key: correct template_id, or push it."


@dataclass(frozen=True, slots=True)
class KnownContact:
    """A contact as Mailjet has it."""

    id: int
    email: str = field(repr=False)
    excluded: bool = False


@dataclass(frozen=True, slots=True)
class LeftList:
    """Somebody who unsubscribed from a list; `at` is when, None where Mailjet does not give it."""

    email: str = field(repr=False)
    list_id: int
    at: datetime | None


@dataclass(frozen=True, slots=True)
class ListRecipient:
    """A list that a contact is on, and whether it unsubscribed from it."""

    list_id: int
    unsubscribed: bool


def contact_at(api: RestApi, email: str) -> KnownContact | None:
    """The contact of this address, None where Mailjet has none (or has not indexed it yet)."""
    path = quote(with_ascii_domain(email), safe="@+")
    return none_if_missing(lambda: _known(first_row(api.raw("GET", f"v3/REST/contact/{path}"))))


def list_recipients_of(api: RestApi, contact_id: int) -> list[ListRecipient]:
    """Every list that a contact is on, those it unsubscribed from included."""
    call = RestCall("listrecipient", filters={"Contact": contact_id})
    found = pages(api, call)
    return [
        ListRecipient(id_of(row, "ListID"), truth_of(row, "IsUnsubscribed") is True)
        for page in found
        for row in page
    ]


def properties_of(api: RestApi, contact_id: int) -> dict[str, str]:
    """A contact's properties by name, in lower case; every value as text: so Mailjet answers.

    Who has none is a row with an empty `Data` (mailjet-gem#181). TransientError for a row without one.
    """
    found: dict[str, str] = {}
    for row in listed(api.rest(RestCall("contactdata", id=contact_id)), limit=1):
        data = row.get("Data")
        if not isinstance(data, list) or not all(isinstance(one, Mapping) for one in data):
            raise TransientError("Mailjet shows a contact without its properties.")
        known = [one for one in data if one.get("Value") is not None]
        found |= {str(one.get("Name")).lower(): str(one.get("Value")) for one in known}
    return found


def members(api: RestApi, list_id: int, *, offset: int = 0) -> Iterator[list[KnownContact]]:
    """Everybody on a list, a thousand a call, by their numbers; all but the first `offset`."""
    call = RestCall("contact", filters={"ContactsList": list_id, "Sort": "ID"})
    for page in pages(api, call, offset=offset):
        yield list(map(_known, page))


def _known(row: Row) -> KnownContact:
    excluded = truth_of(row, "IsExcludedFromCampaigns") is True
    return KnownContact(id_of(row), str(row.get("Email") or ""), excluded)


def unsubscribed(
    api: RestApi,
    *,
    offset: int = 0,
    addresses: MutableMapping[int, str] | None = None,
) -> Iterator[list[LeftList]]:
    """Everybody who unsubscribed from a list; a thousand rows a call, from `offset`.

    Rows name contacts by number only (recorded), so one call more is made for each number that is not among
    `addresses`, where it is then kept; `LeftList.email` is empty for one that Mailjet does not have any more.
    """
    known = {} if addresses is None else addresses
    call = RestCall("listrecipient", filters={"Unsub": "true", "Sort": "ID"})
    for page in pages(api, call, offset=offset):
        # Not every server of Mailjet's may know the filter; the row itself has it.
        yield [
            LeftList(
                _address(api, id_of(row, "ContactID"), known),
                id_of(row, "ListID"),
                _moment(row.get("UnsubscribedAt")),
            )
            for row in page
            if truth_of(row, "IsUnsubscribed")
        ]


def _address(api: RestApi, number: int, known: MutableMapping[int, str]) -> str:
    if number not in known:
        row = none_if_missing(lambda: first_row(api.rest(RestCall("contact", id=number)))) or {}
        known[number] = str(row.get("Email") or "")
    return known[number]


def _moment(text: Any) -> datetime | None:
    try:
        moment = within_calendar(datetime.fromisoformat(str(text)))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def template_content(api: RestApi, template_id: int) -> tuple[str, str]:
    """A template's HTML and text."""
    call = RestCall("template_detailcontent", id=template_id)
    row = none_if_missing(lambda: first_row(api.rest(call)))
    if row is None:
        raise Refused(NO_TEMPLATE.format(template_id), code="404")
    return str(row.get("Html-part") or ""), str(row.get("Text-part") or "")
