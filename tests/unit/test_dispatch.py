"""One call's story, branch by branch: which messages leave, and what becomes of each."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from mailworker.core.lane import Lane
from mailworker.core.settlement import Receipt
from mailworker.core.states import State
from mailworker.dispatch import DispatchDependencies, Dispatcher
from mailworker.errors import (
    BadInput,
    MailworkerError,
    Misconfigured,
    PermanentError,
    Refused,
    RefusedWithoutReason,
    Throttled,
    TooLarge,
    TransientError,
    UnknownOutcome,
    Unreachable,
)
from mailworker.ledger import Ledger
from mailworker.ledger.claiming import Lease, begin_call
from mailworker.ledger.holds import current_holds, hold, hold_by_hand, release
from mailworker.ledger.insert_messages import accept
from mailworker.ledger.sqlite_write_queue import LedgerUnavailable
from mailworker.ledger.stuck_messages import strand
from mailworker.ledger.suppressions import suppress
from mailworker.ledger.tables import attempts, messages, timeline
from mailworker.limits.breaker_state import BreakerUnavailable
from mailworker.limits.rate_limit_by_lane import BucketUnavailable
from mailworker.rules.campaign_rules import key_of
from mailworker.rules.circuit_breaker import Clearance
from mailworker.rules.pre_send.verdicts import Cancel, Wait
from mailworker.rules.pseudonym import pseudonym
from tests.doubles import (
    Clock,
    FakeBreaker,
    FakeBucket,
    FakeFiles,
    FakePost,
    MemoryJournal,
    settings,
    silence,
)
from tests.rows import NOW, STRICT, URGENT, after, row
from tests.unit.test_contact_call_rows import contact
from tests.unit.test_contact_call_rows import put as put_contact

NEWS = "api_crmCommunicationOurNews"
INVOICE = "api_crmCommunicationCustomerInvoice"
#: As rows name a file that had no digest yet, and as they do now.
BY_SIZE = [{"key": "a", "filename": "a.pdf", "content_type": "application/pdf", "size": 4}]
A_FILE = [BY_SIZE[0] | {"sha256": "315d429b7714cedb6ad04ac31240145257692630457f3c88253c5beceac76027"}]


class World:
    """A dispatcher with everything around it."""

    def __init__(self, path, extra="", *, answer=None, files=(), recheck=lambda rows: {}):
        self.ledger = Ledger.open(f"sqlite:///{path}")
        self.post, self.bucket, self.clock = FakePost(answer), FakeBucket(), Clock()
        self.breaker = FakeBreaker()
        deps = DispatchDependencies(
            self.ledger,
            self.bucket,
            self.post,
            FakeFiles(**dict(files)),
            recheck,
            self.breaker,
            MemoryJournal(),
        )
        self.dispatcher = Dispatcher(settings(extra), deps, clock=self.clock)

    def put(self, *rows):
        with self.ledger.write() as connection:
            accept(connection, rows, NOW)
        return self

    def go(self, lane=Lane.NORMAL):
        return self.dispatcher.dispatch_once(lane, patience=1)

    def until_nothing_is_left(self):
        while any(self.go(lane) for lane in Lane):
            self.clock.advance(0.3)

    def __getitem__(self, id_):
        with self.ledger.read() as connection:
            return connection.execute(select(messages).where(messages.c.id == id_)).mappings().one()

    def attempts(self):
        with self.ledger.read() as connection:
            return connection.execute(select(func.count()).select_from(attempts)).scalar_one()

    def holds(self):
        with self.ledger.read() as connection:
            return {one.scope: one for one in current_holds(connection)}

    def story(self, id_):
        with self.ledger.read() as connection:
            query = select(timeline.c.what, timeline.c.why).where(timeline.c.message_id == id_)
            return [tuple(one) for one in connection.execute(query.order_by(timeline.c.id))]


@pytest.fixture
def world(ledger_file):
    worlds = []

    def make(*rows, **options):
        worlds.append(World(ledger_file, **options).put(*rows))
        return worlds[-1]

    yield make
    for one in worlds:
        one.ledger.close()


def test_failures_are_told_by_their_reason_not_by_the_message(world):
    fates = {
        "a": Refused("no [id 1]", code="mj-0013"),
        "b": Refused("no [id 2]", code="mj-0013"),
        "c": TooLarge("big"),
    }
    w = world(*[row(id_) for id_ in "abcd"], answer=lambda mail: fates.get(mail.id, Receipt(1, "u")))
    assert sorted(w.go().alarms) == [
        "1 message failed for good, the first c: big",
        "2 messages failed for good, the first a: no [id 1]",
    ]


def raising(fault):
    def answer(_mail):
        raise fault

    return answer


# --- what an answer does ----------------------------------------------------------------------------------

FATES = [
    (Receipt(2**60, "u"), State.SENT, None, []),
    (UnknownOutcome("hm"), State.UNKNOWN, 30, []),
    (Refused("no", code="mj-0013"), State.FAILED, None, []),
    (TooLarge("no"), State.FAILED, None, []),
    (Throttled("slow", retry_after=9), State.READY, 0, []),
    (Misconfigured("help", code="mj-0015"), State.READY, 0, [STRICT]),
]


@pytest.mark.parametrize(("fate", "state", "pause", "held"), FATES)
def test_each_message_has_its_own_fate(world, fate, state, pause, held):
    w = world(row("bad"), row("good"), answer=lambda mail: fate if mail.id == "bad" else Receipt(1, "u"))
    done = w.go()
    assert done.called
    assert w["bad"]["state"] == state
    assert w["good"]["state"] == "sent"
    assert pause is None or w["bad"]["not_before"] == after(pause)
    assert list(w.holds()) == held
    assert len(done.alarms) == len(held) + (state is State.FAILED), "told, whatever it was"
    assert sum(done.outcomes.values()) == 2
    assert w.story("bad")[-1][0] == state


WHOLE = [
    # what befell the call, the messages' state, pause or not, held, alarmed
    (UnknownOutcome("time-out"), State.UNKNOWN, [], [], 0),
    (Unreachable("refused"), State.READY, [], [], 0),
    (Throttled("429", retry_after=17), State.READY, [17], [], 1),
    (Misconfigured("401", code="401"), State.READY, [], ["*"], 1),
]


@pytest.mark.parametrize(("fault", "state", "pauses", "held", "alarms"), WHOLE)
def test_what_befalls_the_whole_call(world, fault, state, pauses, held, alarms):
    w = world(row("m1"), row("m2"), answer=raising(fault))
    done = w.go()
    assert done.outcomes == {state: 2}
    assert {w[id_]["state"] for id_ in ("m1", "m2")} == {state}
    assert (w.bucket.pauses, list(w.holds()), len(done.alarms)) == (pauses, held, alarms)
    assert w["m1"]["lease"] is None
    with w.ledger.read() as connection:
        assert [one.outcome for one in connection.execute(select(attempts))] == [state, state]


@pytest.mark.parametrize("fault", [TooLarge("413"), Refused("mj-0003", code="mj-0003"), BadInput("no JSON.")])
def test_one_poisonous_message_is_isolated_by_halving(world, fault):
    rows = [row(f"m{n:02}") for n in range(50)]
    w = world(*rows)
    good = w.post.answer
    w.post.send_really = w.post.send

    def send(mails, *, call_id, sandbox=False):
        if any(mail.id == "m31" for mail in mails):
            w.post.calls.append([mail.id for mail in mails])
            raise fault
        return w.post.send_really(mails, call_id=call_id)

    w.post.send = send
    w.until_nothing_is_left()
    assert w["m31"]["state"] == "failed"
    assert w["m31"]["reason"] == str(fault)
    assert sorted(w.post.taken) == sorted({one["id"] for one in rows} - {"m31"}), "everybody else went, once"
    sizes = [len(call) for call in w.post.calls if "m31" in call]
    assert sizes == [50, 25, 12, 6, 3, 1]
    assert len(w.post.calls) <= 14
    assert good


def test_a_429_that_cannot_be_told_to_the_others_is_still_written_down(world):
    w = world(row("m1"), answer=raising(Throttled("429", retry_after=9)))

    def gone(_seconds):
        raise BucketUnavailable("ConnectionError.")

    w.bucket.pause = gone
    done = w.go()
    assert w["m1"]["state"] == "ready"
    assert "until Redis is back" in done.alarms[0]


def test_what_cannot_leave_waits_as_long_as_it_takes_and_pays_with_no_attempt(world):
    w = world(row("m1"), answer=raising(Unreachable("refused")))
    for _ in range(50):
        w.go()
    assert (w["m1"]["state"], w["m1"]["attempts"], w["m1"]["not_before"]) == ("ready", 0, NOW)
    w.post.answer = lambda _mail: Receipt(1, "u")
    w.go()
    assert w["m1"]["state"] == "sent"


def test_what_its_store_keeps_from_leaving_waits_longer_and_longer_but_is_never_given_up(world):
    w = world(row("m1", attachments=A_FILE), files={"a": TransientError("disk away")})
    for attempt in range(1, 30):
        w.go()
        waits = w["m1"]["not_before"] - w.clock.now
        assert timedelta(seconds=1) <= waits <= timedelta(seconds=15 * 2 ** (min(attempt, 3) - 1))
        assert w.go() is None, "not before its time"
        w.clock.advance(waits.total_seconds())
    assert (w["m1"]["state"], w["m1"]["attempts"]) == ("ready", 2), (
        "half of what a killer of workers may have"
    )


# --- the circuit breaker ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "reported"),
    [
        (raising(UnknownOutcome("503", retry_after=9)), ("unanswered", "503", 9)),
        (raising(Unreachable("refused")), ("unanswered", "refused", 0.0)),
        (lambda _: UnknownOutcome("hm"), ("unanswered", "hm", 0.0)),
        (lambda mail: UnknownOutcome("hm") if mail.id == "m1" else Receipt(1, "u"), ("answered", "call-1")),
        (raising(Throttled("429", retry_after=1)), ("answered", "call-1")),
        (raising(Misconfigured("401", code="401")), ("answered", "call-1")),
        (raising(TooLarge("413")), ("answered", "call-1")),
        (lambda _: Refused("no"), ("answered", "call-1")),
    ],
)
def test_the_breaker_hears_how_each_call_fared(world, answer, reported):
    w = world(row("m1"), row("m2"), answer=answer)
    w.go()
    assert w.breaker.told == [reported]


def test_a_try_carries_one_message_of_the_lowest_lane(world):
    w = world(row("u", lane=0, kind=URGENT), row("n"), row("b", lane=2))
    w.breaker.clearance = Clearance(1, is_probe=True)
    w.go(Lane.URGENT)
    assert w.post.calls == [["b"]]


def test_a_question_has_mailjet_check_a_mail_of_ours_and_sends_nothing(world):
    w = world(row("m1"))
    w.breaker.clearance = Clearance(0, is_probe=True)
    w.go()
    (mail,) = w.post.questions
    assert mail.from_.email == mail.to.email == "a@container.example"
    assert (mail.variables, mail.cc, mail.attachments) == ({}, (), ())
    assert (w.post.calls, w["m1"]["state"], w["m1"]["attempts"]) == ([], "ready", 0)
    assert w.breaker.told == [("answered", "call-1")]
    assert w.bucket.given_back == 0, "it is a call as any other for Mailjet's limit"


@pytest.mark.parametrize(
    ("answer", "reported", "pauses"),
    [
        (silence, ("unanswered", "Mailjet did not answer in time.", 0.0), []),
        (lambda _: UnknownOutcome("hm"), ("unanswered", "hm", 0.0), []),
        (raising(Unreachable("refused")), ("unanswered", "refused", 0.0), []),
        (raising(Throttled("429", retry_after=9)), ("answered", "call-1"), [9]),
        (raising(Misconfigured("401", code="401")), ("answered", "call-1"), []),
        (lambda _: Refused("no"), ("answered", "call-1"), []),
    ],
)
def test_what_a_question_finds_out(world, answer, reported, pauses):
    w = world(row("m1"), answer=answer)
    w.breaker.clearance = Clearance(0, is_probe=True)
    w.go()
    assert w.breaker.told == [reported]
    assert (w.bucket.pauses, w["m1"]["state"]) == (pauses, "ready")


def test_the_breaker_knows_how_many_a_call_carries(world):
    w = world(row("m1"), row("m2"))
    w.go()
    assert w.breaker.carried == 2


def test_a_call_carries_no_more_than_it_may(world):
    w = world(*[row(f"m{n}") for n in range(9)])
    w.breaker.clearance = Clearance(5)
    w.go()
    assert [len(call) for call in w.post.calls] == [5]


def test_an_open_breaker_lets_nothing_leave_and_wakes_nobody(world):
    w = world(row("m1"))
    w.breaker.clearance = Clearance(0, is_probe=True, wait=60.0)
    assert w.go() is None
    assert (w.bucket.numbers, w.dispatcher.waiting(Lane.NORMAL), w["m1"]["state"]) == (0, False, "ready")


def test_what_does_not_leave_after_all_is_no_silence(world):
    w = world(row("m1", expires_at=NOW))
    w.go()
    assert w.breaker.told == [("left", "call-1")]


def test_what_breaks_before_the_call_is_no_silence(world):
    def away(_rows):
        raise LedgerUnavailable("gone")

    w = world(row("m1"))
    w.dispatcher._begin = away
    with pytest.raises((LedgerUnavailable, TypeError)):
        w.go()
    assert w.breaker.told == [("left", "call-1")]


def test_a_breaker_out_of_reach_costs_no_answer(world):
    w = world(row("m1"))

    def gone(_call_id):
        raise BreakerUnavailable("Redis is gone.")

    w.breaker.answered = gone
    assert w.go().alarms == ("Redis is gone.",)
    assert w["m1"]["state"] == "sent"


# --- refused without a reason -----------------------------------------------------------------------------


def _mute(mail):
    return RefusedWithoutReason("Mailjet refuses the message without a reason.", code="400")


def test_a_message_refused_without_a_reason_is_told_tried_again_and_sent(world):
    answers = {"m1": _mute}
    w = world(row("m1"), row("m2"), answer=lambda mail: answers.get(mail.id, lambda _: Receipt(1, "u"))(mail))
    done = w.go()
    assert (w["m1"]["state"], w["m2"]["state"]) == ("ready", "sent")
    (alarm,) = done.alarms
    assert "1 message is tried again, the first m1" in alarm
    answers.clear()
    w.clock.advance(60)
    w.go()
    assert (w["m1"]["state"], w.post.taken) == ("sent", ["m2", "m1"])


def test_a_message_refused_without_a_reason_again_and_again_fails_in_the_end(world):
    w = world(row("m1"), answer=_mute)
    for _ in range(4):  # worker.max_attempts
        assert w["m1"]["state"] == "ready"
        w.clock.advance(3600)
        done = w.go()
    assert (w["m1"]["state"], len(w.post.calls)) == ("failed", 4)
    assert w["m1"]["reason"].startswith("gave up after 4 attempts: Mailjet refuses")
    assert any("failed for good" in alarm for alarm in done.alarms)


def test_a_call_refused_without_a_reason_is_halved_until_the_guilty_one_is_alone(world):
    def answer(mail):
        if any(id_ == "m3" for id_ in w.post.calls[-1]):
            raise _mute(mail)
        return Receipt(1, "u")

    w = world(*[row(f"m{n}") for n in range(8)], answer=answer)
    w.until_nothing_is_left()
    assert sorted(w.post.taken) == [f"m{n}" for n in range(8) if n != 3]
    assert (w["m3"]["state"], w["m3"]["attempts"]) == ("ready", 1)


# --- rows that cannot be read -----------------------------------------------------------------------------

CORRUPT = [
    {"variables": [1, 2]},
    {"variables": {"x": float("nan")}},
    {"attachments": [{"key": "a"}]},
    {"attachments": "a"},
    {"cc": [{"name": "no address"}]},
    {"cc": 7},
    {"to_email": None},
]


@pytest.mark.parametrize("changes", CORRUPT, ids=str)
def test_a_row_that_cannot_be_read_fails_alone_and_before_any_call(world, changes):
    w = world(*[row(f"m{n}") for n in range(10)], files={"a": b"%PDF"})
    with w.ledger.write() as connection:
        connection.execute(update(messages).where(messages.c.id == "m3").values(changes))
    w.until_nothing_is_left()
    assert w["m3"]["state"] == "failed"
    assert sorted(w.post.taken) == sorted(f"m{n}" for n in range(10) if n != 3), "everybody else went, once"
    assert not any("m3" in call for call in w.post.calls)
    assert "client.example" not in w["m3"]["reason"]


# --- the last step ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "list_entry", "extra", "state"),
    [
        ({"expires_at": NOW}, None, "", "expired"),
        ({"expires_at": after(1)}, None, "", "sent"),
        ({}, "unsubscribed", "", "sent"),
        ({"kind": NEWS}, "unsubscribed", "", "suppressed"),
        ({}, "hard_bounce", "", "suppressed"),
        ({}, "spam", "", "suppressed"),
        ({}, None, "  environment: staging\n", "suppressed"),
        ({}, None, "  environment: staging\n  safelist: ['@client.example']\n", "sent"),
    ],
)
def test_the_last_step_is_asked_before_the_call(world, changes, list_entry, extra, state):
    w = world(row("m1", to_email="Zoe@client.example", **changes), extra=extra)
    if list_entry:
        with w.ledger.write() as connection:
            suppress(connection, "zoe@client.example", reason=list_entry, source="test", now=NOW)
    done = w.go()
    assert w["m1"]["state"] == state
    assert w.post.taken == (["m1"] if state == "sent" else [])
    assert (w.bucket.given_back, done.called) == ((0, True) if state == "sent" else (1, False))


COPIED = {"cc": [{"email": "Boss@other.example", "name": ""}], "recipients": 2}


def test_outside_production_a_copy_to_a_stranger_stops_the_mail(world):
    extra = "  environment: staging\n  safelist: ['@client.example']\n"
    w = world(row("m1", **COPIED), extra=extra)
    w.go()
    assert (w["m1"]["state"], w.post.taken) == ("suppressed", [])


def test_a_copy_to_a_suppressed_address_is_left_out_and_said(world):
    w = world(row("m1", bcc=[{"email": "ok@other.example", "name": ""}], **(COPIED | {"recipients": 3})))
    with w.ledger.write() as connection:
        suppress(connection, "boss@other.example", reason="hard_bounce", source="test", now=NOW)
    w.go()
    (mail,) = w.post.mails
    assert ([one.email for one in mail.cc], [one.email for one in mail.bcc]) == ([], ["ok@other.example"])
    assert w["m1"]["state"] == "sent"
    assert w["m1"]["reason"] == "accepted by Mailjet; copies to suppressed or erased addresses left out: 1"


def test_what_is_no_longer_true_is_cancelled(world):
    w = world(row("paid"), row("due"), recheck=lambda rows: {"paid": Cancel("the invoice was paid")})
    w.go()
    assert (w["paid"]["state"], w["paid"]["reason"], w["due"]["state"]) == (
        "cancelled",
        "the invoice was paid",
        "sent",
    )


def test_who_waited_often_is_no_poison_when_a_worker_dies_with_it(world):
    """A check that lets it wait, for night or for a CRM that nobody reaches, is no death."""

    nights = list(range(20))

    def check(rows):
        if not nights:
            raise KeyboardInterrupt  # a worker dies so
        nights.pop()
        return {one["id"]: Wait(w.clock.now + timedelta(minutes=10), "night") for one in rows}

    w = world(row("m1"), recheck=check)
    while nights:
        w.go()
        w.clock.advance(700)
    assert (w["m1"]["state"], w["m1"]["attempts"], w["m1"]["reason"]) == ("ready", 2, "night")
    with pytest.raises(KeyboardInterrupt):
        w.go()
    w.clock.advance(500)
    with w.ledger.write() as connection:
        strand(connection, now=w.clock.now, look_up_after=timedelta(seconds=30), max_attempts=4)
    assert (w["m1"]["state"], w["m1"]["attempts"]) == ("ready", 3)


def test_what_breaks_the_last_check_fails_in_its_own_words_or_by_the_name_of_the_fault(world):
    def broken(rows):
        raise faults[0]

    faults = [PermanentError("its invoice has no total")]
    w = world(row("a"), recheck=broken)
    w.go()
    assert (w["a"]["state"], w["a"]["reason"]) == ("failed", "its invoice has no total")
    faults[0] = KeyError("marie@client.example")
    w.put(row("b"))
    w.go()
    assert (w["b"]["state"], w["b"]["reason"]) == (
        "failed", "Its row cannot be read (KeyError): mend it in the ledger, replay it.",
    )  # fmt: skip


def test_when_nobody_can_say_whether_it_is_still_true_it_waits(world):
    def away(_rows):
        raise TransientError("the CRM is away")

    w = world(row("m1"), recheck=away)
    assert w.go().outcomes == {State.READY: 1}
    assert w["m1"]["not_before"] > NOW
    assert w.post.calls == []


@pytest.mark.parametrize(
    ("state", "answer", "expires_at"),
    [
        ("sent", None, None),
        ("expired", None, NOW),
        ("failed", lambda _: Refused("no"), None),
        ("unknown", silence, None),
    ],
)
def test_secrets_are_wiped_once_nobody_needs_them(world, state, answer, expires_at):
    w = world(row("m1", kind=URGENT, lane=0, variables={"user_name": "Z", "reset_url": "https://x"}, expires_at=expires_at), answer=answer)  # fmt: skip
    w.go(Lane.URGENT)
    assert w["m1"]["state"] == state
    assert ("reset_url" in w["m1"]["variables"]) is (state in {"failed", "unknown"})


# --- writing out ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "files", "state", "why"),
    [
        ({"attachments": A_FILE}, {"a": b"%PDF"}, "sent", "accepted by Mailjet"),
        ({"attachments": A_FILE}, {}, "ready", "Its attachment a is not in this host's store."),
        ({"attachments": A_FILE, "invoice_id": "7"}, {}, "accepted", "is not in this host's store."),
        ({"attachments": A_FILE, "invoice": {"a": 1}}, {}, "accepted", "is not in this host's store."),
        (
            {"attachments": A_FILE},
            {"a": b"%PDf"},
            "failed",
            "Its attachment a is not the file that was accepted with it.",
        ),
        ({"attachments": BY_SIZE}, {"a": b"%PDf"}, "sent", "accepted by Mailjet"),
        (
            {"attachments": BY_SIZE},
            {"a": b"%PDF-"},
            "failed",
            "Its attachment a is not the file that was accepted with it.",
        ),
        ({"attachments": A_FILE}, {"a": TransientError("disk away")}, "ready", "disk away"),
        ({"kind": "api_crmCommunicationsBalanceLow"}, {}, "ready", "is not in the configuration: add it"),
        ({"kind": "gone"}, {}, "ready", "is not in the configuration: add it"),
    ],
)
def test_who_cannot_be_written_out_goes_its_own_way(world, changes, files, state, why):
    w = world(row("m1", **changes), row("m2"), files=files)
    w.go()
    assert (w["m1"]["state"], w["m2"]["state"]) == (state, "sent")
    assert why in w["m1"]["reason"]
    assert list(w.holds()) == ([changes["kind"]] if "kind" in changes else [])


def test_the_mail_itself(world):
    w = world(
        row(
            "m1", kind=INVOICE, to_email="z@client.example", to_name="Zoé", variables={"invoice_number": "INV-7"},
            cc=[{"email": "c@client.example", "name": "C"}], attachments=A_FILE, language="en",
        ),
        files={"a": b"%PDF"},
    )  # fmt: skip
    w.go()
    (mail,) = w.post.mails
    assert (mail.template_id, mail.from_.name) == (3, "A")
    assert mail.subject == 'Votre Facture - {{var:invoice_number:""}}'
    assert (mail.to.email, mail.to.name, mail.cc[0].email, mail.recipients) == ("z@client.example", "Zoé", "c@client.example", 2)  # fmt: skip
    assert (mail.attachments[0].base64, mail.id) == ("JVBERg==", "m1")


@pytest.mark.parametrize(("key", "carries"), [(key_of("0123456789ab", "7"), True), ("reset:7", False)])
def test_a_campaigns_mail_leaves_with_its_link_to_unsubscribe(world, key, carries):
    w = world(row("m1", idempotency_key=key), extra="web: {public_url: 'https://mail.example.net'}\n")
    with w.ledger.write() as connection:
        put_contact(connection, contact(w["m1"]["to_email"], lists=["billing"]))
    w.go()
    (mail,) = w.post.mails
    assert mail.unsubscribe.startswith("https://mail.example.net/unsubscribe/m1.") is carries


def test_a_copy_whose_address_was_erased_does_not_leave(world):
    gone = [{"email": pseudonym("c@client.example"), "name": ""}, {"email": "d@client.example", "name": "D"}]
    w = world(row("m1", cc=gone, recipients=3))
    w.go()
    (mail,) = w.post.mails
    assert [(one.email, one.name) for one in mail.cc] == [("d@client.example", "D")]


# --- tokens, lanes, leases --------------------------------------------------------------------------------


def test_a_call_for_one_lane_takes_the_highest_first(world):
    w = world(*[row(f"b{n}", lane=2) for n in range(60)], row("u", lane=0, kind=URGENT))
    w.go(Lane.BULK)
    assert w.post.calls[0][0] == "u"
    assert len(w.post.calls[0]) == 50


def test_nothing_to_do_takes_no_token(world):
    w = world(row("later", not_before=after(5)), row("bulk", lane=2))
    assert w.go() is None
    assert w.bucket.numbers == 0
    assert (w.dispatcher.waiting(Lane.NORMAL), w.dispatcher.waiting(Lane.BULK)) == (False, True)


def test_no_token_in_time_holds_no_message(world):
    w = world(row("m1"))
    w.bucket.closed = True
    assert w.go() is None
    assert w["m1"]["state"] == "ready"


def test_who_lost_its_lease_before_the_call_does_not_call(world):
    def slow(_rows):
        w.clock.advance(500)
        with w.ledger.write() as connection:
            strand(connection, now=w.clock.now, look_up_after=timedelta(seconds=30), max_attempts=12)
        return {}

    w = world(row("m1"), recheck=slow)
    assert not w.go().called
    assert (w.post.calls, w["m1"]["state"], w.bucket.given_back) == ([], "ready", 1)


@pytest.mark.parametrize(
    ("answer", "state"),
    [(Receipt(5, "u"), "sent"), (Unreachable("no"), "unknown"), (PermanentError("no"), "unknown")],
    ids=["a receipt is proof", "a refusal", "a refusal for good"],
)
def test_an_answer_after_the_lease_counts_only_if_it_is_proof(world, answer, state):
    w = world(row("m1"))
    w.post.answer = lambda _mail: _after_the_lease(w, answer)
    w.go()
    assert w["m1"]["state"] == state
    assert (w["m1"]["mailjet_id"], w.attempts()) == ((5, 1) if state == "sent" else (None, 0))


@pytest.mark.parametrize("meanwhile", ["ready", "held", "accepted", "rendering", "failed"])
def test_a_late_receipt_finds_its_message_wherever_it_stands(world, meanwhile):
    w = world(row("m1"))

    def late(_mail):
        with w.ledger.write() as connection:
            connection.execute(update(messages).values(state=meanwhile, lease=None))
        return Receipt(5, "u")

    w.post.answer = late
    w.go()
    assert w["m1"]["state"] == "sent"


def test_a_late_receipt_takes_the_message_from_who_claimed_it_again(world):
    w = world(row("m1"))

    def late(_mail):
        with w.ledger.write() as connection:
            connection.execute(update(messages).values(lease="somebody else's"))
        return Receipt(5, "u")

    w.post.answer = late
    w.go()
    assert w["m1"]["state"] == "sent"
    with w.ledger.write() as connection:
        assert not begin_call(connection, Lease("somebody else's", after(150)), NOW), "nobody calls again"


def _after_the_lease(w, answer):
    w.clock.advance(500)
    with w.ledger.write() as connection:
        strand(connection, now=w.clock.now, look_up_after=timedelta(seconds=30), max_attempts=12)
    return answer


def test_a_copy_whose_address_was_erased_is_left_out(world):
    erased = {"email": pseudonym("paul@client.example"), "name": ""}
    w = world(row("m1", cc=[erased, {"email": "eve@client.example", "name": ""}], bcc=[erased], recipients=4))
    w.go()
    assert [one.email for one in w.post.mails[0].cc] == ["eve@client.example"]
    assert w.post.mails[0].bcc == ()
    assert w["m1"]["state"] == "sent"


def test_a_mistake_of_ours_leaves_the_lease_and_is_told(world):
    w = world(row("m1"))
    w.post.send = lambda mails, **_: []
    with pytest.raises(ValueError, match="zip"):
        w.go()
    assert w["m1"]["state"] == "sending"


# --- holds and probes -------------------------------------------------------------------------------------


def put_hold(w, scope):
    with w.ledger.write() as connection:
        hold(connection, scope, reason="why", code="401", now=NOW)


@pytest.mark.parametrize("scope", ["*", STRICT])
def test_what_is_held_waits_then_one_probe_frees_it(world, scope):
    w = world(*[row(f"m{n}") for n in range(5)])
    put_hold(w, scope)
    assert w.go() is None
    w.clock.advance(60)
    w.go()
    assert [len(call) for call in w.post.calls] == [1], "a single message tries it out"
    assert w.holds() == {}
    w.go()
    assert [len(call) for call in w.post.calls] == [1, 4]


@pytest.mark.parametrize("scope", ["*", STRICT])
def test_a_probe_that_fails_puts_the_next_one_off(world, scope):
    fault = Misconfigured("still", code="401")
    w = world(row("m1"), row("m2"), answer=raising(fault) if scope == "*" else lambda _: fault)
    put_hold(w, scope)
    w.clock.advance(60)
    w.go()
    assert w.holds()[scope].probe_at == w.clock.now + timedelta(seconds=120)
    assert w.go() is None


def test_a_held_lane_holds_nobody_else_and_lends_no_probe(world):
    w = world()
    w.put(row("news", lane=2), row("mail", lane=1), row("link", lane=0, kind=URGENT))
    with w.ledger.write() as connection:
        hold_by_hand(connection, "lane:bulk", reason="maintenance", now=NOW)
    w.until_nothing_is_left()
    assert [w[id_]["state"] for id_ in ("news", "mail", "link")] == ["ready", "sent", "sent"]
    put_hold(w, "*")
    w.clock.advance(60)
    assert w.go(Lane.BULK) is None, "what an operator holds is nobody's probe"
    with w.ledger.write() as connection:
        release(connection, ["lane:bulk", "*"])
    w.until_nothing_is_left()
    assert w["news"]["state"] == "sent"


def test_a_held_kind_holds_nobody_else(world):
    w = world(row("m1"), row("n1", kind=NEWS))
    put_hold(w, STRICT)
    w.go()
    assert (w["m1"]["state"], w["n1"]["state"]) == ("ready", "sent")


def test_a_due_probe_without_a_message_stops_nobody(world):
    w = world(row("n1", kind=NEWS))
    put_hold(w, STRICT)
    w.clock.advance(60)
    w.go()
    assert w["n1"]["state"] == "sent"
    assert list(w.holds()) == [STRICT]


def test_every_error_of_the_tree_is_dealt_with(world):
    """Whatever of ours comes out of a call, no message stays in it."""
    kinds, found = [MailworkerError], []
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        if kind.__module__ == "mailworker.errors":
            found.append(kind)
    for number, kind in enumerate(found):
        fault = kind("x", retry_after=1) if kind is Throttled else kind("x")
        w = world(row(f"x{number}", not_before=NOW), answer=raising(fault))
        w.until_nothing_is_left() if isinstance(fault, UnknownOutcome) else w.go()
        assert w[f"x{number}"]["state"] in {"unknown", "ready", "failed"}, kind
        with w.ledger.write() as connection:
            connection.execute(messages.delete())
            from mailworker.ledger.holds import release  # noqa: PLC0415

            release(connection, ["*"])
