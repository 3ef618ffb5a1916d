"""How many mails became what, by kind or by campaign, and beside Mailjet's own counters."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from mailworker.config.duration import parse_duration
from mailworker.config.settings import Settings
from mailworker.core.did_you_mean import did_you_mean
from mailworker.core.json_check import printable_name
from mailworker.core.kind import Kind
from mailworker.core.lane import Lane
from mailworker.errors import BadInput
from mailworker.ledger import Ledger
from mailworker.ledger.hourly_statistics import (
    HourlyTally,
    current_campaigns,
    current_tallies,
    figures_by_kind,
)
from mailworker.mailjet.account_counters import AccountCounters, account_counters
from mailworker.mailjet.rest_api import RestApi
from mailworker.rules.delivery_rates import MailFigures

if TYPE_CHECKING:
    pass


class ReportRow(NamedTuple):
    """The figures of a kind or of a campaign.

    `watched` are those of the delivered mails whose opening and links Mailjet looks at: never urgent mail's.
    """

    name: str
    figures: MailFigures
    watched: int

    def rates(self) -> dict[str, float | None]:
        """Shares of one; None where there is nothing to be a share of."""
        return self.figures.rates(self.watched)


def rows_by_kind(found: Iterable[HourlyTally], kinds: Mapping[str, Kind]) -> list[ReportRow]:
    """One row for each kind, the most sent first."""
    urgent = {name for name, kind in kinds.items() if kind.lane is Lane.URGENT}
    return [
        ReportRow(name, figures, 0 if name in urgent else figures.delivered)
        for name, figures in figures_by_kind(found)
    ]


def rows_by_campaign(found: Iterable[tuple[str, MailFigures]]) -> list[ReportRow]:
    """One row for each campaign, in the order given: their mail is always watched."""
    return [ReportRow(name, figures, figures.delivered) for name, figures in found]


@dataclass(frozen=True, slots=True)
class MailReport:
    """One row for each kind (or campaign), the most sent first; and what Mailjet counted, where asked.

    Counted are messages that came to their end from `since` to `until`.
    """

    since: datetime
    until: datetime
    rows: Sequence[ReportRow]
    theirs: AccountCounters | None = None

    @property
    def total(self) -> MailFigures:
        """All rows together."""
        return sum((row.figures for row in self.rows), MailFigures())

    def with_total(self, name: str) -> Sequence[ReportRow]:
        """The rows, and under this name their sum where there are several."""
        if len(self.rows) < 2:
            return self.rows
        return [*self.rows, ReportRow(name, self.total, sum(row.watched for row in self.rows))]

    def differences(self) -> dict[str, int] | None:
        """By how much Mailjet's count is above ours; None where Mailjet was not asked."""
        if self.theirs is None:
            return None
        ours = self.total.counts()
        return {name: value - ours[name] for name, value in self.theirs._asdict().items()}

    def as_json(self, *, name: str = "kind", total: str = "") -> dict[str, Any]:
        """For programs; rates are shares of one, null where there is nothing to be a share of.

        With the sum of all under `total`, where that is given and there are several.
        """
        rows = [
            {name: row.name, **row.figures.counts(), "rates": row.rates()}
            for row in (self.with_total(total) if total else self.rows)
        ]
        theirs = self.theirs._asdict() if self.theirs else None
        return {
            f"{name}s": rows,
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "mailjet": theirs,
            "difference": self.differences(),
        }


class MailReports:
    """Makes reports to this very moment."""

    def __init__(
        self,
        ledger: Ledger,
        api: RestApi,
        settings: Settings,
        clock: Callable[[], datetime],
    ) -> None:
        self._ledger = ledger
        self._api = api
        self._kinds = settings.kinds
        self._clock = clock

    def by_kind(self, since: str = "30d", kind: str | None = None, *, mailjet: bool = False) -> MailReport:
        """The kinds of the last `since` (24h, 7d). Raises BadInput for a kind or a time that is none."""
        now, wanted = self._clock(), self._known_kind(kind)
        begin = now - _duration(since)
        with self._ledger.read() as connection:
            found = current_tallies(connection, since=begin, now=now, kind=wanted)
        rows = rows_by_kind(found, self._kinds)
        return MailReport(begin, now, rows, self._theirs(begin, now) if mailjet and rows else None)

    def by_campaign(self, since: str = "30d") -> MailReport:
        """The campaigns of our own lane that wrote anything in the last `since`."""
        now = self._clock()
        begin = now - _duration(since)
        with self._ledger.read() as connection:
            found = current_campaigns(connection, since=begin, now=now)
        return MailReport(begin, now, rows_by_campaign(found))

    def _theirs(self, since: datetime, until: datetime) -> AccountCounters:
        """What Mailjet counted for this API key in the same time, whoever sent it. One call."""
        return account_counters(self._api, since=since, until=until)

    def _known_kind(self, word: str | None) -> str | None:
        if word is None or word in self._kinds:
            return word
        matching = [name for name in self._kinds if name.endswith(word)]
        if len(matching) != 1:
            raise BadInput(
                f"kind: there is no kind {printable_name(word)}{did_you_mean(word, self._kinds) or '.'}"
            )
        return matching[0]


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as fault:
        raise BadInput(f"since: {fault}.") from None
