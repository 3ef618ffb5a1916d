"""Twenty invoices that try to break the page: what is long, many, odd or missing."""

from typing import Any

from tests.unit.test_invoice_reading import MINIMAL, invoice, line

LONG = "Société anonyme d’économie mixte pour l’aménagement, la gestion et la promotion des réseaux "
COMPANY: dict[str, Any] = {
    "name": "ACME",
    "address": ["2 rue de la Paix"],
    "postcode": "69002",
    "city": "Lyon",
    "country": "FR",
    "siren": "552100554",
    "vat_id": "FR59552100554",
    "email": "a@acme.example",
    "customer_number": "C-108842",
}
PERSON = COMPANY | {"name": "Camille Durand", "kind": "consumer", "siren": "", "vat_id": ""}
RATES = ["20", "10", "5.5", "2.1", "8.5", "1.05", "1.75", "13", "0.9", "7"]


def _rated(*rates: str) -> list[dict[str, Any]]:
    return [line(description=f"Service à {rate} %", tax_rate=rate) for rate in rates]


def _free(*categories: str) -> list[dict[str, Any]]:
    reason = "Exonération de TVA, article 261 C, 1° du CGI, opérations bancaires et financières"
    return [line(tax_rate=0, tax_category=name, exemption_reason=f"{reason} ({name})") for name in categories]


def _many(count: int, **fields: Any) -> list[dict[str, Any]]:
    return [
        line(description=f"Forfait mobile n° {n}", unit_price=f"{n}.90", **fields)
        for n in range(1, count + 1)
    ]


HOSTILE: dict[str, dict[str, Any]] = {
    "ten VAT rates": invoice(*_rated(*RATES), client=COMPANY, pay_url="https://portail.example/p"),
    "seven rates and three notes": invoice(*_rated(*RATES[:7]), *_free("E", "AE", "G"), client=COMPANY),
    "standard, exempt, reverse": invoice(*_rated("20"), *_free("E", "AE"), client=COMPANY),
    "long name and address": invoice(
        line(),
        client=COMPANY
        | {"name": LONG * 3, "address": [f"{n} " + "avenue du Général de Gaulle " * 3 for n in range(6)]},
    ),
    "every fact at once": invoice(
        line(),
        client=COMPANY | {"siret": "55210055400013"},
        purchase_order="PO-" + "4" * 60,
        buyer_reference="SERVICE-77",
        contract="CT-2026-1",
        project="Fibre 2030",
        delivery_address={"name": "Entrepôt", "address": "1 quai " * 10, "city": "Nantes", "country": "FR"},
        delivery_date="2026-01-09",
        type="corrective",
        corrects={"invoice_number": "FA-" + "1" * 60, "date": "2026-01-02"},
    ),
    "no lines": MINIMAL | {"client": COMPANY},
    "only a total, nothing else": {
        "invoice_number": "1",
        "date": "2026-01-01",
        "total_amount": 12,
        "client": {"name": "A"},
    },
    "forty lines": invoice(*_many(40), client=COMPANY),
    "five hundred lines": invoice(*_many(500), client=COMPANY),
    "lines that end at the page's end": invoice(*_many(19), client=COMPANY),
    "a consumer with sections": invoice(
        *_many(6, section="Abonnements, forfaits et options", line="06 12 00 10 01"),
        *_many(8, section="Communications au-delà du forfait", line="06 12 00 10 02"),
        client=PERSON,
    ),
    "long descriptions": invoice(
        *(line(description="Mot " * 240, note=LONG * 4) for _ in range(3)), client=COMPANY
    ),
    "one word without end": invoice(
        line(description="x" * 900, unit="y" * 20), client=COMPANY | {"name": "z" * 300}
    ),
    "huge and tiny numbers": invoice(
        line(quantity="123456789.1234", unit="minutes", unit_price="0.00012345"),
        line(quantity="1", unit_price="99999999999.99"),
        client=COMPANY,
        discounts=[{"description": LONG * 2, "amount": "1234567.89", "tax_rate": 20}],
        charges=[{"description": "Frais de dossier", "amount": "8.00", "tax_rate": 20}],
    ),
    "trillions for a consumer": invoice(
        line(unit_price="1234567890123.45"), line(unit_price="8"), client=PERSON
    ),
    "twenty long notes": invoice(line(), client=COMPANY, notes=[LONG * 10] * 20),
    "direct debit": invoice(
        line(),
        client=PERSON,
        direct_debit={
            "mandate": "RUM-2026-0001",
            "iban": "FR7630006000011234567890189",
            "date": "2026-02-05",
        },
    ),
    "three ways to pay": invoice(
        line(), client=COMPANY, payment_methods=["card", "transfer", "cheque"], pay_url="https://p.example/1"
    ),
    "a credit balance": invoice(line(), client=COMPANY, paid_amount="500.00"),
    "six scripts": invoice(
        line(description="Ελληνικά Кириллица العربية עברית 日本語 हिन्दी"),
        line(description="☎ ✓ → ½ № € − … ™ Ω"),
        client=COMPANY | {"name": "Ελένη Наталья محمد שרה 株式会社"},
    ),
    "dollars with tax in euros": invoice(
        line(), client=COMPANY, currency="USD", exchange_rate="0.92", vat_on_debits=True
    ),
}
