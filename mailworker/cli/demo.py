"""`mailworker demo`: the main job from end to end, on this machine, in a minute."""

from pathlib import Path
from typing import Annotated

import typer

from mailworker.cli.input_file import read_object


def command(
    *,
    folder: Annotated[Path, typer.Option(help="Where everything is written; emptied first.")] = Path(
        "var/demo"
    ),
    invoice: Annotated[
        Path | None, typer.Option(help="The invoice to send, OmniCRM's JSON; otherwise an example.")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the inbox page open until Ctrl-C.")] = False,
) -> None:
    """Send all ten kinds of e-mail, an invoice with its PDF among them, to a local Mailjet.

    Starts real workers and all they need on free ports of this machine, and stops them again. Ends with 1
    unless every mail arrived exactly once.

    Example: mailworker demo
    """
    from mailworker.cli.demo_run import messages, output
    from mailworker.cli.demo_run.folder import emptied
    from mailworker.cli.interrupt import until_interrupted
    from mailworker.cli.local_stack import Servers

    document = read_object(invoice or messages.example_invoice(), "--invoice: ")
    # The demo sends its ten mails and no other: no CRM, so no reminder falls due.
    with Servers(emptied(folder), changes={"crm": {"source": "none"}}) as servers:
        output.progress(f"Redis runs at {servers.redis_url}")
        output.progress(f"the local Mailjet runs at {servers.simulator_url}; starting workers")
        servers.production_workers()
        servers.beat()
        posted = messages.post_all(servers.client, document)
        output.progress(f"{len(posted)} jobs enqueued")
        outcome = messages.follow(servers, posted)
        well = output.print_outcome(servers, outcome)
        if keep:
            output.progress(f"The inbox: {servers.simulator_url} (Ctrl-C ends)")
            until_interrupted()
    raise typer.Exit(0 if well else 1)
