"""What staff send from the command line: an invoice again, a reminder now."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer

from mailworker.cli.console import answer
from mailworker.cli.container_context import mail_client
from mailworker.core.clock import utc_now
from mailworker.errors import BadInput
from mailworker.ledger.message_search import story
from mailworker.reminders.find_invoice import find_invoice

if TYPE_CHECKING:
    from mailworker.container import Container


def print_id(container: "Container", id_: str, before: datetime, *, as_json: bool) -> None:
    """Print the message's id; where it is older than that moment also that nothing new is sent."""
    with container.ledger.read() as connection:
        known = story(connection, id_)
    is_new = known is None or known.message["accepted_at"] >= before
    answer(id_, {"message": id_, "new": is_new}, as_json=as_json)
    if known is not None and not is_new:
        zone = container.settings.worker.timezone
        at = f"{known.message['accepted_at'].astimezone(zone):%Y-%m-%d %H:%M} ({zone.key})"
        typer.echo(
            f"Nothing new is sent: the same was asked for at {at}, and is {known.message['state']}. "
            "--again sends a copy.",
            err=True,
        )


def send_reminder(container: "Container", invoice: str, *, again: bool) -> str:
    """Enqueue a reminder of this invoice; give the message id. Raises BadInput where the CRM knows none."""
    id_ = _id_in_crm(container, invoice)
    key = f"by-hand:{id_}:{utc_now():%Y-%m-%dT%H:%M:%S}" if again else None
    with mail_client(container.settings) as client:
        return client.send_invoice_reminder(id_, idempotency_key=key)


def send_invoice(
    container: "Container", invoice: str | Mapping[str, Any], *, to: str | None, again: bool
) -> str:
    """Enqueue an invoice, by its number or id in the CRM, or whole; give the message id."""
    named = invoice if isinstance(invoice, str) else str(invoice.get("invoice_number", ""))
    key = f"copy:{named}:{to or ''}:{utc_now():%Y-%m-%dT%H:%M:%S}"[:200] if again else None
    given: dict[str, Any] = {"invoice": invoice}
    if isinstance(invoice, str):
        given = {"invoice_id": _id_in_crm(container, invoice)}
    with mail_client(container.settings) as client:
        return client.send_invoice(**given, to=to, idempotency_key=key)


def _id_in_crm(container: "Container", invoice: str) -> str:
    """The CRM's id for what staff call it. Raises BadInput where neither the CRM nor the ledger knows it."""
    if why := container.settings.crm.why_none:
        raise BadInput(why)
    found = find_invoice(container.ledger, container.crm, invoice)
    if found is None:
        raise BadInput(f"{invoice}: the CRM knows no invoice of this id, and no open one of this number.")
    return found.invoice_id
