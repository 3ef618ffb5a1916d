"""`mailworker messages`: find a message, read its life, send it again, end it."""

from typing import Annotated

import typer

from mailworker.cli.console import answer
from mailworker.cli.container_context import opened
from mailworker.cli.kind_names import kind_in_ledger
from mailworker.cli.shared_options import AsJson as _Json
from mailworker.core.clock import utc_now
from mailworker.core.plural import counted
from mailworker.core.states import State
from mailworker.errors import BadInput

app = typer.Typer(
    help="Messages: list, upcoming, search, explain, show, export, replay, resubmit, cancel, reconcile.",
    no_args_is_help=True,
)

_Kind = Annotated[str | None, typer.Option(help="Only this kind, with or without api_crm...")]
_Reason = Annotated[str | None, typer.Option(help="Only those whose reason contains this.")]
_Older = Annotated[str | None, typer.Option(help="Only unchanged for at least so long: 10m, 2h, 3d.")]
_Newer = Annotated[str | None, typer.Option(help="Only changed within the last 10m, 2h, 3d.")]
_Delivery = Annotated[str | None, typer.Option(help="Only so far: opened, bounced ...; none: no event came.")]
_To = Annotated[str | None, typer.Option("--to", help="Only to this address.")]
_Name = Annotated[str | None, typer.Option(help="Only to somebody of this name, or a part of it.")]
_Customer = Annotated[str | None, typer.Option(help="Only of this customer's id.")]
_Invoice = Annotated[str | None, typer.Option(help="Only about this invoice, by number or by id.")]
_Since = Annotated[
    str | None, typer.Option(help="Only changed since then: 24h, 7d, 2026-11-30 or 2026-11-30T09:00.")
]
_Until = Annotated[str | None, typer.Option(help="Only changed on or before this day.")]
_Limit = Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")]
_Ids = Annotated[list[str] | None, typer.Argument(help="Message ids.")]
_Yes = Annotated[bool, typer.Option("--yes", help="Do it; without this it is only shown.")]


@app.command("list")
def list_(
    *,
    state: Annotated[list[State] | None, typer.Option(help="Only in this state; repeat it.")] = None,
    kind: _Kind = None,
    lane: Annotated[str | None, typer.Option(help="urgent, normal or bulk.")] = None,
    reason: _Reason = None,
    older: _Older = None,
    newer: _Newer = None,
    delivery: _Delivery = None,
    to: _To = None,
    name: _Name = None,
    customer: _Customer = None,
    invoice: _Invoice = None,
    since: _Since = None,
    until: _Until = None,
    rejected: Annotated[bool, typer.Option("--rejected", help="Jobs that became no message.")] = False,
    limit: _Limit = 50,
    as_json: _Json = False,
) -> None:
    """List messages, the last changed first, and the sum of all by state.

    Example: mailworker messages list --state failed --since 24h
    """
    from mailworker.cli.message_commands import export, output
    from mailworker.cli.message_commands.filters import Whom, narrowed, wanted_of

    with opened() as container:
        listing, refused = (export.listing, export.rejected) if as_json else (output.listing, output.rejected)
        if rejected:
            refused(container, limit)
        else:
            kind = kind_in_ledger(container, kind)
            wanted = wanted_of(
                states=state or (), kind=kind, lane=lane, reason=reason, older=older, newer=newer
            )
            zone = container.settings.worker.timezone
            whom = Whom(delivery=delivery, to=to, name=name, customer=customer, invoice=invoice)
            wanted = narrowed(wanted, whom, since=since, until=until, zone=zone)
            listing(container, wanted, limit)


@app.command()
def upcoming(
    *,
    when: Annotated[
        str | None, typer.Option(help="Only of a later time (later), of now, or of paused campaigns (held).")
    ] = None,
    kind: _Kind = None,
    lane: Annotated[str | None, typer.Option(help="urgent, normal or bulk.")] = None,
    limit: _Limit = 50,
    as_json: _Json = False,
) -> None:
    """List what has not left yet, the first to leave first: when it leaves, and what it waits for.

    Example: mailworker messages upcoming --lane bulk
    """
    from mailworker.cli.message_commands.filters import wanted_of
    from mailworker.cli.message_commands.upcoming import show_upcoming
    from mailworker.ledger.upcoming import UpcomingFilter, When

    if when is not None and when not in set(When):
        raise BadInput("--when: is later, now or held.")
    with opened() as container:
        asked = wanted_of(kind=kind_in_ledger(container, kind), lane=lane)
        parts = (When(when),) if when else (When.NOW, When.LATER, When.HELD)
        wanted = [UpcomingFilter(one, asked.kind, asked.lane) for one in parts]
        show_upcoming(container, wanted, now=utc_now(), limit=limit, as_json=as_json)


@app.command("search")
def search_(
    text: Annotated[
        str,
        typer.Argument(
            help="An invoice's number, address, name, customer, message id or its beginning, key, Mailjet id."
        ),
    ],
    *,
    limit: _Limit = 50,
    as_json: _Json = False,
) -> None:
    """Find messages by what a customer or a colleague tells you.

    Example: mailworker messages search FA-2026-004217
    """
    from mailworker.cli.message_commands import export, output

    with opened() as container:
        (export.found if as_json else output.found)(container, text, limit)


