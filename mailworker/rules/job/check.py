"""From what a caller wrote to checked jobs, or to one sentence for each thing wrong."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mailworker.errors import BadInput
from mailworker.kind import Kind
from mailworker.message import Address, Job
from mailworker.nearest import did_you_mean
from mailworker.rules.job.addresses import MAX_RECIPIENTS, read_addresses
from mailworker.rules.job.attachments import read_attachments
from mailworker.rules.job.identity import MAX_KEY, derived_key, key_for_recipient, message_id
from mailworker.rules.job.times import read_moment
from mailworker.rules.job.variables import check_variables

#: The most people that one job may name; each gets a message of their own.
MAX_TO = 500
LANGUAGES = ("fr", "en")

FIELDS = frozenset(
    {"kind", "to", "variables", "idempotency_key", "language", "customer_id", "send_at", "expires_at"}
    | {"attachments", "cc", "bcc", "invoice", "invoice_id", "id"}
)


def check_job(raw: Any, kinds: Mapping[str, Kind], *, now: datetime, language: str = "fr") -> list[Job]:
    """Check what a caller asked for, and give one job for each recipient.

    `now` is when the caller asked: a kind's lifetime counts from it. `language` is the one for callers who
    name none. Raises BadInput with every fault at once; its sentences name fields, never values.
    """
    if not isinstance(raw, Mapping):
        raise BadInput("job: write an object with kind, to and variables.")
    faults = [
        f"{name}: is not a field of a job{did_you_mean(str(name), FIELDS) or '.'}"
        for name in raw
        if name not in FIELDS
    ]
    kind = kinds.get(str(raw.get("kind")))
    if kind is None:
        faults.append(_unknown_kind(raw.get("kind"), kinds))
        raise BadInput(faults)
    jobs = _Reader(raw, kind, now, faults).jobs(language)
    if faults:
        raise BadInput(faults)
    return jobs


def _unknown_kind(name: Any, kinds: Mapping[str, Kind]) -> str:
    if not name:
        return "kind: is missing; name the kind of e-mail, as in crm_config.yaml."
    hint = did_you_mean(str(name), kinds) or "; see crm_config.yaml for the kinds."
    return f"kind: there is no {str(name)[:80]!r}{hint}"


class _Reader:
    """Reads one raw job field by field; what is wrong lands in `faults`."""

    def __init__(self, raw: Mapping[str, Any], kind: Kind, now: datetime, faults: list[str]) -> None:
        self.raw = raw
        self.kind = kind
        self.now = now
        self.faults = faults

    def jobs(self, language: str) -> list[Job]:
        invoice, invoice_id = self._invoice()
        comes_with_invoice = invoice is not None or invoice_id is not None
        given = self.raw.get("variables")
        # An invoice brings its own variables; they are computed when it is rendered.
        variables = {} if comes_with_invoice and not given else check_variables(self.kind, given, self.faults)
        recipients = self._recipients(invoice, may_be_empty=invoice_id is not None)
        keyed_by = {"invoice_number": invoice_id or (invoice or {}).get("invoice_number")} | variables
        expires_at = self._expires_at()
        shared: dict[str, Any] = {
            "kind": self.kind.name,
            "lane": self.kind.lane,
            "variables": variables,
            "language": self._choice("language", LANGUAGES) or (invoice or {}).get("language") or language,
            "customer_id": self._text("customer_id", 64),
            "send_at": read_moment(self.raw.get("send_at"), "send_at", self.faults),
            "expires_at": expires_at,
            "cc": read_addresses(self.raw.get("cc"), "cc", self.faults),
            "bcc": read_addresses(self.raw.get("bcc"), "bcc", self.faults),
            "attachments": read_attachments(self.raw.get("attachments"), self.faults),
            "invoice": invoice,
            "invoice_id": invoice_id,
        }
        if 1 + len(shared["cc"]) + len(shared["bcc"]) > MAX_RECIPIENTS:
            self.faults.append(
                f"cc, bcc: one message may have {MAX_RECIPIENTS} recipients in all, `to` included."
            )
        return [
            Job(id=id_, key=key, to=to, **shared)
            for to in recipients
            for id_, key in [self._identity(to, len(recipients), keyed_by)]
        ]

    def _identity(self, to: Address | None, recipients: int, keyed_by: Mapping[str, Any]) -> tuple[str, str]:
        own = self._text("idempotency_key", MAX_KEY)
        key = key_for_recipient(own, to, recipients) if own else derived_key(self.kind, to, keyed_by)
        if key:
            return message_id(key), key
        id_ = self._text("id", 36) if recipients == 1 else None
        id_ = id_ or str(uuid.uuid4())
        return id_, id_

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
        return tuple({address.email.lower(): address for address in recipients}.values())

    def _invoice(self) -> tuple[Mapping[str, Any] | None, str | None]:
        invoice, invoice_id = self.raw.get("invoice"), self.raw.get("invoice_id")
        if invoice is not None and not self.kind.invoice_pdf:
            self.faults.append(f"invoice: {self.kind.name} carries no invoice.")
        if invoice_id is not None and not self.kind.about_invoice:
            self.faults.append(f"invoice_id: {self.kind.name} is about no invoice.")
        if invoice is not None and (not isinstance(invoice, Mapping) or not invoice.get("invoice_number")):
            self.faults.append("invoice.invoice_number: is missing; an invoice cannot be named without it.")
            return None, None
        return invoice, None if invoice_id is None else str(invoice_id)

    def _expires_at(self) -> datetime | None:
        own = read_moment(self.raw.get("expires_at"), "expires_at", self.faults)
        if own or self.kind.lifetime is None:
            return own
        start = read_moment(self.raw.get("send_at"), "send_at", [])
        return (start or self.now) + self.kind.lifetime

    def _text(self, name: str, longest: int) -> str | None:
        value = self.raw.get(name)
        if value is None:
            return None
        text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
        if not 0 < len(text) <= longest:
            self.faults.append(f"{name}: must be text of 1 to {longest} characters.")
        return text

    def _choice(self, name: str, choices: tuple[str, ...]) -> str | None:
        value = self.raw.get(name)
        if value is not None and value not in choices:
            self.faults.append(f"{name}: must be one of {', '.join(choices)}.")
            return None
        return value
