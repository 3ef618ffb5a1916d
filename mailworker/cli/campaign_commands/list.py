"""Campaigns in a list, which needs nothing of what makes and sends them."""

from collections.abc import Mapping, Sequence
from typing import Any

from mailworker.cli.console import console, table, write_json

Row = Mapping[str, Any]


def show_list(rows: Sequence[Row], *, as_json: bool = False) -> None:
    """Campaigns in a table."""
    if as_json:
        names = ("id", "name", "way", "state", "segment", "send_at", "written", "note")
        write_json([{name: row[name] for name in names} for row in rows])
        return
    columns = ("id", "name", "sent by", "state", "segment", "goes at", "#written", "note")
    shown = [
        (
            row["id"],
            row["name"],
            row["way"],
            row["state"],
            row["segment"] or "everybody",
            row["send_at"],
            row["written"],
            row["note"],
        )
        for row in rows
    ]
    console().print(table(columns, shown) if shown else "There is no campaign yet.")
