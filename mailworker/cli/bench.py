"""`mailworker bench`: how many mails a minute this machine carries through Mailjet's limit."""

from pathlib import Path
from typing import Annotated

import typer

from mailworker.core.plural import counted


def command(
    *,
    mails: Annotated[int, typer.Option(min=100, help="How many mails to send.")] = 20_000,
    folder: Annotated[Path, typer.Option(help="Where everything is written; emptied first.")] = Path(
        "var/bench"
    ),
) -> None:
    """Send a campaign through real workers to a local Mailjet with Mailjet's limit, and count.

    Says mails a minute, mails a call and the fullest minute, from the first call to the last. Ends with 1
    unless every mail arrived exactly once.

    Example: mailworker bench --mails 2000
    """
    from mailworker.cli.demo_run.campaign_kind import CAMPAIGN_BLOCK, campaign_jobs
    from mailworker.cli.demo_run.folder import emptied
    from mailworker.cli.demo_run.output import progress
    from mailworker.cli.local_stack import Servers, wait_until
    from mailworker.cli.progress import ProgressBar

    with Servers(emptied(folder), changes={"mailjet": CAMPAIGN_BLOCK}) as servers:
        servers.production_workers()
        servers.beat()
        progress(f"enqueueing {mails} mails while the workers send them")
        counts = servers.mailbox.counts
        with ProgressBar("enqueued", mails) as bar:
            servers.client.send_many(campaign_jobs(mails), on_progress=bar.reach)
        with ProgressBar("sent", mails) as bar:

            def all_sent() -> bool:
                arrived = counts()["messages"]
                bar.reach(arrived)
                return bool(arrived >= mails)

            # At Mailjet's 200 calls a minute and 50 mails a call; three times as long is a failure.
            wait_until(all_sent, seconds=60 + 3 * 60 * mails / 10_000)
        final = counts()
    minutes = max(final["last_call_at"] - final["first_call_at"], 1) / 60
    mails_in_calls = f"{counted(final['messages'], 'mail')} in {counted(final['calls'], 'call')}"
    typer.echo(f"{mails_in_calls} over {minutes:.2f} minutes")
    typer.echo(f"mails a minute      {final['messages'] / minutes:>8.0f}")
    typer.echo(f"mails a call        {final['messages'] / final['calls']:>8.1f}")
    typer.echo(f"calls in any 60 s   {final['max_calls_in_60s']:>8}  (at the most)")
    well = final["custom_ids_seen"] == mails and not final["duplicates"]
    raise typer.Exit(0 if well else 1)
