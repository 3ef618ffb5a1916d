"""What events do to messages and addresses, posted late, twice and in any order."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event as listen
from sqlalchemy import func, insert, inspect, select

from mailworker.config.builtin_kinds import KINDS
from mailworker.deliveries import Deliveries
from mailworker.ledger import Ledger
from mailworker.ledger.recipient_standings import suppressed
from mailworker.ledger.tables import events as events_table
from mailworker.ledger.tables import messages, metadata, suppressions, timeline
from mailworker.mailjet.parse_webhook import parse_events
from mailworker.rules.pseudonym import pseudonym

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PASSWORD_RESET = "api_crmCommunicationUserPasswordReset"
WELCOME = "api_crmCommunicationUserWelcome"


@pytest.fixture
def ledger(tmp_path):
    found = Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    yield found
    found.close()


def row(id_="m-1", **changes):
    values = {
        "id": id_,
        "idempotency_key": id_,
        "fingerprint": "f",
        "kind": WELCOME,
        "lane": 1,
        "language": "fr",
        "to_email": "Claire@example.com",
        "variables": {},
        "recipients": 1,
        "content_bytes": 1,
        "state": "sent",
        "not_before": NOW,
        "attempts": 1,
        "lookups": 0,
        "accepted_at": NOW,
        "changed_at": NOW,
    }
    return values | changes


def put(ledger, *rows):
    with ledger.write() as connection:
        for one in rows:
            connection.execute(insert(messages).values(one))


def event(name="sent", custom_id="m-1", second=0, **fields):
    at = int((NOW + timedelta(seconds=second)).timestamp())
    posted = {"event": name, "time": at, "CustomID": custom_id, "email": "claire@example.com"}
    return posted | {"MessageID": 10**17 + crc32(custom_id.encode())} | fields


def record(ledger, *raw, now=NOW):
    return Deliveries(ledger, KINDS).record(parse_events(list(raw)), now=now)


def message(ledger, id_="m-1"):
    with ledger.read() as connection:
        return dict(connection.execute(select(messages).where(messages.c.id == id_)).mappings().one())


def story(ledger, id_="m-1"):
    with ledger.read() as connection:
        query = select(timeline.c.what, timeline.c.why).where(timeline.c.message_id == id_)
        return connection.execute(query.order_by(timeline.c.at, timeline.c.what)).all()


def listed(ledger, email="claire@example.com"):
    with ledger.read() as connection:
        return suppressed(connection, [email]).get(email)


HARD = {"hard_bounce": True, "error_related_to": "recipient", "error": "user unknown"}
SOFT = {"hard_bounce": False, "error_related_to": "recipient", "error": "quota exceeded"}
GREY = {"hard_bounce": False, "error_related_to": "domain", "error": "greylisted"}


@pytest.mark.parametrize(
    ("raw", "delivery", "reason"),
    [
        (event("sent"), "delivered", None),
        (event("open"), "opened", None),
        (event("click", url="https://example.com/reset?token=1"), "clicked", None),
        (event("bounce", **HARD), "bounced", "hard_bounce"),
        (event("bounce", **SOFT), "soft_bounced", None),
        (event("bounce", **GREY), "deferred", None),
        (event("blocked", error_related_to="mailjet", error="preblocked"), "blocked", "preblocked"),
        (event("spam", source="JMRPP"), "spam", "spam"),
        (event("unsub"), "unsubscribed", "unsubscribed"),
        (event("forwarded"), None, None),  # a word we do not know yet
    ],
)
def test_each_event_shows_on_the_message_and_its_address(ledger, raw, delivery, reason):
    put(ledger, row())
    record(ledger, raw)
    assert message(ledger)["delivery"] == delivery
    assert [what for what, _ in story(ledger)] == [delivery or raw["event"]]
    assert listed(ledger) == reason


def test_an_event_told_again_changes_nothing(ledger):
    put(ledger, row())
    first = record(ledger, event("open"), event("open"))
    again = record(ledger, event("open"))
    assert (first.new, first.repeated, again.new, again.repeated) == (1, 1, 0, 1)
    assert len(story(ledger)) == 1


def test_an_operator_who_takes_an_address_off_the_list_is_not_overruled_by_a_repetition(ledger):
    put(ledger, row())
    record(ledger, event("bounce", **HARD))
    with ledger.write() as connection:
        connection.execute(suppressions.delete())
    record(ledger, event("bounce", **HARD))
    assert listed(ledger) is None


@pytest.mark.parametrize("state", ["unknown", "ready", "sending"])
def test_an_event_proves_that_mailjet_has_the_message(ledger, state):
    put(
        ledger,
        row(
            state=state,
            kind=PASSWORD_RESET,
            lease="l",
            variables={"reset_url": "https://crm.example/r/1", "user_name": "Claire"},
        ),
    )
    recorded = record(ledger, event("sent", MessageID=2**60, Message_GUID="9f3c"))
    found = message(ledger)
    assert recorded.proved == 1
    assert (found["state"], found["lease"], found["mailjet_id"]) == ("sent", None, 2**60)
    assert found["mailjet_uuid"] == "9f3c"
    assert "reset_url" not in found["variables"]
    assert ("sent", "accepted by Mailjet: its event 'sent' proves it") in story(ledger)


def test_what_failed_here_but_is_at_mailjet_is_sent_and_never_replayed(ledger):
    put(ledger, row(state="failed"))

    recorded = record(ledger, event("sent"))

    assert recorded.proved == 1
    assert message(ledger)["state"] == "sent"
    assert recorded.alarms == (), "it is where it should be"


def test_our_own_id_names_the_message_where_mailjets_number_is_anothers(ledger):
    put(ledger, row(), row("m-2", mailjet_id=7))
    record(ledger, event("open", MessageID=7))
    assert (message(ledger)["delivery"], message(ledger, "m-2")["delivery"]) == ("opened", None)


def test_a_copys_number_is_not_the_messages(ledger):
    put(ledger, row(cc=[{"email": "copy@example.com", "name": ""}]))
    record(ledger, event("sent", email="copy@example.com", MessageID=9))
    assert message(ledger)["mailjet_id"] is None
    record(ledger, event("sent", MessageID=8))
    assert message(ledger)["mailjet_id"] == 8


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_faults_of_ours_the_reason_is_the_same_in_whatever_order_they_come(ledger, order):
    put(ledger, row())
    faults = [event("blocked", second=n, error_related_to="content", error=f"fault {n}") for n in (1, 2)]
    record(ledger, *faults[::order])
    assert message(ledger)["reason"].startswith("Mailjet did not deliver it: content, fault 2. ")


@pytest.mark.parametrize("state", ["cancelled", "expired"])
def test_mail_that_should_not_be_out_raises_an_alarm_and_keeps_its_state(ledger, state):
    put(ledger, row(state=state))
    recorded = record(ledger, event("sent"))
    assert message(ledger)["state"] == state
    assert "m-1" in recorded.alarms[0]


def test_a_broken_template_is_our_fault_and_says_so_once(ledger):
    put(ledger, row(), row("m-2"))
    broken = {"error_related_to": "content", "error": "error in template language"}
    recorded = record(ledger, event("blocked", **broken), event("blocked", "m-2", **broken))
    assert len(recorded.alarms) == 1
    assert "2 MAIL(S)" in recorded.alarms[0]
    assert WELCOME in recorded.alarms[0]
    assert "content, error in template language" in message(ledger)["reason"]
    assert listed(ledger) is None


def test_without_custom_id_the_message_id_tells(ledger):
    put(ledger, row(mailjet_id=77))
    record(ledger, event("open", "", MessageID="77"))
    assert message(ledger)["delivery"] == "opened"


def test_an_event_before_its_message_waits_for_it(ledger):
    raw = [event("sent", "", MessageID=5), event("bounce", "m-9", second=1, **HARD)]
    assert record(ledger, *raw).unmatched == 2
    put(ledger, row(mailjet_id=5), row("m-9", state="unknown"))
    Deliveries(ledger, KINDS).match_late(now=NOW + timedelta(days=1))
    assert message(ledger)["delivery"] == "delivered"
    assert (message(ledger, "m-9")["delivery"], message(ledger, "m-9")["state"]) == ("bounced", "sent")
    assert Deliveries(ledger, KINDS).match_late(now=NOW).words == {}
    assert len(story(ledger)) == 1


def test_foreign_events_are_forgotten_and_passing_troubles_pass(ledger):
    record(ledger, event("blocked", "campaign", error_related_to="mailjet", error="preblocked"))
    assert listed(ledger) == "preblocked"
    Deliveries(ledger, KINDS).tidy(now=NOW + timedelta(days=29))
    assert listed(ledger) == "preblocked"
    Deliveries(ledger, KINDS).tidy(now=NOW + timedelta(days=31))
    assert listed(ledger) is None
    with ledger.read() as connection:
        assert connection.execute(select(func.count()).select_from(events_table)).scalar() == 0


def test_five_mails_in_a_row_that_could_not_be_delivered_list_an_address_and_one_that_could_unlists_it(
    ledger,
):
    put(ledger, *(row(f"m-{n}") for n in range(6)))
    for n in range(4):
        record(
            ledger, event("bounce", f"m-{n}", second=n, **SOFT), event("blocked", f"m-{n}", second=n, **SOFT)
        )
    assert listed(ledger) is None
    record(ledger, event("bounce", "m-4", second=4, **SOFT))
    assert listed(ledger) == "soft_bounces"
    record(ledger, event("sent", "m-5", second=5))
    assert listed(ledger) is None


def test_a_copys_bounce_does_not_count_against_the_recipient(ledger):
    put(ledger, row(cc=[{"email": "boss@example.com", "name": ""}]))
    record(ledger, event("bounce", **HARD) | {"email": "boss@example.com"})
    assert (listed(ledger), listed(ledger, "boss@example.com")) == (None, "hard_bounce")
    assert "a copy" in story(ledger)[0][1]


def test_of_the_reader_nothing_is_kept_but_what_happened(ledger):
    put(ledger, row())
    reader = {"ip": "203.0.113.7", "agent": "Mozilla", "geo": "FR", "url": "https://crm.example/r/secret"}
    record(
        ledger, event("click", **reader), event("bounce", comment="550 <claire@example.com> unknown", **HARD)
    )
    with ledger.read() as connection:
        kept = str(connection.execute(select(events_table.c.detail)).all()) + str(story(ledger))
    for personal in ("203.0.113.7", "Mozilla", "secret", "claire@example.com"):
        assert personal not in kept


def test_an_event_after_an_erasure_does_not_bring_the_address_back(ledger):
    put(ledger, row(to_email=pseudonym("claire@example.com")))
    record(ledger, event("sent"), event("bounce", second=1, **HARD), event("spam", second=2))
    assert message(ledger)["delivery"] == "spam"
    assert listed(ledger) == "spam", "it stays suppressed all the same"
    with ledger.read() as connection:
        kept = [connection.execute(select(table)).all() for table in (events_table, suppressions, timeline)]
    assert "claire@example.com" not in str(kept)
    assert "a copy" not in str(kept)


_EVENTS = [
    event("sent", second=1),
    event("open", second=9),
    event("click", second=10),
    event("unsub", second=11),
    event("bounce", second=2, **SOFT),
    event("bounce", second=3, **GREY),
    event("bounce", "m-2", second=12, **HARD),
    event("blocked", "m-2", second=4, error_related_to="mailjet", error="preblocked"),
    event("spam", "m-2", second=13),
    *(event("bounce", f"s-{n}", second=20 + n, **SOFT) | {"email": "full@example.com"} for n in range(5)),
    event("sent", "s-2", second=23) | {"email": "full@example.com"},
]


@settings(max_examples=20)
@given(data=st.data())
def test_order_and_repetition_of_events_make_no_difference(tmp_path_factory, data):
    posted = data.draw(st.permutations(_EVENTS + data.draw(st.lists(st.sampled_from(_EVENTS), max_size=8))))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(posted)), max_size=4)) | {0, len(posted)})
    assert _end(posted, cuts) == _expected()


def _end(posted, cuts):
    ledger = Ledger.open("sqlite://")
    soft = (row(f"s-{n}", to_email="full@example.com") for n in range(5))
    put(ledger, row(state="unknown"), row("m-2", to_email="paul@example.com"), *soft)
    for start, stop in pairwise(cuts):
        record(ledger, *posted[start:stop])
    with ledger.read() as connection:
        states = connection.execute(
            select(messages.c.id, messages.c.state, messages.c.delivery, messages.c.mailjet_id).order_by(
                messages.c.id
            )
        ).all()
        lists = connection.execute(select(suppressions).order_by(suppressions.c.email)).all()
    stories = [story(ledger, one.id) for one in states]
    ledger.close()
    return states, lists, stories_without_proof(stories)


def stories_without_proof(stories):
    """Which event was the proof depends on which came first, rightly so."""
    return [
        [(what, why) for what, why in one if not (why or "").startswith("accepted by Mailjet")]
        for one in stories
    ]


_known = {}


def _expected():
    if not _known:
        _known["end"] = _end(_EVENTS, [0, len(_EVENTS)])
    return _known["end"]


@settings(max_examples=30)
@given(
    st.lists(
        st.fixed_dictionaries(
            {"event": st.text(max_size=40), "time": st.integers(-(10**13), 10**13)},
            optional={
                "MessageID": st.integers(0, 10**20) | st.text(max_size=4),
                "CustomID": st.text(max_size=60),
                "email": st.text(max_size=400),
                "error": st.text(max_size=400),
                "hard_bounce": st.booleans() | st.none(),
                "Message_GUID": st.text(max_size=50),
                "smtp_reply": st.text(st.characters(codec=None), max_size=40),
            },
        ),
        max_size=5,
    )
)
def test_nothing_in_an_event_can_stop_the_recording(raw):
    ledger = Ledger.open("sqlite://")
    good = [one for one in parse_events(raw) if hasattr(one, "id")]
    assert Deliveries(ledger, KINDS).record(good, now=NOW).new == len({one.id for one in good})
    ledger.close()


def test_500_events_take_few_statements(ledger):
    put(ledger, *(row(f"m-{n}", state="sent", to_email=f"c{n}@example.com") for n in range(250)))
    statements = []
    listen.listen(ledger._engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    raw = [
        event(name, f"m-{n}") | {"email": f"c{n}@example.com"}
        for n in range(250)
        for name in ("sent", "open")
    ]
    assert record(ledger, *raw).new == 500
    assert len(statements) < 15, statements


def test_the_tables_are_what_the_migrations_made(ledger):
    with ledger.read() as connection:
        found = {index["name"] for index in inspect(connection).get_indexes("messages")}
    assert found == {index.name for index in metadata.tables["messages"].indexes}


def test_a_copys_fate_is_the_copys_own(ledger):
    put(ledger, row(cc=[{"email": "boss@example.com", "name": ""}], mailjet_id=7))
    record(ledger, event(MessageID=7), event("open", MessageID=7, second=1))
    boss = {"email": "boss@example.com", "MessageID": 8}
    record(ledger, event("bounce", second=2, **HARD) | boss, event("spam", second=3) | boss)
    record(ledger, event("click", second=4) | boss)
    assert message(ledger)["delivery"] == "opened"
    assert (listed(ledger), listed(ledger, "boss@example.com")) == (None, "spam")
    copies = [(what, why) for what, why in story(ledger) if "a copy" in (why or "")]
    assert [what for what, _ in copies] == ["bounced", "spam", "clicked"]


def test_a_copy_is_told_from_the_mail_by_its_message_id_where_no_address_is_said(ledger):
    put(ledger, row(cc=[{"email": "boss@example.com", "name": ""}], mailjet_id=7))
    record(ledger, event(MessageID=7) | {"email": ""}, event("bounce", MessageID=8, **HARD) | {"email": ""})
    assert message(ledger)["delivery"] == "delivered"


@pytest.mark.parametrize(
    "written", ["claire@xn--exmple-cua.fr", "Claire@EXÄMPLE.fr", "claire@exa\u0308mple.fr"]
)
def test_an_event_tells_of_the_same_person_however_it_writes_them(ledger, written):
    put(ledger, row(to_email="Claire@exämple.fr"), row("m-2", to_email="claire@exämple.fr"))
    record(ledger, event("spam") | {"email": written})
    assert message(ledger)["delivery"] == "spam"
    assert "a copy" not in str(story(ledger))
    assert listed(ledger, "claire@exämple.fr") == "spam"
