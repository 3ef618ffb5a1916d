"""Dates at the ends of the calendar are told with a sentence, wherever somebody gives one."""

from datetime import date, datetime, timedelta, timezone
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailworker.core.calendar_range import within_calendar
from mailworker.crm.records import Balance, CrmInvoice
from mailworker.crm.row_parser import Reader
from mailworker.errors import BadInput
from mailworker.invoices.from_json.fields import InvoiceFields
from mailworker.scan_registry import read_as_of

PARIS = ZoneInfo("Europe/Paris")
OFFSETS = st.integers(-23, 23).map(lambda hours: timezone(timedelta(hours=hours)))
DAYS = st.dates() | st.sampled_from([date.min, date.max, date(1, 1, 2), date(9999, 12, 30)])
MOMENTS = st.datetimes(timezones=st.none() | OFFSETS) | st.sampled_from(
    [
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
    ]
)
ANY = DAYS | MOMENTS | st.one_of(DAYS, MOMENTS).map(lambda value: value.isoformat())


@given(ANY)
@example("9999-12-31T23:59:59-12:00")
@example("0001-01-01")
def test_an_invoices_date_is_of_our_centuries_or_a_fault(value):
    faults = []
    day = InvoiceFields({"date": value}, faults, zone=PARIS).day("date")
    assert faults == ([] if day else ["date must be a date such as 2026-01-31."])
    assert day is None or (1900 <= day.year <= 2200)


@given(ANY)
def test_a_day_of_a_scan_is_read_or_refused_with_a_sentence(value):
    container = SimpleNamespace(settings=SimpleNamespace(worker=SimpleNamespace(timezone=PARIS)))
    text = value if isinstance(value, str) else value.isoformat()
    try:
        moment = read_as_of(container, text)
    except BadInput:
        return
    assert moment - timedelta(days=3650) < moment < moment + timedelta(days=3650)


@pytest.mark.parametrize("year", [1, 1899, 2201, 9999])
def test_no_year_out_of_reach_is_meant(year):
    with pytest.raises(ValueError, match="1900 and 2200"):
        within_calendar(date(year, 1, 1))


def test_the_years_at_the_ends_are():
    assert [within_calendar(date(year, 12, 31)).year for year in (1900, 2200)] == [1900, 2200]


ROW = {
    "invoice_id": "1",
    "customer_id": "C",
    "status": "open",
    "due_date": "2026-01-31",
    "currency": "EUR",
    "owed": "1.00",
    "email": "a@client.example",
    "customer_name": "Ana",
    "number": "F-1",
    "total": "1.00",
}


@given(ANY, st.sampled_from(["due_date", "issue_date", "paid_part_on"]))
@example("9999-12-31T23:59:59-12:00", "due_date")
def test_one_invoice_of_the_crm_with_such_a_date_harms_itself_alone(value, field):
    records, faults = Reader(CrmInvoice, PARIS, {}).read_all([ROW | {field: value}, ROW])
    assert len(records) + len(faults) == 2
    assert records[-1].due_date == date(2026, 1, 31)
    assert all(1900 <= day.year <= 2200 for one in records for day in (one.due_date, one.issue_date) if day)


BALANCE = {
    "balance_id": "1",
    "customer_id": "C",
    "balance_type": "data",
    "amount": "1",
    "period_start": "2026-01-01",
    "email": "a@client.example",
    "customer_name": "Ana",
    "service_name": "Mobile",
}


@given(ANY, st.sampled_from(["period_start", "expires_at", "ends_at"]))
@example("9999-12-31", "expires_at")
@example(date.max, "expires_at")
def test_one_balance_of_the_crm_with_such_a_date_harms_itself_alone(value, field):
    records, faults = Reader(Balance, PARIS, {}).read_all([BALANCE | {field: value}, BALANCE])
    assert len(records) + len(faults) == 2
