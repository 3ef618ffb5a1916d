"""What stands in the commands' tables cell by cell, in which colour, and what is shown at a terminal alone."""

import io
import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.text import Text
from typer.testing import CliRunner

from mailworker.cli import build, console
from mailworker.cli import stats_output as stats
from mailworker.cli.campaign_commands import output as campaign_output
from mailworker.cli.contact_commands import full_sync, status_output
from mailworker.cli.demo_run import output as demo_output
from mailworker.cli.demo_run.messages import Followed, Posted
from mailworker.cli.doctor_checks import output as doctor_output
from mailworker.cli.doctor_checks.finding import Finding, Note
from mailworker.cli.doctor_checks.refill import kept_faults
from mailworker.cli.message_commands import output
from mailworker.cli.message_commands.replay_cancel import _named, _others
from mailworker.cli.safe_console import SafeConsole
from mailworker.config.builtin_kinds import KINDS
from mailworker.ledger.message_search import Story
from tests.doubles import settings
from tests.rows import NOW, STRICT, URGENT, after, row

REST = {"mailjet_id": None, "mailjet_uuid": None, "delivery": None, "reason": None}


def cells(table):
    """The columns of a table by their heads: plain texts."""
    return {str(column.header): [str(one) for one in column._cells] for column in table.columns}


def styles(table, head):
    (column,) = [one for one in table.columns if str(one.header) == head]
    return [str(one.style) for one in column._cells]


def story(message=(), *, timeline=(), attempts=(), events=(), suppressed=None):
    """A message's story, of rows."""
    return Story(
        message=row("m1") | REST | dict(message),
        timeline=timeline,
        attempts=attempts,
        events=events,
        suppressed=suppressed,
    )


# ---- the tables themselves

COLOURS = [
    ("sent", "green"), ("failed", "red"), ("unknown", "red"), ("held", "yellow"), ("expired", "yellow"),
    ("suppressed", "yellow"), ("cancelled", "dim"), ("ready", ""), ("sending", ""),
]  # fmt: skip


@pytest.mark.parametrize(("word", "colour"), COLOURS)
def test_a_state_has_its_colour(word, colour):
    assert console.state(word) == Text(word, style=colour)
    assert str(console.state(word).style) == colour


@pytest.mark.parametrize(
    ("width", "overflow", "whole"), [(120, "fold", True), (119, "ellipsis", False), (300, "fold", True)]
)
def test_ids_stay_whole_where_the_console_is_wide(monkeypatch, width, overflow, whole):
    monkeypatch.setattr(console, "console", lambda: SafeConsole(width=width))
    made = console.table(("id", "kind", "message", "why", "#count"), [(1, "k", None, NOW, 7)], title="T")
    assert [column.header for column in made.columns] == ["id", "kind", "message", "why", "count"]
    assert {column.overflow for column in made.columns} == {overflow}
    assert [column.no_wrap for column in made.columns] == [whole, whole, whole, False, False]
    assert [column.justify for column in made.columns] == ["left"] * 4 + ["right"]
    assert (made.title, made.title_justify, str(made.title_style), made.box) == ("T", "left", "bold", None)
    assert str(made.header_style) == "bold"
    assert cells(made) == {
        "id": ["1"], "kind": ["k"], "message": [""], "why": ["2026-11-30 09:00:00Z"], "count": ["7"],
    }  # fmt: skip
    assert console.table(("a",), []).title is None


@pytest.mark.parametrize(("columns", "width"), [("80", 160), ("200", 200)])
def test_what_is_piped_is_wide_enough_for_every_id(monkeypatch, columns, width):
    monkeypatch.setenv("COLUMNS", columns)
    assert console.console().width == width


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("api_crmCommunicationCustomerWelcome", "CustomerWelcome"),
        ("api_crmCommunicationsBalanceLow", "BalanceLow"),
        ("api_crmCommunicationsbalance", "api_crmCommunicationsbalance"),
        ("api_crmCommunication", "api_crmCommunication"),
        ("own_api_crmCommunicationX", "own_api_crmCommunicationX"),
    ],
)
def test_a_kind_is_named_without_what_all_begin_with(kind, shown):
    assert console.short(kind) == shown


