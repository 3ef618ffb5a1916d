"""`mailworker stats`: how many mails became what, and how well they arrive."""

from typing import Annotated

import typer

from mailworker.cli.console import write_json
from mailworker.cli.container_context import opened
from mailworker.cli.shared_options import AsJson
from mailworker.errors import BadInput


def command(
    *,
    kind: Annotated[str | None, typer.Option(help="Only this kind, with or without api_crm...")] = None,
    since: Annotated[str, typer.Option(help="How far back: 24h, 7d, 30d.")] = "30d",
    campaigns: Annotated[
        bool, typer.Option("--campaigns", help="By campaign of our own lane, instead of by kind.")
    ] = False,
    mailjet: Annotated[
        bool, typer.Option("--mailjet", help="Compare with Mailjet's own counters (one call).")
    ] = False,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="As CSV.")] = False,
) -> None:
    """Show per kind: sent, delivered, opened, clicked, bounced, blocked, complained; and what never left.

    Counted from the ledger, by the hour in which a message came to its end. Delivered is a share of sent;
    opened, clicked and complaints are shares of delivered. Mail of this hour is counted as it is now;
    what became of earlier mail is counted every 5 minutes for two hours, then every hour for 7 days.
    Example: mailworker stats --since 7d --json
    """
    from mailworker.cli.stats_output import show, write_csv

    if campaigns and (kind or mailjet):
        raise BadInput("--campaigns: goes without --kind and --mailjet, which know no campaigns of our lane.")
    with opened() as container:
        reports = container.reports
        report = reports.by_campaign(since) if campaigns else reports.by_kind(since, kind, mailjet=mailjet)
    of = "campaign" if campaigns else "kind"
    if as_json:
        write_json(report.as_json(name=of, total=f"all {of}s"))
    elif as_csv:
        write_csv(report, of)
    else:
        show(report, of, since, container.settings.worker.timezone)
