"""What each task does with one round of its work: whom it wakes, what it counts, and what a passing fault leaves."""

import json
from datetime import timedelta

import celery
import pytest
from redis.exceptions import ConnectionError as RedisGone
from sqlalchemy import select, text

from mailworker.balances.cgrates_posts_to_alerts import Taken
from mailworker.contacts.push_to_mailjet import PushResult
from mailworker.core.lane import Lane
from mailworker.core.settlement import Settlement
from mailworker.core.states import State
from mailworker.crm_callbacks import CallbackRun
from mailworker.dispatch import SentMail
from mailworker.errors import BadInput, TransientError, Unreachable
from mailworker.intake import Intake, JobStream
from mailworker.intake.job_stream import JobsDrained
from mailworker.ledger import contact_sync_runs
from mailworker.ledger.insert_messages import accept
from mailworker.ledger.tables import messages, rejected_jobs
from mailworker.limits import NoCallFree
from mailworker.observability.redis_counters import counted
from mailworker.queue import envelope
from mailworker.queue.celery_queues import (
    CALLBACKS,
    CAMPAIGNS,
    CONTACT_PUSH,
    CONTACT_SYNC,
    CONTACTS,
    DISPATCH,
    EVENTS,
    MAIL,
    OCS,
    RECONCILE,
    RENDER,
)
from mailworker.queue.quarantine import MOST_DELIVERIES, quarantined
from mailworker.queue.refill_log import Keeping, KeptEntries
from mailworker.queue.stream import ABANDONED_MS, CONSUMER, GROUP
from mailworker.reconcile.unknown_messages import Reconciled
from mailworker.suppressions_by_hand import Lifted
from mailworker.tasks import (
    callbacks,
    campaigns,
    cgrates_posts,
    contacts,
    emails,
    events,
    health,
    invoices,
    maintenance,
    suppressions,
)
from tests.doubles import FakeFiles, box, settings
from tests.rows import NOW, STRICT, URGENT, after, row
from tests.unit.task_scene import TaskScene

MODULES = (callbacks, contacts, emails, events, maintenance, cgrates_posts, invoices)
NORMAL = DISPATCH[Lane.NORMAL]
SETTLE = timedelta(seconds=2)
VARIABLES = {"user_name": "Zoé", "reset_url": "https://crm.example/r/1", "expiry_time": "1 heure"}
KEEPING = Keeping(timedelta(minutes=1), 100_000)


@pytest.fixture
def scene(monkeypatch, ledger):
    """Makes a worker's process with these parts."""

    def make(extra="", **parts):
        made = TaskScene(monkeypatch, extra, ledger=ledger, **parts)
        return made.listen(monkeypatch, *MODULES)

    return make


def counts(scene):
    """The counts without times, as `name value`."""
    return {
        " ".join([name, *(value for _, value in labels)]): number
        for (name, labels), number in counted(scene.redis).items()
        if "le" not in dict(labels)
    }


def away(*_args, **_more):
    raise TransientError("the ledger does not answer")


def in_turn(*results):
    """Gives these one after the other, and None from then on."""
    left = iter(results)
    return lambda *_, **__: next(left, None)


# --- jobs -------------------------------------------------------------------------------------------------


def with_jobs(scene, *jobs, lane=Lane.URGENT, **parts):
    made = scene(keeping=Keeping(timedelta(0), 0), **parts)
    intake = Intake(made.container.ledger, settings().kinds, FakeFiles(), language="fr")
    made.container.intake = intake
    made.container.stream = lambda which: JobStream(made.redis, which, intake)
    for job in jobs:
        made.redis.xadd(MAIL[lane].stream, envelope.seal(job, NOW))
    return made


def job(number, **more):
    to = f"p{number}@client.example"
    return {"kind": URGENT, "to": to, "variables": VARIABLES, "idempotency_key": f"k{number}", **more}


def test_jobs_become_messages_and_whoever_sends_is_woken(scene):
    made = with_jobs(scene, job(1), job(2), job(2), {"kind": "nonsense"})
    made.clock.advance(2)
    result = emails.drain("urgent")
    with made.container.ledger.read() as connection:
        ids = set(connection.execute(select(messages.c.id)).scalars())
    assert set(result.pop("messages")) == ids
    assert result == {"new": 2, "repeated": 1, "rejected": 1}
    assert made.woken == [DISPATCH[Lane.URGENT]]
    assert counts(made) == {
        "accepted urgent new": 2,
        "accepted urgent repeated": 1,
        "accepted urgent rejected": 1,
    }
    assert ("accepted", {"lane": "urgent", "new": 2, "repeated": 1, "rejected": 1}) in [
        line[1:] for line in made.log.lines
    ]


def test_where_no_job_waits_nobody_is_woken(scene):
    made = with_jobs(scene)
    assert emails.drain("bulk") == {"new": 0, "repeated": 0, "rejected": 0, "messages": []}
    assert (made.woken, counts(made)) == ([], {})


