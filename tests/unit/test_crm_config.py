from datetime import UTC, date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from mailworker.config.balances import BalanceSettings
from mailworker.config.crm import CrmSettings
from mailworker.config.reminders import ReminderSettings
from mailworker.scans.rules_from_settings import hours_of


def fault(section, **keys):
    with pytest.raises(ValidationError) as told:
        section(**keys)
    return " ".join(error["msg"] for error in told.value.errors())


def test_empty_blocks_are_complete():
    assert [step.days for step in ReminderSettings().steps] == [-3, 1, 7, 14, 30]
    assert str(BalanceSettings().low[0].below) == "20%"
    assert CrmSettings().source == "none"
    assert CrmSettings().why_none.startswith("No CRM is connected")
    assert CrmSettings(source="demo").why_none is None


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"steps": []}, "at least 1 item"),
        ({"steps": [7, 1]}, "steps must rise"),
        ({"steps": [1, 1]}, "steps must rise"),
        ({"steps": [1, 90]}, "raise end_after_days to at least 90"),
        ({"steps": [True]}, "write its days from the due date as a whole number"),
        ({"minimum_amounts": {"euro": 5}}, "is no currency's code"),
        ({"minimum_amounts": {"EUR": -5}}, "greater than or equal to 0"),
        ({"quiet_hours": {"start": "20:00", "end": "20:00"}}, "start and end are the same time"),
        ({"quiet_hours": {"start": "25:00"}}, "is not a time of day"),
        ({"weekdays": []}, "at least 1 item"),
        ({"holidays": ["02-30"]}, "is not a day"),
        ({"holidays": ["Easter"]}, "is not a day"),
        ({"holidays": "fr"}, "is not a day"),
        ({"holidays": [datetime(2026, 12, 25, 10, tzinfo=UTC)]}, "is not a day"),
        ({"holidays": "XX"}, "is no country whose public holidays are known"),
        ({"holidays": ["FR-1"]}, "for FR there are: FR-57, FR-6AE"),
        ({"holidays": [False]}, 'write "NO", in quotes, for Norway'),
        ({"days_between": 0}, "greater than or equal to 1"),
    ],
)
def test_a_wrong_ladder_is_told(keys, sentence):
    assert sentence in fault(ReminderSettings, **keys)


@pytest.mark.parametrize(
    ("written", "read"),
    [("20:00", time(20)), ("8:05", time(8, 5)), ("08h30", time(8, 30)), ("0:00", time(0))],
)
def test_times_as_people_and_yaml_write_them(written, read):
    assert ReminderSettings(quiet_hours={"start": written, "end": "12:00"}).quiet_hours.start == read


@pytest.mark.parametrize("written", [8, 20, 1200, 0, "8", "0700", "25:00", True])
def test_a_bare_number_is_no_time_of_day(written):
    with pytest.raises(ValidationError, match='is not a time of day: write it as "20:00"'):
        ReminderSettings(quiet_hours={"start": written, "end": "12:00"})


def test_currencies_have_one_spelling_and_must_exist():
    assert ReminderSettings(minimum_amounts={"eur": 5}).minimum_amounts == {"EUR": 5}
    assert "is no currency's code" in fault(ReminderSettings, minimum_amounts={"EUX": 5})


def test_ids_that_look_like_numbers_are_the_text_that_stands_there():
    assert ReminderSettings(exclude={"customers": [4711, "0123"]}).exclude.customers == ("4711", "0123")
    assert BalanceSettings(exclude_customers=[4711, "0123"]).exclude_customers == ("4711", "0123")


def test_holidays_may_be_dates_or_come_every_year():
    settings = ReminderSettings(holidays=[date(2027, 4, 5), "2027-05-17", "12-25", "02-29"])
    assert settings.holidays == (date(2027, 4, 5), date(2027, 5, 17), "12-25", "02-29")


