"""What an e-invoice needs beside right sums: each rule of EN 16931 and of France on both sides of its edge."""

import pytest

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.from_json.invoice import read_invoice
from mailworker.invoices.requirements import requirements

SIREN = "552100554"
FRANCE = {"name": "Alizé", "country": "FR", "vat_id": "FR40123456824", "iban": "FR7630006000011234567890189"}
GERMANY = {"name": "Netz", "country": "DE", "vat_id": "DE123456789"}
BUYER = {"name": "B", "country": "FR", "siren": SIREN, "email": "b@b.example"}
ABROAD = {"name": "K", "country": "DE", "vat_id": "DE987654321", "email": "k@k.example"}
LINE = {"description": "L", "quantity": 2, "unit_price": "15.00", "tax_rate": 20}
HEAD = {"invoice_number": "R-1", "date": "2026-03-01", "due_date": "2026-03-15", "transactions": [LINE]}


def faults(raw, seller, client, **block):
    """The sentences about an invoice that is right but for these changes."""
    chosen = InvoiceSettings.model_validate({"seller": seller} | block)
    fields = {name: value for name, value in (HEAD | {"client": client} | raw).items() if value is not None}
    return requirements(read_invoice(fields, chosen), chosen)


def one(found):
    """The only sentence; empty where there is none."""
    assert len(found) <= 1, found
    return found[0] if found else ""


def lines(**fields):
    return {"transactions": [LINE | fields]}


CORRECTS = {"number": "R-0", "date": "2026-02-01"}


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        ({}, ""),
        ({"invoice_number": "Rr09+-_/" + "x" * 27}, ""),
        ({"invoice_number": "x" * 36}, "invoice_number must be at most 35 characters"),
        ({"invoice_number": "R 1"}, "invoice_number must be at most 35 characters"),
        ({"type": "credit_note", "corrects": CORRECTS}, ""),
        ({"type": "corrective", "corrects": CORRECTS}, ""),
        ({"type": "credit_note"}, "corrects is missing"),
        ({"type": "corrective"}, "corrects is missing"),
        ({"type": "credit_note", "corrects": "R-0"}, "corrects.date is missing"),
        ({"type": "corrective", "corrects": [CORRECTS, "R-00"]}, "corrects.date is missing"),
        ({"type": "corrective", "corrects": [CORRECTS, CORRECTS]}, "corrects must name one invoice"),
        ({"type": "credit_note", "corrects": [CORRECTS, CORRECTS]}, ""),
        ({"corrects": "R-0"}, ""),
        ({"corrects": {"number": "R 0"}}, "corrects must be at most 35 characters"),
        ({"corrects": [CORRECTS, {"number": "R 0", "date": "2026-01-01"}]}, "corrects must be at most 35 characters"),
        ({"type": "325"}, "type 325 is none that French platforms take"),
        ({"type": "393"}, ""),
        ({"due_date": "2026-03-01"}, ""),
        ({"date": "1999-12-31", "delivery_date": "2026-03-01"}, "date must be in the years 2000 to 2099"),
        ({"tax_point_date": "1999-12-31"}, "tax_point_date must be in the years 2000 to 2099"),
        ({"tax_point_date": "2000-01-01"}, ""),
        ({"tax_point_date": "2099-12-31"}, ""),
        ({"tax_point_date": "2100-01-01"}, "tax_point_date must be in the years 2000 to 2099"),
        ({"corrects": {"number": "R-0", "date": "1999-12-31"}}, "corrects.date must be in the years 2000 to 2099"),
        ({"corrects": [CORRECTS, {"number": "R-1", "date": "1999-12-31"}]}, "corrects[1].date must be in the years 2000 to 2099"),
        ({"date": "2000-01-01", "delivery_date": "2026-03-01"}, ""),
        ({"due_date": "2099-12-31"}, ""),
        ({"due_date": "2100-01-01"}, "due_date must be in the years"),
        ({"start_date": "1999-12-31"}, "start_date must be in the years"),
        ({"end_date": "2100-01-01", "delivery_date": "2026-03-01"}, "end_date must be in the years"),
        ({"delivery_date": "2100-01-01"}, "delivery_date must be in the years"),
        ({"corrects": {"number": "R-0", "date": "1999-12-31"}}, "corrects.date must be in the years"),
        (lines(start_date="1999-12-31"), "transactions[0].start_date must be in the years"),
        (lines(end_date="2100-01-01"), "transactions[0].end_date must be in the years"),
        (lines(tax_rate="8.5"), ""),
        (lines(tax_rate=19), "tax_rate 19 is no VAT rate in France"),
        (lines(quantity="1.1234"), ""),
        (lines(quantity="1.12345"), "transactions[0].quantity must have at most 4 decimals"),
        (lines(quantity="1.12340"), ""),
        (lines(quantity="100000", unit_price="0.00012345"), ""),
        (lines(quantity="1", unit_price="0.0123456789"), ""),
        (lines(quantity="3", unit_price="1", price_base_quantity="1.2345"), ""),
        (lines(quantity="3", unit_price="1", price_base_quantity="1.23456"), "transactions[0].unit_price must have at most 6"),
        ({"currency": "EUR"}, ""),
        ({"currency": "USD"}, "exchange_rate is missing"),
        ({"currency": "USD", "exchange_rate": "0.9"}, ""),
        ({"currency": "USD", "total_tax_in_tax_currency": "5"}, ""),
    ],
)  # fmt: skip
def test_what_france_asks_of_an_invoice(raw, sentence):
    found = one(faults(raw, FRANCE, BUYER))
    assert found.startswith(sentence)
    assert bool(found) == bool(sentence)