def test_a_result_names_a_hundred_messages_and_alarms_are_logged(scene):
    drained = JobsDrained(new=80, ids=tuple(map(str, range(80))), alarms=("AN ENTRY IS IN QUARANTINE",))
    made = scene(stream=lambda _lane: box(drain_some=in_turn(drained, drained)))
    assert emails.drain("normal") == {
        "new": 160, "repeated": 0, "rejected": 0,
        "messages": [*map(str, range(80)), *map(str, range(20))],
    }  # fmt: skip
    assert made.log.at("error") == ["AN ENTRY IS IN QUARANTINE"] * 2


@pytest.mark.parametrize(("to_prepare", "woken"), [(0, [NORMAL]), (1, [RENDER, NORMAL])])
def test_invoices_among_the_jobs_wake_whoever_prepares_them(scene, to_prepare, woken):
    found = JobsDrained(new=1, to_prepare=to_prepare)
    made = scene(stream=lambda _lane: box(drain_some=in_turn(found)))
    emails.drain("normal")
    assert made.woken == woken


def test_how_long_jobs_waited_is_counted_by_their_lane(scene):
    made = scene(stream=lambda _lane: box(drain_some=in_turn(JobsDrained(waits=(1.0, 2.5)))))
    emails.drain("bulk")
    sums = {
        labels: number for (_, labels), number in counted(made.redis).items() if labels[-1] == ("le", "sum")
    }
    assert sums == {(("lane", "bulk"), ("le", "sum")): 3_500_000}


# --- mail as tasks ----------------------------------------------------------------------------------------


def with_intake(scene):
    made = with_jobs(scene)
    made.container.kept_jobs = lambda lane: KeptEntries(made.redis, MAIL[lane].stream, KEEPING)
    return made


@pytest.mark.parametrize(
    ("now", "own", "key"),
    [
        ("2026-11-29T22:59:59+00:00", None, "by-hand:2026-11-29"),
        ("2026-11-29T23:30:00+00:00", None, "by-hand:2026-11-30"),  # 00:30 in Paris
        ("2026-11-30T22:59:59+00:00", None, "by-hand:2026-11-30"),
        ("2026-11-30T00:00:00+00:00", "k", None),
    ],
)
def test_a_reminder_by_hand_goes_once_a_day_unless_it_has_a_key(scene, monkeypatch, now, own, key):
    asked = []
    monkeypatch.setattr(emails, "utc_now", lambda: after(0).fromisoformat(now))
    monkeypatch.setattr(emails, "_accept", lambda given: asked.append(given) or ["id", "other"])
    assert emails.send_invoice_reminder("7", idempotency_key=own) == "id"
    kind = asked[0]["kind"]
    expected = own or f"{kind}:7:{key}"
    assert asked == [{"kind": kind, "invoice_id": "7", "idempotency_key": expected}]


@pytest.mark.parametrize(
    "given",
    [{"invoice_id": "7"}, {"invoice": {"invoice_number": "F"}, "to": "a@client.example", "language": "en"}],
)
def test_an_invoice_is_asked_for_by_what_was_given_alone(scene, monkeypatch, given):
    asked = []
    monkeypatch.setattr(emails, "_accept", lambda one: asked.append(one) or ["first", "second"])
    assert emails.send_invoice(**given) == "first"
    (one,) = asked
    assert one.pop("kind").endswith("CustomerInvoice")
    assert one == {"variables": {}} | given


@pytest.mark.parametrize("given", [{}, {"invoice_id": "7", "invoice": {"invoice_number": "F"}}])
def test_an_invoice_is_given_in_one_way(scene, given):
    with_intake(scene)
    with pytest.raises(BadInput, match="give exactly one of them"):
        emails.send_invoice(**given)


@pytest.mark.parametrize(
    ("kind", "lane", "woken"),
    [
        (URGENT, "urgent", [DISPATCH[Lane.URGENT]]),
        ("api_crmCommunicationCustomerInvoice", "normal", [RENDER, NORMAL]),
    ],
)
def test_what_comes_as_a_task_is_counted_kept_and_sent(scene, kind, lane, woken):
    made = with_intake(scene)
    given = {"kind": kind, "to": "a@client.example", "variables": VARIABLES}
    if kind != URGENT:
        given |= {"variables": {}, "invoice_id": "7"}
    (id_,) = emails._accept(given, own_id="0b0b1f9e-1111-4111-8111-1234567890ab")
    assert made.woken == woken
    assert counts(made) == {f"accepted {lane} by_task": 1}
    ((_, kept),) = made.container.kept_jobs(Lane.from_word(lane)).entries()
    assert json.loads(kept["job"]) == given | {"id": "0b0b1f9e-1111-4111-8111-1234567890ab"}
    assert id_


