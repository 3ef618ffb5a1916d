"""`mailworker simulator`: a local Mailjet to develop and test against."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    *,
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8025,
    host: Annotated[str, typer.Option(help="Loopback address to listen on.")] = "127.0.0.1",
    config: Annotated[
        Path | None, typer.Option(help="Take credentials, limits and template ids from this crm_config.yaml.")
    ] = None,
    calls_per_minute: Annotated[
        int | None, typer.Option(help="Calls taken in any 60 seconds, 0 for any number.", show_default="200")
    ] = None,
    index_delay: Annotated[float, typer.Option(help="Seconds until look-ups find a mail.")] = 2.0,
    latency: Annotated[float, typer.Option(help="Seconds that every answer takes.")] = 0.0,
    strict_templates: Annotated[
        bool, typer.Option(help="Refuse template ids that are not configured.")
    ] = False,
    sender: Annotated[
        list[str] | None,
        typer.Option(
            help="An active sender: an address, or *@domain for all of it; repeat it. Without it all are.",
            metavar="ADDRESS",
        ),
    ] = None,
    assume: Annotated[
        list[str] | None,
        typer.Option(
            help="Be kinder where Mailjet's ways are not known: escapes-html and the README's others."
        ),
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(
            envvar="MAILJET_SIMULATOR_RECORD",
            help="Append every call and its answer to this file, a JSON document a line.",
        ),
    ] = None,
) -> None:
    """Run a local Mailjet: same API, limits and errors, and an inbox page. Nothing leaves this machine.

    Example: mailworker simulator --port 8025
    """
    from dataclasses import replace

    from mailworker.core.canonical_address import with_ascii_domain
    from mailworker.simulator.assumptions import assumptions
    from mailworker.simulator.server import serve
    from mailworker.simulator.settings import SimulatorSettings

    settings = SimulatorSettings(
        host=host,
        port=port,
        index_delay=index_delay,
        latency=latency,
        senders=tuple(with_ascii_domain(one) for one in sender or ()),
        strict_templates=strict_templates,
        assume=assumptions(assume or ()),
        record=record,
    )
    if config:
        from mailworker.config.settings import load_settings
        from mailworker.simulator.settings_from_config import configured

        settings = configured(settings, load_settings(config))
    serve(settings if calls_per_minute is None else replace(settings, calls_per_minute=calls_per_minute))
