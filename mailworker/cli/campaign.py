"""`mailworker campaign`: marketing to a segment of the CRM's contacts."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mailworker.cli.container_context import opened
from mailworker.cli.shared_options import AsJson, Yes, at_terminal
from mailworker.core.clock import utc_now
from mailworker.core.plural import counted

app = typer.Typer(
    help="Campaigns: segment, create, preview, test, schedule, send, show, list, pause, resume, cancel, "
    "stats.",
    no_args_is_help=True,
)

_Name = Annotated[str, typer.Argument(help="The campaign's name or id.")]
_Segment = Annotated[str, typer.Option(help="As 'city = \"Lyon\" and age >= 30'.")]
_Type = Annotated[str, typer.Option("--type", help="Only contacts of this type: billing, technical ...")]
_File = Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="The content, from a file.")]


@app.command()
def segment(
    expression: Annotated[str, typer.Argument(help="As 'city = \"Lyon\" and age >= 30'.")],
    *,
    type_: _Type = "",
    as_json: AsJson = False,
) -> None:
    """Show how many contacts a segment holds, and some of them. Nothing is made.

    Example: mailworker campaign segment 'city = "Lyon"'
    """
    from mailworker.cli.campaign_commands.output import show_audience
    from mailworker.rules.segments import check_segment

    with opened() as container:
        audiences = container.audiences
        found = check_segment(expression, audiences.types())
        show_audience(audiences.audience(found, type_, now=utc_now()), as_json=as_json)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What colleagues call it.")],
    *,
    segment: _Segment = "",
    everybody: Annotated[
        bool, typer.Option("--everybody", help="To all contacts, without a segment.")
    ] = False,
    type_: _Type = "",
    subject: Annotated[str, typer.Option(help="The subject.")] = "",
    html: _File = None,
    text: _File = None,
    template: Annotated[
        int | None, typer.Option(help="A template's id at Mailjet, instead of a file.")
    ] = None,
    kind: Annotated[
        str, typer.Option(help="Have our workers send this kind, personally, instead of Mailjet.")
    ] = "",
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="A kind's variable that is the same for all: name=value."),
    ] = None,
    from_email: Annotated[str, typer.Option(help="The sender; else contacts.campaigns.from_email.")] = "",
    from_name: Annotated[str, typer.Option(help="The sender's name.")] = "",
    locale: Annotated[str, typer.Option(help="The language of Mailjet's footer, as fr_FR.")] = "",
) -> None:
    """Make a campaign and show whom it is for. Nothing is sent.

    Example: mailworker campaign create Fibre --everybody --template 6001234 --subject Fibre
    """
    from mailworker.cli.campaign_commands.output import read_file, read_values, show_audience

    fields: dict[str, Any] = {
        "name": name,
        "segment": segment,
        "everybody": everybody or None,
        "contact_type": type_,
        "subject": subject,
        "html": read_file(html),
        "text": read_file(text),
        "template_id": template,
        "kind": kind,
        "values": read_values(set_ or []) or None,
        "from_email": from_email,
        "from_name": from_name,
        "locale": locale,
    }
    with opened() as container:
        row, audience = container.campaigns.create(fields)
    show_audience(audience)
    typer.echo(f"Made campaign {row['id']}. Now: mailworker campaign test {row['id']} you@example.com")


@app.command()
def preview(
    name: _Name,
    *,
    contact: Annotated[
        str | None, typer.Option(help="This contact's address; else the first who gets it.")
    ] = None,
    folder: Annotated[Path, typer.Option(help="Where the page goes.")] = Path("var/campaigns"),
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Show whom a campaign goes to, and its mail as one of these contacts would get it.

    Example: mailworker campaign preview "Fibre Lyon" --contact claire@example.com --open
    """
    from mailworker.campaigns.preview import CampaignExamples
    from mailworker.cli.campaign_commands.output import content_of, show_audience, show_example

    with opened() as container:
        row = container.campaigns.find(name)
        segment = container.campaigns.segment_of(row)
        examples = CampaignExamples(container.settings, container.ledger, content_of(container), utc_now)
        example = examples.example(row, segment, contact)
        show_audience(container.campaigns.preview(row["id"]))
    page = show_example(example, folder, row["id"])
    if show:
        typer.launch(str(page.resolve()))


