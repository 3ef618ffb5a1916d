"""What an invoice's JSON may say, and what is told when it says something else."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mailworker.config.invoice import InvoiceSettings
from mailworker.config.settings import parse_settings
from mailworker.errors import BadInput
from mailworker.invoices import review_invoice
from mailworker.invoices.from_json.invoice import read_invoice
from mailworker.invoices.money import parse_decimal, round_half_up, vat_of

SETTINGS = InvoiceSettings()
EXAMPLES = Path(__file__).parents[2] / "examples" / "invoices"
MINIMAL: dict[str, Any] = {
    "invoice_number": "INV-2026-001234",
    "date": "2026-01-10T12:00:00",
    "due_date": "2026-02-10",
    "start_date": "2026-01-01",
    "end_date": "2026-01-31",
    "total_amount": 120.0,
    "total_tax": 20,
    "client": {"name": "Camille Durand"},
}


def line(**fields: Any) -> dict[str, Any]:
    return {"description": "Forfait", "quantity": 1, "unit_price": "10.00", "tax_rate": 20} | fields


def invoice(*lines: dict[str, Any], **fields: Any) -> dict[str, Any]:
    bare = {key: value for key, value in MINIMAL.items() if not key.startswith("total")}
    return bare | {"transactions": list(lines)} | fields


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_every_example_is_right(path: Path) -> None:
    assert list(review_invoice(json.loads(path.read_text("utf-8")), SETTINGS).faults) == []


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("1234.50", "1234.50"),
        (12, "12"),
        (19.99, "19.99"),  # a float is what its shortest notation says
        (0.1 + 0.2, "0.3"),  # seventeen digits are an accident of reckoning, not a price
        (9.95 + 19.9 + 4.99, "34.84"),
        (0.00012345, "0.00012345"),
        ("1.2500000000", "1.25"),
        ("0.12345678912", None),  # a text means every digit of it
        (" 7 ", "7"),
        ("1 234,50", None),
        ("1,234.50", None),
        ("NaN", None),
        ("Infinity", None),
        (float("inf"), None),
        ("1e400", None),
        (True, None),
        ("", None),
        ([], None),
    ],
)
def test_amounts(value: Any, number: str | None) -> None:
    if number is None:
        with pytest.raises(ValueError, match="must"):
            parse_decimal(value)
    else:
        assert parse_decimal(value) == Decimal(number)


@pytest.mark.parametrize(
    ("amount", "digits", "rounded"),
    [
        ("0.125", 2, "0.13"),  # half up, not to even
        ("0.135", 2, "0.14"),
        ("-0.125", 2, "-0.13"),
        ("12.5", 0, "13"),  # yen
        ("1.0005", 3, "1.001"),  # dinar
    ],
)
def test_rounding(amount: str, digits: int, rounded: str) -> None:
    assert round_half_up(Decimal(amount), digits) == Decimal(rounded)


def test_vat_is_rounded_once_for_each_rate() -> None:
    three = [line(unit_price="0.33") for _ in range(3)]
    read = read_invoice(invoice(*three), SETTINGS)
    assert read.totals.tax == vat_of(Decimal("0.99"), Decimal(20), 2) == Decimal("0.20")


def test_vat_that_was_rounded_line_by_line_passes_where_each_line_says_it() -> None:
    three = [line(unit_price="0.33", tax_amount="0.07") for _ in range(3)]
    assert read_invoice(invoice(*three, total_tax="0.21"), SETTINGS).totals.gross == Decimal("1.20")


def test_an_e_invoice_takes_vat_rounded_by_rate_only() -> None:
    seller = {"vat_id": "FR40123456824", "city": "Lyon", "postcode": "69001"}
    strict = InvoiceSettings.model_validate({"e_invoice": "factur-x", "seller": seller})
    three = [line(unit_price="0.33", tax_amount="0.07") for _ in range(3)]
    faults = list(
        review_invoice(
            invoice(*three, total_tax="0.21", client={"name": "A", "country": "FR"}), strict
        ).faults
    )
    assert faults == [
        "total_tax is 0.21 but the lines, taxed by rate and rounded half up, make 0.20: the difference is +0.01 EUR."
    ]


def test_several_rates_stand_apart_highest_first() -> None:
    read = read_invoice(
        invoice(
            line(unit_price="10", tax_rate="5.5"),
            line(unit_price="100"),
            line(unit_price="3", tax_rate=0),
            line(unit_price="1", tax_rate="2.1"),
            line(unit_price="50"),
        ),
        SETTINGS,
    )
    assert [(row.rate, row.category, row.basis, row.tax) for row in read.vat] == [
        (Decimal(20), "S", Decimal(150), Decimal("30.00")),
        (Decimal("5.5"), "S", Decimal(10), Decimal("0.55")),
        (Decimal("2.1"), "S", Decimal(1), Decimal("0.02")),
        (Decimal(0), "Z", Decimal(3), Decimal("0.00")),
    ]


def test_reverse_charge_takes_the_vat_off_every_line() -> None:
    lines = [{"description": "SIP", "amount": "100.00"}, {"description": "DID", "amount": "5.00"}]
    read = read_invoice(invoice(*lines, reverse_charge=True), SETTINGS)
    assert ({row.category for row in read.vat}, read.totals.gross) == ({"AE"}, Decimal("105.00"))


def test_discounts_of_a_line_and_of_the_invoice() -> None:
    read = read_invoice(
        invoice(
            line(quantity=2, unit_price="50.00", discount="10.00"),
            discounts=[{"description": "Fidélité", "amount": "15.00", "tax_rate": 20}],
        ),
        SETTINGS,
    )
    totals = read.totals
    assert (totals.lines, totals.allowances, totals.net) == (Decimal(90), Decimal(15), Decimal(75))
    assert (totals.tax, totals.gross) == (Decimal("15.00"), Decimal("90.00"))


@pytest.mark.parametrize("total", ["10.00", "12.00"])
def test_a_total_may_be_before_tax_as_omnicrm_has_it_or_with_it(total: str) -> None:
    assert read_invoice(invoice(line(), total_amount=total), SETTINGS).totals.gross == Decimal("12.00")


def test_a_total_without_lines_is_what_is_due_unless_the_operator_says_otherwise() -> None:
    before = InvoiceSettings(total_amount_includes_tax=False)
    assert read_invoice(MINIMAL, SETTINGS).totals.gross == Decimal(120)
    assert read_invoice(MINIMAL, before).totals.gross == Decimal(140)


def test_what_was_paid_is_taken_off() -> None:
    read = read_invoice(invoice(line(), paid_amount="2.00"), SETTINGS)
    assert (read.totals.gross, read.totals.due) == (Decimal("12.00"), Decimal("10.00"))


def test_omnicrms_other_names_for_lines() -> None:
    lines = [{"title": "Forfait", "retail_cost": 10, "tax_percentage": 20}]
    read = read_invoice(MINIMAL | {"transaction_list": lines, "total_amount": 10, "total_tax": 2}, SETTINGS)
    assert (read.lines[0].description, read.totals.gross) == ("Forfait", Decimal("12.00"))


@pytest.mark.parametrize(
    "client",
    [
        {"address": "1 rue A\nBât. B", "city": "Lyon", "postcode": "69001"},
        {"address": ["1 rue A", "Bât. B"], "city": "Lyon", "zip": "69001"},
        {
            "address": {
                "street": "1 rue A",
                "address_line_2": "Bât. B",
                "city": "Lyon",
                "postal_code": "69001",
            }
        },
        {
            "addresses": [
                {"address_line_1": "1 rue A", "address_line_2": "Bât. B", "city": "Lyon", "zip_code": 69001}
            ]
        },
    ],
    ids=["text", "lines", "object", "list of objects"],
)
def test_an_address_in_any_of_its_shapes(client: dict[str, Any]) -> None:
    read = read_invoice(MINIMAL | {"client": {"name": "A"} | client}, SETTINGS)
    assert read.client.address.block == ("1 rue A", "Bât. B", "69001 Lyon")


def test_dates_are_taken_as_written() -> None:
    read = read_invoice(MINIMAL, SETTINGS)
    assert (read.issued, read.due, read.end) == (date(2026, 1, 10), date(2026, 2, 10), date(2026, 1, 31))


@pytest.mark.parametrize(
    ("broken", "sentences"),
    [
        (MINIMAL | {"client": None}, "client is missing."),
        (MINIMAL | {"client": "Durand"}, "client must be an object with a name."),
        (MINIMAL | {"client": {}}, "client.name is missing."),
        (MINIMAL | {"client": {"name": "\x00\x07"}}, "client.name is blank."),
        (MINIMAL | {"client": {"name": "x" * 301}}, "client.name has 301 characters; the most is 300."),
        (MINIMAL | {"client": {"name": "A", "address": ["x"] * 7}}, "client.address has 7 lines; the most is 6."),
        (MINIMAL | {"client": {"name": "A", "address": "x" * 101}}, "client.address has a line of 101 characters; the most is 100."),
        (MINIMAL | {"date": "10/01/2026"}, "date must be a date such as 2026-01-31."),
        (MINIMAL | {"date": None}, "date is missing."),
        (MINIMAL | {"end_date": "2025-12-31"}, "end_date is before start_date."),
        (MINIMAL | {"total_amount": "12o.00"}, "total_amount must be a number such as 1234.50, with a point and without spaces."),
        (MINIMAL | {"total_amount": None}, "total_amount is missing, and there are no transactions to sum up."),
        (MINIMAL | {"total_tax": 130}, "total_tax is more than total_amount."),
        (MINIMAL | {"total_amount": -12, "total_tax": 0}, "total_amount is negative: send a credit note instead, with `type: credit_note` and positive amounts."),
        (MINIMAL | {"due_date": "2026-01-09"}, "due_date is before date (BT-9, BR-FR-CO-07)."),
        (MINIMAL | {"type": "quote"}, "type must be one of invoice, credit_note, corrective, corrected_invoice, prepayment, self_billed, self_billed_credit_note, partial, factored, or a code of UNTDID 1001 that EN 16931 takes."),
        (MINIMAL | {"payment_method": "barter"}, "payment_method must be one of cash, cheque, transfer, sepa_transfer, direct_debit, sepa_direct_debit, card, credit_card, debit_card, standing_order, online, clearing."),
        (MINIMAL | {"client": {"name": "A", "kind": "vip"}}, "client.kind must be one of business, consumer, public."),
        (invoice(line(discount="-1")), "transactions[0].discount must be positive."),
        (MINIMAL | {"currency": "XYZ"}, "currency is not a code of ISO 4217, such as EUR."),
        (MINIMAL | {"currency": "JPY", "total_amount": "120.50", "total_tax": 0}, "total_amount has more decimals than JPY has (0)."),
        (MINIMAL | {"pay_url": "javascript:alert(1)"}, "pay_url must be a web address that starts with https://."),
        (MINIMAL | {"transactions": "none"}, "transactions must be a list."),
        (MINIMAL | {"transactions": [3]}, "transactions[0] must be an object."),
        (MINIMAL | {"usage": [{"amount": "x"}]}, "usage[0].amount must be a number such as 1234.50, with a point and without spaces."),
        (MINIMAL | {"notes": ["x"] * 21}, "notes has 21 entries; the most is 20."),
        (invoice(line(tax_rate=200)), "transactions[0].tax_rate must be a percentage from 0 to 100."),
        (invoice(line(tax_category="AE")), "transactions[0].tax_rate must be 0 in category AE."),
        (invoice(line(tax_category="S", tax_rate=0)), "transactions[0].tax_rate must be above 0 in category S."),
        (invoice(line(tax_category="Q")), "transactions[0].tax_category must be one of S, Z, E, AE, K, G, O, L, M."),
        (invoice(line(description="")), "transactions[0].description is missing."),
        (invoice({"description": "x"}), "transactions[0].amount is missing, and there is no unit_price to reckon it from."),
        (invoice({"description": "x", "amount": 10**15}), "transactions[0].amount must be a finite number below 10^15."),
        (invoice({"description": "x", "unit_price": "ten"}), "transactions[0].unit_price must be a number such as 1234.50, with a point and without spaces."),
        (invoice(line(), total_amount="12.01"), "total_amount is 12.01 but the lines with their tax (10.00 before tax) make 12.00: the difference is +0.01 EUR."),
        (invoice(line(), total_tax="1.99"), "total_tax is 1.99 but the lines, taxed by rate and rounded half up, make 2.00: the difference is -0.01 EUR."),
        (invoice(line(), discounts=[{"description": "x", "amount": -1}]), "discounts[0].amount must be positive: a discount is taken off, a charge is added."),
        (invoice(line(discount=-1)), "transactions[0].discount must be positive."),
        (invoice(line(discounts=[{"description": "x", "amount": -1}])), "transactions[0].discounts[0].amount must be positive: a discount is taken off, a charge is added."),
        (invoice(line(charges=[{"description": "x", "amount": -1}])), "transactions[0].charges[0].amount must be positive: a discount is taken off, a charge is added."),
        ([], "The invoice must be a JSON object."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(broken: Any, sentences: str) -> None:
    assert list(review_invoice(broken, SETTINGS).faults) == [sentences]


def test_all_faults_are_told_at_once_and_no_personal_value() -> None:
    broken = {"client": {"name": "", "email": ["camille@example.org"]}, "total_amount": "beaucoup"}
    faults = list(review_invoice(broken, SETTINGS).faults)
    assert [fault.split()[0] for fault in faults] == [
        "date",
        "invoice_number",
        "client.name",
        "client.email",
        "total_amount",
    ]
    assert "camille" not in "".join(faults)


def test_a_flood_of_rows_is_refused_before_it_is_read() -> None:
    small = InvoiceSettings.model_validate({"limits": {"rows": 2}})
    with pytest.raises(BadInput, match=r"usage has 3 rows; the most is 2 \(invoice.limits.rows\)"):
        read_invoice(MINIMAL | {"usage": [{}] * 3}, small)


@pytest.mark.parametrize("name", ["محمد بن علي", "株式会社メール", "Zoë & <Co>", "a\u200fb"])
def test_names_of_any_script_are_kept(name: str) -> None:
    assert read_invoice(MINIMAL | {"client": {"name": name}}, SETTINGS).client.name == name


@pytest.mark.parametrize("turning", ["\u202a", "\u202e", "\u2066", "\u2069"])
def test_a_page_says_what_the_e_invoice_says_whatever_turns_the_text(turning: str) -> None:
    named = MINIMAL | {"client": {"name": f"a{turning}b"}, "notes": [f"{turning}gnp.exe"]}
    read = read_invoice(named, SETTINGS)
    assert (read.client.name, read.notes) == ("ab", ("gnp.exe",))


@pytest.mark.parametrize(
    ("zone", "day"),
    [("Europe/Paris", date(2026, 11, 1)), ("Indian/Reunion", date(2026, 11, 1)), ("America/Cayenne", date(2026, 10, 31))],
)  # fmt: skip
def test_a_time_with_an_offset_is_a_day_in_the_operators_zone(zone: str, day: date) -> None:
    settings = InvoiceSettings(timezone=zone)
    assert read_invoice(MINIMAL | {"date": "2026-10-31T23:30:00Z", "due_date": None}, settings).issued == day


def test_invoices_take_the_workers_zone_where_they_have_none() -> None:
    text = "mailjet: {api_key: k, api_secret: s}\nworker: {timezone: America/Cayenne}\n"
    assert parse_settings(text).invoice.timezone == "America/Cayenne"
    assert parse_settings(text + "invoice: {timezone: Europe/Paris}\n").invoice.timezone == "Europe/Paris"


def test_what_omnicrm_gives_is_read_as_it_gives_it() -> None:
    client = {
        "name": "ACME",
        "customer_account_type": "Business",
        "address": {
            "address_line_1": "1 St",
            "city": "Perth",
            "state": "WA",
            "zip_code": "6000",
            "country": "Australia",
        },
    }
    lines = [
        {
            "transaction_id": 1,
            "created": "2026-01-02T10:00:00",
            "title": "Data",
            "description": "50 GB pack",
            "retail_cost": 10,
            "tax_percentage": 20,
        },
        {"transaction_id": 2, "title": "Voided", "retail_cost": 99, "tax_percentage": 20, "void": True},
    ]
    raw = MINIMAL | {"client": client, "transactions": lines, "total_amount": 10, "total_tax": 2}
    review = review_invoice(raw, SETTINGS)
    assert review.faults == ()
    assert not [note for note in review.warnings if "not a field" in note]
    read = read_invoice(raw, SETTINGS)
    assert read.client.address.block == ("1 St", "Perth WA 6000")
    assert (read.client.kind, read.client.country) == ("business", "AU")
    assert [(one.description, one.detail) for one in read.lines] == [("Data", "50 GB pack")]
