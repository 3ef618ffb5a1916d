from dataclasses import fields
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from mailworker.crm.invoice_document import DOCUMENT_COLUMNS
from mailworker.crm.records import Balance, CrmContact, CrmInvoice, Customer, Exclusion, Token
from mailworker.crm.row_parser import Reader
from mailworker.errors import BadInput
from mailworker.rules.crm_facts import InvoiceStatus
from mailworker.rules.pre_send.used_link import check_token

PARIS = ZoneInfo("Europe/Paris")
INVOICES = Reader(CrmInvoice, PARIS, {"IMPAYÉE": "open", "Avoir": "cancelled"})
ROW = {
    "invoice_id": 7,
    "customer_id": "C-1",
    "status": "open",
    "due_date": "2026-11-30",
    "currency": "EUR",
    "owed": "19.99",
    "email": "a@courriel.example",
    "customer_name": "Zoé Nguyen",
    "number": "FA-7",
    "total": 19.99,
}


def invoice(**change):
    return INVOICES.read(ROW | change)


def test_a_row_becomes_a_record():
    found = invoice()
    assert (found.invoice_id, found.due_date, found.owed, found.total) == (
        "7",
        date(2026, 11, 30),
        Decimal("19.99"),
        Decimal("19.99"),
    )
    assert found.paid_part_on is None
    assert found.language == ""


@pytest.mark.parametrize(
    ("field", "read"),
    [
        ("a@b.example", "a@b.example"),
        (" a@b.example ; c@d.example", "a@b.example"),
        ("n/a, c@d.example,", "c@d.example"),
        ("telephone; fax", "telephone; fax"),
        ("", ""),
    ],
)
def test_of_several_addresses_in_one_field_the_first_is_written_to(field, read):
    assert invoice(email=field).email == read


@pytest.mark.parametrize(
    ("written", "tag"),
    [
        ("fr", "fr"),
        ("en-GB", "en-GB"),
        ("EN_us", "EN_us"),
        ("English", "en"),
        ("Français", "fr"),
        ("anglais", "en"),
        ("English (UK)", "en"),
        ("Deutsch", "de"),
        ("klingonais de Mars", "klingonais de Mars"),
    ],
)
def test_a_language_may_be_written_by_its_name(written, tag):
    assert invoice(language=written).language == tag


def test_a_contact_is_one_address():
    one = {"contact_id": 1, "customer_id": 1, "name": "Zoé", "email": "a@b.example; c@d.example"}
    assert Reader(CrmContact, PARIS, {}).read(one).email == "a@b.example; c@d.example"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (date(2026, 11, 30), date(2026, 11, 30)),
        (datetime(2026, 11, 30, 23, 30), date(2026, 11, 30)),  # noqa: DTZ001 - as MariaDB gives it
        (datetime(2026, 11, 30, 23, 30, tzinfo=UTC), date(2026, 12, 1)),  # already tomorrow in Paris
        ("2026-11-30T23:30:00Z", date(2026, 12, 1)),
        ("2026-11-30 23:30:00", date(2026, 11, 30)),
        ("2028-02-29", date(2028, 2, 29)),
    ],
)
def test_days(value, expected):
    assert invoice(due_date=value).due_date == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(5, "5"), (0.1, "0.1"), (Decimal("3.30"), "3.30"), ("12.5", "12.5"), (-1, "-1")],
)
def test_amounts_are_exact(value, expected):
    assert invoice(owed=value).owed == Decimal(expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1, True), (0, False), (True, True), ("t", True), ("FALSE", False), ("yes", True), (None, False)],
)
def test_truths(value, expected):
    assert invoice(direct_debit=value).direct_debit is expected


@pytest.mark.parametrize(
    ("word", "status"), [("paid", "paid"), ("PAID", "paid"), ("impayée", "open"), ("AVOIR", "cancelled")]
)
def test_the_crms_own_words(word, status):
    assert invoice(status=word).status is InvoiceStatus(status)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"due_date": "soon"}, "due_date is not a date like 2026-11-30"),
        ({"due_date": "2027-02-29"}, "due_date is not a date like 2026-11-30"),
        ({"owed": "12,50"}, "owed is not a number"),
        ({"owed": "NaN"}, "owed is not a number"),
        ({"owed": True}, "owed is not a number"),
        ({"email": None}, "email is missing"),
        ({"direct_debit": "perhaps"}, "direct_debit is neither true nor false"),
        ({"status": "weird"}, "status is a word that status_words does not translate"),
        ({"customer_id": {"a": 1}}, "customer_id is not a text"),
    ],
)
def test_a_bad_row_is_told_by_its_id_and_column(change, sentence):
    with pytest.raises(BadInput) as told:
        invoice(**change)
    assert f"Invoice 7: {sentence}" in told.value.faults[0]


def test_no_personal_value_stands_in_a_fault():
    with pytest.raises(BadInput) as told:
        invoice(due_date="Zoé Nguyen", owed="a@courriel.example")
    assert "Zoé" not in str(told.value)
    assert "@" not in str(told.value)