@pytest.mark.parametrize(
    ("client", "sentence"),
    [
        (BUYER, ""),
        (BUYER | {"siren": "55210055"}, "client.siren must have nine digits"),
        (BUYER | {"siren": "5521005540"}, "client.siren must have nine digits"),
        (BUYER | {"siret": SIREN + "00013"}, ""),
        (BUYER | {"siret": SIREN + "0001"}, "client.siret must have fourteen digits"),
        (BUYER | {"siret": "12345682400013"}, "client.siret must have fourteen digits"),
        ({"name": "B", "country": "FR", "kind": "business", "email": "b@b.example"}, "client.siren is missing"),
        ({"name": "B", "country": "FR", "kind": "public", "email": "b@b.example"}, "client.siren is missing"),
        ({"name": "B", "country": "FR", "kind": "consumer", "email": "b@b.example"}, ""),
        ({"name": "B", "country": "FR", "kind": "consumer"}, "client.email is missing"),
        ({"name": "B", "country": "FR", "email": "x" * 115 + "@b.example"}, ""),
        ({"name": "B", "country": "FR", "email": "x" * 116 + "@b.example"}, "The customer's electronic address has more"),
        (BUYER | {"electronic_address": SIREN + "_A.b-1+"}, ""),
        (BUYER | {"electronic_address": SIREN + " A"}, "client.electronic_address must be of A-Z"),
        (BUYER | {"electronic_address": "123456824"}, "client.electronic_address must begin with client.siren"),
        (BUYER | {"electronic_address": SIREN[:8] + "_A"}, "client.electronic_address must begin with client.siren"),
        (BUYER | {"electronic_address": {"scheme": "EM", "id": SIREN}}, "client.electronic_address must begin with client.siren"),
        ({"name": "B", "country": "DE", "email": "b@b.example", "siren": SIREN, "electronic_address": "123456824"}, ""),
        ({"name": "B", "country": "DE", "electronic_address": {"scheme": "EM", "id": "a b"}}, ""),
    ],
)  # fmt: skip
def test_what_france_asks_of_a_customer(client, sentence):
    found = one(faults({}, FRANCE, client))
    assert found.startswith(sentence)
    assert bool(found) == bool(sentence)


