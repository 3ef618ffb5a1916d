"""Statistics as a table, as JSON and as CSV, and beside Mailjet's own counters."""

import csv
import sys
from zoneinfo import ZoneInfo

from mailworker.cli.console import console, short, table
from mailworker.core.spreadsheet import cell
from mailworker.rules.delivery_rates import COUNTS
from mailworker.statistics_report import MailReport, ReportRow

#: What a share is a share of; it is written below the table.
_SHARES = (
    "delivered %: of sent; what Mailjet has not told of yet counts as not delivered. opened %: of delivered, "
    "as far as mail programs load pictures; urgent mail is not tracked."
)
#: How old the counts may be: the live hour of `current_tallies`, and the roll-ups of `roll_up` and `forget`.
_AS_OF = (
    "Mail that came to its end in this hour is counted as it is now. What became of earlier mail is counted "
    "every 5 minutes for two hours, then every hour for 7 days: `mailworker messages list` may know more."
)


def show(report: MailReport, of: str, since: str, zone: ZoneInfo) -> None:
    """For people; `of` is what a row is of: `kind` or `campaign`."""
    if not report.rows:
        what = "No campaign wrote anything" if of == "campaign" else "No message came to its end"
        sys.stdout.write(f"{what} within the last {since}.\n")
        return
    out = console()
    begin, end = (f"{at.astimezone(zone):%Y-%m-%d %H:%M}" for at in (report.since, report.until))
    out.print(f"Messages that came to their end from {begin} to {end} ({zone.key}):")
    # A column of noughts says nothing; in CSV and JSON all are there.
    shown = [name for name in COUNTS if getattr(report.total, name) or name in _ALWAYS]
    lines = [
        (short(row.name), *(getattr(row.figures, name) for name in shown), *_percents(row))
        for row in report.with_total(f"all {of}s")
    ]
    out.print(table((of, *(f"#{name}" for name in shown), "#delivered %", "#opened %"), lines))
    out.print(_SHARES)
    out.print(_AS_OF)
    if report.theirs is not None:
        ours = report.total.counts()
        compared = [
            (name, ours[name], value, f"{value - ours[name]:+d}" if value != ours[name] else "0")
            for name, value in report.theirs._asdict().items()
        ]
        out.print()
        out.print(table(("", "#ledger", "#Mailjet", "#difference"), compared))
        out.print("Mailjet counts whatever this API key sent, other programs' mail and copies included.")


def write_csv(report: MailReport, of: str) -> None:
    """For spreadsheets."""
    writer = csv.writer(sys.stdout)
    writer.writerow([of, *COUNTS])
    rows = report.with_total(f"all {of}s")
    writer.writerows([cell(row.name), *row.figures.counts().values()] for row in rows)


_ALWAYS = frozenset({"sent", "delivered", "opened", "bounced", "failed"})


def _percents(row: ReportRow) -> tuple[str, str]:
    rates = row.rates()
    return _percent(rates["delivered"]), _percent(rates["opened"])


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