@pytest.mark.parametrize(
    ("value", "plain", "text"),
    [
        (None, "", "None"),
        (NOW.replace(microsecond=5), "2026-11-30 09:00:00Z", "2026-11-30T09:00:00.000005+00:00"),
        (0, "0", "0"),
        (Path("a/b"), "a/b", "a/b"),
    ],
)
def test_a_value_for_people_and_for_programs(value, plain, text):
    assert (console.plain(value), console.as_text(value)) == (plain, text)


def test_a_document_keeps_letters_as_they_are(capsys):
    console.write_json({"é": NOW, "b": [1]})
    assert capsys.readouterr().out == ('{\n  "é": "2026-11-30T09:00:00+00:00",\n  "b": [\n    1\n  ]\n}\n')
    console.answer("Done.", {"done": 1}, as_json=False)
    console.answer("Done.", {"done": 1}, as_json=True)
    assert capsys.readouterr().out == 'Done.\n{\n  "done": 1\n}\n'


# ---- messages


def test_a_list_shows_states_in_their_colours(monkeypatch):
    monkeypatch.setattr(output, "utc_now", lambda: after(7200))
    rows = [
        row("m1", state="sent", attempts=2) | REST | {"delivery": "opened"},
        row("m2", state="failed", to_name="Zoé", to_email="z@x.example", lane=0, kind=URGENT) | REST
        | {"reason": "no template"},
        row("m3", state="cancelled", to_email=None, lane=2) | REST,
    ]  # fmt: skip
    made = output.messages_table(rows)
    assert styles(made, "state") == ["green", "red", "dim"]
    assert cells(made) == {
        "id": ["m1", "m2", "m3"],
        "kind": ["CustomerWelcome", "UserPasswordReset", "CustomerWelcome"],
        "lane": ["normal", "urgent", "bulk"],
        "state": ["sent", "failed", "cancelled"],
        "delivery": ["opened", "", ""],
        "to": ["m1@client.example", "Zoé <z@x.example>", ""],
        "age": ["2 h"] * 3,
        "tries": ["2", "0", "0"],
        "why": ["it was opened", "no template", ""],
    }


@pytest.mark.parametrize(
    ("seconds", "why"), [(0, ""), (1, ""), (1.5, "leaves in 1 s"), (-60, ""), (7200, "leaves in 2 h")]
)
def test_a_message_whose_time_has_come_waits_for_nothing(monkeypatch, seconds, why):
    monkeypatch.setattr(output, "utc_now", lambda: NOW)
    waiting = row("m1", not_before=after(seconds)) | REST
    assert cells(output.messages_table([waiting]))["why"] == [why]
    assert cells(output.messages_table([waiting | {"state": "sending"}]))["why"] == [""]


def test_calls_are_shown_with_their_outcomes_in_colour():
    call = {"started_at": NOW, "code": "200", "why": "ok"}
    made = output._calls(
        story(
            attempts=[
                call | {"finished_at": after(1.234), "outcome": "sent"},
                call | {"finished_at": after(0), "outcome": "failed", "code": None, "why": None},
                call | {"finished_at": after(60), "outcome": "unknown"},
            ]
        )
    )
    assert made.title == "\nCalls to Mailjet"
    assert styles(made, "outcome") == ["green", "red", "red"]
    assert cells(made) == {
        "call at": ["2026-11-30 09:00:00Z"] * 3,
        "took": ["1.23 s", "0.00 s", "60.00 s"],
        "outcome": ["sent", "failed", "unknown"],
        "code": ["200", "", "200"],
        "why": ["ok", "", "ok"],
    }


