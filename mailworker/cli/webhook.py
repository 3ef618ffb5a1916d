"""`mailworker webhook`: Mailjet's events, health, metrics and the operators' page over HTTP."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mailworker.cli.console import answer, console, table, write_json
from mailworker.cli.container_context import opened, rest_api
from mailworker.cli.shared_options import AsJson, Yes, at_terminal
from mailworker.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence
    from socket import socket

    from mailworker.config.web import WebSettings
    from mailworker.container import Container
    from mailworker.mailjet.webhook_registration import Callback

app = typer.Typer()

_Url = Annotated[
    str | None,
    typer.Option(
        "--url", help="Where the web process is reached from outside; default: web.public_url.", metavar="URL"
    ),
]


@app.callback(invoke_without_command=True)
def serve(
    context: typer.Context,
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on; default: web.host.")] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on; default: web.port.", min=0, max=65535)
    ] = None,
) -> None:
    """Serve the webhook for Mailjet's events, and the operators' page; register it at Mailjet.

    Without a further word it serves. Put a proxy with TLS before it. Example: mailworker webhook --port 8070
    """
    if context.invoked_subcommand is not None:
        return
    from mailworker.container import Container
    from mailworker.core.listening_socket import listen

    container = Container.from_environment()
    web = container.settings.web
    listener = listen(
        host or web.host,
        web.port if port is None else port,
        "The web process",
        "Choose another one: web.port, or --port.",
    )
    _serve(container, listener)


def _serve(container: "Container", listener: "socket") -> None:
    from contextlib import closing, suppress

    import uvicorn

    from mailworker.observability.logs import configure_logs, get_log
    from mailworker.web import create_app
    from mailworker.web.request_timeouts import PatientConnection

    configure_logs()
    log = get_log("mailworker.web")
    if container.settings.web.webhook_password is None:
        log.warning("the webhook refuses every event: set web.webhook_user and web.webhook_password")
    log.info("listening", host=listener.getsockname()[0], port=listener.getsockname()[1])
    # No access log: it would say nothing that the metrics do not, at the cost of a line for each event.
    config = uvicorn.Config(
        create_app(container),
        log_config=None,
        access_log=False,
        server_header=False,
        http=PatientConnection,
        timeout_graceful_shutdown=10,
    )
    with closing(container), suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])


@app.command()
def register(*, url: _Url = None, yes: Yes = False, as_json: AsJson = False) -> None:
    """Have Mailjet post all seven events here, grouped. Running it again changes only what differs.

    Mailjet posts an event to one place: a terminal asks before another one loses it.

    Example: mailworker webhook register --url https://mail.example.net
    """
    from mailworker.mailjet import webhook_registration

    with opened() as container:
        api = rest_api(container)
        target = _target(container.settings.web, url)
        known = webhook_registration.callbacks(api)
        wanted = webhook_registration.changes(known, target)
        others = webhook_registration.others(known, target)
        if others and not yes and at_terminal():
            for event, place in others.items():
                typer.echo(f"{event} is posted to {place} now, which would get it no more.", err=as_json)
            typer.confirm("Register this webhook in its place?", abort=True, err=as_json)
        webhook_registration.write(api, wanted)
    where = webhook_registration.Callback("", target).where
    events = {one.event: "changed" if one.id is not None else "registered" for one in wanted}
    changes = {
        event: f"{what}; until now {others[event]}" if event in others else what
        for event, what in events.items()
    }
    last = "Mailjet now posts" if wanted else "Nothing to change: Mailjet posts"
    words = [*(f"{event}: {what}" for event, what in changes.items()), f"{last} all seven events to {where}."]
    answer("\n".join(words), {"posted_to": where, "events": events, "instead_of": others}, as_json=as_json)


@app.command()
def status(*, url: _Url = None, as_json: AsJson = False) -> None:
    """Show where Mailjet posts each event, and whether it still does. Ends with 1 if one does not come here.

    Without web.public_url it shows what is registered; whether that is this webhook, nobody knows then.

    Example: mailworker webhook status
    """
    from mailworker.mailjet import webhook_registration

    target, why = None, ""
    with opened() as container:
        try:
            target = _target(container.settings.web, url)
        except BadInput as fault:
            why = str(fault)
        known = webhook_registration.callbacks(rest_api(container))
    missing = webhook_registration.changes(known, target) if target else None
    if as_json:
        write_json(_document(known, missing, target))
        raise typer.Exit(0 if missing == [] else 1)
    rows = [
        (
            one.event,
            "backup" if one.backup else "main",
            one.where,
            _whose(one, target),
            "yes" if one.alive else "no: given up after a day of failures",
            "grouped" if one.version == webhook_registration.GROUPED else "one by one",
        )
        for one in sorted(known, key=lambda one: (one.backup, one.event))
    ]
    console().print(table(("event", "role", "posted to", "is", "alive", "posts"), rows))
    for one in missing or ():
        typer.echo(f"{one.event} does not reach this webhook as it should: run mailworker webhook register.")
    if why:
        typer.echo(f"Whether these come here is not known. {why}")
    raise typer.Exit(0 if missing == [] else 1)


def _whose(one: "Callback", target: str | None) -> str:
    if target is None:
        return "not known"
    return "this webhook" if one.url == target else "somebody else's, or another password"


def _document(
    known: "Sequence[Callback]", missing: "Sequence[Callback] | None", target: str | None
) -> dict[str, Any]:
    """URLs are not shown: they carry a password. Where nobody knows what is ours, that is null."""
    registered = [
        {
            "event": one.event,
            "backup": one.backup,
            "where": one.where,
            "ours": None if target is None else one.url == target,
            "alive": one.alive,
        }
        for one in known
    ]
    lacking = None if missing is None else [one.event for one in missing]
    return {"registered": registered, "missing": lacking}


def _target(web: "WebSettings", url: str | None) -> str:
    """The URL that Mailjet is to post to: Mailjet signs nothing, so user and password stand in it."""
    from urllib.parse import quote, urlsplit

    base = (url or web.public_url or "").rstrip("/")
    if not base:
        raise BadInput(
            "Where is the web process reached from outside? Set web.public_url, or give --url https://..."
        )
    if web.webhook_login is None:
        raise BadInput(
            "Set web.webhook_user and web.webhook_password first: without them events are refused."
        )
    parts = urlsplit(base)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
        raise BadInput(
            "--url must be an address such as https://mail.example.net, without user and password."
        )
    user, password = quote(web.webhook_login[0], safe=""), quote(web.webhook_login[1].reveal(), safe="")
    return f"{parts.scheme}://{user}:{password}@{parts.netloc}{parts.path}/mailjet/events"
