"""Whom a campaign is for: counted and shown before it is sent."""

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mailworker.config.contacts import ContactSettings
from mailworker.ledger import Ledger, campaign_audience
from mailworker.ledger.recipient_standings import standings
from mailworker.rules.recipient_gate import Objection, Purpose, Standing, refusal
from mailworker.rules.segments import EVERYONE, Segment, check_segment, holds

_PAGE = 1000
_SAMPLE = 5

Row = Mapping[str, Any]


@dataclass(slots=True)
class Audience:
    """A segment's contacts. `reachable` are those who get it; `sample` shows some of them.

    Of a campaign that Mailjet sends, `missing` are not on its list there, `pending` are contacts of whom it
    does not know the latest. `outside` are those that this environment may not mail, and `lacking` those of
    for whom the CRM lacks what a kind of ours has to print.
    """

    contacts: int = 0
    unsubscribed: int = 0
    excluded: int = 0
    suppressed: int = 0
    missing: int = 0
    pending: int = 0
    outside: int = 0
    lacking: int = 0
    sample: list[str] = field(default_factory=list, repr=False)

    @property
    def reachable(self) -> int:
        """How many of the segment's contacts get the campaign."""
        kept_out = self.unsubscribed + self.excluded + self.suppressed
        return self.contacts - kept_out - self.missing - self.outside - self.lacking

    def left_out(self) -> str:
        """Who does not get it, by reason: `2 unsubscribed, 1 on the suppression list`."""
        reasons = {
            "unsubscribed": self.unsubscribed,
            "excluded from campaigns": self.excluded,
            "on the suppression list": self.suppressed,
            "not on Mailjet's list (mailworker contacts sync puts them back)": self.missing,
            "lacking what the mail prints": self.lacking,
            "not on worker.safelist": self.outside,
        }
        return ", ".join(f"{count} {why}" for why, count in reasons.items() if count)


class AudienceCount:
    """The contacts that campaigns may be sent to, as the ledger holds them."""

    def __init__(self, ledger: Ledger, settings: ContactSettings) -> None:
        self._ledger = ledger
        self._settings = settings

    def types(self) -> dict[str, str]:
        """Every property with its type: the configuration's, and the custom fields that contacts have."""
        found: dict[str, str] = {name: block.type for name, block in self._settings.properties.items()}
        if not self._settings.custom_fields:
            return found
        pages = contact_pages(self._ledger)
        return {name: "str" for page in pages for row in page for name in row["properties"]} | found

    def segment(self, text: str, types: Mapping[str, str] | None = None) -> Segment:
        """The expression, checked by these types or today's; everybody for an empty one. Raises BadInput."""
        return check_segment(text, self.types() if types is None else types) if text else EVERYONE

    def audience(
        self,
        segment: Segment,
        contact_type: str,
        *,
        now: datetime,
        at_mailjet: Container[str] | None = None,
        allows: Callable[[str], bool] = lambda _email: True,
        fits: Callable[[Row], bool] = lambda _row: True,
    ) -> Audience:
        """Count a segment's contacts, in the memory of one page.

        `at_mailjet` are the addresses that Mailjet's list sends to, where it is Mailjet that sends. `allows`
        is whether this environment may mail an address, `fits` whether a contact has all that is printed.
        """
        found = Audience()
        for page in contact_pages(self._ledger):
            if at_mailjet is not None:
                whole_list = segment is EVERYONE
                found.pending += sum(_is_pending(row, contact_type, at_mailjet, whole_list) for row in page)
            members = [row for row in page if in_segment(row, segment, contact_type, now=now)]
            with self._ledger.read() as connection:
                known = standings(connection, [row["email"] for row in members])
            for row in members:
                found.contacts += 1
                if (objection := refusal(known[row["email"]], Purpose.CAMPAIGN)) is not None:
                    _count_objection(found, objection.objection, known[row["email"]])
                elif at_mailjet is not None and row["email"] not in at_mailjet:
                    found.missing += 1
                else:
                    _count_written(found, row["email"], fits=fits(row), allowed=allows(row["email"]))
        return found


def contact_pages(ledger: Ledger) -> Iterator[list[Row]]:
    """Every contact, by address, a page at a time."""
    after = ""
    while True:
        with ledger.read() as connection:
            page = campaign_audience.contacts_after(connection, after, limit=_PAGE)
        if not page:
            return
        after = page[-1]["email"]
        yield page


def in_segment(row: Row, segment: Segment, contact_type: str, *, now: datetime) -> bool:
    """Whether a contact is on the list, in the segment, and not about to be erased."""
    listed = contact_type in row["lists"] and row["task"] != "erase"
    return listed and holds(segment, row["properties"], now=now)


def _is_pending(row: Row, contact_type: str, at_mailjet: Container[str], whole_list: bool) -> bool:  # noqa: FBT001
    """Whether Mailjet would decide by what is out of date about a contact, or does not have it yet."""
    if row["state"] in {"in_step", "refused"} or contact_type not in row["lists"]:
        return False
    if row["email"] in at_mailjet:
        return not whole_list
    return not (row["barred"] or row["excluded"] or row["left_out"] or row["unsubscribed_at"])


def _count_objection(found: Audience, objection: Objection, standing: Standing) -> None:
    if objection is Objection.UNSUBSCRIBED or standing.suppressed == "unsubscribed":
        found.unsubscribed += 1
    elif objection is Objection.SUPPRESSED:
        found.suppressed += 1
    else:
        found.excluded += 1


def _count_written(found: Audience, email: str, *, fits: bool, allowed: bool) -> None:
    if not fits:
        found.lacking += 1
    elif not allowed:
        found.outside += 1
    elif len(found.sample) < _SAMPLE:
        found.sample.append(email)
