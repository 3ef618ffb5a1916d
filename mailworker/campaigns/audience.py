"""Whom a campaign is for: counted and shown before it is sent."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mailworker.config.contacts import ContactSettings
from mailworker.ledger import Ledger
from mailworker.ledger import campaigns as kept
from mailworker.ledger.suppressions import standings
from mailworker.rules.recipient_gate import Objection, Purpose, Standing, refusal
from mailworker.rules.segments import EVERYONE, Segment, check_segment, holds

_PAGE = 1000
_SAMPLE = 5

Row = Mapping[str, Any]


@dataclass(slots=True)
class Audience:
    """A segment's contacts. `reachable` are those who get it; `sample` shows some of them."""

    contacts: int = 0
    unsubscribed: int = 0
    excluded: int = 0
    suppressed: int = 0
    sample: list[str] = field(default_factory=list, repr=False)

    @property
    def reachable(self) -> int:
        """How many of the segment's contacts get the campaign."""
        return self.contacts - self.unsubscribed - self.excluded - self.suppressed


class AudienceCount:
    """The contacts that campaigns may be sent to, as the ledger holds them."""

    def __init__(self, ledger: Ledger, settings: ContactSettings) -> None:
        self._ledger = ledger
        self._settings = settings

    def types(self) -> dict[str, str]:
        """Every property with its type: the configuration's, and the custom fields that contacts have."""
        found = {name: block.type for name, block in self._settings.properties.items()}
        if not self._settings.custom_fields:
            return dict(found)
        custom = {name: "str" for page in self._pages() for row in page for name in row["properties"]}
        return custom | found

    def segment(self, text: str, types: Mapping[str, str]) -> Segment:
        """The expression, checked; everybody for an empty one. Raises BadInput."""
        return check_segment(text, types) if text else EVERYONE

    def audience(self, segment: Segment, contact_type: str, *, now: datetime) -> Audience:
        """Count a segment's contacts, in the memory of one page."""
        found = Audience()
        for page in self._pages():
            members = [row for row in page if in_segment(row, segment, contact_type, now=now)]
            with self._ledger.read() as connection:
                known = standings(connection, [row["email"] for row in members])
            for row in members:
                _count(found, row, known[row["email"]])
        return found

    def _pages(self) -> Iterator[list[Row]]:
        after = ""
        while True:
            with self._ledger.read() as connection:
                page = kept.contacts_after(connection, after, limit=_PAGE)
            if not page:
                return
            after = page[-1]["email"]
            yield page


def in_segment(row: Row, segment: Segment, contact_type: str, *, now: datetime) -> bool:
    """Whether a contact is on the list, in the segment, and not about to be erased."""
    listed = contact_type in row["lists"] and row["task"] != "erase"
    return listed and holds(segment, row["properties"], now=now)


def _count(found: Audience, row: Row, standing: Standing) -> None:
    found.contacts += 1
    objection = refusal(standing, Purpose.CAMPAIGN)
    if objection is None:
        if len(found.sample) < _SAMPLE:
            found.sample.append(row["email"])
    elif objection.objection is Objection.SUPPRESSED:
        found.suppressed += 1
    elif objection.objection is Objection.UNSUBSCRIBED:
        found.unsubscribed += 1
    else:
        found.excluded += 1