def test_holidays_may_be_those_of_a_country():
    assert ReminderSettings(holidays="FR").holidays == ("FR",)
    mixed = ReminderSettings(holidays=["FR-57", "NO", "12-24", date(2027, 1, 4)])
    days = hours_of(mixed, ZoneInfo("Europe/Paris")).days
    assert (days.regions, days.yearly) == (("FR-57", "NO"), {(12, 24)})
    assert days.holidays == {date(2027, 1, 4)}


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ([{"below": "lots"}], "is not a level"),
        ([{"below": "-5"}], "is not a level"),
        ([{"below": True}], "is not a level"),
        ([{"below": "120%"}], "more than 100%"),
        ([{"below": "20%", "rearm_at": "5"}], "both be percentages or both be amounts"),
        ([{"below": "20%", "rearm_at": "20%"}], "rearm_at must be higher than below"),
        ([{"below": "20%"}, {"below": "20%"}], "the same threshold twice for a type and plan"),
        ([{"below": 1, "type": "Data"}, {"below": 1, "type": "data"}], "the same threshold twice"),
    ],
)
def test_a_wrong_threshold_is_told(lines, sentence):
    assert sentence in fault(BalanceSettings, low=lines)


@pytest.mark.parametrize(
    ("written", "value", "percent"), [("20%", 20, True), (5, 5, False), ("2.5 %", "2.5", True)]
)
def test_levels_as_people_write_them(written, value, percent):
    level = BalanceSettings(low=[{"below": written}]).low[0].below
    assert (level.value, level.percent) == (Decimal(value), percent)


SQL = {"url": "sqlite:///x", "queries": {"invoices": "SELECT 1"}}
HTTP = {"base_url": "https://crm.example.com", "api_key": "k"}


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"source": "sql"}, "sql.url is empty"),
        ({"source": "sql", "sql": {"url": "sqlite:///x"}}, "sql.queries is empty"),
        ({"source": "http"}, "http.base_url is empty"),
        ({"source": "http", "http": {"base_url": "https://crm.example.com"}}, "there is no api_key"),
        ({"http": HTTP | {"email": "a@b.example", "password": "p"}}, "keep one way to log in"),
        ({"http": {"email": "a@b.example"}}, "email and password together"),
        ({"http": {"base_url": "https://crm.example.com/crm/"}}, "without a path"),
        ({"http": {"base_url": "crm.example.com"}}, "must be like https://"),
        ({"http": {"items": {"invoices": "/crm/invoice/"}}}, "must say where the id goes"),
        ({"sql": {"queries": {"invoices": "DELETE FROM invoices"}}}, "must be one SELECT"),
        ({"sql": {"queries": {"invoices": "SELECT 1; DROP TABLE x"}}}, "must be one statement"),
        ({"sql": {"queries": {"invoice": "SELECT 1"}}}, "open_invoices"),
        ({"sql": {"queries": {"changed_customers": "SELECT 1"}}}, "must ask since when"),
        ({"sql": {"queries": {"changed_customers": r"SELECT '\:updated_since'"}}}, "must ask since when"),
        ({"http": {"lists": {"changed_customers": "/crm/customer/"}}}, "must ask since when"),
    ],
)
def test_a_wrong_connection_is_told(keys, sentence):
    assert sentence in fault(CrmSettings, **keys)


@pytest.mark.parametrize(
    "query",
    ["select 1", "SELECT 1;\n", "-- all of them\nSELECT 1", "/* ; */ WITH a AS (SELECT 1) SELECT * FROM a"],
)
def test_queries_that_only_read(query):
    assert CrmSettings(source="sql", sql=SQL | {"queries": {"invoices": query}})


def test_no_secret_is_shown():
    http = {"base_url": "https://crm.example.com", "email": "a@b.example", "password": "hunter2"}
    shown = repr(CrmSettings(source="http", http=http, sql={"url": "postgresql://crm:hunter2@db/crm"}))
    assert "hunter2" not in shown
