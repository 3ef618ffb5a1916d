"""Webhook bodies, as Mailjet posts them and as it should not."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailworker.mailjet.bounce_classification import SuppressionVerdict, suppression_of
from mailworker.mailjet.parse_webhook import BadEvent, WebhookEvent, parse_events

SENT = {
    "event": "sent",
    "time": 1433333949,
    "MessageID": 1152921509597813712,
    "Message_GUID": "23ba1150-6546",
    "email": "jean@client.example",
    "mj_campaign_id": 0,
    "mj_contact_id": None,
    "customcampaign": "",
    "CustomID": "id-1",
    "Payload": '{"v":1}',
    "smtp_reply": "250 ok",
}


def one(**changes):
    (event,) = parse_events(json.dumps([SENT | changes]).encode())
    return event


def test_an_event_is_read_whole():
    event = one()
    assert event == WebhookEvent(
        event="sent",
        time=datetime(2015, 6, 3, 12, 19, 9, tzinfo=UTC),
        message_id=1152921509597813712,
        custom_id="id-1",
        email="jean@client.example",
        payload='{"v":1}',
        extras={
            "Message_GUID": "23ba1150-6546", "mj_campaign_id": 0, "mj_contact_id": None,
            "customcampaign": "", "smtp_reply": "250 ok",
        },
    )  # fmt: skip


def test_an_events_repr_shows_nobody():
    assert "jean" not in repr(one(url="https://crm.example/reset/secret"))
    assert "secret" not in repr(one(url="https://crm.example/reset/secret"))


@pytest.mark.parametrize("body", [SENT, json.dumps(SENT), json.dumps(SENT).encode(), [SENT]])
def test_version_one_and_two_and_read_json_are_the_same(body):
    assert parse_events(body) == [one()]


@pytest.mark.parametrize(
    ("changes", "name", "value"),
    [
        ({"MessageID": "1152921509597813712"}, "message_id", 1152921509597813712),
        ({"MessageID": None}, "message_id", None),
        ({"MessageID": 0}, "message_id", None),
        ({"MessageID": "x"}, "message_id", None),
        ({"MessageID": "9" * 19}, "message_id", int("9" * 19)),
        ({"MessageID": "9" * 20}, "message_id", None),
        ({"time": 946684800}, "time", datetime(2000, 1, 1, tzinfo=UTC)),
        ({"time": 7289654399}, "time", datetime(2200, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ({"CustomID": None}, "custom_id", ""),
        ({"CustomID": 7}, "custom_id", "7"),
        ({"time": "1433333949"}, "time", datetime(2015, 6, 3, 12, 19, 9, tzinfo=UTC)),
        ({"hard_bounce": True}, "hard_bounce", True),
        ({"hard_bounce": "false"}, "hard_bounce", False),
        ({"hard_bounce": 1}, "hard_bounce", True),
        ({}, "hard_bounce", None),
        ({"event": "teleported"}, "event", "teleported"),
    ],
)
def test_loose_types_are_read(changes, name, value):
    assert getattr(one(**changes), name) == value


def test_a_missing_custom_id_is_kept():
    (event,) = parse_events({key: value for key, value in SENT.items() if key != "CustomID"})
    assert event.custom_id == ""


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe", b'[{"event"', "[" * 9999])
def test_no_json_is_one_bad_event(body):
    assert parse_events(body) == [BadEvent("The body is not JSON.")]


@pytest.mark.parametrize(
    "bad",
    [
        7,
        "sent",
        None,
        [],
        {},
        {"event": "sent"},
        {"time": 1},
        SENT | {"time": "noon"},
        SENT | {"time": 10**30},
        SENT | {"time": 946684799},  # the last second of 1999
        SENT | {"time": 7289654400},  # the first of 2201
        SENT | {"time": 253402300799},  # the last second of the year 9999
    ],
)
def test_one_bad_element_spoils_no_other(bad):
    first, second, third = parse_events([SENT, bad, SENT])
    assert isinstance(second, BadEvent)
    assert "1" in second.reason
    assert first == third == one()


def nested(depth):
    return json.loads("[" * depth + "]" * depth)


@pytest.mark.parametrize(
    "name", ["MessageID", "email", "url", "hard_bounce", "ip", "smtp_reply", "comment", "Payload"]
)
def test_what_is_no_text_says_nothing(name):
    (event,) = parse_events([{**SENT, name: nested(900)}])
    assert len(event.id) == 64


def test_what_is_left_of_a_torn_body_is_read():
    body = json.dumps([SENT, SENT | {"time": 1433333950}])
    first, second, torn = parse_events(body[:-1] + ", {")
    assert (first.time.second, second.time.second) == (9, 10)
    assert isinstance(torn, BadEvent)


@pytest.mark.parametrize("body", ["[]]", "[1 2]", "[,]", "[1,]", '{"a": 1} x', "[" * 100_000])
def test_bodies_that_only_begin_like_json(body):
    assert parse_events(body)[-1] == BadEvent("The body is not JSON.")


def test_nothing_at_all_is_no_event():
    assert parse_events(b"[]") == []


class TestId:
    def test_the_same_happening_has_the_same_id_whatever_the_types(self):
        assert one().id == one(MessageID=str(SENT["MessageID"]), time=str(SENT["time"]), Payload="x").id

    @pytest.mark.parametrize(
        "changes",
        [
            {"event": "open"},
            {"time": 1433333950},
            {"MessageID": 2},
            {"email": "x@y.example"},
            {"url": "u"},
            {"ip": "::1"},
        ],
    )
    def test_another_happening_has_another(self, changes):
        assert one().id != one(**changes).id

    def test_fields_do_not_run_into_each_other(self):
        assert one(email="ab", url="c").id != one(email="a", url="bc").id


@pytest.mark.parametrize(
    ("event", "verdict"),
    [
        ({"event": "sent"}, SuppressionVerdict.NONE),
        ({"event": "open"}, SuppressionVerdict.NONE),
        ({"event": "click"}, SuppressionVerdict.NONE),
        ({"event": "teleported", "hard_bounce": True}, SuppressionVerdict.NONE),
        ({"event": "spam", "source": "JMRPP"}, SuppressionVerdict.COMPLAINT),
        ({"event": "unsub"}, SuppressionVerdict.UNSUBSCRIBED),
        *[
            ({"event": event, "error_related_to": related, "error": error, "hard_bounce": hard}, verdict)
            for event in ("bounce", "blocked")
            for related, error, hard, verdict in [
                ("recipient", "user unknown", True, SuppressionVerdict.HARD_BOUNCE),
                ("recipient", "user unknown", False, SuppressionVerdict.SOFT_BOUNCE),
                ("recipient", "mailbox inactive", True, SuppressionVerdict.HARD_BOUNCE),
                ("recipient", "quota exceeded", False, SuppressionVerdict.SOFT_BOUNCE),
                ("network", "connection issue", True, SuppressionVerdict.SOFT_BOUNCE),
                ("recipient", "blacklisted", False, SuppressionVerdict.HARD_BOUNCE),
                ("recipient", "spam reporter", False, SuppressionVerdict.COMPLAINT),
                ("recipient", "something new", False, SuppressionVerdict.SOFT_BOUNCE),
                ("recipient", "something new", True, SuppressionVerdict.HARD_BOUNCE),
                ("domain", "invalid domain", False, SuppressionVerdict.HARD_BOUNCE),
                ("domain", "typofix", False, SuppressionVerdict.HARD_BOUNCE),
                ("domain", "no mail host", True, SuppressionVerdict.HARD_BOUNCE),
                ("domain", "no mail host", False, SuppressionVerdict.SOFT_BOUNCE),
                ("domain", "relay/access denied", False, SuppressionVerdict.SOFT_BOUNCE),
                ("domain", "greylisted", False, SuppressionVerdict.NONE),
                ("content", "bad or empty template", None, SuppressionVerdict.ALERT),
                ("content", "error in template language", True, SuppressionVerdict.ALERT),
                ("spam", "sender blocked", True, SuppressionVerdict.ALERT),
                ("spam", "content blocked", None, SuppressionVerdict.ALERT),
                ("spam", "policy issue", None, SuppressionVerdict.ALERT),
                ("policy issue", "", True, SuppressionVerdict.ALERT),
                (
                    "policy issue",
                    "",
                    False,
                    SuppressionVerdict.NONE,
                ),  # Yahoo's deferral, as others recorded it
                ("system", "system issue", None, SuppressionVerdict.NONE),
                ("system", "protocol issue", True, SuppressionVerdict.NONE),
                ("system", "connection issue", None, SuppressionVerdict.NONE),
                ("mailjet", "preblocked", None, SuppressionVerdict.PREBLOCKED),
                ("mailjet", "duplicate in campaign", None, SuppressionVerdict.NONE),
                ("mailjet", "something new", None, SuppressionVerdict.ALERT),
                ("", "", True, SuppressionVerdict.HARD_BOUNCE),
                ("", "", None, SuppressionVerdict.SOFT_BOUNCE),
                ("Recipient", "Blacklisted", None, SuppressionVerdict.HARD_BOUNCE),
            ]
        ],
    ],
)
def test_what_an_event_means_for_its_address(event, verdict):
    assert suppression_of(one(**event)).verdict is verdict


def test_the_reason_is_mailjets_own_words():
    assert (
        suppression_of(one(event="bounce", error_related_to="domain", error="typofix")).reason
        == "domain, typofix"
    )


def test_a_number_that_no_program_reads_spoils_no_event():
    good = '{"event": "open", "time": 1790000000, "CustomID": "m1"}'
    huge = '{"event": "open", "time": 1790000000, "MessageID": ' + "9" * 5_000 + "}"
    found = parse_events(f"[{good}, {huge}, {good}]")
    assert [one.message_id for one in found] == [None, None, None]
    assert parse_events(huge)[0].message_id is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("a]}[,", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just("event"), inner, max_size=1),
    max_leaves=5,
)


@given(_JSON, st.text(" \t\n\r", max_size=2), st.text("[]{}, 1x", max_size=2), st.integers(0, 30))
def test_a_text_is_read_as_json_reads_it(value, space, odd, at):
    """The standard library reads whole what is read here one element after the other."""
    text = space + json.dumps(value, separators=(f"{space},{space}", f"{space}:{space}")) + space
    text = text.replace("[", f"[{space}").replace("]", f"{space}]")
    for body in (text, text[:at] + odd + text[at:]):
        try:
            whole = json.loads(body)
        except ValueError:
            assert parse_events(body)[-1] == BadEvent("The body is not JSON.")
        else:
            assert parse_events(body) == parse_events(whole if isinstance(whole, list) else [whole])


@pytest.mark.parametrize(("elements", "left_out"), [(2, 0), (3, 1), (9, 1)])
def test_a_body_of_endless_events_is_read_up_to_its_limit_and_reported(monkeypatch, elements, left_out):
    monkeypatch.setattr("mailworker.mailjet.parse_webhook.MAX_EVENTS", 2)
    found = parse_events(json.dumps([SENT] * elements))
    assert len(found) == 2 + left_out
    assert [one.reason for one in found if isinstance(one, BadEvent)] == [
        "The body has more than 2 elements; the rest is left out."
    ] * left_out
