"""What the campaign commands read and print."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mailworker.campaigns import Audience
from mailworker.cli.console import console, table
from mailworker.errors import BadInput

Row = Mapping[str, Any]


def read_file(path: Path | None) -> str:
    """A content file's text; empty for none."""
    if path is None:
        return ""
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise BadInput(f"{path}: cannot be read as UTF-8 text.") from None


def read_values(given: Sequence[str]) -> dict[str, str]:
    """`name=value` as a mapping."""
    pairs = [one.partition("=") for one in given]
    wrong = [name for name, equals, _ in pairs if not equals or not name]
    if wrong:
        raise BadInput("--set: write name=value.")
    return {name: value for name, _, value in pairs}


def show_audience(audience: Audience) -> None:
    """How many, how many of them really, and some."""
    out = console()
    out.print(f"In the segment: {audience.contacts} contacts; {audience.reachable} get it.")
    out.print(
        f"Left out: {audience.unsubscribed} unsubscribed, {audience.excluded} excluded from campaigns, "
        f"{audience.suppressed} on the suppression list."
    )
    if audience.missing:
        out.print(f"Not on Mailjet's list: {audience.missing}; mailworker contacts sync puts them back.")
    if audience.lacking:
        out.print(f"Lacking what the mail prints: {audience.lacking}.")
    if audience.outside:
        out.print(f"Not on worker.safelist: {audience.outside}.")
    if audience.sample:
        out.print(f"For example: {', '.join(map(masked, audience.sample))}")


def masked(email: str) -> str:
    """An address that its owner's colleague recognises, and a stranger behind you does not."""
    local, _, domain = email.rpartition("@")
    return f"{local[:2]}…@{domain}"


def show_list(rows: Sequence[Row]) -> None:
    """Campaigns in a table."""
    columns = ("id", "name", "sent by", "state", "segment", "goes at", "#written")
    shown = [
        (
            row["id"],
            row["name"],
            row["way"],
            row["state"],
            row["segment"] or "everybody",
            row["send_at"],
            row["written"],
        )
        for row in rows
    ]
    console().print(table(columns, shown) if shown else "There is no campaign yet.")


def show_figures(row: Row, figures: Mapping[str, int]) -> None:
    """A campaign's figures."""
    out = console()
    out.print(f"{row['name']} ({row['id']}): {row['state']}")
    if row["note"]:
        out.print(row["note"], style="yellow")
    shown = [(name.replace("_", " "), count) for name, count in figures.items()]
    out.print(table(("", "#messages"), shown) if shown else "No figures yet.")
