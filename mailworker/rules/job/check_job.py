"""From what a caller wrote to checked jobs, or to one sentence for each thing wrong."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from mailworker.core.did_you_mean import did_you_mean
from mailworker.core.json_check import json_faults, printable_name
from mailworker.core.json_fields import JsonFields
from mailworker.core.kind import Kind
from mailworker.core.language_tag import base_language, canonical_language
from mailworker.core.mailjet_limits import CALL_BYTES, RECIPIENTS_PER_CALL
from mailworker.core.message import Address, Job
from mailworker.errors import BadInput
from mailworker.rules.fill_call import ENVELOPE_BYTES, content_bytes
from mailworker.rules.job.addresses import distinct, read_addresses
from mailworker.rules.job.attachments import read_attachments
from mailworker.rules.job.check_variables import check_variables
from mailworker.rules.job.fit_text import made_fit
from mailworker.rules.job.idempotency_key import (
    MAX_KEY,
    derived_key,
    key_for_recipient,
    message_id,
    own_id_of,
    recipient_key,
)
from mailworker.rules.may_replay import AGAIN

#: The most people that one job may name; each gets a message of their own.
MAX_TO = 500
#: The most bytes, in base64, of all the files that one job brings to all its recipients.
MAX_FILE_BYTES = 150_000_000
MAX_INVOICE_ID = 100
#: The longest tag that the ledger keeps; of a longer one the language without its region.
MAX_LANGUAGE = 8

FIELDS = frozenset(
    {"kind", "to", "variables", "idempotency_key", "language", "customer_id", "send_at", "expires_at"}
    | {"attachments", "cc", "bcc", "invoice", "invoice_id", "replaces"}
)


def check_job(
    raw: Any,
    kinds: Mapping[str, Kind],
    *,
    now: datetime,
    language: str = "fr",
    own_id: str | None = None,
) -> list[Job]:
    """Check what a caller asked for, and give one job for each recipient.

    `now` is when the caller asked: a kind's lifetime counts from it. `language` is the one for callers who
    name none. `own_id` is the message's id where its way in made one and nothing else makes it one of a
    kind. Raises BadInput with every fault at once; its sentences name fields, never values.
    """
    if not isinstance(raw, Mapping):
        raise BadInput("job: write an object with kind, to and variables.")
    name = raw.get("kind")
    kind = kinds.get(name) if isinstance(name, str) else None
    raw, fitted = made_fit(raw, kind) if kind is not None else (raw, ())
    # Variables and files have checks of their own, which are more exact.
    rest = {name: value for name, value in raw.items() if name not in {"variables", "attachments"}}
    if faults := json_faults(rest, ""):
        raise BadInput(faults)
    JsonFields(raw, faults).refuse_unknown(FIELDS, "a job")
    if kind is None:
        faults.append(_unknown_kind(name, kinds))
        raise BadInput(faults)
    jobs = _Reader(raw, kind, now, faults).jobs(language, own_id)
    if faults:
        raise BadInput(faults)
    return [replace(job, fitted=fitted) for job in jobs] if fitted else jobs


def _unknown_kind(name: Any, kinds: Mapping[str, Kind]) -> str:
    if not name:
        return "kind: is missing; name the kind of e-mail, as in crm_config.yaml."
    if not isinstance(name, str):
        return "kind: must be the name of a kind, as text."
    hint = did_you_mean(name, kinds) or "; see crm_config.yaml for the kinds."
    return f"kind: there is no {printable_name(name)!r}{hint}"


class _Reader:
    """Reads one raw job field by field; what is wrong lands in `faults`."""

    def __init__(self, raw: Mapping[str, Any], kind: Kind, now: datetime, faults: list[str]) -> None:
        self.raw = raw
        self.fields = JsonFields(raw, faults)
        self.kind = kind
        self.now = now
        self.faults = faults

    def jobs(self, language: str, own_id: str | None) -> list[Job]:
        invoice, invoice_id = self._invoice()
        comes_with_invoice = any(self.raw.get(name) is not None for name in ("invoice", "invoice_id"))
        given = self.raw.get("variables")
        # An invoice brings its own variables; they are computed when it is rendered.
        variables = {} if comes_with_invoice and not given else check_variables(self.kind, given, self.faults)
        # Whose an invoice is that names itself wrongly is no second fault.
        may_be_empty = invoice_id is not None or (comes_with_invoice and invoice is None)
        recipients = self._recipients(invoice, may_be_empty=may_be_empty)
        shared: dict[str, Any] = {
            "kind": self.kind.name,
            "lane": self.kind.lane,
            "variables": variables,
            "language": self._language() or kept_language((invoice or {}).get("language")) or language,
            "customer_id": self.fields.label("customer_id", 64),
            "send_at": self.fields.moment("send_at"),
            "expires_at": self._expires_at(),
            "cc": read_addresses(self.raw.get("cc"), "cc", self.faults),
            "bcc": read_addresses(self.raw.get("bcc"), "bcc", self.faults),
            "attachments": read_attachments(self.raw.get("attachments"), self.faults),
            "invoice": invoice,
            "invoice_id": invoice_id,
            "replaces": self.fields.label("replaces", 36),
        }
        self._check_crowd(len(recipients), shared)
        own_key = self._own_key()
        if self.faults:
            return []
        derived = partial(derived_key, self.kind, shared)
        jobs = []
        for to in recipients:
            key = key_for_recipient(own_key, to, len(recipients)) if own_key else derived(to)
            own = own_id_of(own_id, to, len(recipients)) if own_id else str(uuid.uuid4())
            id_ = message_id(key) if key else own
            cc = distinct(shared["cc"], besides=[to] if to else [])
            bcc = distinct(shared["bcc"], besides=[*cc, *([to] if to else [])])
            once = recipient_key(own_key, to) if own_key else None
            rest = {**shared, "cc": cc, "bcc": bcc}
            jobs.append(Job(id=id_, key=key or id_, to=to, recipient_key=once, **rest))
        return jobs

    def _own_key(self) -> str | None:
        key = self.fields.label("idempotency_key", MAX_KEY)
        if key and key.endswith(AGAIN):
            rule = f"must not end with {AGAIN}, which marks mail that was sent again"
            self.fields.fault("idempotency_key", rule)
        return key

    def _check_crowd(self, recipients: int, shared: Mapping[str, Any]) -> None:
        """Not too many addresses for one message, nor files for all of them: each keeps files of its own."""
        if 1 + len(shared["cc"]) + len(shared["bcc"]) > RECIPIENTS_PER_CALL:
            self.faults.append(
                f"cc, bcc: one message may have {RECIPIENTS_PER_CALL} recipients in all, `to` included."
            )
        total = recipients * sum(len(file.base64) for file in shared["attachments"])
        if recipients > 1 and total > MAX_FILE_BYTES:
            self.faults.append(
                f"to, attachments: {recipients} recipients' files are {total:,} bytes in all; at most "
                f"{MAX_FILE_BYTES:,} may come in one job: send it in parts, or a link."
            )
        self._check_size(shared)

    def _check_size(self, shared: Mapping[str, Any]) -> None:
        """The whole message fits a call by itself: else it could only fail there, after it was accepted."""
        if self.faults:
            return
        files = [len(file.base64) for file in shared["attachments"]]
        recipients = 1 + len(shared["cc"]) + len(shared["bcc"])
        size = ENVELOPE_BYTES + content_bytes(shared["variables"], files, recipients=recipients)
        if size > CALL_BYTES:
            what = "attachments: with its files in base64" if files else "variables: with them"
            self.faults.append(
                f"{what} the mail has up to {size:,} bytes, over the {CALL_BYTES:,} that Mailjet takes; "
                "send a link instead, or less."
            )

    def _recipients(
        self, invoice: Mapping[str, Any] | None, *, may_be_empty: bool
    ) -> tuple[Address | None, ...]:
        value = self.raw.get("to")
        if value is None and invoice is not None:
            client = invoice.get("client")
            value = client if isinstance(client, Mapping) else None
            value = value and {"email": value.get("email"), "name": value.get("name")}
        if value is None and may_be_empty:
            return (None,)
        if value is None or value in ([], ()):
            self.faults.append("to: is missing; name at least one recipient.")
            return ()
        recipients = read_addresses(value, "to", self.faults)
        if len(recipients) > MAX_TO:
            self.faults.append(f"to: {len(recipients)} recipients are more than {MAX_TO}; use send_many.")
        return distinct(recipients)

    def _invoice(self) -> tuple[Mapping[str, Any] | None, str | None]:
        invoice, invoice_id = self.raw.get("invoice"), self.raw.get("invoice_id")
        if invoice is not None and not self.kind.invoice_pdf:
            self.faults.append(f"invoice: {self.kind.name} carries no invoice.")
        if invoice_id is not None and not self.kind.about_invoice:
            self.faults.append(f"invoice_id: {self.kind.name} is about no invoice.")
        if invoice is not None and not self._has_a_number(invoice):
            return None, None
        return invoice, self.fields.label("invoice_id", MAX_INVOICE_ID)

    def _has_a_number(self, invoice: Any) -> bool:
        number = invoice.get("invoice_number") if isinstance(invoice, Mapping) else None
        if not number:
            self.faults.append("invoice.invoice_number: is missing; an invoice cannot be named without it.")
            return False
        return self.fields.below(invoice, "invoice").label("invoice_number", MAX_INVOICE_ID) is not None

    def _language(self) -> str | None:
        given = self.raw.get("language")
        tag = kept_language(given)
        if tag is None and given is not None:
            self.faults.append("language: must be a language's tag, like fr, en or pt-BR.")
        return tag

    def _expires_at(self) -> datetime | None:
        own = self.fields.moment("expires_at")
        start = JsonFields(self.raw, []).moment("send_at")
        if own and start and own <= start:
            self.faults.append("expires_at: is not after send_at, so that the mail could never leave.")
        if own or self.kind.lifetime is None:
            return own
        return (start or self.now) + self.kind.lifetime


def kept_language(tag: Any) -> str | None:
    """The tag in its one spelling, short enough for the ledger; None of what is no tag."""
    found = canonical_language(tag) if isinstance(tag, str) else None
    return found if found is None or len(found) <= MAX_LANGUAGE else base_language(found)