@app.command("show")
def show_(name: _Name, *, as_json: AsJson = False) -> None:
    """Show how far a campaign is.

    Example: mailworker campaign show "Fibre Lyon"
    """
    from mailworker.cli.campaign_commands.output import show_progress

    with opened() as container:
        row = container.campaigns.find(name)
        show_progress(row, container.campaigns.progress(name), as_json=as_json)


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """Show campaigns, the youngest first.

    Example: mailworker campaign list
    """
    from mailworker.cli.campaign_commands.list import show_list
    from mailworker.ledger.campaign_rows import latest

    with opened() as container, container.ledger.read() as connection:
        rows = latest(connection, limit=20)
    show_list(rows, as_json=as_json)


@app.command()
def test(name: _Name, to: Annotated[list[str], typer.Argument(help="Who shall see it.")]) -> None:
    """Send it to these addresses only.

    Example: mailworker campaign test "Fibre Lyon" me@example.com
    """
    with opened() as container:
        sent = container.campaigns.test(name, to)
    typer.echo(f"On its way to {counted(sent, 'address', 'addresses')}.")


@app.command()
def schedule(
    name: _Name, at: Annotated[str, typer.Argument(help="On your clock (worker.timezone): 2026-12-01T09:00.")]
) -> None:
    """Send it at a time on the operator's clock.

    Example: mailworker campaign schedule "Fibre Lyon" 2026-12-01T09:00
    """
    with opened() as container:
        when = container.campaigns.schedule(name, at)
        zone = container.settings.worker.timezone
    typer.echo(f"It goes at {when.astimezone(zone):%Y-%m-%d %H:%M} {zone.key} ({when:%H:%M} UTC).")


@app.command()
def send(name: _Name, *, yes: Yes = False) -> None:
    """Send it to everybody in its segment, now.

    Example: mailworker campaign send "Fibre Lyon"
    """
    from mailworker.cli.campaign_commands.output import show_audience

    with opened() as container:
        row = container.campaigns.find(name)
        if not yes:
            show_audience(container.campaigns.preview(row["id"]))
            typer.confirm("Send it to all of them now?", abort=True)
        typer.echo(f"{container.campaigns.send(name)}.")


@app.command()
def pause(name: _Name) -> None:
    """Stop a campaign of our workers' until you resume it.

    Example: mailworker campaign pause "Fibre Lyon"
    """
    with opened() as container:
        typer.echo(f"Paused; {counted(container.campaigns.pause(name), 'message is', 'messages are')} held.")


@app.command()
def resume(name: _Name) -> None:
    """Go on with a paused campaign.

    Example: mailworker campaign resume "Fibre Lyon"
    """
    with opened() as container:
        typer.echo(
            f"Resumed; {counted(container.campaigns.resume(name), 'message waits', 'messages wait')} again."
        )


@app.command()
def cancel(name: _Name, *, yes: Yes = False) -> None:
    """End a campaign; what was sent stays sent. A terminal shows how far it is, and asks.

    Example: mailworker campaign cancel "Fibre Lyon"
    """
    from mailworker.cli.campaign_commands.output import show_progress

    with opened() as container:
        if not yes and at_terminal():
            show_progress(container.campaigns.find(name), container.campaigns.progress(name))
            typer.confirm("End it? It cannot be resumed then.", abort=True)
        typer.echo(f"Cancelled; {counted(container.campaigns.cancel(name), 'message')} that waited with it.")


@app.command()
def stats(name: _Name, *, as_json: AsJson = False) -> None:
    """Show its figures and rates: Mailjet's may lag by hours, our own follow the events.

    Example: mailworker campaign stats "Fibre Lyon"
    """
    from mailworker.cli.campaign_commands.output import rates_of, show_figures

    with opened() as container:
        figures = container.campaigns.stats(name)
        row = container.campaigns.find(name)
        show_figures(row, figures, rates=rates_of(figures), as_json=as_json)
