"""The full sync, step by step, as a person watches it."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mailworker.cli.console import console
from mailworker.cli.progress import ProgressBar
from mailworker.cli.shared_options import moment_of
from mailworker.contacts.full_sync import FullSyncResult
from mailworker.core.clock import utc_now
from mailworker.core.plural import counted
from mailworker.errors import BadInput, TransientError
from mailworker.ledger import contact_counts
from mailworker.rules.contact_sync_cost_and_pauses import Plan

if TYPE_CHECKING:
    from mailworker.contacts.push_to_mailjet import PushResult
    from mailworker.container import Container

_NAP_SECONDS = 0.5
#: Counting a million contacts takes a second itself.
_COUNT_SECONDS = 5.0
#: States in which a contact still has something to wait for.
_ON_THE_WAY = ("pending", "flying", "waiting")


def run(container: "Container", *, dry_run: bool, since: str | None, allow_removals: bool) -> None:
    """Read the CRM, print what follows, do it, and print how far Mailjet has it."""
    if why := container.settings.crm.why_none:
        raise BadInput(why)
    if not container.crm.offers("customers"):
        raise BadInput(
            "The CRM is not asked for customers: give crm.sql.queries.customers, or connect it otherwise."
        )
    # A rehearsal writes no moment down that other hosts compare: it needs no Redis.
    clock = utc_now if dry_run else container.clock
    began = clock()
    zone = container.settings.worker.timezone
    begin = moment_of("--since", since, now=began, zone=zone) if since else None
    result = _read(container, begin, clock, dry_run=dry_run)
    _print_result(result, dry_run=dry_run)
    if dry_run:
        upserted = result.upserted
        _print_plan(container, look=begin is None, to_come=upserted.new + upserted.changed + result.silent)
        return
    if result.silent and begin is None:
        removals = container.contact_reader.forget_silent(
            known_before=began, clock=container.clock, force=allow_removals
        )
        removed = sum(removals)
        leave = counted(removed, "address leaves", "addresses leave")
        console().print(f"Gone from the CRM: {counted(result.silent, 'contact')}; {leave} the lists.")
    _print_plan(container, look=begin is None)
    if begin is None:
        _look(container)
    _push_all(container)
    _show_status(container)


def _show_status(container: "Container") -> None:
    from mailworker.cli.contact_commands.status_output import show_status  # asks Redis, as no rehearsal does

    show_status(container)


def _read(
    container: "Container", since: datetime | None, clock: Callable[[], datetime], *, dry_run: bool
) -> FullSyncResult:
    reader = container.contact_reader
    if since is not None and not reader.can_list_changes:
        console().print(
            "The CRM source offers no changed_customers (docs/crm.md): reading all of it for what changed."
        )
    with ProgressBar("Reading the CRM", reader.total(since)) as bar:
        return reader.read(clock=clock, since=since, dry_run=dry_run, progress=bar.advance)


def _print_result(result: FullSyncResult, *, dry_run: bool) -> None:
    upserted, out = result.upserted, console()
    would = "would be " if dry_run else ""
    out.print(f"Read {counted(result.customers, 'customer')} with {counted(result.contacts, 'contact')}.")
    out.print(
        f"{upserted.new} {would}new, {upserted.changed} {would}changed, "
        f"{upserted.unchanged} unchanged addresses."
    )
    if dry_run and result.silent:
        gone = counted(result.silent, "contact is", "contacts are")
        out.print(f"{gone} gone from the CRM and would leave the lists.")
    if result.faults:
        kept = ", so nothing is removed" if result.untraced else "; what is known of them stays"
        out.print(f"{counted(result.faults, 'record')} could not be read{kept}:", style="yellow")
        for sentence in result.sentences:
            out.print(f"  {sentence}")


def _print_plan(container: "Container", *, look: bool, to_come: int = 0) -> None:
    """What the push will cost; with `to_come` contacts that a rehearsal found and did not write down."""
    with container.ledger.read() as connection:
        known = contact_counts.count_pushed(connection) if look else 0
        plan = contact_counts.plan(connection, read_back=known + to_come if look else 0)
    if to_come:
        plan = replace(plan, to_push={**plan.to_push, "to come": to_come})
    console().print(plan_sentence(plan, container.settings.mailjet.calls_per_minute))


def plan_sentence(plan: Plan, calls_per_minute: int) -> str:
    """What it will cost, before anything is done."""
    minutes = plan.duration(calls_per_minute).total_seconds() / 60
    lasts = "less than a minute" if minutes < 1 else f"{minutes:.0f} min at least"
    cost = f"About {counted(plan.calls, 'call')}, {lasts}; mail goes first."
    return f"To push: {counted(plan.contacts, 'contact')}. {cost}"


def _look(container: "Container") -> None:
    from mailworker.limits import NoCallFree

    with container.ledger.read() as connection:
        total = contact_counts.count_pushed(connection)
    puller = container.contacts.puller
    seen = puller.begin()
    with ProgressBar("Reading Mailjet", total) as bar:
        while not seen.is_done:
            with suppress(NoCallFree):  # it goes on where it was, as soon as mail leaves a call
                for count in puller.steps(seen):
                    bar.advance(count)
    out = console()
    out.print(f"At Mailjet: {counted(seen.members, 'contact')}, {seen.unsubscribed} unsubscribed", end="")
    out.print(f" ({seen.newly_unsubscribed} of them new), {seen.excluded} excluded from campaigns.")
    if seen.put_back:
        out.print(f"{seen.put_back} are not there any more and still belong there: they are put back.")
    if seen.strangers:
        out.print(f"{seen.strangers} on our list are in no CRM; they are left alone.")


def _push_all(container: "Container") -> None:
    total = left = _on_the_way(container)
    with ProgressBar("Telling Mailjet", total) as bar:
        counted_at = time.monotonic()
        while left:
            pushed = _step(container)
            if pushed is None:
                if _stands_still(container):
                    return
                time.sleep(_NAP_SECONDS)
            if pushed is None or time.monotonic() - counted_at > _COUNT_SECONDS:
                left, counted_at = _on_the_way(container), time.monotonic()
                bar.reach(max(0, total - left))


def _step(container: "Container") -> "PushResult | None":
    """One step of the usual work; None where there is nothing to do for the moment."""
    try:
        pushed = container.contacts.step()
    except TransientError:
        return None
    if pushed is not None and pushed.alarm:
        console().print(pushed.alarm)
    return pushed


def _on_the_way(container: "Container") -> int:
    with container.ledger.read() as connection:
        states = contact_counts.by_state(connection)
    return sum(states.get(one, 0) for one in _ON_THE_WAY)


def _stands_still(container: "Container") -> bool:
    """Whether what is left waits for longer than a person in front of a screen does."""
    with container.ledger.read() as connection:
        soonest = contact_counts.next_move(connection)
    return soonest is None or soonest - container.clock() > timedelta(minutes=2)
