"""Which message ids would this job have? For jobs that were refused, or that nobody has taken yet."""

from collections.abc import Mapping
from typing import Any

from mailworker.core.kind import Kind
from mailworker.rules.job.addresses import read_addresses
from mailworker.rules.job.document_number import document_sequence
from mailworker.rules.job.idempotency_key import derived_key, key_for_recipient, message_id


def named_ids(raw: Any, kinds: Mapping[str, Kind]) -> list[str]:
    """The ids that the caller was given, as far as the job can be read."""
    if not isinstance(raw, Mapping):
        return []
    kind = kinds.get(str(raw.get("kind")))
    invoice = raw.get("invoice") if isinstance(raw.get("invoice"), Mapping) else {}
    client = (invoice or {}).get("client")
    to = raw.get("to") or (client.get("email") if isinstance(client, Mapping) else None)
    people = read_addresses(to, "to", []) or (None,)
    own = raw.get("idempotency_key")
    if isinstance(own, str | int) and not isinstance(own, bool):
        return [message_id(key_for_recipient(str(own), one, len(people))) for one in people]
    if kind is None:
        return []
    variables = raw.get("variables") if isinstance(raw.get("variables"), Mapping) else {}
    number = raw.get("invoice_id") or (invoice or {}).get("invoice_number")
    numbered = invoice or variables or {}
    sequence = document_sequence(numbered) if kind.invoice_pdf and not raw.get("invoice_id") else ""
    named = {"invoice_number": number} | dict(variables or {})
    keys = [
        derived_key(kind, one, named, sequence=sequence, replaces=str(raw.get("replaces") or ""))
        for one in people
    ]
    return [message_id(key) for key in keys if key]
