"""Which message is this? Keys and ids."""

import hashlib
import re
import uuid
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

from mailworker.core.canonical_address import canonical_address
from mailworker.core.kind import Kind
from mailworker.core.message import Address
from mailworker.rules.balance_key import read_balance_key
from mailworker.rules.job.document_number import document_sequence
from mailworker.rules.may_replay import first_key

MAX_KEY = 200
#: What is added to a caller's key: a recipient's address or, once erased, its pseudonym.
_ADDED = re.compile(r"#(?:[^@]*@.*|erased-[0-9a-f]{40})$")
_LONGEST_DERIVED = 500

# Ids of keyed messages are derived from the key, so that every client, without asking the ledger, gives the
# same id for the same key. Changing this value would break that for jobs already sent.
_NAMESPACE = uuid.UUID("6f6d6e69-6372-5d2d-8d61-696c776f726b")


def message_id(key: str) -> str:
    """The id of the message with this idempotency key."""
    return str(uuid.uuid5(_NAMESPACE, key))


def call_message_id(task_id: str | None, position: int = 0) -> str | None:
    """The id of a message that came without a key in this Celery task, at this place among its messages.

    A task that runs again, because it was retried or its worker died, finds the messages that it made before.
    None outside a task.
    """
    return None if task_id is None else message_id(f"celery:{task_id}:{position}")


def own_id_of(own_id: str, to: Address | None, recipients: int) -> str:
    """A message's own id, distinguished by recipient where one job goes to several people."""
    return message_id(f"{own_id}#{canonical_address(to.email)}") if to and recipients > 1 else own_id


def derived_key(kind: Kind, content: Mapping[str, Any], to: Address | None) -> str | None:
    """The key of a mail that may be sent only once by its nature: kind, recipient and business key.

    `content` has the job's `variables`, `invoice`, `invoice_id`, `replaces`. An id of the CRM's is one of a
    kind; a number is so only within its sort and its issuer's sequence. One that replaces a message is
    another mail. None where the kind has no business key: then two equal jobs are two mails.
    """
    if not kind.business_key:
        return None
    invoice, id_, replaces = (content.get(name) for name in ("invoice", "invoice_id", "replaces"))
    number = id_ or (invoice or {}).get("invoice_number")
    variables = {"invoice_number": number, **content["variables"]}
    sequence = document_sequence({} if id_ or not kind.invoice_pdf else invoice or content["variables"])
    parts = [kind.name, *(str(variables.get(name, "")) for name in kind.business_key)]
    parts += [part for part in (sequence, replaces and f"replaces-{replaces}") if part]
    key = ":".join([*parts, canonical_address(to.email) if to else ""])
    return key if len(key) <= _LONGEST_DERIVED else f"{kind.name}:{hashlib.sha256(key.encode()).hexdigest()}"


def by_hand_key(kind: str, invoice_id: str, now: datetime, zone: tzinfo) -> str:
    """The key of a reminder by hand without one of its own: it goes once a day of this zone."""
    return f"{kind}:{invoice_id}:by-hand:{now.astimezone(zone):%Y-%m-%d}"


def key_for_recipient(key: str, to: Address | None, recipients: int) -> str:
    """The caller's key, distinguished by recipient where one job goes to several people."""
    return f"{key}#{canonical_address(to.email)}" if to and recipients > 1 else key


def callers_key(row: Mapping[str, Any]) -> str:
    """The key of this message as its caller gave it: without the recipient, and the mark of one sent again.

    Of the row its `idempotency_key`, `recipient_key` and `to_canonical` are read. A caller's own `#`, as in
    `order#5`, stays; but where the address is another one by now, all is left out that may be a part of it.
    """
    key = first_key(row["idempotency_key"])
    if row.get("recipient_key") not in {None, message_id(key)}:  # the job named nobody else
        return key
    whole = key.removesuffix(f"#{row.get('to_canonical')}")
    return _ADDED.sub("", key) if whole == key else whole


def recipient_key(key: str, to: Address | None) -> str | None:
    """What the caller's `key` makes of this person, whether a job names them alone or among others.

    None where there is no person yet, and for alerts about balances: who gets them is asked as they leave.
    """
    if to is None or read_balance_key(key) is not None:
        return None
    return own_id_of(key, to, 2)
