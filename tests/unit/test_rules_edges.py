"""Rules at their bounds: which side of each is which, and what stays as it was."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from mailworker.config.builtin_kinds import KINDS
from mailworker.core.kind import Kind, Variable
from mailworker.core.settlement import Receipt, Settlement
from mailworker.core.states import State
from mailworker.errors import (
    BadInput,
    Misconfigured,
    PermanentError,
    Throttled,
    TransientError,
    UnknownOutcome,
)
from mailworker.rules import contact_sync_cost_and_pauses
from mailworker.rules.address_mentions import mentions, probe, without_mentions
from mailworker.rules.claimable_while_held import ClaimPlan, plan_claim
from mailworker.rules.contact_sync_cost_and_pauses import (
    Plan,
    calls_to_push,
    poll_pause,
    removes_too_much,
    retry_pause,
)
from mailworker.rules.crm_facts import Token
from mailworker.rules.fill_call import ENVELOPE_BYTES, LARGE_BODY, fill
from mailworker.rules.job.check_job import check_job, kept_language
from mailworker.rules.lookup_schedule import after_not_found, wants_proof
from mailworker.rules.may_replay import replay_hindrance
from mailworker.rules.message_explain import MessageFacts, explained
from mailworker.rules.pre_send.mailjet_campaign import AudienceFacts, check_audience
from mailworker.rules.pre_send.reword import changed, compare
from mailworker.rules.pre_send.reword import replace as replace_by
from mailworker.rules.pre_send.used_link import check_token, token_id
from mailworker.rules.pre_send.verdicts import Cancel, Replace, Reword, Wait, closed, unreadable
from mailworker.rules.pseudonym import is_pseudonym, pseudonym, pseudonyms
from mailworker.rules.rehearse_or_write import Arming, ScanMode, mode_of, why_it_rehearses
from mailworker.rules.retry_backoff import backoff
from mailworker.rules.secret_variables import wiped
from mailworker.rules.send_outcome import Patience, settlement, split
from mailworker.rules.suppression_reasons import (
    SOFT_BOUNCES,
    TEMPORARY,
    Listing,
    Trial,
    soft_bounced_too_often,
    weightier,
)

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=n) for n in (1, 60, 3600, 86_400))
RECEIPT = Receipt(1, "u")
PATIENCE = Patience(12, 15 * SECOND, HOUR, 30 * SECOND)


@pytest.mark.parametrize(
    ("attempts", "chance", "pause"),
    [(0, 1, 15), (1, 1, 15), (2, 1, 30), (3, 0.5, 30), (8, 1, 1920), (9, 1, 3600), (99, 1, 3600), (1, 0, 1), (1, 0.05, 1), (1, 0.1, 1.5)],
)  # fmt: skip
def test_pauses_double_up_to_an_hour(attempts, chance, pause):
    assert backoff(attempts, base=15 * SECOND, cap=HOUR, chance=chance) == timedelta(seconds=pause)


@pytest.mark.parametrize(
    ("answer", "attempts", "fate"),
    [
        (RECEIPT, 1, Settlement("m", State.SENT, "accepted by Mailjet", receipt=RECEIPT)),
        (UnknownOutcome("broken"), 1, Settlement("m", State.UNKNOWN, "broken", not_before=NOW + 30 * SECOND)),
        (Throttled("429", retry_after=7), 3, Settlement("m", State.READY, "429", attempts=2)),
        (PermanentError("refused"), 3, Settlement("m", State.FAILED, "refused")),
        (TransientError("later"), 1, Settlement("m", State.READY, "later", not_before=NOW + 15 * SECOND, attempts=1)),
        (TransientError("later"), 6, Settlement("m", State.READY, "later", not_before=NOW + 480 * SECOND, attempts=6)),
        (TransientError("later"), 9, Settlement("m", State.READY, "later", not_before=NOW + HOUR, attempts=6)),
    ],
)  # fmt: skip
def test_what_an_answer_means(answer, attempts, fate):
    assert settlement("m", answer, attempts=attempts, now=NOW, patience=PATIENCE, chance=1.0) == fate


@pytest.mark.parametrize(
    ("together", "fate"),
    [
        (1, Settlement("m", State.FAILED, "x")),
        (2, Settlement("m", State.READY, "x", not_before=NOW, batch_limit=1, attempts=2)),
        (51, Settlement("m", State.READY, "x", not_before=NOW, batch_limit=25, attempts=2)),
    ],
)
def test_a_call_that_is_refused_is_halved(together, fate):
    assert split("m", PermanentError("x"), attempts=3, together=together, now=NOW) == fate


def candidate(id_, *, recipients=1, size=10, limit=50):
    return {"id": id_, "recipients": recipients, "content_bytes": size, "batch_limit": limit}


@pytest.mark.parametrize(
    ("candidates", "body_bytes", "chosen"),
    [
        ([candidate("a"), *[candidate("b")] * 49, candidate("c")], 10_000, "a" + "b" * 49),
        ([candidate("a", recipients=30), candidate("b", recipients=21), candidate("c", recipients=20)], 10_000, "ac"),
        ([candidate("a"), candidate("b")], ENVELOPE_BYTES + 20, "ab"),
        ([candidate("a"), candidate("b"), candidate("c", size=9)], ENVELOPE_BYTES + 19, "ac"),
        ([candidate("a", size=99_999, recipients=99)], 1, "a"),
        ([candidate("a", limit=2), candidate("b"), candidate("c")], 10_000, "ab"),
        ([candidate("a"), candidate("b", limit=1), candidate("c", limit=2), candidate("d")], 10_000, "ac"),
        ([candidate("a"), candidate("b", limit=2), candidate("c")], 10_000, "ab"),
        ([], 10_000, ""),
    ],
)  # fmt: skip
def test_what_travels_together(candidates, body_bytes, chosen):
    assert fill(candidates, body_bytes) == list(chosen)
    assert (ENVELOPE_BYTES, LARGE_BODY) == (200, 8_000_000)


def held(scope, probe_at=None):
    return SimpleNamespace(scope=scope, probe_at=probe_at)


@pytest.mark.parametrize(
    ("holds", "plan"),
    [
        ([], ClaimPlan()),
        ([held("k")], ClaimPlan(held=frozenset({"k"}))),
        ([held("k", NOW)], ClaimPlan(probe="k", held=frozenset({"k"}))),
        ([held("k", NOW + SECOND)], ClaimPlan(held=frozenset({"k"}))),
        ([held("lane:bulk")], ClaimPlan(lanes=frozenset({"bulk"}))),
        ([held("*"), held("lane:bulk"), held("k")], ClaimPlan(stopped=True, lanes=frozenset({"bulk"}))),
        ([held("k", NOW), held("*", NOW)], ClaimPlan(probe="*")),
        ([held("k", NOW), held("*", NOW + SECOND)], ClaimPlan(stopped=True)),
        ([held("k"), held("l", NOW), held("m", NOW)], ClaimPlan(probe="l", held=frozenset("klm"))),
    ],
)
def test_what_may_be_claimed(holds, plan):
    assert plan_claim(holds, NOW) == plan


ASKED = Kind("k", (), resend_unknown_after=2 * HOUR, resend_needs_proof=True)
SURE = replace(ASKED, resend_needs_proof=False)
NEVER = Kind("k", ())
PLAN = (MINUTE, HOUR)


@pytest.mark.parametrize(
    ("kind", "after", "wanted"),
    [(ASKED, 2 * HOUR - SECOND, False), (ASKED, 2 * HOUR, True), (ASKED, DAY - SECOND, True), (ASKED, DAY, False),
     (SURE, 3 * HOUR, False), (NEVER, 3 * HOUR, False)],
)  # fmt: skip
def test_when_only_a_proof_is_missing(kind, after, wanted):
    assert wants_proof(kind, called_at=NOW - after, now=NOW) is wanted


@pytest.mark.parametrize(
    ("kind", "after", "proved", "state", "wait"),
    [
        (ASKED, SECOND, True, "unknown", 59 * SECOND),
        (ASKED, MINUTE, True, "unknown", 59 * MINUTE),
        (ASKED, HOUR, True, "unknown", HOUR),
        (ASKED, 2 * HOUR, True, "ready", timedelta(0)),
        (ASKED, 2 * HOUR, False, "unknown", 10 * MINUTE),
        (ASKED, DAY, False, "ready", timedelta(0)),
        (SURE, 2 * HOUR, False, "ready", timedelta(0)),
        (SURE, 2 * HOUR - SECOND, True, "unknown", SECOND),
        (NEVER, 3 * HOUR, True, "unknown", DAY),
        (NEVER, SECOND, True, "unknown", 59 * SECOND),
    ],
)
def test_what_becomes_of_what_mailjet_does_not_know(kind, after, proved, state, wait):
    found = after_not_found("m", kind, called_at=NOW - after, now=NOW, plan=PLAN, proved=proved)
    assert (found.id, found.state, found.not_before) == ("m", state, NOW + wait)
    if state == "ready":
        assert ("never took it" in found.why) is kind.resend_needs_proof


ROW = {
    "to_email": "a@b.example",
    "to_name": None,
    "customer_id": "C",
    "language": "fr",
    "variables": {"a": 1, "b": "x"},
}


@pytest.mark.parametrize(
    ("fresh", "names"),
    [
        ({}, []),
        ({"to_name": ""}, []),
        ({"to_name": "Z", "to_email": "c@b.example", "language": "en"}, ["to_email", "to_name", "language"]),
        ({"customer_id": "D"}, ["customer_id"]),
        ({"variables": {"a": 2, "b": "x"}}, ["a"]),
        ({"variables": {"a": 1}}, []),
        ({"variables": {"a": 1, "b": "x", "c": "", "d": [], "e": ()}}, []),
        ({"variables": {"a": 1, "b": "x", "c": "y", "f": 0}}, ["c", "f"]),
        ({"variables": None}, []),
    ],
)
def test_what_changed_in_the_crm(fresh, names):
    assert changed(ROW, ROW | fresh) == names
    verdict = compare(ROW, ROW | fresh, NOW)
    why = f"written anew, for this changed in the CRM: {', '.join(names)}"
    assert verdict == (Reword(ROW | fresh, NOW, why) if names else None)


def test_what_cannot_be_written_now_waits():
    assert (
        compare(ROW, BadInput("x"), NOW)
        == unreadable(NOW)
        == Wait(NOW + HOUR, "the CRM's record of it cannot be read")
    )
    assert compare(ROW, Misconfigured("x"), NOW) is None
    assert (
        replace_by(Misconfigured("x"), ("k",), NOW)
        == replace_by(BadInput("x"), ("k",), NOW)
        == unreadable(NOW)
    )
    fresh = {"id": "m2"}
    assert replace_by(fresh, ("k",), NOW) == Replace(
        fresh, ("k",), "Part of it is no longer true; m2 says the rest."
    )
    assert closed(NOW, NOW) is None
    assert closed(NOW + SECOND, NOW) == Wait(NOW + SECOND, "quiet hours, or a day on which nothing leaves")


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (None, None),
        (Token(token_id="t", used=False), None),
        (Token(token_id="t", used=True), "its link was used meanwhile"),
        (Token(token_id="t", used=False, expires_at=NOW), "its link has expired"),
        (Token(token_id="t", used=False, expires_at=NOW + SECOND), None),
    ],
)
def test_a_link_that_is_of_no_use_any_more(token, why):
    assert check_token(token, NOW) == (Cancel(why) if why else None)


def test_the_token_in_a_key():
    assert [
        token_id({"idempotency_key": key})
        for key in ("reset:4711", "reset:4711#a@b.example", "reset", "a:b:c")
    ] == [
        "4711",
        "4711",
        "",
        "b:c",
    ]


SECRET = Kind("k", (Variable("s", secret=True), Variable("t")))
KEPT = {"kind": "k", "expires_at": None, "variables": {"t": 1}, "invoice": None, "invoice_id": None}


@pytest.mark.parametrize(
    ("changes", "kind", "why"),
    [
        ({}, None, "k is not in the configuration any more"),
        ({"expires_at": NOW}, SECRET, "it is too late to be useful"),
        ({"expires_at": NOW + SECOND, "variables": {"s": 1}}, SECRET, ""),
        ({}, SECRET, "its s was wiped; its caller has to ask for a new one."),
        ({"variables": None}, SECRET, "its s was wiped"),
        ({"invoice": {}}, SECRET, ""),
        ({"invoice_id": "1"}, SECRET, ""),
        ({"variables": {}}, replace(SECRET, variables=(Variable("s", required=False, secret=True),)), ""),
    ],
)
def test_what_cannot_be_sent_again(changes, kind, why):
    found = replay_hindrance(KEPT | changes, kind, NOW)
    assert found.startswith(why)
    assert bool(found) is bool(why)


def test_only_secrets_are_wiped():
    assert wiped(SECRET, {"s": 1, "t": 2}) == {"t": 2}
    assert wiped(SECRET, {"t": 2}) is None
    assert wiped(SECRET, {}) is None
    assert wiped(SECRET, None) is None


@pytest.mark.parametrize(
    ("counts", "words"),
    [((0, 0, 0, 1), []), ((1, 0, 0, 1), ["list has 1"]), ((0, 2, 0, 1), ["2 changed contacts"]), ((0, 0, 3, 1), ["3 contacts are not on"]),
     ((1, 2, 3, 0), ["list has 1", "2 changed contacts", "3 contacts are not on"]), ((0, 0, 0, 0), ["News: nobody may get it any more"])],
)  # fmt: skip
def test_an_audience_that_is_not_whom_the_ledger_counts_stops_a_campaign(counts, words):
    faults = check_audience(AudienceFacts(*counts), "News")
    assert all(word in fault for word, fault in zip(words, faults, strict=True))


def test_what_a_sync_costs():
    assert [calls_to_push(n) for n in (0, 1, 3, 4, 1000, 1001)] == [0, 2, 6, 4, 4, 8]
    plan = Plan({"a": 3, "b": 4}, moved=2, erased=3, read_back=1000)
    assert (plan.contacts, plan.calls) == (12, 6 + 4 + 14 + 6 + 4)
    assert Plan({}, read_back=999).calls == 2
    assert Plan({}).calls == 0
    figures = (
        contact_sync_cost_and_pauses.CHUNK,
        contact_sync_cost_and_pauses.BY_HAND,
        contact_sync_cost_and_pauses.MAX_TRIES,
    )
    assert figures == (1000, 3, 8)
    assert contact_sync_cost_and_pauses.JOB_DEADLINE == 12 * HOUR
    assert plan.duration(17) == 2 * MINUTE
    assert [poll_pause(n).total_seconds() for n in (0, 1, 7, 8, 99)] == [2, 4, 256, 300, 300]
    assert [retry_pause(n).total_seconds() for n in (0, 1, 7, 8, 99)] == [15, 30, 1920, 3600, 3600]
    for missing, known, too_much in ((20, 20, False), (21, 210, False), (21, 209, True), (100, 1000, False)):
        assert removes_too_much(missing, known, percent=10) is too_much


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("Write to Anna@Example.com.", True), ("<anna@example.com>", True), ("k:anna@example.com#1", True), ("xanna@example.com", False),
        ("anna@example.com.fr", False), ({"anna@example.com": 1}, True), ({"a": [{"b": ("anna@example.com",)}]}, True), ([1, None, {}], False), ("anna", False),
    ],
)  # fmt: skip
def test_where_an_address_is_named(value, found):
    assert mentions(value, "anna@example.com") is found


@pytest.mark.parametrize(
    ("value", "without"),
    [
        ("To Anna@Example.com!", "To X!"), ("bob@example.com", "bob@example.com"), ("a:Anna@example.com#again", "a:X#again"), ("", ""),
    ],
)  # fmt: skip
def test_an_address_is_taken_out(value, without):
    assert without_mentions(value, "anna@example.com", "X") == without


def test_an_address_with_odd_signs_is_found_too():
    name = "o'neil@example.com"
    assert mentions("to O'Neil@example.com", name)
    assert not mentions("to neil@example.com", name)
    assert without_mentions("to O'Neil@Example.com!", name, "X") == "to X!"
    assert not mentions("to o'neil", name)


@pytest.mark.parametrize(
    ("name", "letters"), [("anna.b@x.example", "anna"), ("strasse7@x.example", "stra"), ("é@x.example", "@"), ("a1-bcd@x.example", "bcd")]
)  # fmt: skip
def test_letters_that_stand_in_every_spelling(name, letters):
    assert probe(name) == letters


def test_what_stands_for_an_erased_address():
    assert pseudonym("Zoe@exämple.fr") == pseudonym("zoe@xn--exmple-cua.fr")
    assert pseudonym("a@x.fr") != pseudonym("b@x.fr")
    assert len(pseudonym("a@x.fr")) == 47
    assert pseudonyms("a@x.fr") == (pseudonym("a@x.fr"),)
    assert len(pseudonyms("a@exämple.fr")) == 2
    assert [is_pseudonym(text) for text in (pseudonym("a@x.fr"), "erased-a@x.fr", "a", "x-erased-")] == [
        True,
        False,
        False,
        False,
    ]


STARTED = Arming("s", NOW, policy="p", waiting_policy="q", waiting_due=7)


@pytest.mark.parametrize(
    ("arming", "policy", "mode", "why"),
    [
        (None, "p", ScanMode.REHEARSAL, "it was never started"),
        (STARTED, "p", ScanMode.REAL, ""),
        (replace(STARTED, policy=""), "x", ScanMode.REAL, ""),
        (STARTED, "q", ScanMode.REHEARSAL, "It stopped to ask: since the configuration or the query changed, 7 are due"),
        (STARTED, "r", ScanMode.REHEARSAL, "it counts first who would be due"),
    ],
)  # fmt: skip
def test_whether_a_scan_writes(arming, policy, mode, why):
    assert mode_of(arming, policy) is mode
    told = why_it_rehearses(arming, policy, "reminders")
    assert why in told
    assert bool(told) is bool(why)


FACTS = MessageFacts(NOW, ZoneInfo("Europe/Paris"))
MESSAGE = {
    "id": "m1", "state": "ready", "delivery": None, "attempts": 0, "reason": None, "changed_at": NOW, "expires_at": None,
    "not_before": None,
}  # fmt: skip
WAITS = "It waits for its turn to leave."
LATER = "It leaves at 2026-11-30 10:01 (Europe/Paris), not before"


@pytest.mark.parametrize(
    ("changes", "facts", "told"),
    [
        ({}, {}, [WAITS]),
        ({"reason": "x."}, {}, [WAITS, "The last that happened: x."]),
        ({"attempts": 2}, {}, [WAITS, "It was tried 2 times so far."]),
        ({"not_before": NOW}, {}, [WAITS]),
        ({"not_before": NOW + MINUTE}, {}, [f"{LATER}."]),
        ({"not_before": NOW + MINUTE, "reason": "night.", "attempts": 1}, {}, [f"{LATER} (night).", "It was tried once so far."]),
        ({"expires_at": NOW}, {}, [WAITS, "It is of no use any more after 2026-11-30 10:00 (Europe/Paris), and expires then."]),
        ({"not_before": NOW + MINUTE}, {"held": "broken."}, ["It waits, for mail is held: broken. It leaves when the hold ends."]),
        ({}, {"suppressed": "spam"}, [WAITS, "The address is on the suppression list (spam), which may stop it."]),
        ({"state": "accepted"}, {}, ["It is accepted, and waits for a worker to prepare its invoice."]),
        ({"state": "accepted", "not_before": NOW + MINUTE}, {"suppressed": "spam"}, [f"{LATER}.", "The address is on the suppression list (spam), which may stop it."]),
        ({"state": "sending"}, {"suppressed": "spam"}, ["It is in a call to Mailjet at this moment."]),
        ({"state": "rendering"}, {}, ["Its invoice is being prepared at this moment."]),
        ({"state": "unknown", "reason": "x"}, {}, ["Nobody saw the answer to its call: Mailjet may or may not have it, and is asked.", "The last that happened: x."]),
        ({"state": "sent"}, {}, ["Mailjet accepted it at 2026-11-30 10:00 (Europe/Paris); no event has come since, so delivery is not proven."]),
        ({"state": "sent", "delivery": "opened"}, {}, ["Mailjet accepted it at 2026-11-30 10:00 (Europe/Paris); it was opened."]),
        ({"state": "sent", "delivery": "odd"}, {}, ["Mailjet accepted it at 2026-11-30 10:00 (Europe/Paris); it is odd."]),
        ({"state": "sent", "delivery": "spam"}, {}, ["Mailjet accepted it at 2026-11-30 10:00 (Europe/Paris); its recipient called it spam.", "Its timeline (`mailworker messages show`) has Mailjet's words for it."]),
        ({"state": "sent", "delivery": "blocked", "reason": "x. The fault is ours."}, {}, ["Mailjet accepted it at 2026-11-30 10:00 (Europe/Paris).", "x. The fault is ours.", "Once that is mended: `mailworker messages replay m1 --yes`."]),
        ({"state": "failed", "reason": "c.example has no MX."}, {}, ["It failed and did not leave: c.example has no MX.", "Once that is mended: `mailworker messages replay m1 --yes`."]),
        ({"state": "failed"}, {}, ["It failed and did not leave: no reason is written down.", "Once that is mended: `mailworker messages replay m1 --yes`."]),
        ({"state": "suppressed", "reason": "x."}, {}, ["It did not leave, for its recipient may not be written to: x."]),
        ({"state": "expired", "reason": "x"}, {}, ["It did not leave in time (2026-11-30 10:00 (Europe/Paris)): x."]),
        ({"state": "cancelled", "reason": "x"}, {}, ["It did not leave, for it was no longer true or was ended: x."]),
        ({"state": "held", "reason": "x"}, {}, ["An operator stopped it: x."]),
        ({"state": "odd", "reason": "x"}, {}, ["It is odd: x."]),
    ],
)  # fmt: skip
def test_why_a_message_is_where_it_is(changes, facts, told):
    assert explained(MESSAGE | changes, replace(FACTS, **facts)) == told


@pytest.mark.parametrize(
    ("arrived", "failed", "too_often"),
    [((), (1, 2, 3, 4, 5), True), ((), (1, 2, 3, 4), False), ((3,), (1, 2, 3, 4, 5), False), ((0,), (1, 2, 3, 4, 5), True),
     ((2,), (3, 4, 5, 6, 7), True), ((3,), (3, 4, 5, 6, 7), False)],
)  # fmt: skip
def test_five_mails_in_a_row_that_could_not_be_delivered(arrived, failed, too_often):
    history = [Trial(f"a{n}", NOW + n * SECOND, arrived=True) for n in arrived]
    history += [Trial(f"m{n}", NOW + n * SECOND, arrived=False) for n in failed]
    assert soft_bounced_too_often(history) is too_often
    assert not soft_bounced_too_often([replace(one, message_id="same") for one in history])
    assert (SOFT_BOUNCES, TEMPORARY) == (5, 30 * DAY)


@pytest.mark.parametrize(
    ("one", "other", "kept"),
    [
        (("spam", 1), ("hard_bounce", 0), ("spam", 1)), (("soft_bounces", 1), ("preblocked", 0), ("preblocked", 0)),
        (("spam", 1), ("spam", 0), ("spam", 0)), (("preblocked", 1), ("preblocked", 0), ("preblocked", 1)),
        (("imported", 1), ("blocked", 0), ("imported", 1)), (("imported", 1), ("spam", 0), ("spam", 0)),
    ],
)  # fmt: skip
def test_which_of_two_reasons_is_kept(one, other, kept):
    first, second, wanted = (Listing(reason, NOW + n * SECOND) for reason, n in (one, other, kept))
    assert weightier(first, second) == weightier(second, first) == wanted


@pytest.mark.parametrize(("reason", "kept"), [("spam", "a"), ("preblocked", "b")])
def test_of_two_reasons_of_one_second_one_is_kept_in_either_order(reason, kept):
    one, other = (Listing(reason, NOW, source) for source in "ab")
    assert weightier(one, other).source == weightier(other, one).source == kept


def test_copies_of_a_mail_whose_recipient_only_the_crm_knows():
    asked = {
        "kind": "api_crmCommunicationCustomerInvoice", "invoice_id": "7", "cc": ["a@x.example", "A@x.example"],
        "bcc": ["a@X.example", "b@x.example"],
    }  # fmt: skip
    (job,) = check_job(asked, KINDS, now=NOW)
    assert job.to is None
    assert [one.email for one in job.cc] == ["a@x.example"]
    assert [one.email for one in job.bcc] == ["b@x.example"]


@pytest.mark.parametrize(
    ("tag", "kept"), [("EN", "en"), ("zh_Hant_TW", "zh"), ("zh_Hant", "zh-hant"), ("yue_Hant", "yue-hant"), ("ast-419", "ast-419"), ("fr-FR", "fr-fr"), ("x", None)]
)  # fmt: skip
def test_a_language_is_kept_as_far_as_there_is_room(tag, kept):
    assert kept_language(tag) == kept
