"""`mailworker cgrates`: have CGRateS post low balances here, at the moment they get low."""

from typing import Annotated

import typer

from mailworker.cli.container_context import opened
from mailworker.core.plural import counted
from mailworker.errors import MailworkerError

app = typer.Typer(no_args_is_help=True, help="Have CGRateS post balances here, at the moment they get low.")


@app.callback()
def _group() -> None:
    """Have CGRateS post balances here, at the moment they get low."""


@app.command("setup")
def setup(
    *,
    apply: Annotated[
        bool, typer.Option("--apply/--print", help="Make the calls, or only print them.")
    ] = False,
    resets: Annotated[
        bool, typer.Option(help="Add resets of the triggers to the Actions that top up.")
    ] = True,
    thresholds: Annotated[
        bool,
        typer.Option(
            "--thresholds", help="Write profiles of ThresholdS in place of triggers (0.11 and later)."
        ),
    ] = False,
) -> None:
    """Write the Action, the triggers of `balances.low`, their resets and the accounts' groups.

    Printed calls are JSON-RPC, one a line, the password as ***. May be run again at any time.

    Example: mailworker cgrates setup --print
    """
    import json

    from mailworker.crm.cgrates.action_triggers import EngineCall

    faults = done = 0
    with opened() as container:
        setup = container.charging.setup
        calls = (
            setup.threshold_calls(shown=not apply)
            if thresholds
            else setup.calls(resets=resets, shown=not apply)
        )
        for call in calls:
            if not isinstance(call, EngineCall):
                typer.echo(call, err=True)
                faults += 1
            elif not apply:
                typer.echo(json.dumps({"method": call.method, "params": [call.parameters]}))
            else:
                try:
                    setup.apply(call)
                    done += 1
                except MailworkerError as fault:
                    typer.echo(f"{call.why}: {fault}", err=True)
                    faults += 1
    if apply:
        typer.echo(f"{counted(done, 'call')} made, {faults} to mend.")
    raise typer.Exit(1 if faults else 0)
