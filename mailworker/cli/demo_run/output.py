"""What the demo prints."""

from collections.abc import Sequence

from mailworker.cli.console import console, state, table
from mailworker.cli.demo_run.messages import Followed
from mailworker.cli.local_stack import Servers
from mailworker.core.plural import counted
from mailworker.core.readable_size import readable_size


def progress(sentence: str) -> None:
    """One line about what happens now."""
    console().print(f"[dim]·[/] {sentence}", soft_wrap=True, markup=True)


def print_outcome(servers: Servers, followed: Sequence[Followed]) -> bool:
    """The table of mails, the sums below it, and what went wrong; whether all went well."""
    out = console()
    out.print()
    out.print(table(("kind", "to", "state", "#seconds", "#attached", "#arrived"), map(_row, followed)))
    counts = servers.mailbox.counts()
    pdfs = list((servers.folder / "invoices").glob("*.pdf"))
    sent = sum(one.well for one in followed)
    calls = counts["calls_by_endpoint"]
    sending = sum(count for endpoint, count in calls.items() if endpoint.endswith("/send"))
    mails, others = counted(len(followed), "mail"), counts["calls"] - sending
    out.print(f"\n{sent} of {mails} sent, each exactly once, in {counted(sending, 'call')} to Mailjet.")
    out.print(f"{counted(others, 'other call was', 'other calls were')} made, {len(pdfs)} PDF written.")
    for one in followed:
        if not one.well:
            why = one.story.message["reason"] if one.story else "it never reached the ledger"
            out.print(f"[red]✗[/] {one.posted.kind}: arrived {one.arrived} times; {why}", markup=True)
    out.print(f"Ledger, PDFs and logs: {servers.folder}", soft_wrap=True)
    return sent == len(followed) and bool(pdfs) and not counts["duplicates"]


def _row(one: Followed) -> tuple[object, ...]:
    seconds = "" if one.seconds is None else f"{one.seconds:.2f}"
    attached = readable_size(one.attached) if one.attached else ""
    return (one.posted.kind, one.posted.to, state(one.state), seconds, attached, one.arrived)