def test_a_clients_question_is_answered_in_its_list_for_a_minute(scene):
    made = scene()
    with made.container.ledger.write() as connection:
        accept(connection, [row("m1", state="sent")], NOW)
    emails.reply_status("m1", "mailworker:reply:x")
    (answer,) = made.redis.lrange("mailworker:reply:x", 0, -1)
    assert (json.loads(answer)["id"], json.loads(answer)["state"]) == ("m1", "sent")
    assert made.redis.ttl("mailworker:reply:x") == 60
    with pytest.raises(BadInput, match="no list of a client's"):
        emails.reply_status("m1", "mailworker:jobs:urgent")


# --- preparing --------------------------------------------------------------------------------------------


class Preparing:
    """Prepares these, a list at a time; those that are named in `fates` cannot be."""

    def __init__(self, *rounds, **fates):
        self.rounds, self.fates = iter(rounds), fates

    def prepare(self, *, put_back):
        ids = next(self.rounds, [])
        for id_ in ids:
            if id_ in self.fates:
                state, code = self.fates[id_]
                row = {"kind": STRICT, "lane": 2, "accepted_at": after(-8)}
                put_back(row, Settlement(id_, state, "why", code=code))
        return ids


def test_what_is_prepared_leaves_and_what_cannot_be_is_said(scene, monkeypatch):
    told = []
    monkeypatch.setattr(invoices.MailEvents, "announce", lambda _events, mails: told.extend(mails))
    made = scene(preparer=Preparing(
        ["a", "b", "c", "d"], ["e"], b=(State.FAILED, "mj-1"), c=(State.FAILED, ""), d=(State.ACCEPTED, ""),
    ))  # fmt: skip
    assert invoices.render() == {"prepared": 2, "messages": ["a", "e"], "failed": ["b", "c"]}
    assert made.woken == [NORMAL]
    assert counts(made) == {
        "prepared": 2, "outcomes failed": 2, "outcomes accepted": 1, "failed mj-1": 1, "failed own": 1,
    }  # fmt: skip
    assert told == [
        SentMail("b", STRICT, Lane.BULK, 8.0, State.FAILED, "mj-1"),
        SentMail("c", STRICT, Lane.BULK, 8.0, State.FAILED, ""),
    ]
    assert [facts["code"] for level, _, facts in made.log.lines if level == "error"] == ["mj-1", "own"]
    assert [facts["message"] for level, _, facts in made.log.lines if level == "info"] == ["a", "e"]


def test_its_result_names_a_hundred_messages_of_each(scene, monkeypatch):
    monkeypatch.setattr(invoices.MailEvents, "announce", lambda *_: None)
    good, bad = [f"g{n}" for n in range(101)], [f"b{n}" for n in range(101)]
    scene(preparer=Preparing(good + bad, **dict.fromkeys(bad, (State.FAILED, ""))))
    assert invoices.render() == {"prepared": 101, "messages": good[:100], "failed": bad[:100]}


# --- contacts ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "given", "job"),
    [
        (
            contacts.sync_contact,
            {"email": "a@x.example"},
            {"do": "sync_contact", "contact": {"email": "a@x.example"}},
        ),
        (
            contacts.sync_customer,
            {"customer_id": "C"},
            {"do": "sync_customer", "customer": {"customer_id": "C"}},
        ),
        (contacts.delete_contact, "a@x.example", {"do": "delete_contact", "email": "a@x.example"}),
    ],
)
def test_a_change_that_comes_as_a_task_is_taken_at_once_and_pushed_after_a_while(scene, task, given, job):
    taken = []
    intake = box(take=lambda job, **moments: taken.append((job, moments)))
    made = scene(contacts=box(intake=intake, debounce=SETTLE))
    task(given)
    assert taken == [(job, {"now": NOW, "asked_at": NOW})]
    assert made.woken == [(CONTACT_PUSH, SETTLE)]


def test_jobs_about_contacts_are_taken_off_the_stream_and_pushed_after_a_while(scene, monkeypatch):
    drained = box(entries=2, rejected=1, alarms=("AN ENTRY IS IN QUARANTINE",))
    made = scene(contacts=box(intake=None, debounce=SETTLE))
    monkeypatch.setattr(contacts, "ContactStream", lambda *_: box(drain_some=in_turn(drained)))
    contacts.drain()
    assert made.woken == [(CONTACT_PUSH, SETTLE)]
    assert made.log.lines == [
        ("info", "contact jobs taken", {"jobs": 2, "rejected": 1}),
        ("error", "AN ENTRY IS IN QUARANTINE", {}),
    ]


def test_contacts_are_pushed_step_by_step(scene):
    steps = in_turn(PushResult(contacts=50), PushResult(), PushResult(alarm="Mailjet refuses the list"))
    made = scene(contacts=box(step=steps))
    contacts.push()
    assert made.log.lines == [
        ("info", "contacts pushed", {"contacts": 50}),
        ("error", "Mailjet refuses the list", {}),
    ]
    assert made.woken == []


