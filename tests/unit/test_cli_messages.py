"""What `mailworker messages` shows of a message, does to many, and enqueues by hand."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from sqlalchemy import insert, select

from mailworker.cli import send_invoice_or_reminder
from mailworker.cli.message_commands.explain import explain
from mailworker.cli.message_commands.output import found, life, listing, rejected
from mailworker.cli.message_commands.replay_cancel import cancel_messages, replay_messages
from mailworker.cli.message_commands.upcoming import show_upcoming
from mailworker.core.lane import Lane
from mailworker.core.states import State
from mailworker.errors import BadInput, TransientError
from mailworker.ledger.holds import hold_by_hand
from mailworker.ledger.message_search import MessageFilter
from mailworker.ledger.operator_audit_log import latest_actions
from mailworker.ledger.suppressions import suppress
from mailworker.ledger.tables import attempts, events, messages, rejected_jobs, timeline
from mailworker.ledger.upcoming import UpcomingFilter, When
from mailworker.queue.celery_queues import MAIL
from mailworker.queue.envelope import seal
from mailworker.queue.redis_errors import StreamUnavailable
from mailworker.rules.job.idempotency_key import message_id
from tests.doubles import settings
from tests.redis_clock import simulated_redis
from tests.rows import NOW, STRICT, URGENT, after, row

REST = {"mailjet_id": None, "mailjet_uuid": None, "delivery": None, "reason": None}


@pytest.fixture
def container(ledger):
    made = SimpleNamespace(ledger=ledger, settings=settings(), redis=simulated_redis())
    made.breaker = SimpleNamespace(open_seconds=lambda: 0.0)

    def put(*rows, **others):
        with ledger.write() as connection:
            if rows:
                connection.execute(insert(messages), [row() | REST | one for one in rows])
            for table, more in (
                ("timeline", timeline),
                ("attempts", attempts),
                ("events", events),
                ("rejected", rejected_jobs),
            ):
                for one in others.get(table, ()):
                    connection.execute(insert(more), [one])

    made.put = put
    return made


@pytest.fixture
def said(capsys):
    """The lines printed since the last time, each without the space that lines columns up."""
    return lambda: [" ".join(line.split()) for line in capsys.readouterr().out.splitlines() if line.strip()]


def states(container):
    with container.ledger.read() as connection:
        return dict(map(tuple, connection.execute(select(messages.c.id, messages.c.state))))


# ---- shown


def test_a_list_and_the_books(container, said):
    listing(container, MessageFilter(), 2)
    assert said() == ["No message yet.", "In the ledger: nothing. 0 waiting, 0 final."]
    container.put(
        row("m1", to_name="Zoé", to_email="z@x.example", attempts=3, reason="later", changed_at=after(2)),
        row("m2", state="sent", delivery="open", kind=URGENT, lane=0, changed_at=after(1)),
        row("m3", state="sent"),
    )
    listing(container, MessageFilter(), 2)
    lines = said()
    assert lines[0] == "id kind lane state delivery to age tries why"
    assert lines[1].startswith("m1 CustomerWelcome normal ready Zoé <z@x.example> ")
    assert lines[1].endswith(" 3 later")
    assert lines[2].startswith("m2 UserPasswordReset urgent sent open m2@client.example ")
    assert lines[3:] == [
        "The first 2; more with --limit.",
        "In the ledger: 1 ready, 2 sent. 1 waiting, 2 final.",
    ]
    listing(container, MessageFilter(states=(State.FAILED,)), 2)
    assert said()[0] == "No message matches."
    found(container, "z@x.example", 9)
    assert [line.split()[0] for line in said()] == ["id", "m1"]
    with pytest.raises(BadInput, match="No message has this id, key, address"):
        found(container, "nobody@x.example", 9)


@pytest.mark.parametrize("scope", ["*", "lane:bulk", URGENT])
def test_a_list_says_what_a_message_waits_for(container, said, scope):
    far = datetime.now(UTC) + timedelta(days=3, hours=1)
    container.put(row("m4", kind=URGENT, lane=2), row("m5", not_before=far, lane=1, changed_at=after(-1)))
    with container.ledger.write() as connection:
        hold_by_hand(connection, scope, reason="prices", now=NOW)
    listing(container, MessageFilter(), 2)
    first, second = said()[1:3]
    assert first.endswith(" 0 held: prices")
    assert second.endswith(" 0 held: prices" if scope == "*" else " 0 leaves in 3 d")


def test_what_was_refused(container, said):
    rejected(container, 5)
    assert said() == ["No job was refused."]
    lost = {
        "at": NOW,
        "source": "stream",
        "kind": "k",
        "message_id": "m9",
        "faults": ["x: no", "y: no"],
        "payload": None,
    }
    container.put(rejected=[lost])
    rejected(container, 5)
    assert said()[1:] == ["1 2026-11-30 09:00:00Z stream k m9 x: no", "y: no"]


def test_one_messages_life(container, said):
    variables = {"user_name": "Zoé", "reset_url": "https://crm.example/secret"}
    file = {"filename": "a.pdf", "size": 61_000, "key": "k"}
    container.put(
        row(
            "abcdef01", kind=URGENT, lane=0, state="sent", variables=variables, attachments=[file], customer_id="C", invoice_id="7",
            to_email="z@x.example", mailjet_id=5, mailjet_uuid="u", delivery="open",
        ),
        row("abcdef02", idempotency_key="abcdef02", kind=URGENT, variables=None),
        timeline=[{"message_id": "abcdef01", "what": "sent", "at": after(2), "why": "accepted by Mailjet"}],
        attempts=[
            {"message_id": "abcdef01", "call_id": "c", "outcome": "sent", "started_at": after(1), "finished_at": after(2.25), "code": "200", "why": "ok"}
        ],
        events=[
            {"id": "e", "message_id": "abcdef01", "event": "bounce", "at": after(3), "received_at": NOW,
             "detail": {"error": "user unknown", "hard_bounce": True, "email": "z@x.example", "url": "https://x"}}
        ],
    )  # fmt: skip
    with container.ledger.write() as connection:
        suppress(connection, "z@x.example", reason="spam", source="s", now=NOW)
    life(container, "abcdef01")
    lines = said()
    for line in (
        "id abcdef01", f"kind {URGENT}", "state sent", "lane urgent", "to z@x.example", "suppressed spam", "customer C", "invoice 7",
        "key key-abcdef01", "variables user_name = Zoé", "reset_url = ***", "attachments a.pdf (61 kB)",
        "Mailjet's id 5", "Mailjet's UUID u", "delivery open", "2026-11-30 09:00:02Z sent accepted by Mailjet",
        "2026-11-30 09:00:01Z 1.25 s sent 200 ok", "2026-11-30 09:00:03Z bounce error: user unknown, hard_bounce: True",
    ):  # fmt: skip
        assert any(one == line or one.startswith(line) for one in lines), line
    assert "secret" not in "".join(lines)
    life(container, "ABCDEF02")
    lines = said()
    assert not [
        line for line in lines if line.startswith(("key", "Calls", "What Mailjet", "attachments", "expires"))
    ]
    with pytest.raises(BadInput, match="Several ids begin so: abcdef01, abcdef02"):
        life(container, "abcdef0")
    with pytest.raises(BadInput, match="No message has this id"):
        life(container, "zzzzzz")


def test_a_message_of_a_kind_that_left_shows_no_value(container, said):
    container.put(row("m1", kind="gone", variables={"a": "secret"}))
    life(container, "m1")
    assert "variables a = ***" in said()


# ---- explained


def test_what_is_known_of_an_address(container, said):
    container.put(*(row(f"m{n}", to_email="z@x.example", accepted_at=after(n)) for n in range(6)))
    container.put(
        timeline=[{"message_id": "m5", "what": "note", "at": NOW, "why": "Made fit for a mail: name"}]
    )
    with container.ledger.write() as connection:
        hold_by_hand(connection, STRICT, reason="maintenance", now=NOW)
        suppress(connection, "z@x.example", reason="unsubscribed", source="s", now=NOW)
    explain(container, "z@x.example")
    lines = said()
    assert lines[0].startswith("Service mail is sent to this address, marketing is not: ")
    assert lines[1] == "m5 CustomerWelcome to z@x.example, asked for at 2026-11-30 10:00 (Europe/Paris):"
    assert any("maintenance" in line for line in lines)
    assert "Also: Made fit for a mail: name." in lines
    assert lines[-1] == "The last 5; more with `mailworker messages search`."
    explain(container, "z@x.example", as_json=True)
    told = json.loads("".join(said()))
    assert ([one["id"] for one in told["messages"]], told["more"]) == (["m5", "m4", "m3", "m2", "m1"], True)
    assert told["messages"][0]["sentences"][0].startswith("m5 ")
    assert told["messages"][0]["said"] == told["messages"][0]["sentences"], "as programs of before read it"


@pytest.mark.parametrize(
    ("reason", "first"),
    [
        ("hard_bounce", "Nothing is sent to this address: "),
        ("unsubscribed", "Service mail is sent to this address"),
    ],
)
def test_an_address_without_a_message_is_told_by_what_stands_in_its_way(container, said, reason, first):
    with container.ledger.write() as connection:
        suppress(connection, "z@x.example", reason=reason, source="s", now=NOW)
    explain(container, "z@x.example")
    lines = said()
    assert lines[0].startswith(first)
    assert lines[1] == "No message to this address is in the ledger."


def test_an_address_without_a_consent_that_the_configuration_asks_for_gets_no_marketing(container, said):
    container.put(row("m1", to_email="z@x.example"))
    explain(container, "z@x.example")
    assert said()[0].startswith("m1 ")
    container.settings = settings("contacts: {consent: customer.custom_fields.ok}\n")
    explain(container, "z@x.example")
    why = "no consent of its owner to marketing is known"
    assert said()[0] == f"Service mail is sent to this address, marketing is not: {why}."


class Away:
    def __getattr__(self, name):
        raise RedisConnectionError("away")


def test_what_nobody_knows_is_said_with_where_to_look(container):
    with pytest.raises(BadInput, match="No message has this id, address, invoice, key"):
        explain(container, "nobody@x.example")
    lost = {
        "at": NOW,
        "source": "stream",
        "kind": STRICT,
        "message_id": "m9",
        "faults": ["x: no"],
        "payload": None,
    }
    container.put(rejected=[lost])
    with pytest.raises(BadInput, match="It became no message: x: no"):
        explain(container, "m9")
    container.redis.xadd(
        MAIL[Lane.NORMAL].stream, seal({"kind": STRICT, "to": "z@x.example", "idempotency_key": "k8"}, NOW)
    )
    with pytest.raises(BadInput, match="It is on its way: no worker has taken it from Redis yet"):
        explain(container, message_id("k8"))
    container.redis = Away()
    with pytest.raises(StreamUnavailable, match="Redis does not answer"):
        explain(container, message_id("k8"))


@pytest.mark.parametrize("state", ["sent", "cancelled"])
def test_of_an_erased_message_what_is_left_is_shown_everywhere(container, said, state):
    nothing = dict.fromkeys(("variables", "to_name", "customer_id", "cc", "bcc", "attachments"))
    container.put(row("m1erased", state=state, to_email="erased:1f", **nothing))
    for show in (explain, life, lambda of, id_: listing(of, MessageFilter(ids=(id_,)), 9)):
        show(container, "m1erased")
        assert any(line.startswith(("m1erased", "id m1erased")) for line in said())


# ---- done by hand


def test_what_failed_is_shown_first_and_sent_again_when_told_to(container, said):
    container.put(
        row("m1", state="failed", reason="no template"),
        row("m2", state="failed", expires_at=NOW - timedelta(days=400)),
        row("m3", state="sent"),
    )
    wanted = MessageFilter(states=(State.FAILED,))
    replay_messages(container, wanted, limit=9, act=False)
    lines = said()
    assert lines[-1] == "1 would be sent again. Do it with --yes."
    assert any(line.startswith("m2 ") for line in lines[lines.index("id cannot be sent again, because") :])
    assert states(container)["m1"] == "failed"
    replay_messages(container, wanted, limit=9, act=False, as_json=True)
    told = json.loads("".join(said()))
    assert ([one["id"] for one in told["messages"]], list(told["hindered"])) == (["m1"], ["m2"])
    assert (told["done"], told["moved"]) == (False, 0)
    replay_messages(container, wanted, limit=9, act=True)
    assert said()[-1] == "1 is on its way again."
    assert states(container) == {"m1": "ready", "m2": "failed", "m3": "sent"}
    with container.ledger.read() as connection:
        (done,) = latest_actions(connection, limit=9)
    assert (str(done.what), done.target, done.why, done.affected) == ("replay", "m1", "", 1)
    with pytest.raises(BadInput, match="No message matches"):
        replay_messages(container, MessageFilter(states=(State.UNKNOWN,)), limit=9, act=True)


def test_what_has_not_left_is_shown_first_and_cancelled_when_told_to(container, said):
    secret = {"user_name": "Zoé", "reset_url": "https://crm.example/secret", "expiry_time": "x"}
    container.put(row("m1"), row("m2", kind=URGENT, lane=0, variables=secret), row("m3", state="sent"))
    with pytest.raises(BadInput, match="Say which messages"):
        cancel_messages(container, MessageFilter(), limit=9, act=True, why="w")
    wanted = MessageFilter(since=NOW - timedelta(days=1))
    cancel_messages(container, wanted, limit=9, act=False, why="w")
    assert said()[-1] == "2 would be cancelled. Do it with --yes."
    assert set(states(container).values()) == {"ready", "sent"}
    cancel_messages(container, wanted, limit=1, act=False, why="w", as_json=True)
    told = json.loads("".join(said()))
    assert (len(told["messages"]), told["done"], told["moved"]) == (1, False, 0)
    cancel_messages(container, wanted, limit=9, act=True, why="by phone")
    assert said()[-1] == "2 are cancelled."
    assert states(container) == {"m1": "cancelled", "m2": "cancelled", "m3": "sent"}
    with container.ledger.read() as connection:
        (done,) = latest_actions(connection, limit=9)
        (kept,) = connection.execute(select(messages.c.variables).where(messages.c.id == "m2")).scalars()
    assert (str(done.what), done.target, done.why, done.affected) == (
        "cancel",
        f"{STRICT}, {URGENT}",
        "by phone",
        2,
    )
    assert "secret" not in json.dumps(kept)
    with pytest.raises(BadInput, match="No message matches"):
        cancel_messages(container, wanted, limit=9, act=True, why="w")


class Client:
    """Takes what staff enqueue."""

    def __init__(self):
        self.asked, self.closed = [], 0

    def send_invoice_reminder(self, id_, **more):
        self.asked.append(("reminder", id_, more))
        return "m1"

    def send_invoice(self, **more):
        self.asked.append(("invoice", more))
        return "m2"

    def close(self):
        self.closed += 1


@pytest.fixture
def client(container, monkeypatch):
    made = Client()

    def connect(url, **given):
        worker = container.settings.worker
        assert url == worker.redis_url
        assert given == {"kinds": container.settings.kinds, "language": "fr", "timezone": worker.timezone}
        return made

    monkeypatch.setattr("mailworker.client.MailClient", connect)
    monkeypatch.setattr(send_invoice_or_reminder, "utc_now", lambda: NOW)
    known = {"7": SimpleNamespace(invoice_id="7"), "FA-7": SimpleNamespace(invoice_id="7")}
    monkeypatch.setattr(
        send_invoice_or_reminder, "find_invoice", lambda ledger, crm, number: known.get(number)
    )
    container.settings = settings("crm: {source: demo}\n")
    container.crm = "crm"
    return made


def test_an_invoice_is_named_by_its_number_and_sent_by_its_id(container, client):
    assert send_invoice_or_reminder.send_reminder(container, "FA-7", again=False) == "m1"
    assert send_invoice_or_reminder.send_reminder(container, "FA-7", again=True) == "m1"
    assert send_invoice_or_reminder.send_invoice(container, "FA-7", to="a@x.example", again=True) == "m2"
    whole = {"invoice_number": "N" * 300}
    assert send_invoice_or_reminder.send_invoice(container, whole, to=None, again=True) == "m2"
    assert send_invoice_or_reminder.send_invoice(container, whole, to=None, again=False) == "m2"
    moment = "2026-11-30T09:00:00"
    assert client.asked == [
        ("reminder", "7", {"idempotency_key": None}),
        ("reminder", "7", {"idempotency_key": f"by-hand:7:{moment}"}),
        (
            "invoice",
            {"invoice_id": "7", "to": "a@x.example", "idempotency_key": f"copy:FA-7:a@x.example:{moment}"},
        ),
        ("invoice", {"invoice": whole, "to": None, "idempotency_key": f"copy:{'N' * 195}"}),
        ("invoice", {"invoice": whole, "to": None, "idempotency_key": None}),
    ]
    assert client.closed == 5


@pytest.mark.parametrize(
    ("id_", "seconds", "note"),
    [
        ("m1", 0, ""),
        ("m2", 1, ""),
        (
            "m1",
            1,
            "Nothing new is sent: the same was asked for at 2026-11-30 10:00 (Europe/Paris), and is sent. --again sends a copy.\n",
        ),
    ],
)
def test_what_was_sent_by_hand_before_is_said_to_be_no_new_mail(container, capsys, id_, seconds, note):
    container.put(row("m1", accepted_at=NOW, state="sent"))
    send_invoice_or_reminder.print_id(container, id_, after(seconds), as_json=False)
    assert tuple(capsys.readouterr()) == (f"{id_}\n", note)
    send_invoice_or_reminder.print_id(container, id_, after(seconds), as_json=True)
    out, err = capsys.readouterr()
    assert (json.loads(out), err) == ({"message": id_, "new": not note}, note)


def test_what_the_crm_does_not_know_is_not_sent(container, client):
    with pytest.raises(BadInput, match="FA-9: the CRM knows no invoice of this id"):
        send_invoice_or_reminder.send_reminder(container, "FA-9", again=False)
    container.settings = settings()
    with pytest.raises(BadInput, match="No CRM is connected"):
        send_invoice_or_reminder.send_invoice(container, "FA-7", to=None, again=False)
    assert client.asked == []


@pytest.mark.parametrize(("open_for", "in_turn"), [(0.0, "in its turn"), (9.0, "when Mailjet answers again")])
def test_what_is_still_to_leave_is_listed_with_what_it_waits_for(container, said, open_for, in_turn):
    container.breaker = SimpleNamespace(open_seconds=lambda: open_for)
    container.put(
        row("m-now"),
        row("m-later", not_before=after(60)),
        row("m-sent", state="sent"),
        row("m-held", state="held"),
    )
    asked = [UpcomingFilter(when) for when in (When.NOW, When.LATER, When.HELD)]
    show_upcoming(container, asked, now=NOW, limit=9, as_json=True)
    told = {
        one["id"]: (one["when"], one["leaves_at"], one["until"])
        for one in json.loads("\n".join(said()))["messages"]
    }
    assert told == {
        "m-now": ("now", None, in_turn),
        "m-later": ("later", after(60).isoformat(), None),
        "m-held": ("held", None, "when its campaign goes on"),
    }
    show_upcoming(container, asked[:1], now=NOW, limit=1, as_json=False)
    lines = said()
    assert in_turn in lines[1]
    assert lines[-1] == "The first 1 of a list; more with --limit."
    show_upcoming(container, [UpcomingFilter(When.LATER, lane=Lane.BULK)], now=NOW, limit=9, as_json=False)
    assert said() == ["No message is still to leave."]


def test_without_redis_nobody_knows_of_an_outage_and_the_list_is_shown(container, said):
    def away():
        raise TransientError("Redis does not answer")

    container.breaker = SimpleNamespace(open_seconds=away)
    container.put(row("m-now"))
    show_upcoming(container, [UpcomingFilter(When.NOW)], now=NOW, limit=9, as_json=False)
    assert "in its turn" in said()[1]
