"""An invoice's way up the ladder, for staff."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from mailworker.cli.console import console, in_utc, plain, short, table, write_json
from mailworker.core.clock import utc_now
from mailworker.core.scan_names import OVERDUE_INVOICES
from mailworker.crm.records import CrmInvoice
from mailworker.errors import BadInput
from mailworker.ledger.notification_log import SentNotification
from mailworker.reminders.explain import Explanation, explain
from mailworker.rules.reminder_due import Due, NotDue
from mailworker.scan_registry import read_as_of, rehearses, scan_named
from mailworker.scans.rules_from_settings import hours_of

if TYPE_CHECKING:
    from mailworker.container import Container


def show(container: "Container", invoice_id: str, as_of: str | None, *, as_json: bool = False) -> None:
    """Print where this invoice stands. Raises BadInput where the CRM does not know it."""
    if why := container.settings.crm.why_none:
        raise BadInput(why)
    moment = read_as_of(container, as_of) or utc_now()
    found = explain(container.reminder_scan(), container.crm, invoice_id, moment)
    if isinstance(found, NotDue):
        raise BadInput(f"{invoice_id}: {found.sentence}")
    if as_json:
        write_json(_document(found))
        return
    invoice, out = found.invoice, console()
    settings = container.settings
    zone = hours_of(settings.reminders, settings.worker.timezone).zone_of(invoice.timezone)
    out.print(
        f"Invoice {invoice.invoice_id} ({invoice.number}{_instalment(invoice)}) "
        f"of customer {invoice.customer_id}: "
        f"{invoice.status}, {invoice.owed} of {invoice.total} {invoice.currency} owed, "
        f"due on {invoice.due_date} ({zone.key})."
    )
    out.print(_verdict(found, plain))
    for obstacle in found.obstacles:
        out.print(f"But it cannot go: {obstacle}")
    scan = scan_named(container, OVERDUE_INVOICES)
    if isinstance(found.verdict, Due) and (why := rehearses(container, scan)):
        out.print(why)
    out.print(table(("step", "day", "kind", "written", "state", "message"), _rungs(found)))
    if found.by_hand:
        rows = [(plain(one.written_at), _state(one), one.message_id) for one in found.by_hand]
        out.print(table(("by hand", "state", "message"), rows))


def _document(found: Explanation) -> dict[str, object]:
    invoice = found.invoice
    columns = ("step", "day", "kind", "written_at", "state", "message")
    ladder = [dict(zip(columns, rung, strict=True)) for rung in _rungs(found)]
    by_hand = [
        {"written_at": one.written_at, "state": _state(one), "message": one.message_id}
        for one in found.by_hand
    ]
    return {
        "invoice": {
            "id": invoice.invoice_id, "number": invoice.number, "customer_id": invoice.customer_id,
            "status": invoice.status, "owed": invoice.owed, "total": invoice.total,
            "currency": invoice.currency, "due_date": invoice.due_date,
        },
        "due": isinstance(found.verdict, Due),
        "verdict": _verdict(found, in_utc),
        "obstacles": list(found.obstacles),
        # `said` is what programs knew `written_at` as.
        "ladder": [rung | {"said": rung["written_at"]} for rung in ladder],
        "by_hand": [one | {"said": one["written_at"]} for one in by_hand],
    }  # fmt: skip


def _instalment(invoice: CrmInvoice) -> str:
    return f", instalment {invoice.instalment} of {invoice.instalments}" if invoice.instalment else ""


def _verdict(found: Explanation, at: Callable[[datetime], str]) -> str:
    if isinstance(found.verdict, Due):
        due = found.verdict
        return f"Due: step {due.step.name}, from {at(due.not_before)} on; the next scan writes it."
    return f"Not now ({found.verdict.why}): {found.verdict.sentence}"


def _rungs(found: Explanation) -> list[tuple[object, ...]]:
    return [
        (
            rung.step.name,
            rung.day,
            short(rung.step.kind),
            rung.notification.written_at if rung.notification else None,
            _state(rung.notification) if rung.notification else None,
            rung.notification.message_id if rung.notification else None,
        )
        for rung in found.rungs
    ]


def _state(one: SentNotification) -> str:
    return one.state.value if one.state else "forgotten"