def test_a_self_billed_invoice_may_go_to_another_address():
    elsewhere = BUYER | {"electronic_address": "123456824"}
    assert faults({"type": "self_billed"}, FRANCE, elsewhere) == []
    assert len(faults({"type": "invoice"}, FRANCE, elsewhere)) == 1


def test_a_prepayment_alone_may_be_due_before_its_day():
    early = {"due_date": "2026-02-28", "paid_amount": "36.00"}
    assert one(faults(early, FRANCE, BUYER)).startswith("due_date is before date")
    assert faults(early | {"type": "prepayment"}, FRANCE, BUYER) == []


def test_a_french_seller_has_a_siren_and_another_country_asks_for_none_of_this():
    without = {"name": "Alizé", "country": "FR", "tax_number": "7"}
    assert one(faults({}, without, BUYER)).startswith("invoice.seller.siren is missing")
    assert (
        faults({"invoice_number": "R 1", "date": "1999-01-01", "type": "credit_note"}, GERMANY, ABROAD) == []
    )


def test_wrong_rates_are_named_once_each_and_in_order():
    rated = {"transactions": [LINE | {"tax_rate": rate} for rate in (19, 7, 3, 19, 20)]}
    found = faults(rated, FRANCE, BUYER)
    assert [sentence.partition(" is no")[0] for sentence in found] == ["tax_rate 3", "tax_rate 19"]


@pytest.mark.parametrize(
    ("quantity", "price", "sentence"),
    [
        ("123456789012345.6789", "0", ""),
        ("0.0001", "12345678901234.12345", ""),
        ("0.0001", "12345678901234.123456", "transactions[0].unit_price must have at most 6 decimals and 19 figures"),
    ],
)  # fmt: skip
def test_figures_of_a_line_are_counted(quantity, price, sentence):
    found = one(faults(lines(quantity=quantity, unit_price=price), FRANCE, BUYER))
    assert found.startswith(sentence)
    assert bool(found) == bool(sentence)


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        ({}, ""),
        ({"currency": "HRK", "tax_currency": "EUR"}, "currency HRK is no longer in ISO 4217"),
        ({"currency": "TND"}, "Factur-X carries two decimals, and TND has 3."),
        ({"due_date": None}, "due_date is missing"),
        ({"due_date": None, "payment_terms": "30 days"}, ""),
        ({"due_date": None, "type": "credit_note"}, ""),
        ({"due_date": None, "paid_amount": "36.00"}, ""),
        ({"due_date": None, "paid_amount": "35.99"}, "due_date is missing"),
        ({"transactions": None, "total_amount": 5}, "transactions are missing"),
        (lines(tax_rate=None), "transactions[0].tax_rate is missing"),
        (lines(quantity=0), ""),
        (lines(start_date="2026-02-02", end_date="2026-02-01"), "transactions[0].start_date is after its end_date"),
        (lines(start_date="2026-02-01", end_date="2026-02-01"), ""),
        (lines(start_date="2026-02-01"), ""),
        (lines(end_date="2026-02-01"), ""),
        ({"discounts": [{"description": "D", "amount": 1}]}, "tax_rate is missing in discounts"),
        ({"charges": [{"description": "D", "amount": 1}]}, "tax_rate is missing in charges"),
        ({"charges": [{"description": "D", "amount": 1, "tax_rate": 20}]}, ""),
        (lines(tax_rate=0, tax_category="E", exemption_code="VATEX-EU-132"), ""),
        (lines(tax_rate=0, tax_category="E", exemption_code="VATEX-NO"), "exemption_code VATEX-NO is not in the VATEX list"),
        (lines(tax_rate=0, tax_category="L"), "tax_rate must be above 0 in category L"),
        (lines(tax_rate=7, tax_category="L"), ""),
        (lines(tax_rate=0, tax_category="M"), ""),
        ({"delivery": {"name": "Depot"}}, ""),
        ({"delivery": {"street": "1 Quay", "country": "FR"}}, ""),
        ({"delivery": {"street": "1 Quay"}}, "delivery_address.country must be a code"),
        ({"delivery": {"country": "Atlantis"}}, "delivery_address.country must be a code"),
        ({"payment_method": "card"}, ""),
        ({"payment_method": "transfer"}, "invoice.seller.iban is missing"),
        ({"payment_methods": ["card", "transfer"]}, ""),
        ({"payment_method": "transfer", "payee": {"name": "F", "iban": "DE02120300000000202051"}}, ""),
        ({"payment_method": "transfer", "payee": {"name": "F"}}, "invoice.seller.iban is missing"),
    ],
)  # fmt: skip
def test_what_the_norm_asks_of_an_invoice(raw, sentence):
    found = one(faults(raw, GERMANY, ABROAD))
    assert found.startswith(sentence)
    assert bool(found) == bool(sentence)