def test_without_a_token_contacts_wait_as_long_as_it_takes(scene):
    def busy():
        raise NoCallFree("mail goes first", retry_after=7)

    made = scene(contacts=box(step=busy))
    contacts.push()
    assert made.woken == [(CONTACT_PUSH, timedelta(seconds=7))]
    assert made.log.lines == []


def test_a_full_sync_is_asked_for_once(scene):
    made = scene()
    assert [contacts.sync_all_contacts(), contacts.sync_all_contacts()] == ["started", "one runs already"]
    assert made.woken == [CONTACT_SYNC]
    with made.container.ledger.read() as connection:
        assert contact_sync_runs.any_sync_free(connection, NOW)


@pytest.mark.parametrize(("finished", "logged"), [(True, 1), (False, 0)])
def test_a_full_sync_goes_on_slice_by_slice(scene, monkeypatch, finished, logged):
    made, asked = scene(contacts=box()), []
    found = in_turn(box(finished=finished, report={"read": 3}))

    def sync(ledger, service, clock, *, lease):
        asked.append((ledger, service, clock, lease))
        return box(run=found)

    monkeypatch.setattr(contacts, "BackgroundSync", sync)
    contacts.in_background()
    there = made.container
    assert asked == [(there.ledger, there.contacts, there.clock, 2 * there.settings.worker.lease)]
    assert made.woken == [CONTACT_PUSH]
    assert [facts for level, _, facts in made.log.lines if level == "info"] == [{"read": 3}] * logged


@pytest.mark.parametrize(
    ("waiting", "due", "asked_for", "woken"),
    [
        (0, False, False, []),
        (1, False, False, [CONTACTS]),
        (0, True, False, [CONTACT_PUSH]),
        (0, False, True, [CONTACT_SYNC]),
        (2, True, True, [CONTACTS, CONTACT_PUSH, CONTACT_SYNC]),
    ],
)
def test_the_sweep_wakes_whoever_has_contacts_waiting(scene, waiting, due, asked_for, woken):
    made = scene(contacts=box(intake=None, anything_due=lambda: due))
    for _ in range(waiting):
        made.redis.xadd(CONTACTS.stream, {"v": "1"})
    if asked_for:
        with made.container.ledger.write() as connection:
            contact_sync_runs.open_sync(connection, "s", NOW)
    contacts.sweep()
    assert made.woken == woken


def test_a_sweep_of_contacts_that_cannot_go_on_says_so(scene):
    made = scene(contacts=box(intake=None, anything_due=away))
    contacts.sweep()
    assert made.log.at("warning") == ["contact sweep stopped, the next one resumes it"]


# --- the sweep --------------------------------------------------------------------------------------------


def resting(**parts):
    """A worker's parts where nothing waits."""
    idle = {
        "reconciler": box(take_back=dict, expire=lambda: 0, forget_secrets=lambda: 0, reconcile=Reconciled),
        "stream": lambda _lane: box(waiting=lambda: 0),
        "dispatcher": box(waiting=lambda _lane: False),
        "ocs_stream": box(waiting=lambda: 0),
        "keeping": Keeping(timedelta(0), 0),
        "kept": list,
        "breaker": box(),
    }
    return idle | parts


CGRATES = "balances: {cgrates: {url: 'http://127.0.0.1:2080/jsonrpc'}}\n"


def test_where_nothing_stands_still_the_sweep_wakes_nobody(scene):
    made = scene(**resting())
    maintenance.sweep()
    assert (made.woken, made.log.lines, counts(made)) == ([], [], {})
    assert made.redis.get(envelope.BEAT_KEY) == NOW.isoformat()


@pytest.mark.parametrize("lane", list(Lane))
def test_a_lane_with_jobs_or_messages_is_woken(scene, lane):
    jobs, ready = lambda one: box(waiting=lambda: int(one is lane)), box(waiting=lambda one: one is lane)
    made = scene(**resting(stream=jobs, dispatcher=ready))
    maintenance.sweep()
    assert made.woken == [MAIL[lane], DISPATCH[lane]]


@pytest.mark.parametrize(
    ("state", "not_before", "woken"),
    [
        ("accepted", NOW, [RENDER]),
        ("accepted", after(1), []),
        ("unknown", NOW, [RECONCILE]),
        ("unknown", after(1), []),
        ("held", NOW, []),
    ],
)
def test_what_is_to_be_prepared_or_asked_about_wakes_whoever_does_that(scene, state, not_before, woken):
    made = scene(**resting())
    with made.container.ledger.write() as connection:
        accept(connection, [row("m", state=state, not_before=not_before)], NOW)
    maintenance.sweep()
    assert made.woken == woken


