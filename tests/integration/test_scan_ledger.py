"""Scans on both databases: many scanners at once, a killed process, the CRM in a real database."""

import multiprocessing
import os
import re
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import create_engine, text

from mailworker.config.crm import CrmSettings
from mailworker.config.settings import parse_settings
from mailworker.core.states import State
from mailworker.crm import open_source
from mailworker.crm.demo import Size, demo_queries, make_demo
from mailworker.intake.job_row import row_of
from mailworker.ledger import Ledger
from mailworker.ledger.notification_log import fates
from mailworker.ledger.scan_runs import Start, latest
from mailworker.reminders import ReminderScan
from mailworker.scans.message_drafts import MessageDrafts
from mailworker.scans.runner import LEASE, Scanner
from tests.doubles import Clock
from tests.scan_world import CONFIG, MONDAY, World, balance, days_ago, invoice

pytestmark = pytest.mark.integration
START = Start("overdue_invoices")


def test_the_whole_story(ledger):
    bills = [invoice(n, due=days_ago(8), customer_id=f"C{n % 3}") for n in range(9)]
    world = World(ledger, *bills, balance(7), extra="reminders: {group_by_customer: true}\n")
    run = world.scan()
    assert (run.seen, run.found, run.written) == (9, 9, 3)
    assert world.scan_balances().written == 1
    world.crm.of_invoices.pop("4")
    world.dispatch()
    assert len(world.box.mails) == 4
    assert sorted(world.states) == ["cancelled", "sent", "sent", "sent", "sent"]
    with ledger.read() as connection:
        assert fates(connection, run.id) == {State.SENT: 3, State.CANCELLED: 1}
    assert (world.scan().written, world.scan_balances().written) == (0, 0)


def test_ten_scanners_at_once_are_one(ledger):
    bills = [invoice(n, due=days_ago(8), customer_id=f"C{n}") for n in range(40)]
    world = World(ledger, *bills, page_size=5)
    with ThreadPoolExecutor(10) as pool:
        runs = list(pool.map(lambda _: world.scan(slot=MONDAY), range(10)))
    assert [run.written for run in runs if run is not None] == [40]
    assert len(world.rows()) == 40
    with ledger.read() as connection:
        assert len(latest(connection, "overdue_invoices", limit=9)) == 1


def _scan_and_die(url, written):
    """In a process of its own: killed after its third page."""
    ledger = Ledger.open(url)
    world = World(ledger, *(invoice(n, due=days_ago(8)) for n in range(20)), page_size=3)

    def die(run):
        written.value = run.written
        if run.seen >= 9:
            os.kill(os.getpid(), signal.SIGKILL)

    world.scanner().work(START, seconds=60, on_page=die)


def test_a_process_that_was_killed_is_gone_on_with(ledger, ledger_url):
    context = multiprocessing.get_context("spawn")
    written = context.Value("i", 0)
    process = context.Process(target=_scan_and_die, args=(ledger_url, written))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    world = World(ledger, *(invoice(n, due=days_ago(8)) for n in range(20)), page_size=3)
    assert len(world.rows()) == written.value == 9
    assert world.scan() is None, "the dead one's lease still runs"
    world.clock.advance(LEASE.total_seconds() + 1)
    run = world.scan()
    assert (run.seen, run.written, len(world.rows())) == (20, 20, 20)


def _copy(path, url):
    """The demo operator's tables, in another database."""
    source, target = create_engine(f"sqlite:///{path}"), create_engine(url)
    with source.connect() as here, target.begin() as there:
        for table in ("invoices", "customers"):
            rows = [dict(row) for row in here.execute(text(f"SELECT * FROM {table}")).mappings()]
            kinds = {name: "integer" if isinstance(value, int) else "text" for name, value in rows[0].items()}
            there.execute(text(f"CREATE TABLE {table} ({', '.join(f'{n} {k}' for n, k in kinds.items())})"))
            names = ", ".join(kinds)
            there.execute(
                text(f"INSERT INTO {table} ({names}) VALUES ({', '.join(':' + n for n in kinds)})"), rows
            )
    source.dispose()
    target.dispose()


def _in_its_words(url):
    """The demo's query, but for what only SQLite says so."""
    query = demo_queries()["open_invoices"]
    for sqlite, others in (
        ("printf('%d.%02d', total_cents / 100, total_cents % 100)", "total_cents / 100.0"),
        (
            "printf('%d.%02d', (total_cents - paid_cents) / 100, (total_cents - paid_cents) % 100)",
            "(total_cents - paid_cents) / 100.0",
        ),
    ):
        assert sqlite in query
        query = query.replace(sqlite, others)
    if url.startswith("mysql"):
        query = re.sub(r"('[^']*') \|\| ([\w.]+)", r"concat(\1, \2)", query)
    return query


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("database", ["fresh_postgres_url", "fresh_mariadb_url"])
def test_a_scan_of_a_crm_in_a_real_database_in_slices(request, tmp_path, database, grouped):
    url = request.getfixturevalue(database)
    make_demo(tmp_path / "demo.sqlite", date(2026, 11, 30), Size(40, 3, all_open=True))
    _copy(tmp_path / "demo.sqlite", url)
    queries = {"invoices": _in_its_words(url)}
    crm = open_source(CrmSettings(source="sql", page_size=7, sql={"url": url, "queries": queries}))
    settings = parse_settings(
        CONFIG + f"reminders: {{group_by_customer: {str(grouped).lower()}}}\n", environ={}
    )
    ledger = Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    drafts = MessageDrafts(settings, lambda job, at: row_of(job, (), at))
    clock = Clock(datetime(2026, 11, 30, 9, tzinfo=UTC))
    slices = 0
    while True:
        subject = ReminderScan(settings, crm, ledger, drafts)
        run = Scanner(ledger, subject, clock=clock).work(START, seconds=-1)
        slices += 1
        if run.finished_at is not None:
            break
    assert (run.seen, run.expected) == (120, 120)
    assert slices > 10
    assert run.found > 20
    assert (run.written < run.found) is grouped
    ledger.close()
    crm.close()
