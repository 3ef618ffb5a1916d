"""`mailworker schedule`: when scans run, and what the last one found."""

from typing import Annotated

import typer


def command(*, as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Show each scan: its timetable, its last and next run, what was found, sent, skipped, and why."""
    from mailworker.cli.opening import opened
    from mailworker.cli.scans.schedule import show, write_json

    with opened() as house:
        if as_json:
            write_json(house)
        else:
            show(house)