@pytest.mark.parametrize(
    ("extra", "entries", "posts", "woken"),
    [("", 0, 1, []), ("", 1, 0, [EVENTS]), (CGRATES, 0, 0, []), (CGRATES, 1, 1, [EVENTS, OCS])],
)
def test_what_others_posted_wakes_whoever_reads_it(scene, extra, entries, posts, woken):
    made = scene(extra, **resting(ocs_stream=box(waiting=lambda: posts)))
    for _ in range(entries):
        made.redis.xadd(EVENTS.stream, {"v": "1"})
    maintenance.sweep()
    assert made.woken == woken


def test_what_is_taken_back_or_too_late_is_counted(scene):
    back = {State.READY: 2, State.UNKNOWN: 1, State.ACCEPTED: 0}
    made = scene(**resting(reconciler=box(take_back=lambda: back, expire=lambda: 3)))
    maintenance.sweep()
    assert counts(made) == {"outcomes ready": 2, "outcomes unknown": 1, "outcomes expired": 3}
    assert made.log.lines == [
        ("warning", "taken back from workers that are gone", {"ready": 2, "unknown": 1}),
        ("info", "expired", {"messages": 3}),
    ]


@pytest.mark.parametrize(("seconds", "left"), [(60, 0), (0, 1)])
def test_old_copies_of_jobs_are_forgotten_where_any_are_kept(scene, seconds, left):
    made = scene()
    KeptEntries(made.redis, "s", KEEPING).add([{"v": "1"}])
    kept = KeptEntries(made.redis, "s", Keeping(timedelta(microseconds=1), 100_000))
    vars(made.container).update(
        resting(keeping=Keeping(timedelta(seconds=seconds), 100_000), kept=lambda: [kept])
    )
    maintenance.sweep()
    assert kept.figures().entries == left


def test_a_sweep_that_cannot_go_on_says_so_and_beat_still_beats(scene):
    made = scene(**resting(reconciler=box(take_back=away)))
    maintenance.sweep()
    assert made.log.at("warning") == ["sweep stopped, the next one resumes it"]
    assert made.redis.get(envelope.BEAT_KEY) == NOW.isoformat()


def test_which_beats_had_sweeps_started_is_remembered_for_five_minutes(scene):
    made = scene()
    for origin, seconds in [("gen1@a", 0), (None, 0), ("2@b", 299), ("gen3@c", 301)]:
        made.clock.now = after(seconds)
        maintenance._note_beat(made.container, origin)
    assert made.redis.zrange(envelope.BEATS_KEY, 0, -1, withscores=True) == [
        ("2@b", after(299).timestamp()),
        ("3@c", after(301).timestamp()),
    ]
    assert made.redis.get(envelope.BEAT_KEY) == after(301).isoformat()


@pytest.mark.parametrize(("found", "told"), [(3, [3]), (0, [])])
def test_what_mailjet_had_after_all_is_counted_and_the_breaker_hears_of_it(scene, found, told):
    heard = []
    done = Reconciled(asked=5, found=found, again=2)
    made = scene(**resting(reconciler=box(reconcile=lambda: done), breaker=box(found=heard.append)))
    maintenance.reconcile()
    assert heard == told
    assert counts(made) == {"outcomes sent": found, "outcomes ready": 2} if found else {"outcomes ready": 2}
    assert made.log.lines == [("info", "reconciled", {"asked": 5, "found": found, "again": 2})]


def test_a_look_up_that_cannot_go_on_says_so(scene):
    made = scene(**resting(reconciler=box(reconcile=away)))
    maintenance.reconcile()
    assert made.log.at("warning") == ["reconciliation stopped, the sweep resumes it"]


@pytest.mark.parametrize(("asked", "hours"), [({}, 2), ({"hours": 49}, 49)])
def test_the_last_hours_are_counted_anew(scene, monkeypatch, asked, hours):
    spans = []
    monkeypatch.setattr(maintenance, "count_hours", lambda _c, **span: spans.append(span))
    scene()
    maintenance.roll_up(**asked)
    assert spans == [{"since": NOW - timedelta(hours=hours), "now": NOW}]


def test_hours_that_cannot_be_counted_are_counted_the_next_time(scene, monkeypatch):
    monkeypatch.setattr(maintenance, "count_hours", away)
    made = scene()
    maintenance.roll_up()
    assert made.log.at("warning") == ["statistics wait for the next time"]


