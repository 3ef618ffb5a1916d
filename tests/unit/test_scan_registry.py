"""What a scan may do by itself: which changes of the configuration let it rehearse first, and which days it may decide for."""

from datetime import UTC, date, datetime
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from mailworker.config.balances import BalanceSettings
from mailworker.config.crm import CrmSettings
from mailworker.config.reminders import ReminderSettings
from mailworker.errors import BadInput
from mailworker.ledger.scan_activation import arm, arming_of, wait_for_operator
from mailworker.ledger.scan_runs import Run
from mailworker.rules.rehearse_or_write import ScanMode
from mailworker.scan_registry import policy_of, read_as_of, scan_named, scans_of, start_scan, weigh
from tests.rows import NOW

SQL = {"url": "sqlite:///a", "queries": {"invoices": "SELECT 1"}}
HTTP = {"base_url": "https://a.example", "api_key": "k"}
LOGIN = {"base_url": "https://a.example", "email": "a@b.example", "password": "p"}
OMNICRM = {"url": "mysql://a/b"}


@pytest.mark.parametrize(
    ("section", "changes", "same"),
    [
        (ReminderSettings, {"enabled": False}, True),
        (ReminderSettings, {"schedule": "2h"}, True),
        (ReminderSettings, {"quiet_hours": None}, True),
        (ReminderSettings, {"weekdays": ["mon"]}, True),
        (ReminderSettings, {"holidays": ["12-25"]}, True),
        (ReminderSettings, {"confirm_above": 1}, True),
        (ReminderSettings, {"portal_url": "https://portal.example"}, True),
        (ReminderSettings, {"steps": [1]}, False),
        (ReminderSettings, {"days_between": 9}, False),
        (ReminderSettings, {"start_date": date(2026, 11, 1)}, False),
        (ReminderSettings, {"exclude": {"customers": ["C"]}}, False),
        (BalanceSettings, {"enabled": False}, True),
        (BalanceSettings, {"schedule": "2h"}, True),
        (BalanceSettings, {"confirm_above": 1}, True),
        (BalanceSettings, {"low": [{"below": "5%"}]}, False),
        (BalanceSettings, {"expired": False}, False),
    ],
)
def test_what_decides_who_is_due_is_a_policys_and_when_they_are_written_to_is_not(section, changes, same):
    before, after = (policy_of(section(**more), CrmSettings()) for more in ({}, changes))
    assert (before == after) is same


@pytest.mark.parametrize(
    ("source", "plain", "changes", "same"),
    [
        ("sql", SQL, {"url": "sqlite:///b"}, True),
        ("sql", SQL, {"timeout": "9s"}, True),
        ("sql", SQL, {"queries": {"invoices": "SELECT 2"}}, False),
        ("omnicrm", OMNICRM, {"url": "mysql://other/b"}, True),
        ("omnicrm", OMNICRM, {"billing_contact": "tech"}, False),
        ("http", HTTP, {"api_key": "other"}, True),
        ("http", LOGIN, {"email": "other@b.example"}, True),
        ("http", LOGIN, {"password": "other"}, True),
        ("http", HTTP, {"connect_timeout": "9s"}, True),
        ("http", HTTP, {"read_timeout": "9s"}, True),
        ("http", HTTP, {"base_url": "https://b.example"}, False),
    ],
)
def test_how_the_crm_is_reached_is_no_policys_and_what_it_is_asked_is(source, plain, changes, same):
    before, after = (
        policy_of(ReminderSettings(), CrmSettings(source=source, **{source: plain | more}))
        for more in ({}, changes)
    )
    assert (before == after) is same


def test_a_policy_is_short_and_names_no_secret():
    crm = CrmSettings(source="http", http=HTTP | {"api_key": "secret"})
    assert len(policy_of(ReminderSettings(), crm)) == 32
    assert policy_of(ReminderSettings(), crm) != policy_of(BalanceSettings(), crm)


@pytest.fixture
def container(ledger):
    settings = SimpleNamespace(
        reminders=ReminderSettings(confirm_above=5),
        balances=BalanceSettings(confirm_above=7, enabled=False),
        crm=CrmSettings(),
        worker=SimpleNamespace(timezone=ZoneInfo("Europe/Paris")),
    )
    return SimpleNamespace(settings=settings, ledger=ledger)


def started(container, scan):
    with container.ledger.read() as connection:
        return arming_of(connection, scan.name)


def ran(found, mode, *, finished=NOW):
    return Run(
        1, "overdue_invoices", None, None, NOW, finished, None, None, None, None, found=found, mode=mode
    )


