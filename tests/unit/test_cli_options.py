"""Every option of a command about messages arrives where it is for: none is read and then forgotten."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from mailworker.cli import build
from mailworker.cli.message_commands import (
    export,
    filters,
    output,
    replay_cancel,
    resubmit_rejected,
    upcoming,
)
from mailworker.core.message import Lane
from mailworker.core.states import State
from mailworker.ledger.message_search import MessageFilter
from mailworker.ledger.upcoming import UpcomingFilter, When
from tests.doubles import settings
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
