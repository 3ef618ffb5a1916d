"""Where an invoice's facts stand in the e-invoice, by EN 16931's terms; nothing is drawn."""

from dataclasses import replace
from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.facturx_xml import CiiWriter, base_quantity, endpoint_of, treatment
from mailworker.invoices.from_json.invoice import read_invoice
from mailworker.invoices.languages.locale_format import locale_format
from mailworker.invoices.model import Party, PostalAddress
from mailworker.invoices.payment_terms import account_of, means_of
from tests.unit.test_invoice_reading import invoice, line

SELLER = {
    "name": "Alizé",
    "country": "FR",
    "siren": "123456824",
    "vat_id": "FR40123456824",
    "iban": "FR7630006000011234567890189",
    "bic": "AGRIFRPP",
    "creditor_id": "FR12ZZZ123456",
}
BUYER = {"name": "Lefèvre", "kind": "business", "siren": "552100554", "country": "FR", "city": "Lyon"}
FACTOR = {"name": "Factor SA", "siren": "552081317", "iban": "DE89370400440532013000", "bic": "COBADEFF"}


def understood(*lines, seller=SELLER, profile="en16931", **fields):
    """The invoice as it is read, and the settings; no requirement of an e-invoice stands in its way."""
    chosen = InvoiceSettings.model_validate({"seller": seller, "profile": profile})
    raw = invoice(*(lines or (line(),)), **({"client": BUYER} | fields))
    return read_invoice(raw, chosen, language="en"), chosen


def xml(*lines, **fields):
    read, chosen = understood(*lines, **fields)
    return ET.fromstring(CiiWriter(chosen).write(read, locale_format("en")))


def texts(root, path):
    """The texts of elements by their local names, such as `ShipToTradeParty/Name`."""
    return [
        element.text for element in root.findall(".//" + "/".join(f"{{*}}{name}" for name in path.split("/")))
    ]


def agreed(root):
    """Net price, its base, gross price and its discount, and quantity of the first line."""
    paths = (
        "NetPriceProductTradePrice/ChargeAmount",
        "NetPriceProductTradePrice/BasisQuantity",
        "GrossPriceProductTradePrice/ChargeAmount",
        "AppliedTradeAllowanceCharge/ActualAmount",
        "SpecifiedLineTradeDelivery/BilledQuantity",
    )
    return [next(iter(texts(root, path)), None) for path in paths]


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"unit_price": "10.00", "quantity": 2}, ["10", None, None, None, "2"]),
        ({"unit_price": "-10.00", "quantity": 2}, ["10", None, None, None, "-2"]),
        ({"unit_price": "0.00012345", "quantity": 5}, ["0.012345", "100", None, None, "5"]),
        ({"unit_price": "0.0000001", "quantity": 5}, ["0.000001", "10", None, None, "5"]),
        ({"unit_price": "1.123456", "quantity": 1}, ["1.123456", None, None, None, "1"]),
        ({"unit_price": "12", "price_base_quantity": 1000}, ["12", "1000", None, None, "1"]),
        ({"unit_price": "0.1234567", "price_base_quantity": 100}, ["1.234567", "1000", None, None, "1"]),
        ({"unit_price": "8", "gross_price": "10"}, ["8", None, "10", "2", "1"]),
        ({"unit_price": "10", "gross_price": "10"}, ["10", None, "10", None, "1"]),
        ({"unit_price": "8", "gross_price": "10.0000001"}, ["80", "10", "100.000001", "20.000001", "1"]),
    ],
)
def test_a_price_is_positive_and_has_six_decimals_at_most(fields, found):
    assert agreed(xml(line(**fields), line(unit_price="100"))) == found


def test_a_base_stops_growing_at_a_hundred_million():
    read, _ = understood()
    finest = replace(read.lines[0], unit_price=Decimal("1e-14"))
    assert base_quantity(finest) == 10**8
    assert base_quantity(replace(finest, unit_price=Decimal("1e-13"))) == 10**7


@pytest.mark.parametrize(
    ("fields", "ships_to"),
    [
        ({}, []),
        ({"delivery_date": "2026-01-20"}, []),
        ({"delivery_address": "12 rue des Halles\n69002 Lyon"}, []),
        ({"delivery": {"name": "Dépôt", "city": "Lille", "country": "FR"}}, ["Lille", "FR"]),
        ({"delivery": {"city": "Lille"}}, []),
        ({"transactions": [line(tax_rate=0, tax_category="K")]}, ["Lyon", "FR"]),
        (
            {
                "transactions": [line(tax_rate=0, tax_category="K")],
                "delivery": {"city": "Gand", "country": "BE"},
            },
            ["Gand", "BE"],
        ),
    ],
)
def test_it_was_delivered_to_a_country_or_is_not_mentioned(fields, ships_to):
    root = xml(**fields)
    address = "ShipToTradeParty/PostalTradeAddress/"
    assert texts(root, address + "CityName") + texts(root, address + "CountryID") == ships_to


