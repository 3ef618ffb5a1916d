"""`mailworker doctor`: is everything in place, and if not, what to do."""

from typing import Annotated

import typer


def command(
    *,
    offline: Annotated[bool, typer.Option("--offline", help="Leave Mailjet out: make no call.")] = False,
    webhook_url: Annotated[
        str | None, typer.Option(help="Also ask whether Mailjet tells this URL of its events.")
    ] = None,
) -> None:
    """Check configuration, Redis, workers, beat, ledger, PDF rendering, store, CRM and Mailjet.

    Each fault comes with its cure, and ends it with 1. Calls to Mailjet take their tokens like all others.
    """
    from mailworker.cli.console import console
    from mailworker.cli.container_context import opened
    from mailworker.cli.doctor_checks.runner import examine
    from mailworker.errors import ConfigError

    out = console()
    faults = 0
    try:
        with opened() as container:
            for name, found in examine(container, mailjet=not offline, webhook_url=webhook_url):
                out.print(f"[green]✓[/] {name}" if not found else f"[red]✗[/] {name}")
                for fault in found:
                    out.print(f"    {fault}", markup=False, soft_wrap=True)
                faults += len(found)
    except ConfigError as fault:
        out.print("[red]✗[/] configuration")
        for sentence in fault.faults:
            out.print(f"    {sentence}", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None
    out.print("All is well." if not faults else f"{faults} to mend.")
    raise typer.Exit(1 if faults else 0)
