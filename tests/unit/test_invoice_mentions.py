"""What the law wants of an invoice, by who its customer is: printed where it is known, told where it lacks."""

import gc
from collections.abc import Iterator
from typing import Any

import pytest

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices import review_invoice
from mailworker.invoices.json_to_pdf import InvoicePrinter
from mailworker.invoices.page.called_numbers_privacy import is_free, masked_number
from tests.hostile_invoices import COMPANY, PERSON
from tests.unit.test_invoice_reading import MINIMAL, invoice, line
from tests.unit.test_pdf_pages import SELLER, text

FULL = SELLER | {
    "logo": "",
    "registration": "SAS au capital de 250 000 € · RCS Marseille 123 456 824",
    "customer_service": "du lundi au samedi, 09 69 39 00 00 (appel non surtaxé)",
    "creditor_id": "FR72ZZZ123456",
}
SETTINGS = InvoiceSettings.model_validate({"seller": FULL})


@pytest.fixture(autouse=True)
def _frozen() -> Iterator[None]:
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="module")
def printer() -> InvoicePrinter:
    return InvoicePrinter(SETTINGS)


def given(printer: InvoicePrinter, raw: dict[str, Any]) -> str:
    return text(printer.print(raw, language="fr").pdf).replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (invoice(line(), client=COMPANY), ["Votre SIREN 552 100 554", "Opération Prestations de services", "indemnité forfaitaire", "Aucun escompte"]),
        (invoice(line(operation="goods"), client=COMPANY), ["Opération Livraison de biens"]),
        (invoice(line(operation="goods"), line(), client=COMPANY), ["Livraison de biens et prestations de services"]),
        (invoice(line(), client=COMPANY, vat_on_debits=True), ["Option pour le paiement de la taxe d’après les débits"]),
        (invoice(line(), client=COMPANY, delivery_address={"city": "Nantes", "country": "FR"}), ["Livraison Nantes"]),
        (invoice(line(), client=COMPANY | {"siret": "55210055400013"}, buyer_reference="SERVICE-7", contract="CT-1"), ["SIRET 552 100 554 00013", "Votre référence SERVICE-7", "Contrat CT-1"]),
        (invoice(line(), client=PERSON), ["Montant TTC", "10,00 12,00", "Service client · du lundi au samedi"]),
        (invoice(line(section="Services tiers", line="06 12 00 10 01"), client=PERSON), ["Services tiers", "Ligne 06 12 00 10 01"]),
        (invoice(line(), client=COMPANY, type="self_billed"), ["Autofacturation"]),
        (invoice(line(), client=COMPANY | {"kind": "public"}), ["taux de refinancement de la Banque centrale européenne majoré de huit points"]),
        (invoice(line(unit="HUR", quantity=3), line(unit="C62", quantity=4), client=COMPANY), ["3 h", "4 10,00"]),
        (invoice(line(), client=PERSON, direct_debit={"mandate": "RUM-1", "iban": "FR7630006000011234567890189"}), ["Prélevé le 10 février 2026 sur votre compte FR76 •••• 0189", "Mandat (RUM) RUM-1", "FR72ZZZ123456"]),
        (invoice(line(), client=COMPANY, type="credit_note", corrects={"invoice_number": "FA-1", "date": "2026-01-02"}), ["Facture d’origine FA-1 du 02/01/2026"]),
        (invoice(line(tax_rate=0, tax_category="E", exemption_code="VATEX-FR-FRANCHISE"), client=COMPANY), ["TVA non applicable, article 293 B du CGI"]),
        (invoice(line(), client=COMPANY, currency="USD", exchange_rate="0.92"), ["TVA en EUR : 1,84 €"]),
        (invoice(line(), client=COMPANY, rounding_amount="0.02", charges=[{"description": "Frais", "amount": 8, "tax_rate": 20}]), ["Frais 8,00 €", "Arrondi 0,02 €", "21,62 €"]),
        (invoice(line(), client=COMPANY, paid_amount=50), ["Solde en votre faveur 38,00 €"]),
        (invoice(line(), client=COMPANY, date="2026-02-01"), ["1er février 2026"]),
    ],
)  # fmt: skip
def test_the_page_says_it(printer: InvoicePrinter, raw: dict[str, Any], expected: list[str]) -> None:
    page = given(printer, raw)
    for words in expected:
        assert words in page


@pytest.mark.parametrize(
    ("raw", "absent"),
    [
        (
            invoice(line(), client=PERSON, direct_debit={"mandate": "RUM-1"}),
            ["IBAN", "Scannez", "À régler au plus tard le"],
        ),
        (invoice(line(), client=PERSON), ["indemnité forfaitaire", "Opération"]),
        (invoice(line(), client=COMPANY), ["Montant TTC"]),
        (invoice(line(unit_price=0), client=COMPANY), ["réglée"]),
    ],
)
def test_the_page_does_not_say_it(printer: InvoicePrinter, raw: dict[str, Any], absent: list[str]) -> None:
    page = given(printer, raw)
    for words in absent:
        assert words not in page


