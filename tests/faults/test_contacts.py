"""Workers die while they tell Mailjet of contacts; the full sync dies while it reads."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from mailworker.cli.local_stack import Servers, wait_until
from mailworker.crm.demo import Size, make_demo
from tests.faults.contact_scene import (
    LIMIT,
    Changes,
    ContactBalance,
    ContactScene,
    Wanted,
    changes,
    ended_by_kill,
)

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1200)]

Open = Callable[..., ContactScene]


class _Report:
    """The table at the end of the run."""

    def __init__(self) -> None:
        self.balances: list[ContactBalance] = []

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        line = terminalreporter.write_line
        line("")
        line(
            f"{'fault':<44}{'contacts':>9}{'in step':>9}{'refused':>9}{'wrong':>7}{'undone':>8}"
            f"{'calls/60s':>12}{'calls':>7}{'s':>6}"
        )
        for b in self.balances:
            line(
                f"{b.fault:<44}{b.contacts:>9}{b.by_state['in_step']:>9}{b.by_state['refused']:>9}"
                f"{len(b.wrong):>7}{b.undone:>8}{f'{b.fullest_minute} of {LIMIT}':>12}{b.calls:>7}{b.seconds:>6.0f}"
            )


@pytest.fixture(scope="module")
def report(request: pytest.FixtureRequest) -> _Report:
    made = _Report()
    request.config.pluginmanager.register(made)
    return made


@pytest.fixture
def open_quick_scene(tmp_path: Path) -> Iterator[Open]:
    with ExitStack() as stack:

        def open_(seed: int, **crm: Any) -> ContactScene:
            # A Mailjet that takes its time is in more calls when a worker dies.
            servers = Servers(tmp_path, changes=changes(**crm), simulator=["--latency", "0.15"])
            return ContactScene(stack.enter_context(servers), seed)

        yield open_


@pytest.fixture
def all_is_well(report: _Report) -> Callable[[ContactScene, str, Wanted], ContactBalance]:
    def check(scene: ContactScene, fault: str, wanted: Wanted) -> ContactBalance:
        rested = scene.come_to_rest()
        balance = scene.balance(f"{fault}, {scene.kills} kills", wanted)
        report.balances.append(balance)
        assert rested, balance
        assert balance.wrong == [], balance
        assert balance.by_state == {"in_step": len(wanted)}, balance
        assert balance.undone == 0, balance
        assert balance.fullest_minute <= LIMIT, balance
        return balance

    return check


def test_three_thousand_changed_contacts_through_a_storm_of_kills_with_short_times(
    open_quick_scene: Open, all_is_well: Any
):
    scene = open_quick_scene(1)
    said = Changes(scene, 3000)
    feeder = said.start(seconds=40)
    scene.rage(lambda: scene.told() < 500, at_least=5)
    said.unsubscribe_some()
    scene.rage(lambda: feeder.is_alive() or scene.told() < 2500, at_least=15)
    feeder.join()

    all_is_well(scene, "contacts: SIGKILL storm", said.wanted())

    assert scene.kills >= 20
    assert len(scene.unsubscribed) >= 30


def _in_the_crm(path: Path) -> Wanted:
    """Who is in the demo's tables; some addresses are shared."""
    wanted: dict[str, tuple[set[str], set[str], set[str]]] = {}
    with closing(sqlite3.connect(path)) as link:
        for email, name, kind, city in link.execute(
            "SELECT contacts.email, contacts.name, contact_type, city FROM contacts "
            "JOIN customers ON customers.id = contacts.customer_id"
        ):
            names, cities, types = wanted.setdefault(email.lower(), (set(), set(), set()))
            names.add(name)
            cities.add(city)
            types.add(kind)
    return wanted


def _change(path: Path) -> None:
    """What a day changes: names, cities, and customers who leave."""
    with closing(sqlite3.connect(path)) as link:
        link.execute(
            "UPDATE contacts SET name = name || ' II', updated_at = '2026-12-01 09:00:00' WHERE id % 7 = 0"
        )
        link.execute("UPDATE customers SET city = 'Brest', version = 2 WHERE id % 11 = 0")
        link.execute("DELETE FROM contacts WHERE customer_id % 37 = 0")
        link.execute("DELETE FROM customers WHERE id % 37 = 0")
        link.commit()


def test_a_full_sync_is_killed_in_the_background_and_on_the_command_line_with_short_times(
    open_quick_scene: Open, all_is_well: Any, tmp_path: Path
):
    path = tmp_path / "demo-crm.sqlite"
    make_demo(path, date(2026, 11, 23), Size(1500, invoices_each=0))
    scene = open_quick_scene(2, source="demo")
    servers = scene.servers
    servers.celery.send_task("mailworker.sync_all_contacts", queue="contacts", ignore_result=True)
    assert wait_until(scene.syncing, seconds=60)
    scene.rage(lambda: scene.syncing() or scene.told() < 800, at_least=10)
    assert wait_until(lambda: scene.told() > 800, seconds=120)
    people = sorted(_in_the_crm(path))
    there = [one for one in people if (found := servers.mailbox.contact(one)) and found["lists"]]
    for email in scene.dice.sample(there, 30):
        scene.unsubscribe(email)
    all_is_well(scene, "full sync in the background", _in_the_crm(path))

    _change(path)
    wanted = _in_the_crm(path)
    scene.unsubscribed &= set(wanted)
    killed = 0
    command = [sys.executable, "-m", "mailworker", "contacts", "sync"]
    environ = {**os.environ, **servers.environ}
    for wait in (2.0, 3.0, 4.0, 6.0):
        sync = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with_it = wait_until(lambda sync=sync: sync.poll() is not None, seconds=wait)
        sync.kill()
        killed += not with_it and ended_by_kill(sync.wait())
        scene.strike()
    scene.kills += killed
    subprocess.run(command, env=environ, stdout=subprocess.DEVNULL, check=True)
    all_is_well(scene, "`contacts sync` on the command line", wanted)

    assert killed >= 2
    assert scene.unsubscribed
