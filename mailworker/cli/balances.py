"""`mailworker balances`: announce low and expired balances, or try it out."""

from typing import Annotated

import typer

from mailworker.cli.container_context import opened
from mailworker.cli.shared_options import AsJson, AsOf, DryRun
from mailworker.core.scan_names import BALANCES

app = typer.Typer(help="Alerts about balances: run, start.", no_args_is_help=True)


@app.command()
def run(*, dry_run: DryRun = False, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Look at all balances, and write the alerts that are due.

    Example: mailworker balances run --dry-run
    """
    from mailworker.cli.scan_commands.run import run_or_rehearse

    with opened() as container:
        run_or_rehearse(container, BALANCES, dry_run=dry_run, as_of=as_of, as_json=as_json)


@app.command()
def start(
    *,
    backlog: Annotated[
        bool, typer.Option("--backlog", help="Alert also about balances that are low or expired already.")
    ] = False,
) -> None:
    """Let the timetable send alerts. Until then it only rehearses, whatever the CRM holds.

    Example: mailworker balances start
    """
    from mailworker.cli.scan_commands.start import start_balances

    with opened() as container:
        start_balances(container, backlog=backlog)
