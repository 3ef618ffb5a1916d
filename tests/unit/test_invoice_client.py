"""The customer, the delivery and the payment of an invoice's JSON: each name of each field, and the longest text of it."""

from datetime import date
from decimal import Decimal

import pytest

from mailworker.invoices.from_json.customer import client_of, compact, delivery_of, siren_of
from mailworker.invoices.from_json.fields import InvoiceFields
from mailworker.invoices.from_json.payment import accounting_tax, payments_of
from mailworker.invoices.model import (
    AccountingTax,
    ClientKind,
    DeliveryPlace,
    Party,
    PaymentMeans,
    PostalAddress,
)

SIREN, VAT = "552100554", "FR59552100554"


def client(**fields):
    faults = []
    return client_of(InvoiceFields({"client": {"name": "A"} | fields}, faults)), faults


def place(**fields):
    return Party("A", PostalAddress(**fields))


@pytest.mark.parametrize(
    ("fields", "party"),
    [
        ({}, Party("A")),
        ({"email": "a@b.example"}, Party("A", email="a@b.example")),
        ({"customer_number": "1", "number": "2", "client_id": "3", "customer_id": "4"}, Party("A", number="1")),
        ({"number": 2, "client_id": "3", "customer_id": "4"}, Party("A", number="2")),
        ({"client_id": "3", "customer_id": "4"}, Party("A", number="3")),
        ({"customer_id": "4"}, Party("A", number="4")),
        ({"company_id": "HRB 7"}, Party("A", company_id="HRB 7")),
        ({"city": "Lyon"}, place(city="Lyon")),
        ({"state": "WA", "region": "B"}, place(region="WA")),
        ({"region": "B", "province": "C"}, place(region="B")),
        ({"province": "C"}, place(region="C")),
        ({"postcode": "1", "zip_code": "2", "zip": "3", "postal_code": "4"}, place(postcode="1")),
        ({"zip_code": "2", "zip": "3", "postal_code": "4"}, place(postcode="2")),
        ({"zip": "3", "postal_code": "4"}, place(postcode="3")),
        ({"postal_code": "4"}, place(postcode="4")),
        ({"country_code": "FR", "country": "DE"}, place(country="FR")),
        ({"country": "Allemagne"}, place(country="DE")),
        ({"address": {"country": "DE", "city": "Köln"}, "country": "FR", "city": "Lyon"}, place(country="DE", city="Köln")),
        ({"address": {"city": "Köln"}, "country": "FR"}, place(country="FR", city="Köln")),
        ({"addresses": [{"city": "Köln"}, {"city": "Bonn"}], "city": "Lyon"}, place(city="Köln")),
        ({"address": {"city": "Bonn"}, "addresses": [{"city": "Köln"}]}, place(city="Bonn")),
        ({"addresses": [], "city": "Lyon"}, place(city="Lyon")),
        ({"addresses": ["x"], "city": "Lyon"}, place(city="Lyon")),
        ({"addresses": {"city": "Köln"}, "city": "Lyon"}, place(city="Lyon")),
        ({"address_line_1": "1", "address_line1": "2", "street": "3", "address_line_2": "4", "address_line2": "5", "address_line_3": "6"}, place(lines=tuple("123456"))),
        ({"address": " 1 rue A \r\n\n Bât. B "}, place(lines=("1 rue A", "Bât. B"))),
        ({"address": ["1 rue A", "", 7]}, place(lines=("1 rue A", "7"))),
    ],
)  # fmt: skip
def test_a_customer(fields, party):
    assert client(**fields) == (party, [])


@pytest.mark.parametrize(
    ("field", "most"),
    [
        ("name", 300), ("email", 254), ("customer_number", 64), ("company_id", 64), ("vat_id", 30), ("siren", 20), ("siret", 20),
        ("postcode", 20), ("city", 100), ("state", 100), ("country", 60), ("kind", 40),
    ],
)  # fmt: skip
def test_no_text_of_a_customer_is_longer_than_its_place(field, most):
    assert not any("characters" in one for one in client(**{field: "x" * most})[1])
    assert (
        f"client.{field} has {most + 1} characters; the most is {most}."
        in client(**{field: "x" * (most + 1)})[1]
    )


