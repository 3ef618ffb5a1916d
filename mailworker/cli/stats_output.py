"""Statistics as a table, as JSON and as CSV, and beside Mailjet's own counters."""

import csv
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from mailworker.cli.console import console, table
from mailworker.cli.container_context import take_token
from mailworker.ledger.statistics import HourlyTally, figures_by_kind
from mailworker.mailjet.account_counters import AccountCounters, account_counters
from mailworker.rules.mail_statistics import COUNTS, MailFigures

if TYPE_CHECKING:
    from mailworker.container import Container

TOTAL = "all kinds"


class KindRow(NamedTuple):
    """One kind's figures."""

    kind: str
    figures: MailFigures


def rows_of(found: Iterable[HourlyTally]) -> list[KindRow]:
    """One row for each kind, the most sent first; the sum last, where there are several."""
    rows = [KindRow(kind, figures) for kind, figures in figures_by_kind(found)]
    if len(rows) > 1:
        rows.append(KindRow(TOTAL, sum((row.figures for row in rows), MailFigures())))
    return rows


def compare(
    container: "Container", rows: Sequence[KindRow], since: datetime, until: datetime
) -> AccountCounters | None:
    """What Mailjet counted for this API key in the same time, whoever sent it. One call."""
    if not rows:
        return None
    return account_counters(
        container.gateway, since=since, until=until, before_call=lambda: take_token(container)
    )


def show(rows: Sequence[KindRow], theirs: AccountCounters | None, since: str) -> None:
    """For people."""
    if not rows:
        sys.stdout.write(f"No message came to its end within the last {since}.\n")
        return
    columns = ("kind", *(f"#{name}" for name in COUNTS), "#delivered %", "#opened %")
    lines = [(row.kind, *row.figures.counts().values(), *_percents(row.figures)) for row in rows]
    out = console()
    out.print(table(columns, lines))
    if theirs is not None:
        ours = rows[-1].figures.counts()
        compared = [(name, ours[name], value, value - ours[name]) for name, value in theirs._asdict().items()]
        out.print()
        out.print(table(("", "#ledger", "#Mailjet", "#difference"), compared))
        out.print("Mailjet counts whatever this API key sent, other programs' mail and copies included.")


def write_json(rows: Sequence[KindRow], theirs: AccountCounters | None) -> None:
    """For programs; rates are shares of one, null where there is nothing to be a share of."""
    kinds = [{"kind": row.kind, **row.figures.counts(), "rates": row.figures.rates()} for row in rows]
    told = {"kinds": kinds, "mailjet": theirs._asdict() if theirs else None}
    sys.stdout.write(json.dumps(told, indent=2) + "\n")


def write_csv(rows: Sequence[KindRow]) -> None:
    """For spreadsheets."""
    writer = csv.writer(sys.stdout)
    writer.writerow(["kind", *COUNTS])
    writer.writerows([row.kind, *row.figures.counts().values()] for row in rows)


def _percents(figures: MailFigures) -> tuple[str, str]:
    return _percent(figures.rates()["delivered"]), _percent(figures.rates()["opened"])


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"