def test_one_bad_row_spoils_no_other():
    records, faults = INVOICES.read_all([ROW, ROW | {"invoice_id": 8, "owed": "x"}, ROW | {"invoice_id": 9}])
    assert [one.invoice_id for one in records] == ["7", "9"]
    assert faults == ("Invoice 8: owed is not a number.",)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-11-30", datetime(2026, 12, 1, tzinfo=PARIS)),  # through that day
        (date(2028, 2, 28), datetime(2028, 2, 29, tzinfo=PARIS)),
        ("2026-11-30 18:00:00", datetime(2026, 11, 30, 18, tzinfo=PARIS)),
        ("2026-11-30T18:00:00Z", datetime(2026, 11, 30, 18, tzinfo=UTC)),
        (
            datetime(2026, 11, 30, 18, tzinfo=timezone(timedelta(hours=4))),
            datetime(2026, 11, 30, 14, tzinfo=UTC),
        ),
    ],
)
def test_what_expires_on_a_day_expires_when_it_is_over(value, expected):
    reader = Reader(Token, PARIS, {})
    found = reader.read({"token_id": "t", "used": 0, "expires_at": value})
    assert found.expires_at == expected
    assert found.expires_at.tzinfo is UTC


@pytest.mark.parametrize(
    "value",
    [
        "9999-12-31",
        "9999-12-31 23:59:59",
        "9999-12-31T23:59:59-08:00",
        date(9999, 12, 31),
        datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-8))),
    ],
)
@pytest.mark.parametrize("record", [Token, Balance])
def test_the_last_year_of_all_calendars_is_never(record, value):
    """What a column that may not be empty says of what does not expire."""
    row = {"token_id": "t", "used": 0, "balance_id": 1, "customer_id": 2, "balance_type": "Data", "amount": 5}
    row |= {"email": "e", "customer_name": "n", "service_name": "s", "period_start": "2026-11-01"}
    assert Reader(record, PARIS, {}).read(row | {"expires_at": value}).expires_at is None


@pytest.mark.parametrize(
    "value", ['{"segment": "pro", "age": 4, "none": null}', {"segment": "pro", "age": 4}]
)
def test_custom_fields_as_json_or_object(value):
    reader = Reader(CrmContact, PARIS, {})
    row = {"contact_id": 1, "customer_id": 2, "name": "n", "email": "e", "custom_fields": value}
    assert reader.read(row).custom_fields == {"segment": "pro", "age": "4"}


def test_the_columns_that_a_query_must_return():
    assert INVOICES.required == (
        "invoice_id",
        "customer_id",
        "status",
        "due_date",
        "currency",
        "owed",
        "email",
        "customer_name",
        "number",
        "total",
    )
    assert Reader(Customer, PARIS, {}).required == ("customer_id", "name")
    assert Reader(Exclusion, PARIS, {}).required == ("customer_id",)
    head = ("invoice_id", "invoice_number", "date", "total_amount", "client_name")
    assert {"invoice_document": head, "invoice_lines": ("invoice_id", "description")} == DOCUMENT_COLUMNS
    assert "contacts" not in Reader(Customer, PARIS, {}).columns
    assert set(Reader(Balance, PARIS, {}).columns) == {field.name for field in fields(Balance)}


@pytest.mark.parametrize(
    ("used", "expires", "live"),
    [(False, 1, True), (False, 0, False), (False, -1, False), (True, 1, False), (False, None, True)],
)
def test_a_token_is_live_until_used_or_expired(used, expires, live):
    now = datetime(2026, 11, 23, tzinfo=UTC)
    ends = None if expires is None else now + timedelta(seconds=expires)
    assert (check_token(Token(token_id="t", used=used, expires_at=ends), now) is None) is live


@pytest.mark.parametrize(
    ("owed", "currency", "read"),
    [
        (0.1 + 0.2 - 0.3, "EUR", "0.00"),
        (1e-17, "EUR", "0.00"),
        (-1e-17, "EUR", "0.00"),
        (0.004, "EUR", "0.00"),
        (0.005, "EUR", "0.01"),
        (49.900000000000006, "EUR", "49.90"),
        ("1234.5", "JPY", "1235"),
        ("1.2345", "TND", "1.235"),
        (19.99, "eur", "19.99"),
    ],
)
def test_amounts_are_in_whole_units_of_their_currency(owed, currency, read):
    found = invoice(owed=owed, currency=currency)
    assert (f"{found.owed}", found.currency) == (read, currency.upper())


@pytest.mark.parametrize("currency", ["EURO", "EUX", "€", ""])
def test_an_unknown_currency_is_told(currency):
    with pytest.raises(BadInput, match=r"currency is (not a currency's code of ISO 4217|missing)"):
        invoice(currency=currency)


@pytest.mark.parametrize(
    ("zone", "day"),
    [("", date(2026, 11, 30)), ("Indian/Reunion", date(2026, 12, 1)), (b"Indian/Reunion", date(2026, 12, 1)), ("America/Martinique", date(2026, 11, 30)), ("Mars/Phobos", date(2026, 11, 30))],
)  # fmt: skip
def test_days_are_the_customers(zone, day):
    late = "2026-11-30T21:30:00+00:00"
    found = invoice(timezone=zone, due_date=late, paid_part_on=late)
    assert (found.due_date, found.paid_part_on) == (day, day)
    assert invoice(timezone=zone, due_date="2026-11-30").due_date == date(2026, 11, 30)