def test_rounding_for_cash_needs_the_larger_profile():
    rounded = {"rounding_amount": "0.02"}
    assert faults(rounded, GERMANY, ABROAD) == faults({}, GERMANY, ABROAD, profile="basic") == []
    assert one(faults(rounded, GERMANY, ABROAD, profile="basic")).startswith(
        "rounding_amount needs invoice.profile"
    )


@pytest.mark.parametrize(
    ("client", "sentence"),
    [
        ({"name": "K", "country": "DE"}, ""),
        ({"name": "K", "country": "Atlantis"}, "client.country must be a code of ISO 3166-1"),
        ({"name": "K"}, "client.country must be a code of ISO 3166-1"),
        ({"name": "K", "country": "GR", "vat_id": "EL123456789"}, ""),
        ({"name": "K", "country": "DE", "vat_id": "123456789"}, "client.vat_id must begin with the code"),
        (ABROAD | {"electronic_address": {"scheme": "9930", "id": "1"}}, ""),
        (ABROAD | {"electronic_address": {"scheme": "X", "id": "1"}}, "client.electronic_address.scheme must be a code"),
    ],
)  # fmt: skip
def test_what_the_norm_asks_of_a_customer(client, sentence):
    found = one(faults({}, GERMANY, client))
    assert found.startswith(sentence)
    assert bool(found) == bool(sentence)


AGENT = {"name": "A", "vat_id": "FR59552100554", "country": "FR"}
CATEGORY = {"AE": {"tax_category": "AE"}, "K": {"tax_category": "K"}, "G": {"tax_category": "G"}, "O": {"tax_category": "O"},
            "E": {"tax_category": "E"}, "S": {"tax_rate": 20}}  # fmt: skip
NAMELESS = {"name": "Netz", "country": "DE"}
NO_NUMBER = "invoice.seller.vat_id is missing"
NO_REGISTER = "invoice.seller.siren (or company_id) is missing"


@pytest.mark.parametrize(
    ("seller", "category", "sentence"),
    [
        (GERMANY, "S", ""),
        (NAMELESS, "S", NO_NUMBER),
        (NAMELESS, "E", NO_NUMBER),
        (NAMELESS | {"siren": SIREN}, "S", ""),
        (NAMELESS | {"tax_number": "7"}, "S", ""),
        (NAMELESS | {"company_id": "HRB"}, "S", NO_NUMBER),
        (NAMELESS | {"tax_representative": AGENT}, "S", ""),
        (NAMELESS | {"tax_number": "7"}, "AE", ""),
        (NAMELESS | {"tax_number": "7"}, "K", NO_NUMBER),
        (NAMELESS | {"tax_number": "7", "siren": SIREN}, "G", NO_NUMBER),
        (NAMELESS | {"tax_representative": AGENT}, "G", ""),
        (GERMANY, "K", ""),
        (GERMANY, "O", NO_REGISTER),
        (NAMELESS | {"siren": SIREN}, "O", ""),
        (NAMELESS | {"company_id": "HRB"}, "O", ""),
        (NAMELESS | {"identifier": "7"}, "O", ""),
        (GERMANY | {"country": "AA"}, "S", "invoice.seller.country in crm_config.yaml must be a code"),
        (GERMANY | {"vat_id": "7777"}, "S", "invoice.seller.vat_id in crm_config.yaml must begin"),
        (
            GERMANY | {"tax_representative": AGENT | {"country": "AA"}},
            "S",
            "invoice.seller.tax_representative",
        ),
        (
            GERMANY | {"tax_representative": AGENT | {"vat_id": "AA123"}},
            "S",
            "invoice.seller.tax_representative",
        ),
    ],
)
def test_what_the_norm_asks_of_a_seller(seller, category, sentence):
    taxed = {name: value for name, value in LINE.items() if name != "tax_rate"} | CATEGORY[category]
    found = one(faults({"transactions": [taxed]}, seller, ABROAD))
    assert found.startswith(sentence)
    assert bool(found) == bool(sentence)


