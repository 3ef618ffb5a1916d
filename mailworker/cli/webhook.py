"""`mailworker webhook`: Mailjet's events, health, metrics and the operators' page over HTTP."""

from typing import Annotated

import typer


def command(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on; default: web.host.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; default: web.port.")] = None,
) -> None:
    """Serve the webhook for Mailjet's events, and the operators' page. Put a proxy with TLS before it."""
    import uvicorn

    from mailworker.container import Container
    from mailworker.errors import MailworkerError
    from mailworker.observability.logs import configure_logs, get_log
    from mailworker.web import create_app

    try:
        container = Container.from_environment()
    except MailworkerError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    configure_logs()
    web = container.settings.web
    if web.webhook_password is None:
        get_log("mailworker.web").warning(
            "the webhook refuses every event: set web.webhook_user and web.webhook_password"
        )
    try:
        # No access log: it would say nothing that the metrics do not, at the cost of a line for each event.
        uvicorn.run(
            create_app(container),
            host=host or web.host,
            port=web.port if port is None else port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=10,
        )
    finally:
        container.close()
