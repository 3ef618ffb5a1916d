import re
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from email_validator import validate_email

from mailworker.config.balances import BalanceSettings
from mailworker.config.crm import CrmSettings
from mailworker.config.reminders import ReminderSettings
from mailworker.crm import open_source
from mailworker.crm.demo import Size, ensure_demo, make_demo
from mailworker.errors import Misconfigured
from mailworker.rules import balance_thresholds, reminder_due
from mailworker.rules.crm_facts import InvoiceStatus
from mailworker.rules.pre_send.used_link import check_token
from mailworker.rules.pre_send.verdicts import Cancel
from mailworker.rules.quiet_hours import Hours
from mailworker.rules.reminder_due import Due
from mailworker.scans.rules_from_settings import balance_rules_of, hours_of, ladder_of

TODAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    made = tmp_path_factory.mktemp("demo") / "crm.sqlite"
    make_demo(made, TODAY, Size(customers=400))
    return made


@pytest.fixture
def crm(path):
    source = open_source(CrmSettings(source="demo", demo={"path": path}, page_size=100))
    yield source
    source.close()


def all_of(pages):
    return [record for page in pages for record in page.records]


def test_nothing_is_wrong_with_it(crm):
    assert crm.check() == []


def test_the_same_seed_and_day_make_the_same_operator(tmp_path, path):
    make_demo(tmp_path / "again.sqlite", TODAY, Size(customers=400))
    make_demo(tmp_path / "other.sqlite", TODAY, Size(customers=400), seed=7)
    assert (tmp_path / "again.sqlite").read_bytes() == path.read_bytes()
    assert (tmp_path / "other.sqlite").read_bytes() != path.read_bytes()


def test_what_is_there_is_kept(tmp_path):
    ensure_demo(tmp_path / "deep" / "crm.sqlite", TODAY, customers=5, seed=1)
    before = (tmp_path / "deep" / "crm.sqlite").read_bytes()
    ensure_demo(tmp_path / "deep" / "crm.sqlite", TODAY, customers=50, seed=2)
    assert (tmp_path / "deep" / "crm.sqlite").read_bytes() == before
    assert [one.name for one in (tmp_path / "deep").iterdir()] == ["crm.sqlite"]


def test_every_address_is_well_formed_and_can_never_be_delivered_to(crm):
    people = all_of(crm.customers())
    addresses = [contact.email for one in people for contact in one.contacts]
    addresses += [one.email for one in all_of(crm.open_invoices())]
    assert len(people) == 400
    for address in addresses:
        assert validate_email(address, check_deliverability=False).domain.endswith(".example")


@pytest.mark.parametrize("changed", ["customers", "contacts"])
def test_it_says_whose_data_or_contacts_changed(tmp_path, changed):
    path = tmp_path / "crm.sqlite"
    make_demo(path, TODAY, Size(customers=50))
    with closing(sqlite3.connect(path)) as link:
        key = "id" if changed == "customers" else "customer_id"
        link.execute(f"UPDATE {changed} SET updated_at = '2026-11-23 10:00:00' WHERE {key} IN (5, 6)")
        link.commit()
    source = open_source(CrmSettings(source="demo", demo={"path": path}, page_size=1))
    found = all_of(source.changed_customers(NOW))
    assert [one.customer_id for one in found] == ["5", "6"]
    assert all(one.contacts for one in found)
    assert all_of(source.changed_customers(NOW + timedelta(seconds=1))) == []
    assert source.check() == []
    source.close()


def test_people_and_firms_are_french(crm):
    people = all_of(crm.customers())
    assert Counter(one.country for one in people) == {"FR": 400}
    assert all(re.fullmatch(r"\d{5}", one.postal_code) for one in people)
    assert {"fr", "en"} == {one.language for one in people}
    firms = [one for one in people if one.custom_fields["segment"] == "professionnel"]
    assert len(firms) == 80
    assert all(
        [c.contact_type for c in one.contacts] == ["facturation", "technique", "direction"] for one in firms
    )


def test_every_step_and_every_reason_occurs(crm):
    """A demo that shows nothing is none."""
    settings = ReminderSettings(minimum_amounts={"EUR": 12})
    ladder, exclusions = ladder_of(settings), crm.exclusions()
    hours = hours_of(settings, CrmSettings().timezone)
    found = Counter()
    for invoice in all_of(crm.open_invoices()):
        verdict = reminder_due.decide(
            invoice, ladder, [], hours, NOW, exclusion=exclusions.get(invoice.customer_id)
        )
        found[verdict.step.name if isinstance(verdict, Due) else verdict.why] += 1
    assert {"d-3", "d+1", "d+7", "d+14", "d+30"} <= set(found)
    assert {
        "not_due_yet",
        "disputed",
        "direct_debit",
        "part_paid",
        "below_minimum",
        "excluded",
        "paused",
        "ended",
    } <= set(found)