@pytest.mark.parametrize(
    ("fields", "siren", "siret", "kind"),
    [
        ({}, "", "", ""),
        ({"siren": "552 100 554"}, SIREN, "", "business"),
        ({"siret": f"{SIREN}00013"}, SIREN, f"{SIREN}00013", "business"),
        ({"siren": f"{SIREN}.00013"}, SIREN, f"{SIREN}00013", "business"),
        ({"siren": f"{SIREN}00013", "siret": f"{SIREN}00014"}, f"{SIREN}00013", f"{SIREN}00014", "business"),
        ({"siren": f"{SIREN}0001"}, f"{SIREN}0001", "", "business"),
        ({"vat_id": VAT}, SIREN, "", "business"),
        ({"vat_id": VAT, "siret": "12345682400013"}, "123456824", "12345682400013", "business"),
        ({"vat_number": "fr 59 552100554"}, SIREN, "", "business"),
        ({"tax_identifier": VAT, "siren": "1"}, "1", "", "business"),
        ({"vat_id": "DE123456789"}, "", "", "business"),
        ({"kind": "consumer", "vat_id": VAT}, SIREN, "", "consumer"),
        ({"customer_account_type": "Residential"}, "", "", "consumer"),
        ({"account_type": "B2G"}, "", "", "public"),
        ({"type": "entreprise"}, "", "", "business"),
    ],
)
def test_who_the_customer_is(fields, siren, siret, kind):
    party, faults = client(**fields)
    assert (party.siren, party.siret, party.kind, faults) == (siren, siret, kind, [])


def test_the_invoice_says_the_kind_where_the_customer_does_not():
    def kind(given, own):
        faults = []
        found = client_of(
            InvoiceFields({"client": {"name": "A"} | own, "customer_account_type": given}, faults)
        )
        return found.kind, faults

    assert kind("business", {}) == (ClientKind.BUSINESS, [])
    assert kind("business", {"kind": "consumer"}) == (ClientKind.CONSUMER, [])
    assert kind("vip", {}) == (ClientKind.UNKNOWN, ["client.kind must be one of business, consumer, public."])


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, ("", "", "", "")),
        ({"trading_name": "Ace"}, ("Ace", "", "", "")),
        ({"contact": "Léa", "phone": "04"}, ("", "Léa", "04", "")),
        ({"contact": {"name": "Léa", "phone": "06", "email": "l@a.example"}, "phone": "04"}, ("", "Léa", "06", "l@a.example")),
        ({"contact": {"name": "Léa"}, "phone": "04"}, ("", "Léa", "04", "")),
        # OmniCRM's own: an id, a list, a number
        ({"contact": 12, "phone": 33}, ("", "", "", "")),
        ({"contact": ["Léa"], "phone": None}, ("", "", "", "")),
    ],
)  # fmt: skip
def test_who_answers_there(fields, found):
    party, faults = client(**fields)
    assert (party.trading_name, party.contact, party.phone, party.contact_email) == found
    assert faults == []


@pytest.mark.parametrize(
    ("vat_id", "siren"),
    [(VAT, SIREN), ("FRK7399859412", "399859412"), ("FR5955210055", ""), (f"{VAT}0", ""), ("FRIO552100554", ""), ("DE552100554", ""), (f"x{VAT}", "")],
)  # fmt: skip
def test_the_siren_inside_a_vat_number(vat_id, siren):
    assert siren_of(vat_id) == siren


def test_an_identifier_is_compact():
    assert compact(" de12.34\t5\u00a0x ") == "DE12345X"


