"""`mailworker holds`: what is stopped, and stopping and releasing by hand."""

from typing import Annotated

import typer

app = typer.Typer(help="What is held back: list, add, release.", no_args_is_help=True)

_Scope = Annotated[str, typer.Argument(help="A kind of e-mail, or * for all mail.")]


@app.command("list")
def list_() -> None:
    """Show what is held, why, and when it is tried again."""
    from mailworker.cli.opening import opened
    from mailworker.cli.printing import console, table
    from mailworker.ledger.holding import current_holds

    with opened() as house, house.ledger.read() as connection:
        holds = current_holds(connection)
    if not holds:
        typer.echo("Nothing is held.")
        return
    rows = [(hold.scope, hold.since, hold.probe_at or "when you release it", hold.reason) for hold in holds]
    console().print(table(("what", "since", "tried again", "why"), rows))


@app.command()
def add(scope: _Scope, why: Annotated[str, typer.Argument(help="What colleagues should read.")]) -> None:
    """Stop a kind, or all mail, until you release it. Nothing is lost: messages wait."""
    from mailworker.cli.opening import opened
    from mailworker.clock import utc_now
    from mailworker.errors import BadInput
    from mailworker.ledger.holding import hold_by_hand
    from mailworker.nearest import did_you_mean
    from mailworker.rules.holds import EVERYTHING

    with opened() as house:
        kinds = house.settings.kinds
        if scope != EVERYTHING and scope not in kinds:
            raise BadInput(
                f"{scope}: is no kind of e-mail{did_you_mean(scope, kinds) or '; use * for all mail.'}"
            )
        with house.ledger.write() as connection:
            hold_by_hand(connection, scope, reason=why, now=utc_now())
    typer.echo(f"Held: {scope}. Release it with: mailworker holds release '{scope}'")


@app.command("release")
def release_(scope: _Scope) -> None:
    """End a hold, also one that Mailjet's answer caused; what waited leaves within seconds."""
    from mailworker.cli.opening import opened
    from mailworker.errors import BadInput
    from mailworker.ledger.holding import release

    with opened() as house, house.ledger.write() as connection:
        ended = release(connection, [scope])
    if not ended:
        raise BadInput(f"{scope}: is not held; see mailworker holds list.")
    typer.echo(f"Released: {scope}.")
