"""Every option of a command arrives where it is for: none is read and then forgotten."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from mailworker.cli import build
from mailworker.cli.doctor_checks.all_checks import Round
from mailworker.cli.message_commands import (
    export,
    filters,
    output,
    replay_cancel,
    resubmit_rejected,
    upcoming,
)
from mailworker.core.lane import Lane
from mailworker.core.scan_names import BALANCES, OVERDUE_INVOICES
from mailworker.core.states import State
from mailworker.ledger.message_search import MessageFilter
from mailworker.ledger.upcoming import UpcomingFilter, When
from mailworker.simulator.assumptions import assumptions
from mailworker.simulator.settings import SimulatorSettings
from tests.doubles import CONFIG, settings
from tests.rows import STRICT

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
TWICE = ("--state", "failed", "--state", "sent")
ABOUT = ("--kind", STRICT, "--reason", "r")
AGES = ("--older", "2h", "--newer", "3h")
WHOM = ("--delivery", "opened", "--to", "t@x.example", "--name", "n", "--customer", "c", "--invoice", "i")
#: Within the hours above, so that neither takes the other's place.
DAYS = ("--since", "2026-11-30T07:30", "--until", "2026-11-29")

ASKED = {"kind": STRICT, "reason": "r", "before": NOW - timedelta(hours=2), "since": NOW - timedelta(hours=3)}
OF_WHOM = {"delivery": "opened", "to": "t@x.example", "name": "n", "customer": "c", "invoice": "i"}
#: In Paris, the operator's zone.
HALF_PAST_SEVEN, MIDNIGHT = datetime(2026, 11, 30, 6, 30, tzinfo=UTC), datetime(2026, 11, 29, 23, tzinfo=UTC)


@pytest.fixture
def called(monkeypatch):
    """Runs a command; gives what the function behind it was called with, but for the container."""
    container = SimpleNamespace(settings=settings(), close=lambda: None)
    monkeypatch.setattr("mailworker.container.Container.from_environment", lambda: container)
    monkeypatch.setattr(filters, "utc_now", lambda: NOW)
    found = []

    def keep(name):
        return lambda of, *given, **named: found.append((name, *given, named)) or 0

    for module, names in {
        output: ("listing", "rejected", "found", "life"),
        export: ("listing", "rejected", "found", "life", "export"),
        replay_cancel: ("replay_messages", "cancel_messages"),
        resubmit_rejected: ("resubmit_jobs",),
        upcoming: ("show_upcoming",),
    }.items():
        for name in names:
            monkeypatch.setattr(module, name, keep(f"{module.__name__.rpartition('.')[2]}.{name}"))

    def run(*arguments):
        ran = CliRunner().invoke(build(), ["messages", *arguments])
        assert ran.exit_code == 0, ran.exception
        (one,) = found
        found.clear()
        return one

    return run


def test_a_list_is_narrowed_by_each_option(called):
    given = called("list", *TWICE, *ABOUT, "--lane", "bulk", *AGES, *WHOM, "--limit", "7")
    wanted = MessageFilter(states=[State.FAILED, State.SENT], lane=Lane.BULK, **ASKED, **OF_WHOM)
    assert given == ("output.listing", wanted, 7, {})
    given = called("list", *DAYS, "--json")
    assert given == ("export.listing", MessageFilter(since=HALF_PAST_SEVEN, before=MIDNIGHT), 50, {})
    assert called("list", "--rejected", "--limit", "3") == ("output.rejected", 3, {})
    assert called("list", "--rejected", "--json") == ("export.rejected", 50, {})


def test_an_export_is_narrowed_by_each_option(called):
    given = called("export", *TWICE, "--kind", STRICT, "--lane", "bulk", "--customer", "c", *DAYS)
    wanted = {"kind": STRICT, "customer": "c", "since": HALF_PAST_SEVEN, "before": MIDNIGHT}
    wanted = MessageFilter(states=[State.FAILED, State.SENT], lane=Lane.BULK, **wanted)
    assert given == ("export.export", wanted, {"as_csv": True})
    assert called("export", "--json") == ("export.export", MessageFilter(), {"as_csv": False})


@pytest.mark.parametrize("as_json", [False, True])
def test_what_is_looked_up(called, as_json):
    where, more = ("export", ["--json"]) if as_json else ("output", [])
    assert called("search", "FA-1", "--limit", "3", *more) == (f"{where}.found", "FA-1", 3, {})
    assert called("show", "m1", *more) == (f"{where}.life", "m1", {})


def test_what_leaves_next_is_narrowed_by_each_option(called):
    name, wanted, given = called("upcoming", "--kind", STRICT, "--lane", "bulk", "--limit", "3", "--json")
    assert name == "upcoming.show_upcoming"
    assert wanted == [UpcomingFilter(one, STRICT, Lane.BULK) for one in (When.NOW, When.LATER, When.HELD)]
    assert (given["limit"], given["as_json"]) == (3, True)
    _, wanted, given = called("upcoming", "--when", "held")
    assert wanted == [UpcomingFilter(When.HELD, None, None)]
    assert (given["limit"], given["as_json"]) == (50, False)


def test_what_is_sent_again_is_narrowed_by_each_option(called):
    given = called("replay", "m1", "m2", *ABOUT, *AGES, "--yes", "--limit", "7", "--json")
    wanted = MessageFilter(ids=("m1", "m2"), states=(State.FAILED,), **ASKED)
    assert given == ("replay_cancel.replay_messages", wanted, {"limit": 7, "act": True, "as_json": True})
    given = called("replay", "--unknown")
    plain = {"limit": 1000, "act": False, "as_json": False}
    assert given == ("replay_cancel.replay_messages", MessageFilter(states=(State.UNKNOWN,)), plain)


def test_what_is_cancelled_is_narrowed_by_each_option(called):
    given = called("cancel", "m1", *ABOUT, *AGES, "--yes", "--limit", "7", "--json", "--why", "wrong price")
    named = {"limit": 7, "act": True, "as_json": True, "why": "wrong price"}
    assert given == ("replay_cancel.cancel_messages", MessageFilter(ids=("m1",), **ASKED), named)
    plain = {"limit": 1000, "act": False, "as_json": False, "why": "cancelled by hand"}
    assert called("cancel") == ("replay_cancel.cancel_messages", MessageFilter(), plain)


def test_what_is_taken_in_again(called):
    given = called("resubmit", "12", "13", "--yes", "--json")
    assert given == ("resubmit_rejected.resubmit_jobs", [12, 13], {"act": True, "as_json": True})
    given = called("resubmit", "12")
    assert given == ("resubmit_rejected.resubmit_jobs", [12], {"act": False, "as_json": False})


@pytest.fixture
def behind(monkeypatch):
    """Runs a command whose work is that of one function, named by its path; gives what that was called with."""
    container = SimpleNamespace(settings=settings(), close=lambda: None)
    monkeypatch.setattr("mailworker.container.Container.from_environment", lambda: container)

    def run(path, *arguments):
        found = []
        monkeypatch.setattr(path, lambda *given, **named: found.append((given, named)) or ())
        ran = CliRunner().invoke(build(), list(arguments))
        assert ran.exit_code == 0, ran.exception
        ((given, named),) = found
        return [one for one in given if one is not container], named

    return run


COMMANDS = "mailworker.cli"
SYNC = f"{COMMANDS}.contact_commands.full_sync.run"
SCAN = f"{COMMANDS}.scan_commands.run.run_or_rehearse"
START = f"{COMMANDS}.scan_commands.start"
EXAMINE = f"{COMMANDS}.doctor_checks.all_checks.examine"
PLAIN_SCAN = {"dry_run": False, "as_of": None, "as_json": False}
WHOLE_SCAN = {"dry_run": True, "as_of": "2026-12-01", "as_json": True}
DRY = ("--dry-run", "--as-of", "2026-12-01", "--json")


@pytest.mark.parametrize(
    ("path", "arguments", "given", "named"),
    [
        (SYNC, ("contacts", "sync"), [], {"dry_run": False, "since": None, "allow_removals": False}),
        (
            SYNC, ("contacts", "sync", "--dry-run", "--since", "2h", "--allow-removals"), [],
            {"dry_run": True, "since": "2h", "allow_removals": True},
        ),
        (SCAN, ("reminders", "run"), [OVERDUE_INVOICES], PLAIN_SCAN),
        (SCAN, ("reminders", "run", *DRY), [OVERDUE_INVOICES], WHOLE_SCAN),
        (SCAN, ("balances", "run"), [BALANCES], PLAIN_SCAN),
        (SCAN, ("balances", "run", *DRY), [BALANCES], WHOLE_SCAN),
        (f"{START}.start_reminders", ("reminders", "start"), [None], {"backlog": False}),
        (
            f"{START}.start_reminders", ("reminders", "start", "--from", "2026-12-01", "--backlog"),
            ["2026-12-01"], {"backlog": True},
        ),
        (f"{START}.start_balances", ("balances", "start"), [], {"backlog": False}),
        (f"{START}.start_balances", ("balances", "start", "--backlog"), [], {"backlog": True}),
        (EXAMINE, ("doctor",), [Round((), True, None)], {}),
        (
            EXAMINE, ("doctor", "--offline", "--only", "redis", "--only", "beat", "--webhook-url", "https://x/"),
            [Round(["redis", "beat"], False, "https://x/")], {},
        ),
    ],
)  # fmt: skip
def test_each_option_arrives_at_the_work_behind_its_command(behind, path, arguments, given, named):
    assert behind(path, *arguments) == (given, named)


def test_each_option_of_the_local_mailjet_is_one_of_its_settings(behind, tmp_path, monkeypatch):
    monkeypatch.delenv(
        "MAILJET_SIMULATOR_RECORD", raising=False
    )  # acceptance tests beside it record all calls
    serve = "mailworker.simulator.server.serve"
    assert behind(serve, "simulator") == ([SimulatorSettings(port=8025)], {})
    record = tmp_path / "calls.jsonl"
    options = (
        "--port", "1", "--host", "127.0.0.2", "--index-delay", "3", "--latency", "4", "--strict-templates",
        "--sender", "a@müller.example", "--sender", "*@b.example", "--assume", "escapes-html",
        "--record", str(record), "--calls-per-minute", "5",
    )  # fmt: skip
    wanted = SimulatorSettings(
        port=1, host="127.0.0.2", index_delay=3.0, latency=4.0, strict_templates=True,
        senders=("a@xn--mller-kva.example", "*@b.example"), assume=assumptions(["escapes-html"]),
        record=record, calls_per_minute=5,
    )  # fmt: skip
    assert behind(serve, "simulator", *options) == ([wanted], {})
    (tmp_path / "crm_config.yaml").write_text(
        CONFIG.replace("mailjet:", "mailjet:\n  calls_per_minute: 77", 1), "utf-8"
    )
    config = ("--config", str(tmp_path / "crm_config.yaml"))
    (of_file,), _ = behind(serve, "simulator", *config)
    (by_hand,), _ = behind(serve, "simulator", *config, "--calls-per-minute", "0")
    assert (of_file.calls_per_minute, by_hand.calls_per_minute, of_file.port) == (77, 0, 8025)
