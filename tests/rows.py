"""Rows of the ledger, as the intake writes them, for tests that begin there."""

import itertools
from datetime import UTC, datetime, timedelta

from sqlalchemy import insert

from mailworker.ledger.tables import messages

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
STRICT = "api_crmCommunicationCustomerWelcome"
URGENT = "api_crmCommunicationUserPasswordReset"
_numbers = itertools.count(1)


def after(seconds):
    return NOW + timedelta(seconds=seconds)


def row(id_=None, **changes):
    """A ready message."""
    id_ = id_ or f"m{next(_numbers)}"
    return {
        "id": id_,
        "idempotency_key": f"key-{id_}",
        "fingerprint": "f",
        "kind": STRICT,
        "lane": 1,
        "language": "fr",
        "customer_id": None,
        "to_email": f"{id_}@client.example",
        "to_name": "",
        "cc": None,
        "bcc": None,
        "variables": {"customer_name": "Zoé"},
        "invoice": None,
        "invoice_id": None,
        "attachments": None,
        "recipients": 1,
        "content_bytes": 1000,
        "batch_limit": 50,
        "state": "ready",
        "not_before": NOW,
        "expires_at": None,
        "called_at": None,
        "attempts": 0,
        "lookups": 0,
        "accepted_at": NOW,
        "changed_at": NOW,
    } | changes


def put(connection, *rows):
    """Write these messages into the ledger."""
    for one in rows:
        connection.execute(insert(messages), [one])
