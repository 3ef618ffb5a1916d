"""`mailworker schedule`: when scans run, and what the last one found."""

from mailworker.cli.console import write_json
from mailworker.cli.container_context import opened
from mailworker.cli.shared_options import AsJson


def command(*, as_json: AsJson = False) -> None:
    """Show each scan: its timetable, its last and next run, what was found, sent, skipped, and why.

    Example: mailworker schedule
    """
    from mailworker.cli.scan_commands.schedule_output import document, show

    with opened() as container:
        if as_json:
            write_json(document(container))
        else:
            show(container)
