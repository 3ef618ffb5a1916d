"""`mailworker reminders`: run the ladder, try it out, explain it."""

from typing import Annotated

import typer

from mailworker.cli.container_context import opened
from mailworker.cli.shared_options import AsJson, AsOf, DryRun
from mailworker.core.clock import utc_now
from mailworker.core.scan_names import OVERDUE_INVOICES

app = typer.Typer(help="Reminders of unpaid invoices: start, run, explain, send.", no_args_is_help=True)


@app.command()
def run(*, dry_run: DryRun = False, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Look at all open invoices, and write the reminders that are due.

    Example: mailworker reminders run --dry-run
    """
    from mailworker.cli.scan_commands.run import run_or_rehearse

    with opened() as container:
        run_or_rehearse(container, OVERDUE_INVOICES, dry_run=dry_run, as_of=as_of, as_json=as_json)


@app.command()
def start(
    *,
    start_from: Annotated[
        str | None, typer.Option("--from", help="Steps of days before are not sent; today if left out.")
    ] = None,
    backlog: Annotated[
        bool, typer.Option("--backlog", help="Say also what is due from before, the latest step of each.")
    ] = False,
) -> None:
    """Let the timetable send reminders. Until then it only rehearses, whatever the CRM holds.

    Example: mailworker reminders start --from 2026-12-01
    """
    from mailworker.cli.scan_commands.start import start_reminders

    with opened() as container:
        start_reminders(container, start_from, backlog=backlog)


@app.command()
def send(
    invoice: Annotated[str, typer.Argument(help="The invoice's number, or its id in the CRM.")],
    *,
    again: Annotated[
        bool, typer.Option("--again", help="Although one was sent by hand today already.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Remind of one invoice by hand, whatever the ladder says, and print the message id.

    Example: mailworker reminders send FA-2026-004217
    """
    from mailworker.cli.send_invoice_or_reminder import print_id, send_reminder

    now = utc_now()
    with opened() as container:
        id_ = send_reminder(container, invoice, again=again)
        print_id(container, id_, now, as_json=as_json)


@app.command()
def explain(
    invoice: Annotated[str, typer.Argument(help="The invoice's number, or its id in the CRM.")],
    as_of: AsOf = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Tell where an invoice stands on the ladder, which steps have their mail, and why none is sent now.

    Example: mailworker reminders explain FA-2026-004217
    """
    from mailworker.cli.scan_commands.explain_output import show

    with opened() as container:
        show(container, invoice, as_of, as_json=as_json)