@pytest.mark.parametrize(
    ("fields", "day"),
    [
        ({"delivery_date": "2026-01-20"}, "20260120"),
        ({}, "20260131"),
        ({"start_date": None, "end_date": None}, "20260110"),
    ],
)
def test_the_day_of_supply_is_the_deliverys_the_periods_end_or_the_invoices_own(fields, day):
    assert texts(xml(**fields), "OccurrenceDateTime/DateTimeString") == [day]


@pytest.mark.parametrize(
    ("notes", "subjects"),
    [
        ([], ["PMT", "PMD", "AAB", "BAR"]),
        (["Merci"], [None, "PMT", "PMD", "AAB", "BAR"]),
        ([{"text": "Escompte", "subject": "AAB"}], ["AAB", "PMT", "PMD", "BAR"]),
        ([{"text": "a", "subject": "PMT"}, {"text": "b", "subject": "PMD"}], ["PMT", "PMD", "AAB", "BAR"]),
    ],
)
def test_a_note_of_the_callers_stands_instead_of_ours(notes, subjects):
    root = xml(notes=notes)
    noted = root.findall(".//{*}ExchangedDocument/{*}IncludedNote")
    assert [note.findtext("{*}SubjectCode") for note in noted] == subjects
    assert [note.findtext("{*}Content") for note in noted][-1] == "B2B"


def test_a_seller_abroad_has_no_french_notes():
    assert texts(xml(seller=SELLER | {"country": "BE"}, notes="Merci"), "IncludedNote/Content") == ["Merci"]


PAYMENT = "SpecifiedTradeSettlementPaymentMeans/"


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, (["58"], [SELLER["iban"]], ["Alizé"], ["AGRIFRPP"])),
        ({"currency": "USD", "exchange_rate": 1}, (["30"], [SELLER["iban"]], ["Alizé"], ["AGRIFRPP"])),
        ({"payee": FACTOR}, (["58"], [FACTOR["iban"]], ["Factor SA"], ["COBADEFF"])),
        ({"payee": {"name": "F"}}, (["58"], [SELLER["iban"]], ["F"], ["AGRIFRPP"])),
        ({"payment_method": "cash"}, (["10"], [], [], [])),
        ({"payment_methods": ["transfer", "card"]}, (["58"], [SELLER["iban"]], ["Alizé"], ["AGRIFRPP"])),
        ({"payment_methods": ["card", "transfer"]}, (["48"], [], [], [])),
        ({"payment_methods": ["card", "card"]}, (["48"], [], [], [])),
    ],
)
def test_whose_account_is_paid_to(fields, found):
    root = xml(**fields)
    account = PAYMENT + "PayeePartyCreditorFinancialAccount/"
    bic = PAYMENT + "PayeeSpecifiedCreditorFinancialInstitution/BICID"
    paths = (PAYMENT + "TypeCode", account + "IBANID", account + "AccountName", bic)
    assert tuple(texts(root, path) for path in paths) == found


def test_without_an_account_there_is_no_transfer():
    read, chosen = understood(seller=SELLER | {"iban": ""})
    assert means_of(read, chosen) == ()
    factored, chosen = understood(seller=SELLER | {"iban": ""}, payee=FACTOR)
    assert [means.code for means in means_of(factored, chosen)] == ["58"]
    assert account_of(factored, chosen).iban == FACTOR["iban"]


def test_of_a_card_only_its_last_digits_leave_the_invoice():
    card = {"method": "card", "card": "4970 1012 3456 7890", "card_holder": "C. Durand", "text": "Carte"}
    root = xml(payment_method=card)
    paths = ("FinancialCard/ID", "FinancialCard/CardholderName")
    assert [texts(root, PAYMENT + "ApplicableTradeSettlement" + path) for path in paths] == [
        ["7890"],
        ["C. Durand"],
    ]
    assert texts(root, PAYMENT + "Information") == ["Carte"]


def test_a_debit_names_its_mandate_its_creditor_and_the_account():
    debit = {"mandate": "M-1", "iban": "FR76 3000 4000 0312 3456 7890 143", "date": "2026-02-15"}
    root = xml(direct_debit=debit)
    assert texts(root, "DirectDebitMandateID") == ["M-1"]
    assert texts(root, "CreditorReferenceID") == [SELLER["creditor_id"]]
    assert texts(root, "PayerPartyDebtorFinancialAccount/IBANID") == ["FR7630004000031234567890143"]
    assert texts(xml(payment_method="card"), "CreditorReferenceID") == []


