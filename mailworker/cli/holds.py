"""`mailworker holds`: what is stopped, and stopping and releasing by hand."""

from typing import Annotated

import typer

app = typer.Typer(help="What is held back: list, add, release.", no_args_is_help=True)

_Scope = Annotated[str, typer.Argument(help="A kind of e-mail, or * for all mail.")]


@app.command("list")
def list_() -> None:
    """Show what is held, why, and when it is tried again."""
    from mailworker.cli.console import console, table
    from mailworker.cli.container_context import opened
    from mailworker.ledger.holds import current_holds

    with opened() as container, container.ledger.read() as connection:
        holds = current_holds(connection)
    if not holds:
        typer.echo("Nothing is held.")
        return
    rows = [(hold.scope, hold.since, hold.probe_at or "when you release it", hold.reason) for hold in holds]
    console().print(table(("what", "since", "tried again", "why"), rows))


@app.command()
def add(scope: _Scope, why: Annotated[str, typer.Argument(help="What colleagues should read.")]) -> None:
    """Stop a kind, or all mail, until you release it. Nothing is lost: messages wait."""
    from mailworker.cli.container_context import opened
    from mailworker.core.clock import utc_now
    from mailworker.core.nearest import did_you_mean
    from mailworker.errors import BadInput
    from mailworker.ledger.holds import hold_by_hand
    from mailworker.rules.holds import EVERYTHING

    with opened() as container:
        kinds = container.settings.kinds
        if scope != EVERYTHING and scope not in kinds:
            raise BadInput(
                f"{scope}: is no kind of e-mail{did_you_mean(scope, kinds) or '; use * for all mail.'}"
            )
        with container.ledger.write() as connection:
            hold_by_hand(connection, scope, reason=why, now=utc_now())
    typer.echo(f"Held: {scope}. Release it with: mailworker holds release '{scope}'")


@app.command("release")
def release_(scope: _Scope) -> None:
    """End a hold, also one that Mailjet's answer caused; what waited leaves within seconds."""
    from mailworker.cli.container_context import opened
    from mailworker.errors import BadInput
    from mailworker.ledger.holds import release

    with opened() as container, container.ledger.write() as connection:
        ended = release(connection, [scope])
    if not ended:
        raise BadInput(f"{scope}: is not held; see mailworker holds list.")
    typer.echo(f"Released: {scope}.")
