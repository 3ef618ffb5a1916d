"""`mailworker doctor`: is everything in place, and if not, what to do."""

from typing import Annotated

import typer

from mailworker.cli.container_context import opened
from mailworker.cli.shared_options import AsJson
from mailworker.core.did_you_mean import did_you_mean
from mailworker.errors import BadInput, ConfigError


def command(
    *,
    offline: Annotated[
        bool,
        typer.Option("--offline", help="Ask nobody on the Internet: neither Mailjet nor web.public_url."),
    ] = False,
    only: Annotated[
        list[str] | None, typer.Option(help="Only this subject, as redis, beat or messages; repeat it.")
    ] = None,
    webhook_url: Annotated[
        str | None, typer.Option(help="Also ask whether Mailjet tells exactly this URL of its events.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only what is wrong.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check configuration, Redis, workers, beat, mail that waits, rendering, store, CRM, webhook and Mailjet.

    Each fault comes with its cure. Ends with 0 where all is well, with 1 where something is to be mended,
    with 2 where it was called wrongly. Calls to Mailjet take their tokens like all others.

    Example: mailworker doctor --json
    """
    from mailworker.cli.doctor_checks.all_checks import SUBJECTS, Round, examine
    from mailworker.cli.doctor_checks.finding import Finding
    from mailworker.cli.doctor_checks.output import PrintedReport, Report

    if odd := [word for word in only or () if word not in SUBJECTS]:
        known = ", ".join(SUBJECTS)
        raise BadInput(
            [f"--only {word}: is none of {known}{did_you_mean(word, SUBJECTS) or '.'}" for word in odd]
        )
    findings = (Report if as_json else PrintedReport)(quiet=quiet)
    try:
        with opened() as container:
            for finding in examine(container, Round(only or (), not offline, webhook_url)):
                findings.add(finding)
    except ConfigError as fault:
        findings.add(Finding("configuration", "configuration", fault.faults))
    raise typer.Exit(findings.end())
