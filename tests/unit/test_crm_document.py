"""An invoice by its id: the CRM's own document, rendered as it is, or no mail at all."""

from datetime import date
from decimal import Decimal

import pytest

from mailworker.config.crm import CrmSettings
from mailworker.config.invoice import InvoiceSettings
from mailworker.crm import open_source
from mailworker.crm.invoice_document import crm_document, document_of, gaps
from mailworker.crm.row_parser import first_address
from mailworker.errors import BadInput, PermanentError
from mailworker.intake import Intake
from mailworker.invoices.from_json.invoice import read_invoice
from mailworker.ledger import Ledger
from tests.doubles import FakeFiles, box, settings
from tests.rows import NOW

HEADER = {
    "invoice_id": 7, "invoice_number": "FA-7", "date": date(2026, 11, 2), "total_amount": Decimal("20.00"),
    "total_tax": Decimal("4.00"), "due_date": None, "client_name": "Zoé", "client_city": "Lyon", "notes": "",
}  # fmt: skip
LINES = [
    {"invoice_id": 7, "position": 2, "description": "Box", "unit_price": Decimal("5.00"), "tax_rate": Decimal(20)},
    {"invoice_id": 7, "position": 1, "description": "Fibre", "unit_price": Decimal("15.00"), "tax_rate": Decimal(20)},
]  # fmt: skip


def test_rows_become_a_document_with_nothing_added():
    document = document_of(HEADER, LINES)
    assert document == {
        "invoice_id": 7, "invoice_number": "FA-7", "date": "2026-11-02", "total_amount": "20.00", "total_tax": "4.00",
        "client": {"name": "Zoé", "city": "Lyon"},
        "transactions": [
            {"description": "Fibre", "unit_price": "15.00", "tax_rate": "20"},
            {"description": "Box", "unit_price": "5.00", "tax_rate": "20"},
        ],
    }  # fmt: skip
    assert gaps(document) == []
    assert read_invoice(document, InvoiceSettings()).totals.gross == Decimal("24.00")


@pytest.mark.parametrize(
    ("positions", "order"),
    [
        ([10, 2, None, Decimal("2.25"), Decimal("2.5"), 2.75], [2, 1, 3, 4, 5, 0]),
        (["10", "2", "1.10", "1.9", "1"], [4, 3, 2, 1, 0]),
        (["Line 10", "Line 2"], [1, 0]),
        (["B", "A", "", None], [0, 1, 2, 3]),  # as the database gave them
    ],
)
def test_lines_stand_in_the_order_of_their_positions_as_people_count(positions, order):
    lines = [{"description": n, "position": position} for n, position in enumerate(positions)]
    assert [one["description"] for one in document_of(HEADER, lines)["transactions"]] == order


@pytest.mark.parametrize("header", [HEADER | {"client_email": "a@x.example; b@x.example"}, {"client": {"email": "a@x.example,b@x.example"}}])  # fmt: skip
def test_of_several_addresses_the_first_is_the_documents(header):
    assert document_of(header, ())["client"]["email"] == "a@x.example"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Zoé Roussel <zoe@x.example>", "zoe@x.example"),
        ('"Roussel, Zoé" <zoe@x.example>', "zoe@x.example"),
        ("<zoe@x.example>", "zoe@x.example"),
        ("n/a; Zoé <zoe@x.example>, b@x.example", "zoe@x.example"),
        ("old@x.example <new@x.example>", "new@x.example"),
        ("Zoé <zoe@x.example", "Zoé <zoe@x.example"),  # no address, and refused as none
        ("zoe@x.example <formerly z@x.example>", "zoe@x.example <formerly z@x.example>"),
        ("a <b> <zoe@x.example>", "a <b> <zoe@x.example>"),
        ("zoe at home", "zoe at home"),
    ],
)
def test_an_address_with_its_owners_name_is_the_address(text, address):
    assert first_address(text) == address


def test_an_apis_record_is_a_document_as_it_is():
    record = {"invoice_number": "INV-7", "client": {"name": "Zoé"}, "client_id": 3, "transaction_list": [{"title": "Fibre", "tax_rate": 20}]}  # fmt: skip
    assert document_of(record, ()) == record
    assert gaps(record) == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"transactions": []}, "has no lines"),
        (
            {"total_tax": None, "transactions": [{"description": "Fibre", "amount": "20.00"}]},
            "says nothing of tax",
        ),
        ({"client": {"city": "Lyon"}}, "does not name the customer"),
    ],
)
def test_what_a_document_does_not_say_is_told_and_not_filled_in(changes, why):
    document = document_of(HEADER, LINES) | changes
    crm = box(offers=lambda _question: True, invoice_document=lambda _id: document)
    with pytest.raises(PermanentError, match=why):
        crm_document(crm, "7")


def test_a_crm_that_gives_no_documents_is_told_so_where_the_mail_is_made():
    with pytest.raises(PermanentError, match="configure the question invoice_document"):
        crm_document(box(offers=lambda _question: False), "7")


@pytest.mark.parametrize("has", [True, False])
def test_an_invoice_by_its_id_is_refused_at_the_door_where_no_document_can_be_had(ledger_file, has):
    ledger = Ledger.open(f"sqlite:///{ledger_file}")
    intake = Intake(ledger, settings().kinds, FakeFiles(), language="fr", has_documents=lambda: has)
    job = {"kind": "api_crmCommunicationCustomerInvoice", "invoice_id": "7"}
    if has:
        assert intake.accept(job, now=NOW).to_prepare
    else:
        with pytest.raises(BadInput, match="invoice_id: the CRM source does not give whole invoices"):
            intake.accept(job, now=NOW)
    reminder = {"kind": "api_crmCommunicationCustomerInvoiceReminder", "invoice_id": "7"}
    assert intake.accept(reminder, now=NOW).to_prepare
    ledger.close()


def test_every_invoice_of_the_demo_is_a_document_that_adds_up(tmp_path):
    crm = open_source(CrmSettings(source="demo", demo={"path": tmp_path / "demo.sqlite", "customers": 12}))
    assert crm.check() == []
    seen = 0
    for page in crm.open_invoices():
        for listed in page.records:
            read = read_invoice(crm_document(crm, listed.invoice_id), InvoiceSettings())
            assert (read.number, read.totals.gross, read.totals.due) == (
                listed.number,
                listed.total,
                listed.owed,
            )
            assert read.lines
            assert read.totals.tax
            seen += 1
    crm.close()
    assert seen > 5


@pytest.mark.parametrize("lines", [None, [], (), "x", {"a": 1}, 7])
@pytest.mark.parametrize("name", ["transactions", "transaction_list"])
def test_what_is_no_list_of_lines_is_none(name, lines):
    assert gaps({name: lines, "client": {"name": "N"}, "total_tax": 1}) == ["has no lines (transactions)"]