@pytest.mark.parametrize(
    ("given", "endpoint", "faults"),
    [
        (None, ("", ""), []),
        ("552100554_A", ("552100554_A", "0225"), []),
        ({"scheme": "EM", "id": "a@b.example"}, ("a@b.example", "EM"), []),
        ({"scheme": "9930", "value": "1"}, ("1", "9930"), []),
        ({"scheme": "99301", "id": "1"}, ("1", "9930"), ["client.electronic_address.scheme has 5 characters; the most is 4."]),
        ({"id": "1"}, ("1", ""), ["client.electronic_address.scheme is missing."]),
        ({"scheme": "EM"}, ("", "EM"), ["client.electronic_address.id is missing."]),
    ],
)  # fmt: skip
def test_the_electronic_address(given, endpoint, faults):
    party, found = client(electronic_address=given)
    assert ((party.endpoint, party.endpoint_scheme), found) == (endpoint, faults)


def delivery(**fields):
    faults = []
    return delivery_of(InvoiceFields(fields, faults)), faults


DAY, LATER = date(2026, 7, 1), date(2026, 7, 2)


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, None),
        ({"delivery_address": "", "delivery": ""}, None),
        ({"delivery_address": " \n ", "delivery": "  "}, None),
        ({"delivery_date": "2026-07-01"}, DeliveryPlace(day=DAY)),
        ({"delivery_address": "1 quai\n \nParis"}, DeliveryPlace(address=PostalAddress(("1 quai", "Paris")))),
        ({"delivery": "1 quai", "delivery_date": "2026-07-01"}, DeliveryPlace(address=PostalAddress(("1 quai",)), day=DAY)),
        ({"delivery": {"name": "D", "street": "1 quai", "country": "FR"}}, DeliveryPlace("D", PostalAddress(("1 quai",), country="FR"))),
        ({"delivery_address": {"city": "Lyon"}, "delivery": {"city": "Nice"}}, DeliveryPlace(address=PostalAddress(city="Lyon"))),
        ({"delivery": {"date": "2026-07-02"}, "delivery_date": "2026-07-01"}, DeliveryPlace(day=LATER)),
        ({"delivery": {"city": "Lyon"}, "delivery_date": "2026-07-01"}, DeliveryPlace(address=PostalAddress(city="Lyon"), day=DAY)),
    ],
)  # fmt: skip
def test_where_and_when_it_was_delivered(fields, found):
    assert delivery(**fields) == (found, [])


def payments(currency="EUR", **fields):
    faults = []
    return list(payments_of(InvoiceFields(fields, faults), currency)), faults


DEBIT = {"mandate": "M", "iban": "fr76 3000", "date": "2026-07-01"}
DEBITED = PaymentMeans("59", "M", "FR763000", DAY)


@pytest.mark.parametrize(
    ("fields", "means"),
    [
        ({}, []),
        ({"payment_methods": []}, []),
        ({"payment_method": "card"}, [PaymentMeans("48")]),
        ({"payment_means": "card"}, [PaymentMeans("48")]),
        ({"payment_methods": ["card", "cash"], "payment_method": "transfer"}, [PaymentMeans("48"), PaymentMeans("10")]),
        ({"payment_methods": ("card",)}, [PaymentMeans("48")]),
        ({"payment_method": {"method": "card"}}, [PaymentMeans("48")]),
        ({"payment_method": {"name": "card", "mandate": "M"}}, [PaymentMeans("48")]),
        ({"payment_method": {"code": "48"}}, [PaymentMeans("48")]),
        ({"payment_method": {"code": "48", "card": "12345678"}}, [PaymentMeans("48", card="5678")]),
        ({"payment_method": {"type": "card"}}, [PaymentMeans("48")]),
        ({"payment_method": "direct_debit"}, [PaymentMeans("59")]),
        ({"payment_method": "direct_debit", "direct_debit": DEBIT}, [DEBITED]),
        ({"payment_method": {"method": "direct_debit"}, "direct_debit": DEBIT}, [DEBITED]),
        ({"payment_method": {"method": "direct_debit", **DEBIT}}, [DEBITED]),
        ({"payment_method": {"method": "direct_debit", **DEBIT}, "direct_debit": DEBIT | {"mandate": "N"}}, [DEBITED]),
        ({"direct_debit": DEBIT}, [DEBITED]),
        ({"direct_debit": {"mandate_id": "M", "debit_date": "2026-07-01"}}, [PaymentMeans("59", "M", "", DAY)]),
        ({"direct_debit": {"rum": "M"}}, [PaymentMeans("59", "M")]),
        ({"direct_debit": True}, [PaymentMeans("59")]),
        ({"direct_debit": False}, []),
        ({"direct_debit": False, "payment_method": "card"}, [PaymentMeans("48")]),
        ({"direct_debit": DEBIT, "payment_methods": ["card", "direct_debit"]}, [PaymentMeans("48"), DEBITED]),
        ({"direct_debit": True, "payment_methods": ["card"]}, [PaymentMeans("59"), PaymentMeans("48")]),
    ],
)  # fmt: skip
def test_how_it_is_paid(fields, means):
    assert payments(**fields) == (means, [])