@pytest.mark.parametrize(
    ("profile", "fields", "day", "code"),
    [
        ("en16931", {}, [], []),
        ("en16931", {"vat_on_debits": True}, [], ["5"]),
        ("en16931", {"tax_point_date": "2026-01-20"}, ["20260120"], []),
        ("en16931", {"tax_point_date": "2026-01-20", "vat_on_debits": True}, ["20260120"], []),
        ("basic", {"tax_point_date": "2026-01-20", "vat_on_debits": True}, [], ["5"]),
    ],
)
def test_when_the_vat_falls_due(profile, fields, day, code):
    root = xml(profile=profile, **fields)
    assert (texts(root, "TaxPointDate/DateString"), texts(root, "DueDateTypeCode")) == (day, code)


def test_documents_are_named_where_there_is_one_and_the_seller_is_not_french():
    one, two = {"id": "PV-1", "description": "Report"}, {"id": "PV-2", "description": "Photo"}
    path = "AdditionalReferencedDocument/Name"
    abroad = SELLER | {"country": "BE"}
    assert texts(xml(documents=[one], seller=abroad), path) == ["Report"]
    assert texts(xml(documents=[one, two], seller=abroad), path) == []
    assert texts(xml(documents=[one]), path) == []


def test_outside_vat_nobody_has_a_vat_number():
    path = "SpecifiedTaxRegistration/ID"
    sold = {"client": BUYER | {"vat_id": "FR59552100554"}}
    assert texts(xml(**sold), path) == ["FR40123456824", "FR59552100554"]
    assert texts(xml(line(tax_rate=0, tax_category="O"), **sold), path) == []


@pytest.mark.parametrize(
    ("kind", "country", "treated"),
    [
        ("business", "FR", "B2B"), ("public", "RE", "B2B"), ("business", "BE", "B2BINT"), ("public", "DE", "B2BINT"),
        ("consumer", "FR", "B2C"), ("", "FR", "B2C"), ("consumer", "BE", "B2C"),
    ],
)  # fmt: skip
def test_how_french_platforms_treat_it(kind, country, treated):
    read, _ = understood(client={"name": "X", "kind": kind, "country": country})
    assert treatment(read.client) == treated


@pytest.mark.parametrize(
    ("fields", "endpoint"),
    [
        (
            {"endpoint": "E", "endpoint_scheme": "0208", "siren": "552100554", "email": "a@b.fr"},
            ("E", "0208"),
        ),
        ({"siren": "552100554", "email": "a@b.fr"}, ("552100554", "0225")),
        ({"email": "a@b.fr"}, ("a@b.fr", "EM")),
        ({}, ("", "")),
    ],
)
def test_the_electronic_address_is_their_own_their_siren_or_their_email(fields, endpoint):
    assert endpoint_of(Party("X", **fields)) == endpoint


@pytest.mark.parametrize(
    ("kind", "country", "organisation", "french"),
    [("business", "FR", True, True), ("public", "GP", True, True), ("business", "BE", True, False), ("consumer", "FR", False, False)],
)  # fmt: skip
def test_who_is_a_business_in_france(kind, country, organisation, french):
    read, _ = understood(client={"name": "X", "kind": kind, "country": country})
    assert (read.client.is_organisation, read.client.is_french_business) == (organisation, french)
    assert Party("X", PostalAddress(country=country)).is_organisation is False


def test_every_earlier_invoice_is_named_with_its_day():
    earlier = [{"number": "R-1", "date": "2025-12-01"}, {"number": "R-2", "date": "2025-12-02"}, "R-3"]
    root = xml(corrects=earlier, type="credit_note")
    assert texts(root, "InvoiceReferencedDocument/IssuerAssignedID") == ["R-1", "R-2", "R-3"]
    days = texts(root, "InvoiceReferencedDocument/FormattedIssueDateTime/DateTimeString")
    assert days == ["20251201", "20251202"]


def test_the_sums_of_discounts_charges_and_what_was_paid():
    taxed = {"tax_rate": 20}
    root = xml(
        line(quantity=10),
        discounts=[{"description": "d", "amount": "5.00"} | taxed],
        charges=[{"description": "c", "amount": "2.00"} | taxed],
        paid_amount="20.00",
        rounding_amount="0.04",
    )
    summation = root.find(".//{*}SpecifiedTradeSettlementHeaderMonetarySummation")
    found = {child.tag.partition("}")[2]: Decimal(child.text) for child in summation}
    assert found == {
        "LineTotalAmount": Decimal(100), "ChargeTotalAmount": Decimal(2), "AllowanceTotalAmount": Decimal(5),
        "TaxBasisTotalAmount": Decimal(97), "TaxTotalAmount": Decimal("19.40"), "RoundingAmount": Decimal("0.04"),
        "GrandTotalAmount": Decimal("116.40"), "TotalPrepaidAmount": Decimal(20), "DuePayableAmount": Decimal("96.44"),
    }  # fmt: skip
