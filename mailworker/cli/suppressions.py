"""`mailworker suppressions`: who gets no mail, why, and since when; adding and lifting by hand."""

import getpass
from typing import Annotated

import typer

from mailworker.cli.console import answer, console, moment, table, write_json
from mailworker.cli.container_context import opened
from mailworker.cli.shared_options import AsJson as _Json
from mailworker.cli.shared_options import one_of
from mailworker.core.plural import counted

app = typer.Typer(help="Who gets no mail, and why: list, show, add, lift, opt in.", no_args_is_help=True)

_Address = Annotated[str, typer.Argument(help="The address, however it is written.", metavar="ADDRESS")]
_Why = Annotated[str, typer.Option(help="Why, for colleagues.")]
_By = Annotated[str, typer.Option(help="Who does it; else the name you are logged in with.")]


@app.command("list")
def list_(
    *,
    reason: Annotated[str, typer.Option(help="Only these: hard_bounce, spam, unsubscribed ...")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 50,
    as_json: _Json = False,
) -> None:
    """Show addresses that get no mail, or no campaigns, the youngest first.

    Example: mailworker suppressions list
    """
    from mailworker.ledger.suppressions import latest
    from mailworker.rules.suppression_reasons import REASONS

    wanted = one_of("--reason", reason, REASONS)
    with opened() as container, container.ledger.read() as connection:
        rows = latest(connection, reason=wanted, limit=limit)
    if as_json:
        write_json(rows)
        return
    if not rows:
        typer.echo("Nobody is on the suppression list.")
        return
    cells = [
        (row["email"], row["reason"], row["since"], row["added_by"] or "Mailjet", row["why"] or row["source"])
        for row in rows
    ]
    console().print(table(("address", "reason", "since", "by", "why"), cells))


@app.command()
def show(email: _Address, *, as_json: _Json = False) -> None:
    """Show whether an address gets mail, and what people did about it.

    Example: mailworker suppressions show claire@example.com
    """
    with opened() as container:
        found = container.suppressions.show(email)
    if as_json:
        write_json(found)
        return
    entry = found["entry"]
    if entry is None:
        typer.echo("It is not on the suppression list.")
    else:
        typer.echo(f"Listed as {entry['reason']} since {moment(entry['since'])}.")
    for purpose, why in found["stopped"].items():
        typer.echo(f"Gets no {purpose} mail: {why}.")
    for kind in found["switched_off"]:
        typer.echo(f"Its owner switched off {kind}; mailworker suppressions opt-in takes that back.")
    if found["changes"]:
        cells = [
            (row["at"], row["what"], row["reason"], row["changed_by"], row["why"]) for row in found["changes"]
        ]
        console().print(table(("when", "what", "reason", "by", "why"), cells))


@app.command()
def add(
    email: _Address,
    *,
    why: _Why,
    reason: Annotated[
        str, typer.Option(help="blocked: no mail at all; unsubscribed: no campaigns and no marketing.")
    ] = "blocked",
    by: _By = "",
    as_json: _Json = False,
) -> None:
    """Send no more mail to an address.

    Example: mailworker suppressions add claire@example.com --why 'asked by phone'
    """
    with opened() as container:
        container.suppressions.add(email, why=why, by=by or getpass.getuser(), reason=reason)
    words = f"Listed as {reason}. The workers have Mailjet leave it out of campaigns."
    answer(words, {"reason": reason}, as_json=as_json)


@app.command()
def lift(email: _Address, *, why: _Why, by: _By = "", as_json: _Json = False) -> None:
    """Send mail to an address again; what happened before counts no more.

    Example: mailworker suppressions lift claire@example.com --why 'typo mended in the CRM'
    """
    with opened() as container:
        done = container.suppressions.lift(email, why=why, by=by or getpass.getuser())
    lists = counted(done.resubscribed, "list")
    again = [f"Subscribed again to {lists} at Mailjet."] if done.resubscribed else []
    words = "\n".join([f"Lifted; it was listed as {done.reason}.", *again, *done.advice])
    facts = {"reason": done.reason, "resubscribed": done.resubscribed, "advice": done.advice}
    answer(words, facts, as_json=as_json)


@app.command()
def opt_in(email: _Address, *, why: _Why, by: _By = "", as_json: _Json = False) -> None:
    """Send the kinds of mail again that the address's owner switched off, when they ask for it.

    Example: mailworker suppressions opt-in claire@example.com --why 'wants alerts again, by phone'
    """
    with opened() as container:
        kinds = container.suppressions.opt_in(email, why=why, by=by or getpass.getuser())
    reach = counted(kinds, "kind of mail reaches", "kinds of mail reach")
    words = f"{reach} the address again."
    answer(words, {"kinds": kinds}, as_json=as_json)
