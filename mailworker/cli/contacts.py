"""`mailworker contacts`: bring Mailjet's contacts into line with the CRM, and see how they stand."""

from typing import Annotated

import typer

from mailworker.cli.console import answer
from mailworker.cli.container_context import opened
from mailworker.cli.shared_options import AsJson
from mailworker.core.plural import counted

app = typer.Typer(help="Contacts at Mailjet: sync, status, retry.", no_args_is_help=True)


@app.command()
def sync(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done; change nothing.")
    ] = False,
    since: Annotated[
        str | None, typer.Option(help="Only what the CRM changed within 2h, 3d, or since 2026-11-30.")
    ] = None,
    allow_removals: Annotated[
        bool, typer.Option("--allow-removals", help="Also when many contacts are gone from the CRM.")
    ] = False,
) -> None:
    """Compare all contacts with the CRM, and tell Mailjet the difference.

    Stop it whenever you like: the workers go on, and nothing is told twice when you start it again.

    Example: mailworker contacts sync --dry-run
    """
    from mailworker.cli.contact_commands.full_sync import run

    with opened() as container:
        run(container, dry_run=dry_run, since=since, allow_removals=allow_removals)


@app.command()
def status(*, as_json: AsJson = False) -> None:
    """Show how many contacts stand where, whom Mailjet refused and why, and what people should know.

    Example: mailworker contacts status
    """
    from mailworker.cli.contact_commands.status_output import show_status, write_status

    with opened() as container:
        (write_status if as_json else show_status)(container)


@app.command()
def retry(*, as_json: AsJson = False) -> None:
    """Send refused contacts to Mailjet again, after you mended what was wrong with them.

    Example: mailworker contacts retry
    """
    from mailworker.ledger.contact_counts import try_again

    with opened() as container, container.ledger.write() as connection:
        again = try_again(connection, container.clock())
    sentence = (
        f"{counted(again, 'contact goes', 'contacts go')} to Mailjet again."
        if again
        else "Mailjet refused no contact: nothing to retry."
    )
    answer(sentence, {"again": again}, as_json=as_json)
