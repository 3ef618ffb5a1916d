"""Records out of rows: the one CrmSource, over whichever RowSource was configured."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from mailworker.config.crm import Question
from mailworker.crm.crm_interface import Found, RecordPage
from mailworker.crm.instalments import instalments, invoice_of_instalment, named
from mailworker.crm.invoice_document import DOCUMENT_COLUMNS, PAYMENT_COLUMNS, document_of, payment_of
from mailworker.crm.records import Balance, CrmContact, CrmInvoice, Customer, Exclusion, Service, Token
from mailworker.crm.row_parser import Reader, text
from mailworker.crm.row_source_interface import KEYS, Cursor, Row, RowSource
from mailworker.errors import BadInput

#: How many rows `check` reads to see whether they make sense, and how many of their faults it gives.
_SAMPLE_FAULTS = 3
#: What is asked for once more, by its id, right before a mail about it leaves.
_ASKED_AGAIN = {"open_invoices", "invoices", "balances", "services"}


#: What the rows of each question become.
_RECORDS: dict[Question, type] = {
    "open_invoices": CrmInvoice,
    "invoices": CrmInvoice,
    "balances": Balance,
    "customers": Customer,
    "changed_customers": Customer,
    "contacts": CrmContact,
    "exclusions": Exclusion,
    "services": Service,
    "tokens": Token,
}


class RecordSource:
    """A CrmSource over rows."""

    def __init__(self, rows: RowSource, zone: ZoneInfo, status_words: Mapping[str, str]) -> None:
        self.rows = rows
        self._readers: dict[Question, Reader[Any]] = {
            question: Reader(record, zone, status_words) for question, record in _RECORDS.items()
        }

    def offers(self, question: Question) -> bool:
        """Whether this can be asked at all."""
        if question == "open_invoices":
            return self.rows.offers("open_invoices") or self.rows.offers("invoices")
        return self.rows.offers(question)

    def open_invoices(
        self, *, by_customer: bool = False, after: Cursor | None = None
    ) -> Iterator[RecordPage[CrmInvoice]]:
        """All open invoices, page by page."""
        order = ("customer_id", "invoice_id") if by_customer else ("invoice_id",)
        return map(_with_instalments, self._pages(self._open_question(), order, after))

    def invoice(self, invoice_id: str) -> CrmInvoice | None:
        """One invoice as it stands at this moment."""
        found = self._one(self._any_question(), invoice_of_instalment(invoice_id))
        return named(found, invoice_id) if found else None

    def invoice_document(self, invoice_id: str) -> Mapping[str, Any] | None:
        """The whole document of an invoice."""
        if not self.rows.offers("invoice_document"):
            return None
        header = next(iter(self.rows.of("invoice_document", [invoice_id])), None)
        if header is None:
            return None
        payment = self._payment(invoice_id, header)
        return document_of({**header, **payment}, self.rows.of("invoice_lines", [invoice_id]))

    def invoices(self, ids: Collection[str]) -> Found[CrmInvoice]:
        """These invoices as they stand at this moment."""
        by_invoice: defaultdict[str, list[str]] = defaultdict(list)
        for id_ in ids:
            by_invoice[invoice_of_instalment(id_)].append(id_)
        found: dict[str, CrmInvoice | BadInput] = {}
        for key, one in self._found(self._any_question(), by_invoice).items():
            for id_ in by_invoice.get(key, [key]):
                its = one if isinstance(one, BadInput) else named(one, id_)
                found |= {id_: its} if its is not None else {}
        return found

    def balances(self, *, after: Cursor | None = None) -> Iterator[RecordPage[Balance]]:
        """All balances, page by page."""
        return self._pages("balances", ("balance_id",), after)

    def balances_of(self, ids: Collection[str]) -> Found[Balance]:
        """These balances as they stand at this moment."""
        return self._found("balances", ids)

    def customers(self, *, after: Cursor | None = None) -> Iterator[RecordPage[Customer]]:
        """All customers with their contacts, page by page: two queries for each page."""
        if not self.rows.offers("customers"):
            return
        for page in self.rows.pages("customers", ("customer_id",), after):
            yield replace(self._with_contacts(page.rows), end=page.ends[-1])

    def changed_customers(self, since: datetime) -> Iterator[RecordPage[Customer]]:
        """Customers changed since then, with their contacts, page by page."""
        if not self.rows.offers("changed_customers"):
            return
        for page in self.rows.changed(since):
            yield self._with_contacts(page.rows)

    def customer(self, customer_id: str) -> Customer | None:
        """One customer with all contacts."""
        if not self.rows.offers("customers"):
            return None
        page = self._with_contacts(self._rows_of("customers", [customer_id])[0])
        return page.records[0] if page.records else None

    def exclusions(self) -> Mapping[str, Exclusion]:
        """Whom reminders leave alone, by customer id."""
        pages = self._pages("exclusions", ("customer_id",))
        return {one.customer_id: one for page in pages for one in page.records}

    def exclusions_of(self, customer_ids: Collection[str]) -> Found[Exclusion]:
        """Those of these customers whom reminders leave alone."""
        return self._found("exclusions", customer_ids)

    def services(self, *, after: Cursor | None = None) -> Iterator[RecordPage[Service]]:
        """All services, page by page."""
        return self._pages("services", ("service_uuid",), after)

    def services_of(self, uuids: Collection[str]) -> Found[Service]:
        """The services of these accounts."""
        return self._found("services", uuids)

    def token(self, token_id: str) -> Token | None:
        """A token as it stands at this moment."""
        return self._one("tokens", token_id)

    def count(self, question: Question) -> int | None:
        """How many records there are, where that is cheap to know."""
        if question == "open_invoices":
            question = self._open_question()
        return self.rows.count(question) if self.rows.offers(question) else 0

    def check(self) -> list[str]:
        """Everything that is wrong, a sentence each."""
        faults: list[str] = []
        for question, reader in self._readers.items():
            if not self.rows.offers(question):
                continue
            found = self.rows.check(question, reader.required)
            faults += found or self._sample(question, reader)
        for question, columns in DOCUMENT_COLUMNS.items():
            if self.rows.offers(question):
                faults += self.rows.check(question, columns)
        return list(dict.fromkeys(faults))

    def close(self) -> None:
        """Let go of connections."""
        self.rows.close()

    def _payment(self, invoice_id: str, header: Row) -> dict[str, Any]:
        """Whether it is paid or cancelled, as reminders know it, where its document does not show it."""
        listed: Row = {}
        if all(header.get(name) is None for name in PAYMENT_COLUMNS) and self.offers("open_invoices"):
            listed = next(iter(self.rows.of(self._any_question(), [invoice_id])), {})
        return payment_of(header, listed, self._readers["invoices"].status)

    def _open_question(self) -> Question:
        return "open_invoices" if self.rows.offers("open_invoices") else "invoices"

    def _any_question(self) -> Question:
        return "invoices" if self.rows.offers("invoices") else "open_invoices"

    def _sample(self, question: Question, reader: Reader[Any]) -> list[str]:
        first = next(self.rows.pages(question, (KEYS[question],)), None)
        rows = first.rows if first else ()
        _, faults = reader.read_all(rows)
        sentences = [f"crm {question}: {fault}" for fault in faults[:_SAMPLE_FAULTS]]
        return sentences or self._lost_by_id(question, [row[KEYS[question]] for row in rows[:_SAMPLE_FAULTS]])

    def _lost_by_id(self, question: Question, keys: Sequence[Any]) -> list[str]:
        """Whether what is to be notified could be looked up again; what is not found is not notified."""
        asked = self._any_question() if question == "open_invoices" else question
        if not keys or question not in _ASKED_AGAIN or self._rows_of(asked, [text(key) for key in keys])[0]:
            return []
        found_by = f"by its {KEYS[question]} in {asked}"
        cure = "each mail about them would be cancelled as gone: let both give the same ids"
        return [f"crm {question}: of the first {len(keys)} none is found {found_by}, so {cure}."]

    def _pages(
        self, question: Question, order: Sequence[str], after: Cursor | None = None
    ) -> Iterator[RecordPage[Any]]:
        if not self.rows.offers(question):
            return
        attempt = self._readers[question].attempt
        for page in self.rows.pages(question, order, after):
            read = [(attempt(row), end) for row, end in zip(page.rows, page.ends, strict=True)]
            good = [(record, end) for record, end in read if not isinstance(record, BadInput)]
            faults = [line for one, _ in read if isinstance(one, BadInput) for line in one.faults]
            records, ends = (record for record, _ in good), (end for _, end in good)
            yield RecordPage(tuple(records), tuple(faults), tuple(ends), page.ends[-1])

    def _found(self, question: Question, ids: Collection[str]) -> Found[Any]:
        if not ids or not self.rows.offers(question):
            return {}
        key, attempt = KEYS[question], self._readers[question].attempt
        rows, refused = self._rows_of(question, list(ids))
        return {text(row.get(key)): attempt(row) for row in rows} | refused

    def _rows_of(self, question: Question, ids: Sequence[Any]) -> tuple[list[Row], dict[str, BadInput]]:
        """The rows of these, and why those ids have none that the CRM refuses: one harms no other."""
        try:
            return list(self.rows.of(question, ids)), {}
        except BadInput as fault:
            if len(ids) == 1:
                return [], {text(ids[0]): fault}
        one_by_one = [self._rows_of(question, [one]) for one in ids]
        rows = [row for found, _ in one_by_one for row in found]
        return rows, {id_: fault for _, refused in one_by_one for id_, fault in refused.items()}

    def _one(self, question: Question, key: str) -> Any | None:
        if not self.rows.offers(question):
            return None
        row = next(iter(self.rows.of(question, [key])), None)
        return None if row is None else self._readers[question].read(row)

    def _with_contacts(self, rows: Sequence[Row]) -> RecordPage[Customer]:
        customers, faults = self._readers["customers"].read_all(rows)
        ids = [row["customer_id"] for row in rows if row.get("customer_id") is not None]
        found, refused = self._rows_of("contacts", ids) if ids else ([], {})
        contacts, more = self._readers["contacts"].read_all(found)
        more += tuple(line for fault in refused.values() for line in fault.faults)
        by_customer: defaultdict[str, list[CrmContact]] = defaultdict(list)
        for contact in contacts:
            by_customer[contact.customer_id].append(contact)
        full = tuple(replace(one, contacts=tuple(by_customer[one.customer_id])) for one in customers)
        read = {contact.contact_id for one in full for contact in one.contacts}
        there = {id_ for row in found if (id_ := _named_by(row, "contact_id"))}
        nameless = len(rows) - len(ids) + sum(not _named_by(row, "contact_id") for row in found)
        all_faults = faults + more
        return RecordPage(
            full, all_faults, unread=tuple(sorted(there - read)), traced=len(all_faults) - nameless
        )


def _named_by(row: Row, key: str) -> str:
    """The row's id, empty where it has none."""
    try:
        return text(row[key])
    except (KeyError, TypeError):
        return ""


def _with_instalments(page: RecordPage[CrmInvoice]) -> RecordPage[CrmInvoice]:
    """The page, each invoice with a plan of payments in its instalments."""
    if not any(one.payment_plan for one in page.records):
        return page
    pairs = [
        (one, end)
        for invoice, end in zip(page.records, page.ends, strict=True)
        for one in instalments(invoice)
    ]
    return replace(page, records=tuple(one for one, _ in pairs), ends=tuple(end for _, end in pairs))
