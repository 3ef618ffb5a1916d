"""`mailworker privacy`: show or erase what the ledger holds about an address."""

import json
from typing import Annotated

import typer

app = typer.Typer(help="Show or erase what is held about an address.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(help="The address, as the person gives it.")]


@app.command()
def export(email: Email) -> None:
    """Print everything that the ledger holds about the address, as JSON."""
    from mailworker.cli.container_context import opened
    from mailworker.privacy import Privacy

    with opened() as container:
        found = Privacy(container.ledger, container.store).export(email)
    typer.echo(json.dumps(found, ensure_ascii=False, indent=2))


@app.command()
def erase(
    email: Email,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
) -> None:
    """Erase the address here and its contact at Mailjet. Mail that waits is cancelled."""
    from mailworker.cli.container_context import opened
    from mailworker.core.clock import utc_now
    from mailworker.privacy import Privacy
    from mailworker.queue import contact_envelope

    if not yes:
        typer.confirm("Erase it for good, and cancel its mail that waits?", abort=True)
    with opened() as container:
        now = utc_now()
        done = Privacy(container.ledger, container.store).erase(email, now=now)
        job = {"do": contact_envelope.DELETE_CONTACT, "email": email}
        container.contacts.door.take(job, now=now, asked_at=now)
    typer.echo(
        f"{done.messages} messages erased, {done.cancelled} of them cancelled; {done.files} files gone. "
        "The workers have Mailjet erase its contact."
    )
    if done.on_their_way:
        typer.echo(
            f"{done.on_their_way} messages are on their way: run this again in some minutes.", err=True
        )
        raise typer.Exit(1)