def test_the_facts_of_a_message_in_their_order():
    file = {"filename": "a.pdf", "size": 61_000}
    about = {
        "state": "failed", "lane": 0, "language": "fr", "customer_id": "C", "invoice_id": "7", "delivery": "open",
        "attachments": [file, file], "not_before": after(60), "expires_at": after(120), "mailjet_id": 0, "mailjet_uuid": "",
    }  # fmt: skip
    made = output._facts(story(about, suppressed="spam"), None)
    assert made.show_header is False
    names, values = (list(map(str, column._cells)) for column in made.columns)
    facts = dict(zip(names, values, strict=True))
    assert list(facts) == [
        "id", "kind", "state", "lane", "to", "suppressed", "language", "customer", "invoice", "key", "variables",
        "attachments", "accepted", "not before", "expires", "Mailjet's id", "delivery",
    ]  # fmt: skip
    assert facts["attachments"] == "a.pdf (61 kB), a.pdf (61 kB)"
    assert (facts["lane"], facts["suppressed"], facts["Mailjet's id"]) == ("urgent", "spam", "0")
    moments = [facts[name] for name in ("accepted", "not before", "expires")]
    assert moments == [f"2026-11-30 09:0{n}:00Z" for n in range(3)]
    assert str(made.columns[1]._cells[2].style) == "red", "the state"


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ({"user_name": "Zoé", "reset_url": "https://x"}, "user_name = Zoé\nreset_url = ***"),
        ({"user_name": "Zoé"}, "user_name = Zoé\nreset_url (wiped)"),
        (None, "reset_url (wiped)"),
    ],
)
def test_a_secret_that_was_wiped_is_named(values, shown):
    assert output._variables(values, KINDS[URGENT]) == shown


@pytest.mark.parametrize(
    ("detail", "shown"),
    [
        (None, ""),
        ("text", ""),
        ({}, ""),
        (
            {"source": "JMRPP", "blocked": True, "comment": "c", "error": "e", "error_related_to": "domain", "email": "z@x.example"},
            "error_related_to: domain, error: e, comment: c, blocked: True, source: JMRPP",
        ),
        ({"hard_bounce": False, "error": ""}, ""),
        ({"hard_bounce": True, "url": "https://x", "ip": "127.0.0.1"}, "hard_bounce: True"),
    ],
)  # fmt: skip
def test_an_events_particulars_are_shown_without_the_persons(detail, shown):
    assert output._detail(detail) == shown


@pytest.fixture
def of(ledger):
    """A container over the ledger, with these messages."""
    from sqlalchemy import insert  # noqa: PLC0415 - only what writes rows needs it

    from mailworker.ledger.tables import events, messages, timeline  # noqa: PLC0415

    with ledger.write() as connection:
        connection.execute(insert(messages), [row("abcdef01", state="failed") | REST, row("abcdeg01") | REST])
        step = {"message_id": "abcdef01", "at": NOW}
        connection.execute(
            insert(timeline),
            [step | {"what": what, "why": "w"} for what in ("ready", "sending", "failed", "note")],
        )
        event = {"id": "e", "message_id": "abcdef01", "event": "open", "at": NOW, "received_at": NOW}
        connection.execute(insert(events), [event | {"detail": None}])
    return SimpleNamespace(ledger=ledger, settings=SimpleNamespace(kinds=KINDS))


def test_a_life_has_its_steps_and_its_events_under_their_titles(of, monkeypatch):
    printed = []
    monkeypatch.setattr(output, "console", lambda: SimpleNamespace(print=printed.append))
    output.life(of, "abcdef…")
    assert [made.title for made in printed] == [None, "\nWhat happened", "\nWhat Mailjet told"]
    assert cells(printed[1])["what"] == ["ready", "sending", "failed", "note"]
    assert styles(printed[1], "what") == ["", "", "red", ""]
    assert cells(printed[2]) == {"when": ["2026-11-30 09:00:00Z"], "event": ["open"], "detail": [""]}


@pytest.mark.parametrize(
    ("id_", "found"), [("abcdef01", "abcdef01"), ("abcdef01…", "abcdef01"), ("abcdeg…", "abcdeg01")]
)
def test_an_id_is_found_as_it_was_copied_from_a_narrow_table(of, id_, found):
    assert output.story_of(of, id_).message["id"] == found


@pytest.mark.parametrize(
    ("count", "sentence"),
    [
        (0, ""),
        (1, " 1 had moved on meanwhile and was left alone."),
        (2, " 2 had moved on meanwhile and were left alone."),
    ],
)
def test_what_moved_on_meanwhile_is_counted(count, sentence):
    assert _others(count) == sentence


def test_a_change_of_many_is_noted_by_their_kinds():
    assert _named([row("m1")]) == "m1"
    assert _named([row("m1", kind="b"), row("m2", kind="a"), row("m3", kind="b")]) == "a, b"


# ---- the doctor


WELL, WRONG = "\x1b[32m✓\x1b[0m Redis", "\x1b[31m✗\x1b[0m Redis"
FAULT, NOTE = "a fault that is not broken", "a note that is not broken"