@pytest.mark.parametrize(
    ("policy", "run", "then", "waits"),
    [
        ("old", ran(5, ScanMode.REHEARSAL), "now", 0),  # few: it goes on by itself
        ("old", ran(6, ScanMode.REHEARSAL), "old", 6),  # many: it stops to ask
        ("old", ran(6, ScanMode.REHEARSAL, finished=None), "old", 0),
        ("old", ran(1, ScanMode.REAL), "old", 0),  # began by the old policy, says nothing of the new one
        ("", ran(99, ScanMode.REAL), "now", 0),  # started before policies were written down
        ("", ran(6, ScanMode.REHEARSAL), "", 6),
        ("now", ran(99, ScanMode.REHEARSAL), "now", 0),
    ],
)
def test_a_changed_policy_is_taken_over_where_it_makes_few_due(container, policy, run, then, waits):
    scan = scan_named(container, "overdue_invoices")
    with container.ledger.write() as connection:
        arm(connection, scan.name, policy=policy.replace("now", scan.policy), start_from=None, now=NOW)
    weigh(container, scan, run)
    found = started(container, scan)
    assert (found.policy, found.waiting_due) == (then.replace("now", scan.policy), waits)
    assert found.waiting_policy == (scan.policy if waits else "")


def test_a_policy_that_is_taken_over_ends_the_waiting_for_another(container):
    scan = scan_named(container, "overdue_invoices")
    with container.ledger.write() as connection:
        arm(connection, scan.name, policy="old", start_from=None, now=NOW)
        wait_for_operator(connection, scan.name, "other", 9)
    weigh(container, scan, ran(5, ScanMode.REHEARSAL))
    found = started(container, scan)
    assert (found.policy, found.waiting_policy, found.waiting_due) == (scan.policy, "", 0)


def test_what_nobody_started_is_not_weighed_and_a_start_ends_all_waiting(container):
    scan = scan_named(container, "overdue_invoices")
    weigh(container, scan, ran(1, ScanMode.REAL))
    assert started(container, scan) is None
    start_scan(container, scan, start_from=date(2026, 11, 1), now=NOW)
    with container.ledger.write() as connection:
        wait_for_operator(connection, scan.name, "other", 9)
    start_scan(container, scan, start_from=None, now=NOW)
    found = started(container, scan)
    assert (found.policy, found.start_from, found.waiting_policy, found.waiting_due) == (
        scan.policy,
        None,
        "",
        0,
    )


def test_each_scan_has_its_own_settings(container):
    reminders, balances = scans_of(container)
    assert [one.name for one in (reminders, balances)] == ["overdue_invoices", "balances"]
    assert [one.command for one in (reminders, balances)] == ["reminders", "balances"]
    assert [one.task for one in (reminders, balances)] == [
        "mailworker.scan_overdue_invoices",
        "mailworker.scan_balances",
    ]
    assert [one.question for one in (reminders, balances)] == ["open_invoices", "balances"]
    assert [one.confirm_above for one in (reminders, balances)] == [5, 7]
    assert [one.enabled for one in (reminders, balances)] == [True, False]
    assert reminders.timetable == container.settings.reminders.schedule
    assert balances.timetable == container.settings.balances.schedule
    built = SimpleNamespace(
        reminder_scan=lambda: "invoices",
        balance_scan=lambda: "balances",
        balance_rehearsal=lambda: "no trace",
    )
    assert [one.subject(built) for one in (reminders, balances)] == ["invoices", "balances"]
    assert [one.rehearsal(built) for one in (reminders, balances)] == ["invoices", "no trace"]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        (None, None),
        ("2026-11-30", datetime(2026, 11, 30, 11, tzinfo=UTC)),  # noon in Paris
        ("2026-07-01", datetime(2026, 7, 1, 10, tzinfo=UTC)),
        ("2026-11-30T09:00", datetime(2026, 11, 30, 8, tzinfo=UTC)),
        ("2026-11-30T09:00+03:00", datetime(2026, 11, 30, 6, tzinfo=UTC)),
        ("2026-11-30T09:00:00Z", datetime(2026, 11, 30, 9, tzinfo=UTC)),
    ],
)
def test_a_day_is_its_noon_and_a_moment_without_a_zone_is_the_operators(container, text, moment):
    assert read_as_of(container, text) == moment


@pytest.mark.parametrize(
    "text", ["", "30.11.2026", "2026-13-01", "1800-01-01", "2300-01-01T00:00", "soon", 20261130]
)
def test_what_is_no_day_is_refused_with_how_one_is_written(container, text):
    with pytest.raises(BadInput, match="as_of: write a day like 2026-11-30"):
        read_as_of(container, text)