@pytest.mark.parametrize(
    ("category", "client", "missing"),
    [
        ("AE", {}, True),
        ("AE", {"company_id": "HRB"}, False),
        ("AE", {"siren": SIREN}, False),
        ("AE", {"vat_id": "DE987654321"}, False),
        ("K", {}, True),
        ("K", {"company_id": "HRB"}, True),
        ("K", {"siren": SIREN}, True),
        ("K", {"vat_id": "DE987654321"}, False),
        ("S", {}, False),
        ("G", {}, False),
    ],
)
def test_a_buyer_who_owes_the_tax_is_known_by_a_number(category, client, missing):
    taxed = {name: value for name, value in LINE.items() if name != "tax_rate"} | CATEGORY[category]
    found = one(faults({"transactions": [taxed]}, GERMANY, {"name": "K", "country": "DE"} | client))
    assert found == (
        f"client.vat_id is missing; VAT category {category} needs it (BT-48)." if missing else ""
    )


def test_outside_vat_stands_alone():
    outside = {name: value for name, value in LINE.items() if name != "tax_rate"} | CATEGORY["O"]
    found = faults({"transactions": [outside, LINE]}, GERMANY | {"company_id": "HRB"}, ABROAD)
    assert one(found).startswith("tax_category O cannot stand beside another")


@pytest.mark.parametrize(("price", "taken"), [("9999999999999.98", True), ("10000000000000", False)])
@pytest.mark.parametrize("sign", [1, -1])
def test_amounts_are_as_large_as_validators_can_add(price, taken, sign):
    huge = {
        "transactions": [LINE | {"quantity": sign, "unit_price": price, "tax_rate": 0}],
        "type": "corrective",
    }
    found = one(faults(huge, GERMANY, ABROAD))
    assert found.startswith("" if taken else "Amounts must be below 10,000,000,000,000")
    assert bool(found) is not taken


def test_the_sum_counts_and_each_line_counts():
    big = LINE | {"quantity": 1, "unit_price": "6000000000000", "tax_rate": 0}
    assert faults({"transactions": [big]}, GERMANY, ABROAD) == []
    assert len(faults({"transactions": [big, big]}, GERMANY, ABROAD)) == 1
    back = big | {"unit_price": "12000000000000"}
    pair = {"transactions": [back, back | {"quantity": -1}, LINE | {"tax_rate": 0}]}
    assert len(faults(pair, GERMANY, ABROAD)) == 1
    taxed = {"transactions": [big | {"unit_price": "9000000000000", "tax_rate": 20}]}
    assert len(faults(taxed, GERMANY, ABROAD)) == 1  # only with its tax it is too large
    charge = {"description": "D", "amount": "4000000000030", "tax_rate": 0}
    less = {"transactions": [big, LINE | {"quantity": -2}], "charges": [charge]}
    assert len(faults(less, GERMANY, ABROAD)) == 1  # only without its tax
