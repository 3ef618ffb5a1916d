"""One message's preparation: fetch, render, fit, store, make ready."""

import random
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from mailworker.config.settings import Settings
from mailworker.core.canonical_address import canonical_address
from mailworker.core.kind import Kind
from mailworker.core.message import AttachmentRef
from mailworker.core.safe_text import one_line
from mailworker.core.settlement import Settlement
from mailworker.core.states import State
from mailworker.crm import CrmSource
from mailworker.crm.invoice_document import crm_document
from mailworker.errors import (
    BadInput,
    MailworkerError,
    Misconfigured,
    PermanentError,
    Throttled,
    TransientError,
    Unreachable,
)
from mailworker.intake.job_row import base64_bytes, files_json
from mailworker.invoices import InvoiceRenderer, PdfStore, fit
from mailworker.invoices.mail_variables import mail_variables
from mailworker.ledger import Ledger
from mailworker.ledger.claiming import Lease, claim_for_rendering, release_unrendered
from mailworker.ledger.record_prepared import attachments_of, prepared
from mailworker.ledger.run_query import Row
from mailworker.ledger.settle_messages import settle
from mailworker.reminders.reminder_variables import reminder_variables
from mailworker.rules.fill_call import ENVELOPE_BYTES, content_bytes
from mailworker.rules.job.addresses import MAX_NAME, normal_email
from mailworker.rules.job.fit_text import fit_document
from mailworker.rules.send_outcome import Patience, settlement
from mailworker.scans.message_drafts import fitting, language_for

#: Is called with each message that could not be made ready, and what became of it.
PutBack = Callable[[Row, Settlement], None]

#: Longer than any render is allowed to take, fetching and storing included.
LEASE = timedelta(minutes=5)
#: Messages that are claimed and made ready together; and after so long, the rest of them is given back.
TOGETHER = 10
_SPELL = timedelta(seconds=10)
#: Fields whose change one note of the timeline names.
_FITTED_NAMED = 10


@dataclass(frozen=True, slots=True)
class Tools:
    """What a preparer works with. `crm` opens the CRM: most invoices come whole and need none."""

    ledger: Ledger
    renderer: InvoiceRenderer
    store: PdfStore
    crm: Callable[[], CrmSource]


@dataclass(frozen=True, slots=True)
class _Prepared:
    values: Mapping[str, Any]
    note: str