def test_balances_of_every_sort_occur(crm):
    rules = balance_rules_of(BalanceSettings())
    found = Counter()
    for balance in all_of(crm.balances()):
        verdict = balance_thresholds.decide(balance, rules, NOW, low_notified_at=balance.period_start)
        found[verdict.alert if isinstance(verdict, balance_thresholds.AlertDue) else verdict.why] += 1
    assert {"low", "expired", "enough", "already_said"} <= set(found)


def test_open_invoices_are_open_and_others_can_still_be_asked_for(crm):
    listed = all_of(crm.open_invoices())
    assert {one.status for one in listed} == {InvoiceStatus.OPEN, InvoiceStatus.DISPUTED}
    assert all(one.owed > 0 for one in listed)
    assert crm.count("open_invoices") == len(listed)
    assert crm.count("invoices") == 1200
    states = {crm.invoice(f"{number}00").status for number in range(1, 60)}
    assert InvoiceStatus.PAID in states


def test_tokens(crm):
    assert check_token(crm.token("reset-live"), NOW) is None
    assert check_token(crm.token("reset-used"), NOW) == Cancel("its link was used meanwhile")
    assert check_token(crm.token("reset-expired"), NOW) == Cancel("its link has expired")
    assert crm.token("never-issued") is None


def test_all_invoices_can_be_open_for_measuring(tmp_path):
    make_demo(tmp_path / "big.sqlite", TODAY, Size(customers=50, invoices_each=4, all_open=True))
    source = open_source(CrmSettings(source="demo", demo={"path": tmp_path / "big.sqlite"}))
    assert len(all_of(source.open_invoices())) == 200
    source.close()


def test_no_crm_answers_with_nothing():
    nothing = open_source(CrmSettings())
    assert not nothing.offers("open_invoices")
    assert all_of(nothing.open_invoices()) == all_of(nothing.balances()) == all_of(nothing.customers()) == []
    assert nothing.invoice("1") is nothing.customer("1") is nothing.token("1") is None
    assert nothing.exclusions() == nothing.exclusions_of(["1"]) == nothing.balances_of(["1"]) == {}
    assert nothing.count("balances") == 0
    assert nothing.check() == []
    nothing.close()


def test_policies_carry_every_setting_over():
    settings = ReminderSettings(
        steps=[-5, {"days": 10, "kind": "api_crmCommunicationFirm"}],
        exclude={"customers": ["C-9"], "disputed": False},
        weekdays=["mon", "fri"],
        holidays=["12-25", "2027-04-05"],
        quiet_hours=None,
        end_after_days=50,
        days_between=4,
        minimum_amounts={"EUR": 5},
        partial_payment_grace_days=9,
        start_date=date(2026, 11, 20),
    )
    ladder, hours = ladder_of(settings), hours_of(settings, CrmSettings().timezone)
    assert [(step.days, step.kind) for step in ladder.steps] == [
        (-5, "api_crmCommunicationCustomerInvoiceReminder"),
        (10, "api_crmCommunicationFirm"),
    ]
    assert (ladder.skip_disputed, ladder.skip_direct_debit) == (False, True)
    assert ladder.excluded_customers == {"C-9"}
    assert (ladder.end_after_days, ladder.days_between, ladder.part_payment_grace_days) == (50, 4, 9)
    assert (ladder.minimum_amounts, ladder.start) == ({"EUR": 5}, date(2026, 11, 20))
    assert isinstance(hours, Hours)
    assert hours.quiet is None
    assert hours.days.weekdays == {0, 4}
    assert hours.days.yearly == {(12, 25)}
    assert hours.days.holidays == {date(2027, 4, 5)}
    low = [{"below": "20%", "type": "Data", "plan": "pro"}]
    rules = balance_rules_of(
        BalanceSettings(expired=False, expired_within_days=3, exclude_customers=["C-9"], low=low)
    )
    assert (rules.announce_expired, rules.expired_within) == (False, timedelta(days=3))
    assert rules.excluded_customers == {"C-9"}
    (line,) = rules.thresholds
    assert (line.below, line.percent, line.balance_type, line.plan) == (20, True, "Data", "pro")
    assert balance_rules_of(BalanceSettings()).announce_expired is True


@pytest.mark.parametrize(
    ("below", "rearm", "expected"),
    [
        ("20%", None, "30"),
        ("80%", None, "100"),  # no balance holds more than all of its allowance
        ("80%", "150%", "150"),  # but whoever says so knows of one that does
        ("80", None, "120"),
        ("4", None, "6"),
        ("4", "5", "5"),
        ("20%", "21%", "21"),
    ],
)
def test_where_a_balance_is_armed_again(below, rearm, expected):
    line = {"below": below} | ({"rearm_at": rearm} if rearm else {})
    assert balance_rules_of(BalanceSettings(low=[line])).thresholds[0].rearm_at == Decimal(expected)


@pytest.mark.parametrize("url", ["nonsense", "oracle://host/db", "sqlite:///not-there.sqlite", "sqlite://"])
def test_a_database_that_cannot_be_spoken_to_is_told(url):
    with pytest.raises(Misconfigured, match=r"crm\.sql\.url"):
        open_source(CrmSettings(source="sql", sql={"url": url, "queries": {"invoices": "SELECT 1"}}))