@pytest.mark.parametrize(
    ("quiet", "sentences", "printed", "sum_"),
    [
        (False, (), [WELL], ["All is well."]),
        (False, (Note(NOTE),), [WELL, f"    {NOTE}"], ["All is well."]),
        (False, (FAULT, Note(NOTE)), [WRONG, f"    {FAULT}", f"    {NOTE}"], ["1 to mend."]),
        (True, (FAULT, Note(NOTE)), [WRONG, f"    {FAULT}"], ["1 to mend."]),
        (True, (Note(NOTE),), [], []),
    ],
)
def test_a_finding_is_marked_in_its_colour_and_broken_by_the_terminal_alone(
    monkeypatch, quiet, sentences, printed, sum_
):
    shown = io.StringIO()
    made = SafeConsole(file=shown, force_terminal=True, color_system="standard", no_color=False, width=14)
    monkeypatch.setattr(doctor_output, "console", lambda: made)
    report = doctor_output.PrintedReport(quiet=quiet)
    report.add(Finding("redis", "Redis", sentences))
    assert shown.getvalue().splitlines() == printed
    assert report.end() == int(FAULT in sentences)
    assert shown.getvalue().splitlines()[len(printed) :] == sum_


class Kept:
    """Jobs that Redis keeps: a stream's figures."""

    period = timedelta(hours=10)

    def __init__(self, stream, entries, size, since):
        self.stream, self._figures = stream, SimpleNamespace(entries=entries, bytes=size, since=since)

    def figures(self):
        return self._figures


@pytest.mark.parametrize(
    ("kept", "sentences"),
    [
        ([], []),
        ([Kept("a", 0, 0, None)], []),
        (
            [Kept("a", 1, 500, NOW - timedelta(hours=2)), Kept("b", 0, 0, None)],
            ["Redis keeps 1 entry of jobs and events of the last 2 h for `mailworker ledger refill`: 500 B of at most 2 kB."],
        ),
        (
            [Kept("a", 3, 901, NOW - timedelta(hours=8)), Kept("b", 1, 900, NOW - timedelta(hours=3))],
            [
                "Redis keeps 4 entries of jobs and events of the last 8 h for `mailworker ledger refill`: 2 kB of at most 2 kB.",
                "Redis keeps a of the last 8 h only, not of 10 h: raise worker.keep_jobs_bytes, if Redis has the memory.",
            ],
        ),
        (
            [Kept("a", 3, 1000, NOW - timedelta(hours=9))],
            ["Redis keeps 3 entries of jobs and events of the last 9 h for `mailworker ledger refill`: 1 kB of at most 1 kB."],
        ),
    ],
)  # fmt: skip
def test_what_redis_keeps_is_said_and_where_it_is_too_little(kept, sentences):
    container = SimpleNamespace(kept=lambda: kept, keeping=SimpleNamespace(max_bytes=1000))
    found = list(kept_faults(container, NOW))
    assert [*map(str, found)] == sentences
    assert all(isinstance(one, Note) for one in found)


# ---- contacts and campaigns


@pytest.mark.parametrize(
    ("soonest", "still"),
    [
        (None, True),
        (NOW + timedelta(minutes=2), False),
        (NOW + timedelta(minutes=2, seconds=1), True),
        (NOW, False),
    ],
)
def test_a_sync_is_watched_while_something_moves_soon(monkeypatch, ledger, soonest, still):
    monkeypatch.setattr(full_sync.contact_counts, "next_move", lambda _: soonest)
    container = SimpleNamespace(ledger=ledger, clock=lambda: NOW)
    assert full_sync._stands_still(container) is still


def test_contacts_on_their_way_are_those_that_wait(monkeypatch, ledger):
    states = {"pending": 1, "flying": 20, "waiting": 300, "refused": 4000, "in_step": 50_000}
    monkeypatch.setattr(full_sync.contact_counts, "by_state", lambda _: states)
    assert full_sync._on_the_way(SimpleNamespace(ledger=ledger)) == 321


@pytest.mark.parametrize(
    ("minutes", "lasts"),
    [(0.99, "less than a minute"), (1, "1 min at least"), (2.6, "3 min at least")],
)
def test_how_long_a_push_lasts_at_least(minutes, lasts):
    plan = SimpleNamespace(contacts=3, calls=2, duration=lambda _: timedelta(minutes=minutes))
    assert full_sync.plan_sentence(plan, 60) == (
        f"To push: 3 contacts. About 2 calls, {lasts}; mail goes first."
    )