class Preparer:
    """Prepares messages. One per process."""

    def __init__(self, settings: Settings, tools: Tools, *, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._kinds = settings.kinds
        self._tools = tools
        self._clock = clock
        worker = settings.worker
        self._patience = Patience(worker.max_attempts, worker.retry_base, worker.retry_cap, timedelta(0))

    def prepare(self, *, limit: int = TOGETHER, put_back: PutBack = lambda *_: None) -> list[str]:
        """Prepare the messages that have waited longest, at most `limit`; give their ids.

        `put_back` is called with each that could not be made ready: it failed, or is tried again.
        They are claimed together and made ready together, so that the ledger's disk is waited for twice in
        all. Raises the ledger's transient errors; the messages come back by their lease then.
        """
        now = self._clock()
        lease = Lease(str(uuid.uuid4()), now + LEASE)
        with self._tools.ledger.write() as connection:
            rows = claim_for_rendering(connection, now=now, lease=lease, limit=limit)
        done: list[tuple[Row, _Prepared]] = []
        for position, row in enumerate(rows):
            if position and self._clock() >= now + _SPELL:
                # They are slow, and the lease must not run out on the rest.
                self._give_back(rows[position:], lease)
                rows = rows[:position]
                break
            if made := self._try(row, lease, put_back):
                done.append((row, made))
        self._make_ready(done, lease)
        return [str(row["id"]) for row in rows]

    def _give_back(self, rows: Sequence[Row], lease: Lease) -> None:
        with self._tools.ledger.write() as connection:
            release_unrendered(connection, [row["id"] for row in rows], lease=lease.token, now=self._clock())

    def _make_ready(self, done: Sequence[tuple[Row, _Prepared]], lease: Lease) -> None:
        if not done:
            return
        now = self._clock()
        with self._tools.ledger.write() as connection:
            held = [
                prepared(connection, row["id"], lease.token, values=made.values, note=made.note, now=now)
                for row, made in done
            ]
        for (row, made), ours in zip(done, held, strict=True):
            written, before = _keys(made.values["attachments"]), _keys(row["attachments"])
            self._delete_unnamed(row["id"], before - written if ours else written)

    def _try(self, row: Row, lease: Lease, put_back: PutBack) -> _Prepared | None:
        try:
            return self._work(row)
        except MailworkerError as fault:
            fate = self._fate(row, fault)
            with self._tools.ledger.write() as connection:
                expected, now = State.RENDERING, self._clock()
                moved = settle(connection, [fate], now=now, expected=expected, lease=lease.token)
            if moved:
                put_back(row, fate)
            return None

    def _delete_unnamed(self, id_: str, keys: set[str]) -> None:
        """Delete those of these files that the message does not name; the sweep takes what is left behind."""
        if not keys:
            return
        with self._tools.ledger.read() as connection:
            named = _keys(attachments_of(connection, id_))
        with suppress(TransientError):
            for key in keys - named:
                self._tools.store.delete(key)

    def _fate(self, row: Row, fault: MailworkerError) -> Settlement:
        """As of a call's answer; but here no hold and no breaker stands before it: each waits by itself."""
        if isinstance(fault, Misconfigured | Unreachable | Throttled):
            fault = TransientError(str(fault))
        now, chance = self._clock(), random.random()  # noqa: S311 - jitter
        fate = settlement(
            row["id"], fault, attempts=row["attempts"], now=now, patience=self._patience, chance=chance
        )
        return fate if fate.state is State.FAILED else replace(fate, state=State.ACCEPTED)

    def _work(self, row: Row) -> _Prepared:
        if row["attempts"] > self._patience.max_attempts:  # else a poisonous one kills workers for ever
            raise PermanentError(f"Given up: {row['attempts'] - 1} times its worker died or failed.")
        kind = self._kinds.get(row["kind"])
        if kind is None:
            raise TransientError(f"{row['kind']} is not in the configuration.")
        return self._invoice(row) if kind.invoice_pdf else self._reminder(row, kind)

    def _invoice(self, row: Row) -> _Prepared:
        document, changed = fit_document(row["invoice"] or crm_document(self._tools.crm(), row["invoice_id"]))
        settings = self._settings
        if settings.invoice.e_invoice != "none":
            document = with_address(document, row["to_email"])
        language = language_for(settings, row["language"], row["kind"])
        variables = row["variables"] or mail_variables(document, language=language, settings=settings.invoice)
        files = _given_files(row)
        render = self._tools.renderer.render
        fitted = fit(
            render(document, language=row["language"]),
            lambda: render(document, language=row["language"], small=True),
            others=ENVELOPE_BYTES + _weight(row, variables, files),
            limit=min(settings.invoice.message_bytes, settings.mailjet.max_body_bytes),
            policy=settings.invoice.oversize,
        )
        made_fit = f"Made fit for a mail: {', '.join(changed[:_FITTED_NAMED])}." if changed else ""
        note = f"{fitted.note} {made_fit}".strip()
        if pdf := fitted.attachment:
            key = f"{row['id']}-{pdf.sha256}.pdf"  # other content never takes its place
            self._tools.store.put(key, pdf.pdf)
            files.append(AttachmentRef(key, pdf.filename, "application/pdf", len(pdf.pdf), pdf.sha256))
            note = f"{note} PDF of {len(pdf.pdf)} bytes, sha256 {pdf.sha256}".strip()
        whose = {"customer_id": row["customer_id"] or customer_named_in(document)}
        return _Prepared(self._values(row, document["client"], variables, files) | whose, note)

    def _reminder(self, row: Row, kind: Kind) -> _Prepared:
        invoice = self._tools.crm().invoice(row["invoice_id"])
        if invoice is None:
            raise PermanentError(f"The CRM knows no invoice {row['invoice_id']}.")
        today = self._clock().astimezone(self._settings.worker.timezone).date()
        language = language_for(self._settings, invoice.language or row["language"], row["kind"])
        faults: list[str] = []
        values = reminder_variables(
            invoice, language=language, today=today, portal_url=self._settings.reminders.portal_url
        )
        variables = fitting(kind, values, faults)
        if faults:
            raise BadInput([f"Invoice {invoice.invoice_id}: {fault}" for fault in faults])
        client = {"email": invoice.email, "name": invoice.customer_name}
        whose = {"customer_id": row["customer_id"] or invoice.customer_id[:64], "language": language}
        return _Prepared(self._values(row, client, variables, _given_files(row)) | whose, "reminder prepared")

    def _values(
        self, row: Row, client: Mapping[str, Any], variables: Mapping[str, Any], files: list[AttachmentRef]
    ) -> dict[str, Any]:
        to_email = row["to_email"] or _address(client)
        return {
            "to_email": to_email,
            "to_canonical": canonical_address(to_email),
            "to_name": row["to_name"] or one_line(str(client.get("name") or ""), MAX_NAME),
            "variables": dict(variables),
            "attachments": files_json(files),
            "content_bytes": _weight(row, variables, files),
        }


def with_address(document: Mapping[str, Any], email: str | None) -> dict[str, Any]:
    """An invoice whose customer has an e-mail address: where it names none, the one that it is mailed to.

    A consumer's electronic address in an e-invoice is their e-mail (EN 16931 BT-49).
    """
    client = document.get("client")
    if not email or not isinstance(client, Mapping) or client.get("email"):
        return dict(document)
    return {**document, "client": {**client, "email": email}}


def customer_named_in(document: Mapping[str, Any]) -> str | None:
    """The CRM's id of an invoice's customer, by which staff search; no number that only the page shows."""
    client = document.get("client")
    of_client = client if isinstance(client, Mapping) else {}
    ids = (document.get("customer_id"), of_client.get("customer_id"), of_client.get("client_id"))
    texts = (str(id_).strip() for id_ in ids if isinstance(id_, int | str))
    return next((one_line(text, 64) for text in texts if text), None)


def _given_files(row: Row) -> list[AttachmentRef]:
    """What the caller attached; the PDF of an earlier preparation is made anew."""
    kept = [file for file in row["attachments"] or () if not file["key"].endswith(".pdf")]
    return [AttachmentRef(**{"sha256": "", **file}) for file in kept]


def _weight(row: Row, variables: Mapping[str, Any], files: Sequence[AttachmentRef]) -> int:
    return content_bytes(variables, base64_bytes(files), recipients=row["recipients"])


def _keys(files: Any) -> set[str]:
    return {file["key"] for file in files or ()}


def _address(client: Mapping[str, Any]) -> str:
    """The customer's address as the CRM has it."""
    if not client.get("email"):
        raise PermanentError("The customer has no e-mail address.")
    try:
        return normal_email(str(client["email"]).strip())
    except ValueError as fault:
        raise PermanentError(f"The customer's e-mail address is none: {fault}.") from None
