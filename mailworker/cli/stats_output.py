"""Statistics as a table, as JSON and as CSV, and beside Mailjet's own counters."""

import csv
import json
import sys
from collections.abc import Sequence

from mailworker.cli.console import console, short, table
from mailworker.rules.mail_statistics import COUNTS, MailFigures
from mailworker.statistics_report import MailReport, ReportRow


def show(report: MailReport, of: str, since: str) -> None:
    """For people; `of` is what a row is of: `kind` or `campaign`."""
    if not report.rows:
        what = "No campaign wrote anything" if of == "campaign" else "No message came to its end"
        sys.stdout.write(f"{what} within the last {since}.\n")
        return
    columns = (of, *(f"#{name}" for name in COUNTS), "#delivered %", "#opened %")
    rows = _with_total(report, of)
    lines = [(short(row.name), *row.figures.counts().values(), *_percents(row.figures)) for row in rows]
    out = console()
    out.print(table(columns, lines))
    differences = report.differences()
    if report.theirs is not None and differences is not None:
        ours = report.total.counts()
        compared = [
            (name, ours[name], value, f"{differences[name]:+d}" if differences[name] else "0")
            for name, value in report.theirs._asdict().items()
        ]
        out.print()
        out.print(table(("", "#ledger", "#Mailjet", "#difference"), compared))
        out.print("Mailjet counts whatever this API key sent, other programs' mail and copies included.")


def write_json(report: MailReport, of: str) -> None:
    """For programs."""
    told = report.as_json(name=of, several=f"{of}s") | {f"{of}s": _rows(report, of)}
    sys.stdout.write(json.dumps(told, indent=2) + "\n")


def write_csv(report: MailReport, of: str) -> None:
    """For spreadsheets."""
    writer = csv.writer(sys.stdout)
    writer.writerow([of, *COUNTS])
    writer.writerows([row.name, *row.figures.counts().values()] for row in _with_total(report, of))


def _rows(report: MailReport, of: str) -> list[object]:
    whole = MailReport(_with_total(report, of)).as_json(name=of, several="rows")
    return list(whole["rows"])


def _with_total(report: MailReport, of: str) -> Sequence[ReportRow]:
    """The sum last, where there are several."""
    if len(report.rows) < 2:
        return report.rows
    return [*report.rows, ReportRow(f"all {of}s", report.total)]


def _percents(figures: MailFigures) -> tuple[str, str]:
    return _percent(figures.rates()["delivered"]), _percent(figures.rates()["opened"])


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"
