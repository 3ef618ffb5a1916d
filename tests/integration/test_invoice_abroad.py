"""Invoices of sellers in other countries, in every type and category that EN 16931 knows, by the official rules."""

from collections.abc import Iterator
from typing import Any

import pytest

from mailworker.config.invoice import InvoiceSettings
from mailworker.invoices.document_types import KIND_OF_CODE
from mailworker.invoices.facturx_xml import CiiWriter
from mailworker.invoices.faults_and_warnings import review_invoice
from mailworker.invoices.from_json.invoice import read_invoice
from mailworker.invoices.languages.locale_format import page_format
from mailworker.invoices.page.template_context import view_of
from tests.official_rules import OfficialRules, official_rules

pytestmark = pytest.mark.integration

SELLER = {
    "name": "Nordlicht Netz GmbH",
    "country": "DE",
    "vat_id": "DE123456789",
    "email": "r@nordlicht.example",
}
LINE = {"description": "Anschluss", "quantity": 2, "unit_price": "15.00", "tax_rate": 19}
HEAD = {
    "invoice_number": "R-1",
    "date": "2026-03-01",
    "due_date": "2026-03-15",
    "client": {"name": "Kunde AG", "country": "DE", "vat_id": "DE987654321", "email": "k@kunde.example"},
}


@pytest.fixture(scope="module")
def rules() -> Iterator[OfficialRules]:
    with official_rules() as compiled:
        yield compiled


def settings(**seller: Any) -> InvoiceSettings:
    return InvoiceSettings.model_validate({"e_invoice": "factur-x", "seller": SELLER | seller})


def broken(rules: OfficialRules, raw: dict[str, Any], chosen: InvoiceSettings) -> list[str]:
    assert list(review_invoice(raw, chosen).faults) == []
    invoice = read_invoice(raw, chosen)
    xml = CiiWriter(chosen).write(invoice, page_format(invoice.language))
    return rules.broken(xml, profile=chosen.profile, french=False)


@pytest.mark.parametrize("code", sorted(KIND_OF_CODE))
def test_every_type_of_document_is_valid(rules: OfficialRules, code: str) -> None:
    assert broken(rules, HEAD | {"type": code, "transactions": [LINE]}, settings()) == []


@pytest.mark.parametrize(
    "line",
    [
        {"tax_category": "L", "tax_rate": 7},
        {"tax_category": "M", "tax_rate": "0.5"},
        {"tax_category": "K", "tax_rate": 0},
        {"tax_category": "G", "tax_rate": 0},
        {"tax_category": "E", "tax_rate": 0, "exemption_reason": "§ 4 Nr. 11 UStG"},
    ],
    ids=lambda line: f"{line['tax_category']} {line['tax_rate']}",
)
def test_every_category_of_tax_is_valid(rules: OfficialRules, line: dict[str, Any]) -> None:
    assert broken(rules, HEAD | {"transactions": [LINE | line]}, settings()) == []


def test_without_tax_igic_is_refused() -> None:
    untaxed = HEAD | {"transactions": [LINE | {"tax_category": "L", "tax_rate": 0}]}
    assert list(review_invoice(untaxed, settings()).faults) == [
        "tax_rate must be above 0 in category L (BT-152, BR-AF-05)."
    ]


def test_a_corrective_invoice_takes_everything_back(rules: OfficialRules) -> None:
    raw = HEAD | {
        "type": "corrective",
        "corrects": "R-0",
        "transactions": [LINE | {"quantity": -2}],
        "discounts": [{"description": "Rabatt", "amount": "-5.00", "tax_rate": 19}],
    }
    assert broken(rules, raw, settings()) == []
    assert read_invoice(raw, settings()).totals.gross < 0


def test_forints_are_rounded_to_whole_ones_where_all_sums_are_whole(rules: OfficialRules) -> None:
    fuel = {"description": "Gázolaj", "quantity": 64, "unit_price": 36109, "price_base_quantity": 100}
    raw = HEAD | {
        "currency": "HUF",
        "transactions": [fuel | {"charge": 330, "tax_rate": 27, "amount": 23440}],
        "total_amount": 29769,
        "total_tax": 6329,
    }
    assert broken(rules, raw, settings()) == []