@pytest.mark.parametrize(
    ("counts", "still", "naps", "reached"),
    [
        ([0], False, [], []),
        ([5, 3, 0], False, [0.5, 0.5], [2, 5]),
        ([5, 7, 0], False, [0.5, 0.5], [0, 5]),
        ([5], True, [], []),
    ],
)
def test_the_bar_of_a_push_shows_what_is_no_more_on_its_way(monkeypatch, counts, still, naps, reached):
    left, slept, shown, bars = list(counts), [], [], []

    class Bar:
        def __init__(self, *given):
            bars.append(given)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def reach(self, done):
            shown.append(done)

    monkeypatch.setattr(full_sync, "ProgressBar", Bar)
    monkeypatch.setattr(full_sync, "_on_the_way", lambda _: left.pop(0))
    monkeypatch.setattr(full_sync, "_step", lambda _: None)
    monkeypatch.setattr(full_sync, "_stands_still", lambda _: still)
    monkeypatch.setattr(full_sync, "time", SimpleNamespace(sleep=slept.append, monotonic=lambda: 0.0))
    full_sync._push_all(None)
    assert (bars, slept, shown) == ([("Telling Mailjet", counts[0])], naps, reached)


@pytest.mark.parametrize(("seconds", "counted"), [(5.0, 0), (5.5, 1)])
def test_a_busy_push_is_counted_every_five_seconds(monkeypatch, seconds, counted):
    moments, asked = iter([0.0, seconds, seconds, 9.0]), []
    pushed = iter([SimpleNamespace(alarm=None), None])

    def on_the_way(_):
        asked.append(1)
        return 1 if len(asked) == 1 else 0

    monkeypatch.setattr(full_sync, "_on_the_way", on_the_way)
    monkeypatch.setattr(full_sync, "_step", lambda _: next(pushed))
    monkeypatch.setattr(full_sync, "_stands_still", lambda _: True)
    clock = SimpleNamespace(sleep=lambda _: pytest.fail("it stands still"), monotonic=lambda: next(moments))
    monkeypatch.setattr(full_sync, "time", clock)
    full_sync._push_all(None)
    assert len(asked) == 1 + counted


def shown_by(monkeypatch, module):
    """What a module prints, and how."""
    done = []
    shown = SimpleNamespace(print=lambda what="", **how: done.append((what, how)))
    monkeypatch.setattr(module, "console", lambda: shown)
    return done


def test_what_needs_a_person_is_yellow(monkeypatch, ledger, redis):
    done = shown_by(monkeypatch, full_sync)
    upserted = SimpleNamespace(new=1, changed=2, unchanged=3)
    result = SimpleNamespace(
        upserted=upserted, customers=1, contacts=1, silent=0, faults=2, untraced=0, sentences=["s"]
    )
    full_sync._print_result(result, dry_run=False)
    assert done[-2:] == [
        ("2 records could not be read; what is known of them stays:", {"style": "yellow"}),
        ("  s", {}),
    ]
    done = shown_by(monkeypatch, status_output)
    counts = {
        "by_state": {"pending": 1}, "refused": [], "noted": [], "count_noted": 0, "count_unsubscribed": 4,
        "stuck": "no token",
    }  # fmt: skip
    for name, answer in counts.items():
        monkeypatch.setattr(status_output.contact_counts, name, lambda *_, a=answer, **__: a)
    status_output.show_status(SimpleNamespace(ledger=ledger, redis=redis))
    assert done[1:] == [
        ("Unsubscribed at Mailjet, and left so: 4", {}),
        ("Waiting because: no token", {"style": "yellow"}),
    ]
    done = shown_by(monkeypatch, campaign_output)
    campaign_output.show_figures({"id": "c", "name": "A", "state": "sent", "note": "late"}, {})
    assert done == [("A (c): sent", {}), ("late", {"style": "yellow"}), ("No figures yet.", {})]


