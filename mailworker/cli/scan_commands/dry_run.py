"""A scan that writes nothing: who would get what, and why. Shown as it is found, so that a million fit."""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

import typer

from mailworker.cli import CANNOT
from mailworker.cli.console import console, plain, short, table
from mailworker.cli.progress import ProgressBar
from mailworker.core.clock import utc_now
from mailworker.core.plural import counted
from mailworker.core.safe_text import escaped_json, shown
from mailworker.errors import MailworkerError
from mailworker.scan_registry import Scan, rehearses
from mailworker.scans.runner import ScanClaim, rehearse

if TYPE_CHECKING:
    from mailworker.container import Container

_COLUMNS = ("customer", "name", "to", "kind", "leaves", "why")


class Rehearsal:
    """Counts while it shows."""

    def __init__(self, container: "Container", scan: Scan, as_of: datetime | None) -> None:
        self.container = container
        self.scan = scan
        self.now = utc_now()
        self.as_of = as_of or self.now
        self.mails = 0
        self.seen = 0
        self.skipped: Counter[str] = Counter()
        self.faults: list[str] = []

    def show(self) -> None:
        """As tables, one for each page that has something."""
        out = console()
        for notifications in self._pages():
            if notifications:
                out.print(table(_COLUMNS, map(_cells, notifications)))
                self.mails += len(notifications)
        mails = counted(self.mails, "mail")
        out.print(f"\n{mails} for {self.seen} looked at, as of {plain(self.as_of)}; nothing was sent.")
        if self.skipped:
            rows = [(why, count) for why, count in self.skipped.most_common()]
            out.print(table(("not now, because", "#how many"), rows))
        for fault in self.faults:
            out.print(fault)
        if why := rehearses(self.container, self.scan):
            out.print(why)

    def write_json(self) -> None:
        """As one JSON object, written piece by piece; whole also where it has to stop, with the `error`."""
        write, error = sys.stdout.write, {}
        write(f'{{"scan": "{self.scan.name}", "as_of": "{self.as_of.isoformat()}", "mails": [')
        try:
            for one in chain.from_iterable(self._pages()):
                separator = "" if self.mails == 0 else ","
                entry = escaped_json(json.dumps(_entry(one), ensure_ascii=False, default=str))
                write(f"{separator}\n{entry}")
                self.mails += 1
        except MailworkerError as fault:
            error = {"error": str(fault)}
        rest = {"seen": self.seen, "skipped": dict(self.skipped), "faults": self.faults, **error}
        write(f"\n], {escaped_json(json.dumps(rest, ensure_ascii=False)[1:])}\n")
        if error:
            typer.echo(shown(error["error"]), err=True)
            raise typer.Exit(CANNOT)

    def _pages(self) -> Iterator[list[ScanClaim]]:
        subject = self.scan.rehearsal(self.container)
        with ProgressBar("looked at", subject.count()) as bar:
            for batch, findings in rehearse(subject, as_of=self.as_of, now=self.now):
                self.seen += len(batch.records) + len(batch.faults)
                self.skipped.update(findings.skipped)
                if batch.faults:
                    self.skipped["unreadable"] += len(batch.faults)
                self.faults = [*self.faults, *batch.faults, *findings.faults][:20]
                yield list(findings.notifications)
                bar.reach(self.seen)


def _cells(one: ScanClaim) -> tuple[Any, ...]:
    row = one.row
    return (
        row["customer_id"],
        row["to_name"],
        row["to_email"],
        short(row["kind"]),
        row["not_before"],
        one.why,
    )


def _entry(one: ScanClaim) -> dict[str, Any]:
    row = one.row
    return {
        "customer_id": row["customer_id"],
        "name": row["to_name"],
        "to": row["to_email"],
        "kind": row["kind"],
        "language": row["language"],
        "leaves_at": row["not_before"].isoformat(),
        "about": [claim.about for claim in one.claims],
        "keys": [claim.key for claim in one.claims],
        "why": one.why,
        "variables": row["variables"],
    }