@pytest.mark.parametrize(
    "line",
    [
        {"quantity": 0},
        {"amount": "77.77"},
        {"amount": "-77.77", "quantity": 3_000_000},
        {"discounts": [{"percent": 10, "reason": "a"}, {"amount": "1.505"}], "charges": [{"amount": 2, "reason_code": "FC"}]},
        {"unit_price": None, "gross_price": "18.12345678", "price_discount": "3.12345678"},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("country", ["FR", "DE"])
def test_every_way_to_price_a_line_is_valid(rules: OfficialRules, line: dict[str, Any], country: str) -> None:
    french = {"country": "FR", "vat_id": "FR40123456824", "postcode": "13002", "city": "Marseille"}
    chosen = settings(**(french if country == "FR" else {}))
    raw = HEAD | {"transactions": [LINE | {"tax_rate": 20} | line, LINE | {"quantity": 9, "tax_rate": 20}]}
    xml = CiiWriter(chosen).write(read_invoice(raw, chosen), page_format("fr"))
    assert rules.broken(xml, profile="en16931", french=country == "FR") == []


def test_notes_of_one_subject_take_the_place_of_our_own(rules: OfficialRules) -> None:
    chosen = settings(country="FR", vat_id="FR40123456824", postcode="13002", city="Marseille")
    note = {"text": "Indemnité forfaitaire de 40 €", "subject": "PMT"}
    raw = HEAD | {"transactions": [LINE | {"tax_rate": 20}], "notes": [note]}
    xml = CiiWriter(chosen).write(read_invoice(raw, chosen), page_format("fr"))
    assert rules.broken(xml, profile="en16931", french=True) == []
    assert xml.count(b">PMT<") == 1
    twice, ours = ({"notes": [note, note]}, {"notes": [note | {"subject": "BAR"}]})
    assert [len(list(review_invoice(raw | changes, chosen).faults)) for changes in (twice, ours)] == [1, 1]


EVERYTHING = HEAD | {
    "corrects": [{"invoice_number": "R-0", "date": "2026-02-01"}, "R-00"],
    "sales_order": "A-7",
    "receiving_advice": "WE-1",
    "despatch_advice": "LS-1",
    "tender": "V-2026",
    "invoiced_object": "Anlage 12",
    "accounting_reference": "4711",
    "payee": {
        "name": "Faktor Bank",
        "siren": "552100554",
        "iban": "DE02120300000000202051",
        "bic": "BYLADEM1",
    },
    "documents": [{"id": "ZN-1", "description": "Zeitnachweis", "url": "https://x.example/zn-1.pdf"}],
    "notes": ["Danke", {"text": "Es gilt deutsches Recht", "subject": "ABL"}],
    "transactions": [
        LINE
        | {
            "gtin": "4006381333931",
            "buyer_product_id": "K-9",
            "classifications": [{"code": "32400000-7", "scheme": "STI"}],
            "attributes": {"Farbe": "rot"},
            "origin_country": "FR",
            "order_line": "10",
            "accounting_reference": "0815",
        }
    ],
}
AGENT = {"name": "Mandataire SARL", "vat_id": "FR59552100554", "city": "Lyon"}


def test_all_that_an_invoice_can_name_is_valid_and_in_the_file(rules: OfficialRules) -> None:
    chosen = settings(vat_id="", company_id="HRB 7", tax_representative=AGENT)
    assert broken(rules, EVERYTHING, chosen) == []
    xml = CiiWriter(chosen).write(read_invoice(EVERYTHING, chosen), page_format("de")).decode()
    named = ("R-0", "R-00", "A-7", "WE-1", "LS-1", "V-2026", "Anlage 12", "4711", "Faktor Bank", "552100554")
    named += ("DE02120300000000202051", "BYLADEM1", "ZN-1", "Zeitnachweis", "https://x.example/zn-1.pdf")
    named += ("ABL", "4006381333931", "K-9", "32400000-7", "Farbe", "rot", "0815", "HRB 7", "Mandataire SARL")
    assert [word for word in named if f">{word}<" not in xml] == []


@pytest.mark.parametrize("country", ["FR", "DE"])
def test_several_proofs_are_named_by_their_numbers(rules: OfficialRules, country: str) -> None:
    proofs = [{"id": f"PV-{n}", "description": "Procès-verbal"} for n in (1, 2)]
    french = {"country": "FR", "vat_id": "FR40123456824", "postcode": "13002", "city": "Marseille"}
    chosen = settings(**(french if country == "FR" else {}))
    raw = HEAD | {"documents": proofs, "transactions": [LINE | {"tax_rate": 20}]}
    assert list(review_invoice(raw, chosen).faults) == []
    xml = CiiWriter(chosen).write(read_invoice(raw, chosen), page_format("fr"))
    assert rules.broken(xml, profile="en16931", french=country == "FR") == []
    assert b">PV-2<" in xml


PLACE = {"address": ["Weg 1", "Hof", "Tor 3"], "postcode": "24103", "city": "Kiel", "state": "SH"}
KNOWN_SELLER = PLACE | {
    "trading_name": "Nordlicht", "identifier": "4000001123452", "identifier_scheme": "0088", "contact": "Buchhaltung",
    "registration": "AG Kiel", "phone": "+49 431 1", "iban": "DE02120300000000202051", "bic": "BYLADEM1",
}  # fmt: skip
KNOWN = HEAD | {
    "tax_point_date": "2026-03-02", "payment_reference": "RF18 5390", "payment_methods": [{"method": "transfer", "text": "Bank"}],
    "client": HEAD["client"] | PLACE | {
        "trading_name": "Kundendienst", "contact": {"name": "Erika", "phone": "+49 431 2", "email": "e@kunde.example"},
    },
    "delivery_address": PLACE | {"name": "Lager", "location_id": "L-1", "country": "DE"},
    "invoiced_object": {"id": "Anlage 12", "scheme": "ABZ"},
    "discounts": [{"description": "Treue", "percent": 5, "base_amount": 20, "tax_rate": 19, "reason_code": "95"}],
    "charges": [{"description": "Fracht", "amount": 3, "tax_rate": 0, "tax_category": "E", "exemption_code": "VATEX-EU-132", "exemption_reason": "§ 4 UStG"}],
    "transactions": [
        {
            "title": "Anschluss", "description": "100 Mbit/s", "note": "Haus", "quantity": 2, "unit": "KGM", "gross_price": 16,
            "price_discount": 1, "price_base_quantity": 2, "tax_rate": 19,
            "classifications": [{"code": "32400000-7", "scheme": "STI", "version": "2008"}],
            "discounts": [{"percent": 10, "reason": "Aktion"}, {"amount": 1, "reason": "Kulanz"}],
        }
    ],
}  # fmt: skip
NAMED = """Nordlicht|4000001123452|Buchhaltung|AG Kiel|RF18 5390|Bank|Kundendienst|Erika|+49 431 2|e@kunde.example|L-1|ABZ|95
5|20.00|Anschluss|100 Mbit/s|Haus|16|Aktion|Kulanz|10|20260302|VATEX-EU-132"""


def test_whoever_is_known_better_is_named_better(rules: OfficialRules) -> None:
    chosen = settings(**KNOWN_SELLER)
    assert review_invoice(KNOWN, chosen).warnings == ()
    assert broken(rules, KNOWN, chosen) == []
    xml = CiiWriter(chosen).write(read_invoice(KNOWN, chosen), page_format("de")).decode()
    assert [word for word in NAMED.replace("\n", "|").split("|") if f">{word}<" not in xml] == []
    assert 'unitCode="KGM"' in xml
    view = view_of(read_invoice(KNOWN, chosen), chosen, page_format("en"))
    assert view["to_lines"][:2] == ["Kundendienst", "For the attention of Erika"]
    assert view["rows"][0].note == (
        "Price before discount 16.00 (less 1.00) · Aktion 10% €1.50 · Kulanz €1.00 · 100 Mbit/s · Haus"
    )
    assert ("VAT due date", "02/03/2026") in view["facts"]
    assert ("Reference", "RF18 5390") in view["pay"]


def test_a_card_is_known_by_its_last_digits(rules: OfficialRules) -> None:
    card = {"method": "card", "card": "4111 1111 1111 1234", "card_holder": "Erika"}
    raw = HEAD | {"payment_method": card, "transactions": [LINE]}
    assert broken(rules, raw, settings()) == []
    xml = CiiWriter(settings()).write(read_invoice(raw, settings()), page_format("de"))
    assert b">1234<" in xml
    assert b"4111" not in xml


def test_ways_to_pay_that_cannot_stand_beside_each_other_stand_on_the_page_alone(
    rules: OfficialRules,
) -> None:
    ways = [{"method": "card", "card": "1234"}, {"method": "card", "text": "Terminal"}, "card", "cash"]
    raw = HEAD | {"payment_methods": ways, "transactions": [LINE]}
    assert broken(rules, raw, settings()) == []
    ((_, shown),) = view_of(read_invoice(raw, settings(), language="en"), settings(), page_format("en"))[
        "pay"
    ]
    assert shown == "By bank card, Terminal, in cash"


def test_a_seller_without_any_register_is_known_by_a_number_of_their_own(rules: OfficialRules) -> None:
    chosen = settings(vat_id="", identifier="5790000436101", identifier_scheme="0088")
    untaxed = LINE | {"tax_rate": 0, "tax_category": "O"}
    client = HEAD["client"] | {"vat_id": "", "email": "k@kunde.example"}
    assert broken(rules, HEAD | {"client": client, "transactions": [untaxed]}, chosen) == []


def test_a_person_finds_on_the_page_what_the_file_says() -> None:
    chosen = settings(vat_id="", company_id="HRB 7", tax_representative=AGENT)
    view = view_of(read_invoice(EVERYTHING, chosen, language="en"), chosen, page_format("en"))
    facts = dict(view["facts"])
    assert facts["Original invoice"] == "R-0 of 01/02/2026, R-00"
    named = ("Our order", "Tender", "Invoiced object", "Despatch advice", "Receiving advice", "Your account")
    assert [facts[label] for label in named] == ["A-7", "V-2026", "Anlage 12", "LS-1", "WE-1", "4711"]
    assert ("Payee", "Faktor Bank · SIREN 552100554") in view["pay"]
    assert ("IBAN", "DE02 1203 0000 0000 2020 51") in view["pay"]
    assert "Tax representative: Mandataire SARL, Lyon, VAT no. FR59552100554" in view["legal"]
    assert "Farbe: rot" in view["rows"][0].note
    assert view["foot"].startswith("Nordlicht Netz GmbH · HRB 7")


@pytest.mark.parametrize(
    ("changes", "sentences"),
    [
        ({"notes": [{"text": "x", "subject": "x"}]}, "notes[0].subject must be a code of UNTDID 4451, "),
        ({"payee": {"name": "A", "siren": "12"}}, "payee.siren must have nine digits (BT-61)."),
        ({"payee": "Faktor"}, "payee must be an object."),
        ({"documents": [{"url": "https://x.example"}]}, "documents[0].id is missing."),
        (
            {"documents": [{"id": "1", "content": "JVBERi0="}]},
            "documents[0].content cannot be sent: files are not",
        ),
        (
            {"invoiced_object": {"id": "1", "scheme": "Q"}},
            "invoiced_object.scheme must be a code of UNTDID 1153",
        ),
        ({"corrects": [{"date": "2026-01-01"}]}, "corrects[0].invoice_number is missing."),
        ({"transactions": [LINE | {"gtin": "12"}]}, "transactions[0].gtin must have 8, 12, 13 or 14 digits"),
        (
            {"transactions": [LINE | {"origin_country": "Nowhere"}]},
            "transactions[0].origin_country must be a",
        ),
        (
            {"transactions": [LINE | {"classifications": [{"code": "1", "scheme": "Q"}]}]},
            "transactions[0].classifications[0].scheme must be a code of UNTDID 7143, ",
        ),
    ],
)
def test_what_cannot_be_said_is_refused(changes: dict[str, Any], sentences: str) -> None:
    (fault,) = list(review_invoice(HEAD | {"transactions": [LINE]} | changes, settings()).faults)
    assert fault.startswith(sentences)
