"""The last look at who would get a mail, and what is written down of a batch's answers."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, select

from mailworker.core.kind import Kind, RecipientLimit
from mailworker.core.settlement import Receipt, Settlement
from mailworker.core.states import State
from mailworker.dispatch.interfaces import ClaimedBatch
from mailworker.dispatch.recipient_checks import RecipientChecks, RecipientFacts, too_many
from mailworker.dispatch.record_call_outcome import OutcomeRecorder
from mailworker.dispatch.restored_ledger import WHY, LostCalls
from mailworker.errors import FileMissing, Misconfigured, Refused, Throttled, UnknownOutcome
from mailworker.ledger.campaign_audience import Target
from mailworker.ledger.claiming import Lease
from mailworker.ledger.tables import attempts, holds, messages
from mailworker.rules.campaign_rules import key_of
from mailworker.rules.operator_alarms import failure_alarms, missing_file_alarms
from mailworker.rules.recipient_gate import Standing
from tests.doubles import Clock, settings
from tests.rows import NOW, STRICT, URGENT, after, row

ZOE, PAUL = "zoe@x.example", "paul@x.example"
NEWS = "api_crmCommunicationOurNews"
SERVICE, MARKETING = Kind(STRICT, ()), Kind(NEWS, (), service=False)
LIMITED = Kind(URGENT, (), at_most=RecipientLimit(2, timedelta(hours=1)))
KEY = key_of("c00000000001", "p")


def facts(standing=None, *, target=None, ahead=0):
    standings = {} if standing is None else {ZOE: standing}
    return RecipientFacts(standings, {} if target is None else {KEY: target}, {"m": ahead})


def checks(extra="", ledger=None):
    return RecipientChecks(settings(extra), ledger)


def mail(**changes):
    return row("m", to_email="Zoe@X.example", **changes)


CONSENT = "contacts:\n  consent: customer.custom_fields.consent\n"
LISTED = "the address is on the suppression list: {}"


@pytest.mark.parametrize(
    ("kind", "standing", "why"),
    [
        (SERVICE, None, None),
        (SERVICE, Standing(suppressed="spam"), LISTED.format("spam")),
        (SERVICE, Standing(suppressed="unsubscribed"), None),
        (SERVICE, Standing(unsubscribed=True, left_out=True, consents=False), None),
        (MARKETING, None, None),
        (MARKETING, Standing(suppressed="unsubscribed"), LISTED.format("unsubscribed")),
        (MARKETING, Standing(unsubscribed=True), "its owner unsubscribed at Mailjet"),
        (
            Kind(STRICT, (), optional=True),
            Standing(switched_off=frozenset({STRICT})),
            "its reader switched this kind of mail off",
        ),
        (Kind(STRICT, (), optional=True), Standing(switched_off=frozenset({NEWS})), None),
        (SERVICE, Standing(switched_off=frozenset({STRICT})), None),
    ],
)
def test_why_nobody_gets_a_mail(kind, standing, why):
    assert checks().refused(mail(kind=kind.name), kind, facts(standing)) == why


@pytest.mark.parametrize(
    ("extra", "why"), [("", None), (CONSENT, "no consent of its owner to marketing is known")]
)
def test_where_the_crm_is_asked_for_consent_marketing_needs_one(extra, why):
    assert checks(extra).refused(mail(), MARKETING, facts()) == why
    assert checks(extra).refused(mail(), SERVICE, facts()) is None


@pytest.mark.parametrize(
    ("lists", "why"),
    [(("billing",), None), (("other",), "its contact is not on the campaign's list any more")],
)
def test_a_campaigns_mail_goes_to_who_is_still_on_its_list(lists, why):
    known = facts(Standing(lists=frozenset(lists)), target=Target("billing", ZOE))
    assert checks().refused(mail(idempotency_key=KEY), MARKETING, known) == why
    assert checks().refused(mail(), SERVICE, known) is None


@pytest.mark.parametrize(
    ("ahead", "kind", "stopped"),
    [(1, LIMITED, False), (2, LIMITED, True), (3, LIMITED, True), (9, SERVICE, False)],
)
def test_one_address_gets_no_more_than_its_limit(ahead, kind, stopped):
    assert checks().refused(mail(), kind, facts(ahead=ahead)) == (too_many(kind) if stopped else None)
    assert checks().refused(mail() | {"id": "n"}, kind, facts(ahead=ahead)) is None


@pytest.mark.parametrize(("email", "moved"), [(ZOE, False), (None, False), (PAUL, True)])
def test_a_mail_whose_contact_moved_is_no_longer_true(email, moved):
    found = checks().no_longer_true(mail(idempotency_key=KEY), facts(target=Target("billing", email)))
    assert (found and found.why) == ("its contact has another address now" if moved else None)
    assert checks().no_longer_true(mail(), facts(target=Target("billing", PAUL))) is None


@pytest.mark.parametrize(
    ("environment", "safelist", "safe"),
    [
        ("production", [], True),
        ("staging", [], False),
        ("staging", ["@x.example"], True),
        ("staging", [ZOE], False),
        ("staging", [ZOE, PAUL], True),
    ],
)
def test_outside_production_everybody_must_be_on_the_safelist(environment, safelist, safe):
    extra = f"  environment: {environment}\n  safelist: {safelist}\n"
    assert checks(extra).is_safe(mail(cc=[{"email": PAUL, "name": ""}])) is safe


@pytest.mark.parametrize(
    ("kind", "reason", "stays"),
    [
        (SERVICE, "spam", False),
        (SERVICE, "unsubscribed", True),
        (MARKETING, "unsubscribed", False),
        (MARKETING, None, True),
    ],
)
def test_a_copy_goes_where_such_mail_may_go(kind, reason, stays):
    one = row("m", to_email=PAUL, cc=[{"email": ZOE, "name": ""}])
    found = checks().without_stopped_copies(one, kind, facts(Standing(suppressed=reason)))
    assert bool(found["cc"]) is stays


# --- what is written down of answers ----------------------------------------------------------------------

INVOICE = {"invoice": {"number": "F"}}


class Scene:
    """A recorder, its ledger and a batch of messages that are being sent."""

    def __init__(self, ledger):
        self.ledger, self.clock = ledger, Clock()
        self.settings = settings()
        self.recorder = OutcomeRecorder(self.settings, ledger, self.clock)

    def batch(self, *rows, lease="l"):
        held = {"state": "sending", "lease": "l", "lease_until": after(60), "attempts": 2}
        given = [one | held for one in rows]
        with self.ledger.write() as connection:
            for one in given:
                connection.execute(insert(messages), [one])
        return ClaimedBatch(Lease(lease, after(60)), [one | {"last_call_at": None} for one in given])

    def __getitem__(self, id_):
        with self.ledger.read() as connection:
            return dict(connection.execute(select(messages).where(messages.c.id == id_)).mappings().one())


@pytest.fixture
def scene(ledger):
    return Scene(ledger)


@pytest.mark.parametrize(
    ("own", "answer", "state", "attempts_"),
    [
        ({}, Receipt(1, "u"), "sent", None),
        ({}, FileMissing("gone"), "ready", 2),
        (INVOICE, FileMissing("gone"), "accepted", 2),
        ({"invoice_id": "7"}, FileMissing("gone"), "accepted", 2),
        (INVOICE, Throttled("429", retry_after=1), "ready", 1),
        ({}, Refused("no", code="x"), "failed", None),
        (INVOICE, UnknownOutcome("?"), "unknown", None),
    ],
)
def test_what_an_answer_means_for_its_message(scene, own, answer, state, attempts_):
    batch = scene.batch(row("m", **own), row("n"))
    (found,) = scene.recorder.settlements(batch, {"m": answer})
    assert (found.id, str(found.state), found.attempts) == ("m", state, attempts_)


def test_what_was_refused_together_is_halved(scene):
    batch = scene.batch(row("a"), row("b"), row("c"))
    found = scene.recorder.halves(batch, ["a", "b", "c"], Refused("no", code="x"))
    assert [(one.id, one.state, one.batch_limit, one.attempts, one.not_before) for one in found] == [
        (id_, State.READY, 1, 1, NOW) for id_ in "abc"
    ]
    (alone,) = scene.recorder.halves(batch, ["b"], Refused("no", code="x"))
    assert alone.state is State.FAILED


SECRET = {"user_name": "Z", "reset_url": "https://x"}


@pytest.mark.parametrize(
    ("state", "kept"),
    [(State.SENT, False), (State.SUPPRESSED, False), (State.EXPIRED, False), (State.CANCELLED, False),
     (State.FAILED, True), (State.READY, True), (State.UNKNOWN, True), (State.HELD, True)],
)  # fmt: skip
def test_secrets_go_where_a_message_ends_for_good(scene, state, kept):
    batch = scene.batch(row("m", kind=URGENT, variables=SECRET), row("n", kind=URGENT, variables=SECRET))
    scene.recorder.settle(batch, [Settlement("m", state, "w")])
    assert scene["m"]["variables"] == (SECRET if kept else {"user_name": "Z"})
    assert scene["n"]["variables"] == SECRET


def test_a_kind_that_left_the_configuration_has_no_secrets_that_are_known(scene):
    batch = scene.batch(row("m", kind="gone", variables=SECRET))
    scene.recorder.settle(batch, [Settlement("m", State.SENT, "w")])
    assert scene["m"]["variables"] == SECRET


def test_nothing_to_settle_opens_no_transaction(scene):
    batch = scene.batch(row("m"))
    OutcomeRecorder(scene.settings, None, scene.clock).settle(batch, [])
    OutcomeRecorder(scene.settings, None, scene.clock).hold({})


@pytest.mark.parametrize(("receipt", "state"), [(Receipt(7, "u"), "sent"), (None, "sending")])
def test_who_lost_its_lease_changes_nothing_but_by_a_receipt(scene, receipt, state):
    batch = scene.batch(row("m"), lease="other")
    scene.recorder.settle(batch, [Settlement("m", State.SENT, "w", receipt=receipt)])
    assert scene["m"]["state"] == state


def test_what_could_not_leave_waits(scene):
    batch = scene.batch(row("a"), row("b"))
    found = scene.recorder.put_back(batch, batch.rows[:1], Throttled("429", retry_after=1))
    assert [one.id for one in found] == ["a"]
    assert (scene["a"]["state"], scene["a"]["attempts"], scene["b"]["state"]) == ("ready", 1, "sending")


def test_a_kind_that_would_be_refused_again_is_held(scene):
    batch = scene.batch(row("a"), row("b", kind=URGENT))
    answers = {"a": Misconfigured("no sender", code="send-0008"), "b": Receipt(1, "u")}
    alarms = scene.recorder.hold_kinds(batch, answers)
    assert alarms == [f"MAIL OF KIND {STRICT} IS HELD until a person acts: no sender"]
    with scene.ledger.read() as connection:
        (kept,) = connection.execute(select(holds)).mappings()
    assert (kept["scope"], kept["reason"], kept["code"], kept["since"]) == (
        STRICT,
        "no sender",
        "send-0008",
        NOW,
    )
    scene.recorder.release(STRICT)
    with scene.ledger.read() as connection:
        assert connection.execute(select(holds)).all() == []


def test_what_an_operator_is_told_of_failures():
    settled = [
        Settlement("a", State.FAILED, "w1", code="c"),
        Settlement("b", State.FAILED, "w2", code="c"),
        Settlement("d", State.FAILED, "w3"),
        Settlement("e", State.FAILED, "w3"),
        Settlement("f", State.SENT, "w1", code="c"),
        Settlement("g", State.FAILED, "w4", code="x"),
    ]
    assert failure_alarms(settled) == [
        "2 messages failed for good, the first a: w1",
        "2 messages failed for good, the first d: w3",
        "1 message failed for good, the first g: w4",
    ]


def test_what_an_operator_is_told_of_missing_files():
    assert missing_file_alarms({"a": Receipt(1, "u")}) == []
    (alarm,) = missing_file_alarms({"a": Receipt(1, "u"), "b": FileMissing("x"), "c": FileMissing("y")})
    assert alarm.startswith("2 messages have files that are not in this host's store, the first b:")


# --- calls that the ledger lost ---------------------------------------------------------------------------


class Journal:
    """Knows these calls."""

    def __init__(self, **calls):
        self.calls = calls

    def last_calls(self, ids):
        return {id_: at for id_, at in self.calls.items() if id_ in ids}


@pytest.mark.parametrize(
    ("called", "known", "lost"),
    [
        (None, None, False),
        (NOW, None, True),
        (NOW, NOW, False),
        (after(1), NOW, False),
        (after(2), NOW, True),
        (after(-9), NOW, False),
        (None, NOW, False),
    ],
)
def test_a_message_whose_call_the_ledger_does_not_know_is_asked_about(scene, called, known, lost):
    batch = scene.batch(row("m"), row("n"))
    rows = [one | {"last_call_at": known} if one["id"] == "m" else one for one in batch.rows]
    journal = Journal(**({} if called is None else {"m": called}))
    found, settled = LostCalls(scene.ledger, journal, scene.clock).without_them(
        ClaimedBatch(batch.lease, rows)
    )
    assert [one["id"] for one in found.rows] == (["n"] if lost else ["m", "n"])
    assert [(one.id, one.state, one.why, one.not_before) for one in settled] == (
        [("m", State.UNKNOWN, WHY, NOW)] if lost else []
    )
    one = scene["m"]
    assert (one["state"], one["called_at"], one["last_call_at"]) == (
        ("unknown", called, called) if lost else ("sending", None, None)
    )
    assert scene["n"]["state"] == "sending"
    with scene.ledger.read() as connection:
        assert connection.execute(select(attempts)).all() == []