def test_what_is_old_is_forgotten_everywhere_until_nothing_is_left(scene, monkeypatch):
    asked, batches = [], iter([1000, 7, 0])

    def note(what, answer=None):
        return lambda *_, **how: asked.append((what, how)) or answer

    forget_rows = note("rows")
    monkeypatch.setattr(maintenance, "forget_rows", lambda _c, **how: forget_rows(**how) or next(batches))
    monkeypatch.setattr(maintenance, "forget_left", note("left"))
    monkeypatch.setattr(maintenance, "forget_callbacks", lambda _c, now: asked.append(("told", {"now": now})))
    monkeypatch.setattr(maintenance, "deliveries", lambda _container: box(tidy=note("events")))
    monkeypatch.setattr(maintenance, "roll_up", lambda hours: asked.append(("hours", {"hours": hours})))
    monkeypatch.setattr(maintenance, "rewrite_log", note("log", box(value="asked")))
    made = scene(**resting(
        reconciler=box(forget_secrets=lambda: 4), store=box(sweep=note("files", 5)),
    ))  # fmt: skip
    maintenance.forget()
    there = made.container.settings
    before = NOW - timedelta(days=there.worker.retention_days)
    assert asked == [
        *[("rows", {"before": before})] * 3,
        ("left", {"before": before}),
        ("told", {"now": NOW}),
        ("events", {"now": NOW}),
        ("files", {"now": NOW, "older_than": timedelta(days=there.invoice.retention_days)}),
        ("hours", {"hours": maintenance.SETTLES / timedelta(hours=1)}),
        ("log", {"every": there.worker.rewrite_redis_log}),
    ]
    assert made.log.lines == [
        ("info", "forgotten", {"messages": 1007, "files": 5, "secrets": 4, "redis_log": "asked"})
    ]


# --- callbacks, campaigns, posts --------------------------------------------------------------------------


CALLED = "callbacks: {url: 'https://crm.example/hook', secret: 'a-secret-of-32-characters-at-least'}\n"


@pytest.mark.parametrize(
    ("done", "woken", "lines"),
    [
        (CallbackRun(), [], []),
        (CallbackRun(more=True), [CALLBACKS], []),
        (CallbackRun(sent=2), [], [("info", "callbacks", {"sent": 2, "put_off": 0, "lost": 0})]),
        (CallbackRun(put_off=1), [], [("info", "callbacks", {"sent": 0, "put_off": 1, "lost": 0})]),
        (
            CallbackRun(lost=3), [],
            [
                ("info", "callbacks", {"sent": 0, "put_off": 0, "lost": 3}),
                ("error", "the CRM was not told of some changes; see callbacks.url", {"changes": 3}),
            ],
        ),
    ],
)  # fmt: skip
def test_the_crm_is_told_and_what_is_lost_is_an_alarm(scene, monkeypatch, done, woken, lines):
    made, ran = scene(CALLED), []
    monkeypatch.setattr(callbacks, "callbacks_of", lambda _: box(run=lambda **how: ran.append(how) or done))
    made.redis.set(CALLBACKS.flag, "1")
    callbacks.send_callbacks()
    assert ran == [{"seconds": 20.0}]
    assert (made.woken, made.log.lines) == (woken, lines)


def test_a_crm_that_wants_no_word_gets_none(scene, monkeypatch):
    monkeypatch.setattr(callbacks, "callbacks_of", lambda _: pytest.fail("nobody asked for it"))
    scene()
    callbacks.send_callbacks()


def test_callbacks_that_cannot_go_on_wait_for_the_next_round(scene, monkeypatch):
    made = scene(CALLED)
    monkeypatch.setattr(callbacks, "callbacks_of", lambda _: box(run=away))
    callbacks.send_callbacks()
    assert made.log.lines[0][:2] == ("warning", "callbacks wait, the next round resumes them")
    assert len(made.log.lines) == 1


def test_a_task_of_the_crms_goes_to_its_own_queue(monkeypatch):
    sent = []
    publisher = box(send_task=lambda name, **how: sent.append((name, how)))
    monkeypatch.setattr(callbacks, "_publisher", lambda _broker: publisher)
    callbacks._send_task("crm.mail_changed", {"id": "m"}, "t1", "crm")
    assert sent == [
        ("crm.mail_changed", {"kwargs": {"id": "m"}, "task_id": "t1", "queue": "crm", "retry": False})
    ]


def test_the_crms_tasks_are_sent_by_a_celery_that_may_name_any_queue():
    publisher = callbacks._publisher("redis://127.0.0.1:1/5")
    assert publisher is callbacks._publisher("redis://127.0.0.1:1/5")
    assert (publisher.main, publisher.conf.broker_url) == ("mailworker-callbacks", "redis://127.0.0.1:1/5")
    assert publisher.conf.task_ignore_result is True
    assert publisher is not celery.current_app._get_current_object()


def test_what_tells_the_crm_works_with_the_containers_parts(scene):
    made = scene(CALLED).container
    found = callbacks.callbacks_of(made)
    assert (found._settings, found._kinds, found._ledger, found._clock) == (
        made.settings.callbacks, made.settings.kinds, made.ledger, made.clock,
    )  # fmt: skip
    assert found._send_task is callbacks._send_task