@pytest.mark.parametrize(
    ("raw", "sentences"),
    [
        (invoice(line(), client=COMPANY), ""),
        (invoice(line(), client={"name": "Lefèvre SARL", "address": "1 rue", "city": "Lyon"}), "client.kind is missing, and the name looks like a company's"),
        (invoice(line(), client=COMPANY, due_date=None), "due_date is missing"),
        (invoice(line(), client=COMPANY | {"siren": "", "vat_id": "", "kind": "business"}), "client.siren is missing"),
        (invoice(line(), client=COMPANY | {"address": ""}), "client.address is missing"),
        (invoice(line(tax_rate=0, tax_category="E"), client=COMPANY), "exemption_reason is missing"),
        (invoice(line(unit="paquet"), client=COMPANY), "transactions[].unit 'paquet'"),
        (invoice(line(), client=COMPANY, direct_debit={"iban": "FR76"}), "direct_debit.mandate is missing"),
        (invoice(line(), client=COMPANY, discount=[]), "discount is not a field that mailworker reads; did you mean 'discounts'?"),
        (invoice(line(), client=PERSON), "transactions[].section is missing: a consumer's telecom invoice has"),
        (invoice(line(), client=PERSON), "transactions[].line is missing"),
        (invoice(line(amount="10.01"), client=COMPANY), "transactions[0].amount is 10.01 but quantity times unit_price less discount is 10.00: the difference is +0.01 (BT-131, "),
        (invoice(line(), client=COMPANY, currency="USD"), "exchange_rate is missing (or total_tax_in_tax_currency): the VAT stands in euros"),
        (invoice(line(), client=COMPANY, currency="USD", exchange_rate="0.92"), ""),
        (invoice(line(tax_rate=0, tax_category="G"), client=COMPANY, currency="USD"), ""),
        (invoice(line(dsicount=1), client=COMPANY), "transactions[].dsicount is not a field that mailworker reads; did you mean 'discount'?"),
        (invoice(line(), client=COMPANY | {"vat": "x"}), "client.vat is not a field"),
    ],
)  # fmt: skip
def test_what_lacks_is_told_and_stops_nothing(raw: dict[str, Any], sentences: str) -> None:
    review = review_invoice(raw, SETTINGS)
    assert review.faults == ()
    assert (
        [warning for warning in review.warnings if warning.startswith(sentences)]
        if sentences
        else not review.warnings
    )


def test_the_rendering_tells_of_an_amount_that_the_price_does_not_make(printer: InvoicePrinter) -> None:
    printed = printer.print(invoice(line(amount="10.01"), client=COMPANY), language="fr")
    assert [sentences for sentences in printed.warnings if "10.01 but quantity times unit_price" in sentences]


def test_a_consumer_s_invoice_by_lines_and_sections_lacks_nothing() -> None:
    raw = invoice(line(section="Abonnements", line="06 12 34 56 78"), client=PERSON)
    assert not review_invoice(raw, SETTINGS).warnings


def test_a_consumer_s_invoice_without_customer_service_is_told_of() -> None:
    settings = InvoiceSettings.model_validate({"seller": FULL | {"customer_service": ""}})
    raw = invoice(line(section="Abonnements", line="06 12 34 56 78"), client=PERSON)
    (warning,) = review_invoice(raw, settings).warnings
    assert warning.startswith(
        "invoice.seller.customer_service is missing: a consumer's telecom invoice names"
    )


def test_a_consumer_s_invoice_that_is_only_its_total_has_no_lines_to_name() -> None:
    assert not review_invoice(MINIMAL | {"client": PERSON}, SETTINGS).warnings


def test_where_there_is_no_vat_nothing_has_to_be_explained() -> None:
    settings = InvoiceSettings.model_validate({"seller": FULL | {"country": "GF"}})
    raw = invoice(line(tax_rate=0, tax_category="E"), client=COMPANY)
    assert not [
        sentences for sentences in review_invoice(raw, settings).warnings if "exemption_reason" in sentences
    ]


def test_a_warning_names_the_law() -> None:
    review = review_invoice(invoice(line(), client=PERSON, due_date=None), InvoiceSettings())
    sourced = [warning for warning in review.warnings if "(" in warning]
    assert len(sourced) >= 5


def test_called_numbers_of_a_consumer_are_masked_and_free_calls_left_out(printer: InvoicePrinter) -> None:
    rows = [
        {"date": "2026-01-02", "destination": "06 12 34 56 78", "amount": "1.00"},
        {"date": "2026-01-03", "destination": "3919", "amount": "0"},
        {"date": "2026-01-04", "destination": "01 40 00 11 22", "amount": "0"},
    ]
    raw = MINIMAL | {"client": PERSON, "usage": rows}
    page = given(printer, raw)
    assert "06 12 34 xx xx" in page
    assert "01 40 00 xx xx" in page
    assert "3919" not in page
    assert "06 12 34 56 78" in given(printer, raw | {"full_call_numbers": True})
    assert "06 12 34 56 78" in given(printer, raw | {"client": COMPANY})


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("+33 6 12 34 56 78", "+33 6 12 34 xx xx"),
        ("0612345678", "061234xxxx"),
        ("3631", "3631"),
        ("Orange", "Orange"),
    ],
)
def test_a_masked_number(number: str, masked: str) -> None:
    assert masked_number(number) == masked


@pytest.mark.parametrize(("number", "free"), [("0 800 12 34 56", True), ("+33 805 12 34 56", True), ("112", True), ("06 12 34 56 78", False), ("3631", False)])  # fmt: skip
def test_a_free_number(number: str, free: bool) -> None:
    assert is_free(number) is free