@pytest.mark.parametrize(
    ("fields", "sentences"),
    [
        ({"payment_methods": ["card"] * 11}, "payment_methods has 11 entries; the most is 10."),
        ({"payment_method": "barter"}, "payment_method must be one of "),
        (
            {"payment_method": {"method": "x" * 41}},
            "payment_method.method has 41 characters; the most is 40.",
        ),
        ({"direct_debit": "yes"}, "direct_debit must be an object."),
        ({"direct_debit": {"mandate": "x" * 36}}, "direct_debit.mandate has 36 characters; the most is 35."),
        ({"direct_debit": {"iban": "x" * 43}}, "direct_debit.iban has 43 characters; the most is 42."),
    ],
)
def test_how_it_cannot_be_paid(fields, sentences):
    assert payments(**fields)[1][0].startswith(sentences)


def test_a_debit_at_its_longest_is_taken_and_another_currency_is_no_sepa():
    longest = {"direct_debit": {"mandate": "x" * 35, "iban": "X" * 42}}
    assert payments(**longest) == ([PaymentMeans("59", "x" * 35, "X" * 42)], [])
    assert payments("USD", direct_debit=True) == ([PaymentMeans("49")], [])


def books(tax, currency="USD", home="EUR", **fields):
    faults = []
    return accounting_tax(InvoiceFields(fields, faults), Decimal(tax), currency, home), faults


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (books("20", "EUR"), None),
        (books("20", "EUR", exchange_rate=2), None),
        (books("20"), None),
        (books("0"), AccountingTax("EUR", Decimal("0.00"))),
        (books("20", exchange_rate="0.5"), AccountingTax("EUR", Decimal("10.00"), Decimal("0.5"))),
        (books("20", total_tax_in_tax_currency="9.995"), AccountingTax("EUR", Decimal("10.00"))),
        (
            books("20", total_tax_in_tax_currency=9, exchange_rate=2),
            AccountingTax("EUR", Decimal("9.00"), Decimal(2)),
        ),
        (
            books("20", "EUR", tax_currency="chf", exchange_rate=2),
            AccountingTax("CHF", Decimal("40.00"), Decimal(2)),
        ),
        (books("0.01", exchange_rate="0.5"), AccountingTax("EUR", Decimal("0.01"), Decimal("0.5"))),
    ],
)
def test_the_tax_in_the_sellers_books(found, expected):
    assert found == (expected, [])


@pytest.mark.parametrize(
    ("fields", "sentences"),
    [
        ({"tax_currency": "XX1"}, "tax_currency is not a code of ISO 4217, such as EUR."),
        ({"exchange_rate": 0}, "exchange_rate must be above 0."),
        ({"exchange_rate": "-1"}, "exchange_rate must be above 0."),
    ],
)
def test_books_that_cannot_be_kept(fields, sentences):
    assert books("20", **fields) == (None, [sentences])