def test_a_broker_that_takes_no_task_is_a_passing_fault(monkeypatch):
    def gone(*_args, **_more):
        raise RedisGone("secret words")

    monkeypatch.setattr(callbacks, "_publisher", lambda _broker: box(send_task=gone))
    with pytest.raises(Unreachable, match="Redis did not take the task: ConnectionError") as caught:
        callbacks._send_task("crm.mail_changed", {}, "t1", "crm")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("task", "method", "arguments", "answer", "woken"),
    [
        (campaigns.test, "test", ("c", ["a@x.example"]), 1, [DISPATCH[Lane.BULK]]),
        (campaigns.send, "send", ("c",), "sending", [CAMPAIGNS]),
        (campaigns.pause, "pause", ("c",), 3, []),
        (campaigns.resume, "resume", ("c",), 3, [CAMPAIGNS]),
        (campaigns.cancel, "cancel", ("c",), 3, []),
        (campaigns.progress, "progress", ("c",), {"sent": 1}, []),
        (campaigns.stats, "stats", ("c",), {"opened": 1}, []),
    ],
)
def test_a_campaign_is_commanded_and_whoever_sends_is_woken(scene, task, method, arguments, answer, woken):
    given = []
    made = scene(campaigns=box(**{method: lambda *asked: given.append(asked) or answer}))
    assert task(*arguments) == answer
    assert (given, made.woken) == ([arguments], woken)


def test_a_new_campaign_says_whom_it_is_for_and_a_planned_one_when(scene):
    audience = box(contacts=5, reachable=4)
    plan = box(create=lambda _: ({"id": "c"}, audience), schedule=lambda _name, _at: NOW)
    scene(campaigns=plan)
    assert campaigns.create({}) == {"id": "c", "contacts": 5, "reachable": 4}
    assert campaigns.schedule("c", "tomorrow") == NOW.isoformat()


def test_a_campaigns_messages_are_written_step_by_step(scene):
    steps = iter([50, 20, 0])
    made = scene(campaigns=box(step=lambda: next(steps)))
    campaigns.step()
    assert made.woken == [DISPATCH[Lane.BULK]]
    assert list(steps) == []


@pytest.mark.parametrize(("written", "woken"), [(0, []), (2, [NORMAL])])
def test_posts_of_cgrates_are_counted_by_what_they_led_to(scene, written, woken):
    taken = Taken(posts=9, written=written, ignored=3, rejected=1, alarms=("A POST IS IN QUARANTINE",))
    made = scene(CGRATES, ocs_stream=box(drain_some=in_turn(taken)))
    cgrates_posts.drain_ocs()
    assert counts(made) == {"cgrates_posts taken": 5, "cgrates_posts ignored": 3, "cgrates_posts rejected": 1}
    assert made.woken == woken
    assert made.log.lines == [
        ("error", "A POST IS IN QUARANTINE", {}),
        ("info", "cgrates", {"posts": 9, "alerts": written, "ignored": 3, "rejected": 1}),
    ]


def test_posts_wait_where_no_engine_is_configured(scene):
    made = scene(ocs_stream=box(drain_some=lambda _now: pytest.fail("they wait")))
    cgrates_posts.drain_ocs()
    assert len(made.log.at("warning")) == 1


# --- health, suppressions ---------------------------------------------------------------------------------


def test_a_worker_that_can_work_is_well(scene):
    scene()
    assert health.health() == "well"


def test_a_worker_whose_ledger_has_no_tables_is_not(scene):
    with scene().container.ledger.write() as connection:
        connection.execute(text("DROP TABLE messages"))
    with pytest.raises(TransientError, match="no such table: messages"):
        health.health()


def test_a_worker_without_redis_or_ledger_is_not(scene, monkeypatch):
    def gone():
        raise RedisGone("10.0.0.1 refused")

    made = scene()
    made.container.ledger = box(demand_writable=away)
    with pytest.raises(TransientError, match="the ledger does not answer"):
        health.health()
    made.container.redis = box(ping=gone)
    with pytest.raises(
        TransientError,
        match=r"^Redis does not answer \(ConnectionError\): start it",
    ):
        health.health()