def test_how_many_contacts_are_named_to_people_and_to_programs(monkeypatch, ledger, redis, capsys):
    asked = []

    def few(name):
        return lambda _, *, limit: asked.append((name, limit)) or []

    monkeypatch.setattr(status_output.contact_counts, "refused", few("refused"))
    monkeypatch.setattr(status_output.contact_counts, "noted", few("noted"))
    container = SimpleNamespace(ledger=ledger, redis=redis)
    status_output.show_status(container)
    status_output.write_status(container)
    assert asked == [("refused", 20), ("noted", 10), ("refused", 1000)]
    told = json.loads(capsys.readouterr().out.partition("\n")[2])
    assert told == {
        "contacts": {},
        "unsubscribed": 0,
        "refused": [],
        "waiting_because": None,
        "on_redis": 0,
        "full_sync": None,
    }


@pytest.mark.parametrize(
    ("email", "shown"), [("zoe@x.example", "zo…@x.example"), ("z@x.example", "z…@x.example")]
)
def test_an_address_is_masked_but_for_two_letters(email, shown):
    assert campaign_output.masked(email) == shown


def test_twenty_campaigns_are_listed(monkeypatch, ledger):
    asked = []
    monkeypatch.setattr(
        "mailworker.container.Container.from_environment",
        lambda: SimpleNamespace(ledger=ledger, settings=settings(), close=lambda: None),
    )
    monkeypatch.setattr(
        "mailworker.ledger.campaign_rows.latest", lambda _, *, limit: asked.append(limit) or []
    )
    assert CliRunner().invoke(build(), ["campaign", "list"]).exit_code == 0
    assert asked == [20]


# ---- the demo's table


def followed(state, *, arrived=1, size=None):
    message = row("m1", state=state, changed_at=after(1.5)) | {"reason": "away"}
    message["attachments"] = None if size is None else [{"size": size}]
    return Followed(Posted("m1", STRICT, "z@x.example", NOW), story(message), arrived)


def test_a_mail_of_the_demo_has_its_state_in_colour():
    *plain, attached, arrived = demo_output._row(followed("sent", size=61_000))
    assert (str(plain[2]), str(plain[2].style), plain[3]) == ("sent", "green", "1.50")
    assert (attached, arrived) == ("61 kB", 1)
    failed = demo_output._row(followed("failed", arrived=0))
    assert (str(failed[2].style), failed[3:]) == ("red", ("", "", 0))
    lost = Followed(Posted("m1", STRICT, "z@x.example", NOW), None, 0)
    assert (lost.state, lost.well, lost.seconds, lost.attached) == ("", False, None, 0)


@pytest.mark.parametrize(
    ("command", "defaults"),
    [
        ("bench", {"mails": 20_000, "folder": Path("var/bench")}),
        ("demo", {"folder": Path("var/demo"), "invoice": None, "keep": False}),
        (
            "dev",
            {
                "config": None,
                "demo": False,
                "folder": Path("var/dev"),
                "port": 8025,
                "web_port": 8070,
                "redis_port": 6399,
            },
        ),
        (
            "simulator",
            {
                "port": 8025,
                "host": "127.0.0.1",
                "config": None,
                "calls_per_minute": None,
                "index_delay": 2.0,
                "latency": 0.0,
                "strict_templates": False,
                "sender": None,
                "assume": None,
                "record": None,
            },
        ),
    ],
)
def test_the_defaults_of_a_trial(command, defaults):
    from importlib import import_module  # noqa: PLC0415 - modules by the names of commands

    made = import_module(f"mailworker.cli.{command}").command
    assert made.__kwdefaults__ == defaults


# ---- statistics


def test_a_percentage_has_one_decimal_and_none_is_a_dash():
    assert [stats._percent(share) for share in (None, 0.0, 0.0125, 1.0)] == ["-", "0.0%", "1.2%", "100.0%"]


def test_a_spreadsheet_of_statistics_ends_with_its_sum(capsys):
    counts = dict(zip(stats.COUNTS, range(len(stats.COUNTS)), strict=True))
    figures = SimpleNamespace(counts=lambda: counts)
    report = SimpleNamespace(
        with_total=lambda name: [SimpleNamespace(name=one, figures=figures) for one in ("=A", name)]
    )
    stats.write_csv(report, "campaign")
    numbers = ",".join(map(str, counts.values()))
    assert capsys.readouterr().out.splitlines() == [
        f"campaign,{','.join(stats.COUNTS)}",
        f"'=A,{numbers}",
        f"all campaigns,{numbers}",
    ]
