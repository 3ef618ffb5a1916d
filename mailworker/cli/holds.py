"""`mailworker holds`: what is stopped, and stopping and releasing by hand."""

from typing import Annotated

import typer

from mailworker.cli.console import answer, console, table, write_json
from mailworker.cli.container_context import opened
from mailworker.cli.shared_options import AsJson
from mailworker.core.clock import utc_now
from mailworker.errors import BadInput

app = typer.Typer(help="What is held back: list, add, release.", no_args_is_help=True)

_Scope = Annotated[
    str, typer.Argument(help="A kind of e-mail, lane:urgent, lane:normal or lane:bulk, or all.")
]
_STILL_IN_A_CALL = "Some of it is still in a call; mailworker messages list --state sending"


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """Show what is held, why, and when it is tried again.

    Example: mailworker holds list
    """
    from mailworker.ledger.holds import current_holds

    with opened() as container, container.ledger.read() as connection:
        holds = current_holds(connection)
    if as_json:
        write_json(
            [{"scope": h.scope, "since": h.since, "probe_at": h.probe_at, "reason": h.reason} for h in holds]
        )
        return
    if not holds:
        typer.echo("Nothing is held.")
        return
    rows = [(hold.scope, hold.since, hold.probe_at or "when you release it", hold.reason) for hold in holds]
    console().print(table(("what", "since", "tried again", "why"), rows))


@app.command()
def add(
    scope: _Scope,
    why: Annotated[str, typer.Argument(help="What colleagues should read.")],
    *,
    wait: Annotated[
        bool, typer.Option("--wait", help="Come back when nothing of it is in a call any more.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Stop a kind, a lane, or all mail, until you release it. Nothing is lost: messages wait.

    Example: mailworker holds add lane:bulk 'maintenance until 18 h'
    """
    from mailworker.cli.audit import audited
    from mailworker.cli.hold_and_drain import drained, held_scope
    from mailworker.ledger.holds import hold_by_hand
    from mailworker.ledger.operator_audit_log import Act

    if not why.strip():
        raise BadInput("why: say what colleagues should read; `mailworker holds list` shows it.")
    with opened() as container:
        name = held_scope(scope, container.settings.kinds)
        with container.ledger.write() as connection:
            hold_by_hand(connection, name, reason=why, now=utc_now())
            audited(connection, Act.HOLD, name, why=why, affected=1)
        if not (as_json and wait):
            answer(
                f"Held: {name}. Release it with: mailworker holds release '{name}'",
                {"held": name},
                as_json=as_json,
            )
        if not wait:
            return
        empty = drained(container.ledger, name)
        words = "Nothing of it is in a call." if empty else _STILL_IN_A_CALL
        answer(words, {"held": name, "drained": empty}, as_json=as_json)
        if not empty:
            raise typer.Exit(1)


@app.command("release")
def release_(scope: _Scope, *, as_json: AsJson = False) -> None:
    """End a hold, also one that Mailjet's answer caused; what waited leaves within seconds.

    Example: mailworker holds release lane:bulk
    """
    from mailworker.cli.audit import audited
    from mailworker.cli.hold_and_drain import scope_named
    from mailworker.ledger.holds import current_holds, release
    from mailworker.ledger.operator_audit_log import Act

    with opened() as container, container.ledger.write() as connection:
        name = scope_named(scope, [hold.scope for hold in current_holds(connection)])
        ended = release(connection, [name])
        if ended:
            audited(connection, Act.RELEASE, name, why="", affected=ended)
    if not ended:
        raise BadInput(f"{scope}: is not held; see mailworker holds list.")
    answer(f"Released: {name}.", {"released": name}, as_json=as_json)
