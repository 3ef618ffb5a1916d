"""What the operators' pages show of a message, a failure, a hold, an act and a scan."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest

from mailworker.config.settings import parse_settings
from mailworker.ledger.delivery_events import DeliveryNews
from mailworker.ledger.failure_reasons import FailureGroup
from mailworker.ledger.message_search import Story
from mailworker.ledger.operator_audit_log import Act, OperatorAction
from mailworker.rules.claimable_while_held import Hold
from mailworker.rules.delivery_status import OUR_FAULT
from mailworker.web.operators_page.list_rows import (
    action_view,
    failure_view,
    hold_view,
    rejection_view,
    row_view,
    scan_view,
)
from mailworker.web.operators_page.message_details import MASKED, message_view
from mailworker.web.operators_page.page_format import PageFormat, tone
from tests.rows import NOW, URGENT, row

WORDS = PageFormat(parse_settings("mailjet: {api_key: a, api_secret: b}\n", environ={}))
AT = "2026-11-30 10:00:00"
REST = {
    "state": "sent",
    "delivery": "bounced",
    "reason": "no such user",
    "mailjet_id": 7,
    "mailjet_uuid": "u-7",
}


@pytest.mark.parametrize(
    ("word", "colour"),
    [("sent", "good"), ("delivered", "good"), ("opened", "good"), ("clicked", "good"), ("failed", "bad"),
     ("bounced", "bad"), ("blocked", "bad"), ("spam", "bad"), ("unknown", "bad"), ("ready", ""), ("held", ""),
     ("", ""), (None, "")],
)  # fmt: skip
def test_the_colour_of_a_word(word, colour):
    assert tone(word) == colour


@pytest.mark.parametrize(
    ("name", "kind", "scope"),
    [
        ("api_crmCommunicationUserWelcome", "UserWelcome", "UserWelcome"),
        ("api_crmCommunicationsBalanceLow", "BalanceLow", "BalanceLow"),
        ("x_api_crmCommunicationY", "x_api_crmCommunicationY", "x_api_crmCommunicationY"),
        ("lane:bulk", "lane:bulk", "lane bulk"),
        ("*", "*", "all mail"),
    ],
)
def test_kinds_and_scopes_without_what_all_of_them_share(name, kind, scope):
    assert (WORDS.kind(name), WORDS.scope(name)) == (kind, scope)


@pytest.mark.parametrize(
    ("url", "said"), [("http://127.0.0.1:8025/", "local Mailjet"), ("https://api.mailjet.com/", "production")]
)
def test_a_page_says_that_its_mails_reach_nobody(url, said):
    own = parse_settings(f"mailjet: {{api_key: k, api_secret: s, api_url: '{url}'}}", environ={})
    assert PageFormat(own).environment == said


def test_a_moment_is_the_operators():
    assert WORDS.moment(NOW) == AT
    assert WORDS.moment(None) == ""
    assert WORDS.moment(datetime.max.replace(tzinfo=UTC)) == "9999-12-31 23:59:59"


def test_a_line_of_a_list():
    given = row("m1", kind=URGENT, lane=0, attempts=2, changed_at=NOW + timedelta(minutes=1)) | REST
    assert row_view(given, WORDS) == {
        "id": "m1", "kind": "UserPasswordReset", "lane": "urgent", "to": "m1@client.example", "state": "sent",
        "state_tone": "good", "delivery": "bounced", "delivery_tone": "bad",
        "reason": "the recipient's server refused it for good", "told": "", "told_at": "", "attempts": 2,
        "accepted": AT, "changed": "2026-11-30 10:01:00",
    }  # fmt: skip
    bare = row_view(given | {"to_email": None, "reason": None, "delivery": None}, WORDS)
    assert (bare["to"], bare["reason"]) == ("(from the CRM)", "")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ("the recipient's server refused it for good", "user unknown", "2026-11-30 10:02:00")),
        ({"delivery": "delivered"}, ("the recipient's server took it", "user unknown", "2026-11-30 10:02:00")),
        ({"delivery": None}, ("accepted by Mailjet", "", "")),
        ({"state": "failed"}, ("accepted by Mailjet", "", "")),
        ({"reason": f"Mailjet did not deliver it: x. {OUR_FAULT}"}, (f"Mailjet did not deliver it: x. {OUR_FAULT}", "", "")),
        ({"id": "m2"}, ("the recipient's server refused it for good", "", "")),
    ],
)  # fmt: skip
def test_a_line_says_what_happened_last_in_mailjets_words(changes, said):
    news = {"m1": DeliveryNews(NOW + timedelta(minutes=2), "user unknown")}
    shown = row_view(row("m1") | REST | {"reason": "accepted by Mailjet"} | changes, WORDS, news=news)
    assert (shown["reason"], shown["told"], shown["told_at"]) == said


@pytest.mark.parametrize(
    ("held", "minutes", "reason"),
    [
        ("*", 0, "It waits, for mail is held: prices"),
        ("lane:urgent", 0, "It waits, for mail is held: prices"),
        (URGENT, 90, "It waits, for mail is held: prices"),
        ("lane:bulk", 90, "It leaves at 2026-11-30 11:30:00, not before"),
        ("lane:bulk", 0, ""),
    ],
)
def test_what_a_waiting_message_waits_for(held, minutes, reason):
    later = NOW + timedelta(minutes=minutes)
    given = row("m1", kind=URGENT, lane=0, changed_at=NOW) | REST
    given |= {"state": "ready", "not_before": later, "reason": None}
    holds = [Hold(held, "prices", NOW, None, 0)]
    assert row_view(given, WORDS, holds, now=NOW)["reason"] == reason
    assert row_view(given, WORDS, now=later)["reason"] == "", "its time has come"
    prepared = row_view(given | {"state": "accepted"}, WORDS, now=later)["reason"]
    assert prepared == "its invoice is to be prepared"
    assert row_view(given | {"state": "sent", "delivery": None}, WORDS, holds)["reason"] == ""
    assert row_view(given | {"reason": "tried once"}, WORDS, holds)["reason"] == "tried once"


STEP = {"at": NOW, "what": "failed", "why": None}
CALL = {
    "started_at": NOW, "finished_at": NOW + timedelta(seconds=1.5), "outcome": "sent", "code": None, "why": None,
    "call_id": "c",
}  # fmt: skip


def story(**changes):
    message = row("m1", kind=URGENT, lane=0) | {
        "mailjet_id": None,
        "mailjet_uuid": None,
        "delivery": None,
        "reason": None,
    }
    return Story(message | changes, [STEP, STEP | {"what": "sent", "why": "x"}], [CALL], (), "hard bounce")


def test_a_messages_page():
    found = message_view(
        story(
            cc=[{"email": "a@x.example"}], bcc=[{"email": "b@x.example"}], to_name="Zoé", lookups=3,
            attachments=[{"filename": "f.pdf", "size": 12_600}], expires_at=NOW, invoice_id="I-1", customer_id="C-1",
            variables={"reset_url": "https://x.example/secret", "user_name": "Zoé", "n": ["é", 2]}, **REST,
        ),
        WORDS,
    )  # fmt: skip
    assert (found["name"], found["suppressed"], found["id"]) == ("Zoé", "hard bounce", "m1")
    assert found["copies"] == ["a@x.example", "b@x.example"]
    assert found["files"] == [("f.pdf", "13 kB")]
    assert found["variables"] == [("reset_url", MASKED), ("user_name", "Zoé"), ("n", '["é", 2]')]
    assert found["timeline"] == [
        {"at": AT, "what": "failed", "tone": "bad", "why": ""},
        {"at": AT, "what": "sent", "tone": "good", "why": "x"},
    ]
    assert found["attempts_made"] == [
        {"at": AT, "took": "1.50 s", "outcome": "sent", "tone": "good", "code": "", "why": "", "call": "c"}
    ]
    assert found["facts"] == [
        ("Kind", URGENT), ("Lane", "urgent"), ("Language", "fr"), ("Customer", "C-1"), ("Invoice", "I-1"),
        ("Idempotency key", "key-m1"), ("Accepted", AT), ("Not before", AT), ("Expires", AT), ("Attempts", "0"),
        ("Look-ups", "3"), ("Mailjet MessageID", "7"), ("Mailjet MessageUUID", "u-7"),
    ]  # fmt: skip


def test_what_a_message_does_not_have_is_left_out():
    found = message_view(story(variables=None), WORDS)
    assert (found["copies"], found["files"], found["variables"], found["name"]) == ([], [], [], "")
    assert {name for name, _ in found["facts"]} == {
        "Kind", "Lane", "Language", "Idempotency key", "Accepted", "Not before", "Attempts",
    }  # fmt: skip


def test_of_a_kind_that_is_not_configured_nothing_is_shown():
    found = message_view(story(kind="api_crmCommunicationGone", variables={"a": "1", "b": 2}), WORDS)
    assert found["variables"] == [("a", MASKED), ("b", MASKED)]


@pytest.mark.parametrize(
    ("reason", "asked"),
    [
        ("The template is gone.", {"state": ["failed"], "kind": [URGENT]}),
        (f"Mailjet blocked it. {OUR_FAULT}", {"state": ["sent"], "delivery": ["blocked"], "kind": [URGENT]}),
    ],
)
def test_a_group_of_failures_leads_to_its_messages(reason, asked):
    found = failure_view(FailureGroup(URGENT, reason, 3, NOW), WORDS)
    assert parse_qs(urlsplit(found.pop("link")).query) == asked
    assert found == {"reason": reason, "kind": "UserPasswordReset", "messages": 3, "last": AT}


def test_a_hold_says_when_it_probes_or_who_ends_it():
    assert hold_view(Hold("lane:bulk", "why", NOW, None, 0), WORDS) == {
        "scope": "lane bulk", "reason": "why", "since": AT, "probe": "when an operator releases it",
    }  # fmt: skip
    assert hold_view(Hold("*", "why", NOW, NOW, 0), WORDS)["probe"] == AT


@pytest.mark.parametrize(
    ("what", "target", "shown"),
    [(Act.HOLD, "*", "all mail"), (Act.RELEASE, "lane:bulk", "lane bulk"), (Act.CANCEL, "*", "*"),
     (Act.REPLAY, "lane:x", "lane:x")],
)  # fmt: skip
def test_an_act_names_its_target_as_its_kind_does(what, target, shown):
    action = OperatorAction(NOW, "ops", "10.0.0.1", what, target, "because", 1234)
    assert action_view(action, WORDS) == {
        "at": AT, "who": "ops", "source": "10.0.0.1", "what": what.value, "target": shown, "why": "because",
        "affected": 1234,
    }  # fmt: skip


def test_a_rejected_job_may_have_no_kind():
    given = {"at": NOW, "source": "stream", "kind": None, "faults": ["x"]}
    assert rejection_view(given, WORDS) == {"at": AT, "source": "stream", "kind": "", "faults": ["x"]}
    assert rejection_view(given | {"kind": URGENT}, WORDS)["kind"] == "UserPasswordReset"


def run(**changes):
    known = {
        "started_at": NOW,
        "finished_at": NOW,
        "seen": 1500,
        "found": 2000,
        "written": 3000,
        "trouble": None,
    }
    return SimpleNamespace(**known | {"mode": "real"} | changes)


def test_a_scan_with_its_runs():
    scan = SimpleNamespace(name="reminders", timetable=SimpleNamespace(text="0 6 * * *"))
    runs = [
        run(),
        run(finished_at=None, trouble="x"),
        run(mode="rehearsal"),
        run(mode="baseline", finished_at=None),
    ]
    found = scan_view(scan, runs, None, NOW, WORDS)
    shown = [(one.pop("state"), one.pop("trouble")) for one in found["runs"]]
    rehearsed = ("rehearsal, nobody was written to", "")
    assert shown == [("finished", ""), ("under way", "x"), rehearsed, rehearsed]
    assert found.pop("runs")[0] == {"at": AT, "seen": 1500, "found": 2000, "written": 3000}
    assert found == {"name": "Reminders", "timetable": "0 6 * * *", "off": "", "next": AT}
    off = scan_view(scan, [], "it is off", NOW, WORDS)
    assert (off["off"], off["next"], off["runs"]) == ("it is off", "", [])
