"""How well mail arrives: each kind's counts and rates, as the page shows them."""

from collections.abc import Iterable
from dataclasses import dataclass

from mailworker.rules.delivery_rates import MailFigures, is_worrying
from mailworker.statistics_report import ReportRow

#: The rates in the order of the page.
_RATES = ("delivered", "opened", "clicked", "bounced", "blocked", "complained", "unsubscribed")


@dataclass(frozen=True, slots=True)
class Rate:
    """A count and its share, as text; `width` is the share in hundredths, for the bar behind it."""

    count: str
    share: str
    width: int
    tone: str


@dataclass(frozen=True, slots=True)
class DeliverabilityRow:
    """One kind. An empty name is the sum."""

    kind: str
    sent: str
    rates: tuple[Rate, ...]


def deliverability_rows(rows: Iterable[ReportRow]) -> list[DeliverabilityRow]:
    """The kinds or campaigns that sent anything, in their order, then their sum."""
    sending = [row for row in rows if row.figures.sent]
    if not sending:
        return []
    total = sum((row.figures for row in sending), MailFigures())
    return [_row(row) for row in (*sending, ReportRow("", total, sum(row.watched for row in sending)))]


def _row(row: ReportRow) -> DeliverabilityRow:
    sent, counts, shares = row.figures.sent, row.figures.counts(), row.rates()
    rates = tuple(_rate(name, counts[name], shares[name], sent) for name in _RATES)
    return DeliverabilityRow(row.name, f"{sent:,}", rates)


def _rate(name: str, count: int, share: float | None, sent: int) -> Rate:
    if share is None:
        return Rate(f"{count:,}", "-", 0, "")
    tone = "bad" if is_worrying(name, share, sent=sent) else ""
    return Rate(f"{count:,}", f"{share:.1%}", round(share * 100), tone)