@app.command()
def explain(
    text: Annotated[str, typer.Argument(metavar="ID|ADDRESS|INVOICE", help="What the customer tells you.")],
    *,
    as_json: _Json = False,
) -> None:
    """Say in sentences why somebody got a mail, or did not: held, scheduled and refused ones, too.

    Example: mailworker messages explain claire@example.com
    """
    from mailworker.cli.message_commands import explain as explaining

    with opened() as container:
        explaining.explain(container, text, as_json=as_json)


@app.command()
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="The message's id, or its beginning.")],
    *,
    as_json: _Json = False,
) -> None:
    """Tell one message's whole life: every step with its reason, every call, every event.

    Example: mailworker messages show 3f1c2a9e
    """
    from mailworker.cli.message_commands import export, output

    with opened() as container:
        (export.life if as_json else output.life)(container, id_)


@app.command()
def export(
    *,
    state: Annotated[list[State] | None, typer.Option(help="Only in this state; repeat it.")] = None,
    kind: _Kind = None,
    lane: Annotated[str | None, typer.Option(help="urgent, normal or bulk.")] = None,
    customer: _Customer = None,
    since: _Since = None,
    until: _Until = None,
    lines: Annotated[bool, typer.Option("--json", help="A JSON object a line, instead of CSV.")] = False,
) -> None:
    """Write all messages, or some, to standard output as CSV: addresses, no content.

    Example: mailworker messages export --state failed
    """
    from mailworker.cli.message_commands import export
    from mailworker.cli.message_commands.filters import Whom, narrowed, wanted_of

    with opened() as container:
        wanted = wanted_of(states=state or (), kind=kind_in_ledger(container, kind), lane=lane)
        zone, whom = container.settings.worker.timezone, Whom(customer=customer)
        wanted = narrowed(wanted, whom, since=since, until=until, zone=zone)
        count = export.export(container, wanted, as_csv=not lines)
    typer.echo(f"{counted(count, 'message')}.", err=True)


@app.command()
def replay(
    ids: _Ids = None,
    *,
    kind: _Kind = None,
    reason: _Reason = None,
    older: _Older = None,
    newer: _Newer = None,
    unknown: Annotated[
        bool, typer.Option("--unknown", help="Messages of unknown outcome: they may arrive twice.")
    ] = False,
    yes: _Yes = False,
    limit: _Limit = 1000,
    as_json: _Json = False,
) -> None:
    """Send again what failed, or was blocked for a fault of ours. Shows what would go; --yes sends it.

    Example: mailworker messages replay --reason template --yes
    """
    from mailworker.cli.message_commands.filters import wanted_of
    from mailworker.cli.message_commands.replay_cancel import replay_messages

    state = State.UNKNOWN if unknown else State.FAILED
    with opened() as container:
        kind = kind_in_ledger(container, kind)
        wanted = wanted_of(ids=ids or (), states=(state,), kind=kind, reason=reason, older=older, newer=newer)
        replay_messages(container, wanted, limit=limit, act=yes, as_json=as_json)


@app.command()
def resubmit(
    numbers: Annotated[list[int], typer.Argument(help="Numbers of refused jobs: messages list --rejected.")],
    *,
    yes: _Yes = False,
    as_json: _Json = False,
) -> None:
    """Take refused jobs in again, once what was wrong is mended: a kind that was missing, a newer worker.

    Example: mailworker messages resubmit 12 --yes
    """
    from mailworker.cli.message_commands.resubmit_rejected import resubmit_jobs

    with opened() as container:
        resubmit_jobs(container, numbers, act=yes, as_json=as_json)


@app.command()
def cancel(
    ids: _Ids = None,
    *,
    kind: _Kind = None,
    reason: _Reason = None,
    older: _Older = None,
    newer: _Newer = None,
    why: Annotated[str, typer.Option(help="What its timeline shall say.")] = "cancelled by hand",
    yes: _Yes = False,
    limit: _Limit = 1000,
    as_json: _Json = False,
) -> None:
    """End messages that have not left. Shows which; --yes ends them.

    Example: mailworker messages cancel 3f1c2a9e --yes
    """
    from mailworker.cli.message_commands.filters import wanted_of
    from mailworker.cli.message_commands.replay_cancel import cancel_messages

    with opened() as container:
        kind = kind_in_ledger(container, kind)
        wanted = wanted_of(ids=ids or (), kind=kind, reason=reason, older=older, newer=newer)
        cancel_messages(container, wanted, limit=limit, act=yes, as_json=as_json, why=why)


@app.command()
def reconcile(
    *,
    since: Annotated[
        str,
        typer.Option(
            help="When the backup was made, as 2026-11-27T02:00 in worker.timezone; rather earlier."
        ),
    ],
    as_json: _Json = False,
) -> None:
    """Note as sent what Mailjet took since then: after a restore, before the workers start again.

    One call for a thousand messages. It sends nothing, and may be run again.

    Example: mailworker messages reconcile --since 2026-11-27T02:00
    """
    from mailworker.cli.message_commands.reconcile import reconcile_messages
    from mailworker.scan_registry import read_as_of

    with opened() as container:
        moment = read_as_of(container, since)
        named, moved = reconcile_messages(container, moment) if moment else (0, 0)
    unsent = counted(
        moved, "was unsent in the ledger, and is sent now", "were unsent in the ledger, and are sent now"
    )
    words = f"Mailjet named {counted(named, 'message')}; of them {unsent}."
    answer(words, {"named": named, "sent_now": moved}, as_json=as_json)
