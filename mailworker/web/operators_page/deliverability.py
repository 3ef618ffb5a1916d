"""How well mail arrives: each kind's counts and rates, as the page shows them."""

from collections.abc import Iterable
from dataclasses import dataclass

from mailworker.rules.delivery_rates import MailFigures
from mailworker.statistics_report import ReportRow

#: The rates in the order of the page, and from where one is a reason to look: bounces above 5 %, complaints
#: above 0.1 % (what mailbox providers ask of senders), and under nine of ten delivered.
_RATES = ("delivered", "opened", "clicked", "bounced", "blocked", "complained", "unsubscribed")
_WORRYING = {"bounced": 0.05, "complained": 0.001, "blocked": 0.05}
#: Under so many mails a rate says nothing.
_ENOUGH = 20


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
    worrying = sent >= _ENOUGH and share > _WORRYING.get(name, 1.0)
    return Rate(f"{count:,}", f"{share:.1%}", round(share * 100), "bad" if worrying else "")