def test_the_suppression_list_as_tasks(scene):
    asked = []

    def answer(name, result):
        return lambda *given, **named: asked.append((name, given, named)) or result

    entry = {"email": "a@x.example", "since": NOW}
    scene(suppressions=box(
        latest=answer("latest", [entry]), show=answer("show", entry), add=answer("add", None),
        opt_in=answer("opt_in", 2), lift=answer("lift", Lifted("spam", 1, ("ask Mailjet",))),
    ))  # fmt: skip
    plain = {"email": "a@x.example", "since": str(NOW)}
    assert suppressions.list_() == [plain]
    assert suppressions.list_(reason="spam", limit=5) == [plain]
    assert suppressions.show("a@x.example") == plain
    assert suppressions.add("a@x.example", "w", "b") is None
    assert suppressions.add("a@x.example", "w", "b", reason="unsubscribed") is None
    assert suppressions.opt_in("a@x.example", "w", "b") == 2
    assert suppressions.lift("a@x.example", "w", "b") == {
        "reason": "spam", "resubscribed": 1, "advice": ["ask Mailjet"],
    }  # fmt: skip
    assert asked == [
        ("latest", (), {"reason": "", "limit": 50}),
        ("latest", (), {"reason": "spam", "limit": 5}),
        ("show", ("a@x.example",), {}),
        ("add", ("a@x.example",), {"why": "w", "by": "b", "reason": "blocked"}),
        ("add", ("a@x.example",), {"why": "w", "by": "b", "reason": "unsubscribed"}),
        ("opt_in", ("a@x.example",), {"why": "w", "by": "b"}),
        ("lift", ("a@x.example",), {"why": "w", "by": "b"}),
    ]


# --- events -----------------------------------------------------------------------------------------------


def event(word, **more):
    return {
        "event": word,
        "time": int(NOW.timestamp()),
        "email": "a@client.example",
        "CustomID": "m1",
        **more,
    }


@pytest.fixture
def at_mailjet(scene, monkeypatch):
    """One message that Mailjet has, and the clock of events."""
    made = scene(keeping=Keeping(timedelta(0), 0))
    with made.container.ledger.write() as connection:
        accept(connection, [row("m1", kind=STRICT, state="sent", to_email="a@client.example")], NOW)
    monkeypatch.setattr(events, "utc_now", lambda: after(5))
    return made


def test_events_as_a_task_are_recorded_and_what_is_wrong_is_said(at_mailjet):
    given = [event("open"), event("open"), {"event": "open"}]
    told = events.record_events(given)
    assert (told["new"], told["repeated"], len(told["faults"])) == (1, 1, 1)
    assert events.record_events(event("open")) == {"new": 0, "repeated": 1, "faults": []}
    assert counts(at_mailjet) == {"events open": 1}
    assert [line[2]["new"] for line in at_mailjet.log.lines if line[1] == "events"] == [1]


def test_events_on_the_stream_are_recorded(at_mailjet):
    clicks = [event("click", url=f"https://x.example/{n}") for n in range(3)]
    body = json.dumps([*clicks, event("wave")])
    at_mailjet.redis.xadd(EVENTS.stream, envelope.seal_post(body.encode(), NOW))
    events.drain_events()
    assert at_mailjet.redis.xlen(EVENTS.stream) == 0
    assert counts(at_mailjet) == {"events click": 3, "events other": 1}
    sums = [
        number for (_, labels), number in counted(at_mailjet.redis).items() if labels[-1:] == (("le", "sum"),)
    ]
    assert sums == [20_000_000], "four events, five seconds each"


def test_a_webhook_call_that_ends_its_readers_goes_into_quarantine_and_is_noted(at_mailjet):
    redis = at_mailjet.redis
    entry = redis.xadd(EVENTS.stream, {"v": "1", "body": "[]"})
    redis.xgroup_create(EVENTS.stream, GROUP, id="0")
    redis.xreadgroup(GROUP, CONSUMER, {EVENTS.stream: ">"})
    redis.xclaim(
        EVENTS.stream,
        GROUP,
        CONSUMER,
        0,
        [entry],
        idle=ABANDONED_MS + 1,
        retrycount=MOST_DELIVERIES,
        justid=True,
    )
    events.drain_events()
    assert [one.entry for one in quarantined(redis, limit=9)] == [entry]
    with at_mailjet.container.ledger.read() as connection:
        (noted,) = connection.execute(select(rejected_jobs)).mappings()
    assert (noted["entry_id"], noted["source"], noted["at"]) == (f"events:{entry}", "webhook", after(5))
    assert "is in quarantine" in noted["faults"][0]
    assert len(at_mailjet.log.at("error")) == 1


def test_an_event_that_came_before_its_message_finds_it_later(at_mailjet):
    events.record_events(event("open", CustomID="m2"))
    with at_mailjet.container.ledger.write() as connection:
        accept(connection, [row("m2", state="unknown", to_email="a@client.example")], NOW)
    events.match_events()
    with at_mailjet.container.ledger.read() as connection:
        (state,) = connection.execute(select(messages.c.state).where(messages.c.id == "m2")).scalars()
    assert state == "sent", "its event proves it"
    assert [line[2]["proved"] for line in at_mailjet.log.lines if line[1] == "events"] == [0, 1]


def test_matching_that_cannot_go_on_says_so(at_mailjet, monkeypatch):
    monkeypatch.setattr(events, "deliveries", lambda _: box(match_late=away))
    events.match_events()
    assert at_mailjet.log.at("warning") == ["matching stopped, the next round resumes it"]
