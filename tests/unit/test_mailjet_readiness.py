"""Is Mailjet ready for us: each answer of its account, and the sentence that a person reads about it."""

from datetime import UTC, datetime
from functools import partial

import pytest

from mailworker.core.masked_secret import Secret
from mailworker.errors import Refused
from mailworker.mailjet import account_checks as checks
from mailworker.mailjet import webhook_registration as hooks
from mailworker.mailjet.account_counters import AccountCounters, account_counters
from mailworker.mailjet.rest_api import RestApi
from mailworker.mailjet.webhook_registration import WEBHOOK_EVENTS, Callback
from tests.unit.test_mailjet_contact_calls import GONE, WRONG, Mailjet

URL = "https://op:p%40ss@crm.example/webhook?x=1"
CURE = "run `mailworker webhook register`."


def ask(function, *arguments, answers=()):
    mailjet = Mailjet(*answers)
    mailjet.api_key = "key"
    found = function(RestApi(lambda: mailjet, mailjet.take), *arguments)
    assert mailjet.tokens == len(mailjet.asked)
    return found, mailjet.asked


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], ["does not show this API key"]),
        ([{}], ["does not show this API key"]),
        ([{"IsActive": True, "Runlevel": "Normal", "QuarantineValue": 0}], []),
        ([{"IsActive": "true", "Runlevel": "Normal", "QuarantineValue": "0"}], []),
        ([{"IsActive": "true", "Runlevel": "Normal", "QuarantineValue": ""}], []),
        ([{"IsActive": True, "Runlevel": "normal"}], []),
        ([{"IsActive": True}], []),
        ([{"IsActive": False}], ["is not active"]),
        ([{"IsActive": True, "Runlevel": "HardLock"}], ["is under a HardLock"]),
        ([{"IsActive": True, "QuarantineValue": 1}], ["is in quarantine"]),
        (
            [{"IsActive": False, "Runlevel": "SoftLock", "QuarantineValue": 3}],
            ["not active", "SoftLock", "quarantine"],
        ),
    ],
)
def test_the_key(rows, words):
    found, asked = ask(checks.key_faults, answers=[rows])
    assert len(found) == len(words)
    assert all(word in sentence for word, sentence in zip(words, found, strict=True))
    assert asked[0][1:5:3] == ("apikey", {"APIKey": "key"})


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"DKIMStatus": "OK", "SPFStatus": "OK"}, ""),
        ({"DKIMStatus": "Error", "SPFStatus": "OK"}, "no DKIM that"),
        ({"DKIMStatus": "Not checked", "SPFStatus": "Error"}, "no DKIM and no SPF that"),
        ({}, ""),
        (GONE, ""),
    ],
)
def test_the_records_of_each_sender_domain(row, told):
    emails = ["a@bücher.example", "b@Xn--bcher-kva.example"]
    answers = [row if row is GONE else [row]]
    found, asked = ask(checks.domain_faults, emails, answers=answers)
    assert [told in fault and fault.startswith("xn--bcher-kva.example has") for fault in found] == (
        [True] if told else []
    )
    assert [(one[1], one[2]) for one in asked] == [("dns", "xn--bcher-kva.example")]


def sender(email, status="Active"):
    return {"Email": email, "Status": status}


@pytest.mark.parametrize(
    ("answers", "calls", "active"),
    [
        ([[sender("a@bücher.example")]], 1, True),
        ([[sender("A@BÜCHER.example", "active")]], 1, True),
        ([[sender("a@xn--bcher-kva.example")]], 1, True),
        ([[sender("a@bücher.example", "Inactive")], []], 2, False),
        ([[sender("b@bücher.example")], [sender("*@bücher.example")]], 2, True),
        ([[], [sender("*@xn--bcher-kva.example")]], 2, True),
        ([[], [sender("*@other.example"), sender("b@bücher.example")]], 2, False),
        ([[], [sender("*@bücher.example", "Deleted")]], 2, False),
        ([[], []], 2, False),
    ],
)
def test_the_sender(answers, calls, active):
    found, asked = ask(checks.sender_faults, ["a@bücher.example"], answers=answers)
    assert found == (
        []
        if active
        else ["a@bücher.example is not an active sender: validate it, or its domain, in Mailjet's account."]
    )
    filters = [{"Email": "a@xn--bcher-kva.example"}, {"Domain": "xn--bcher-kva.example", "Limit": 1000}]
    assert [call[4] for call in asked] == filters[:calls]


def test_capitals_of_a_senders_domain_are_nobody_elses():
    active = [[], [{"Email": "*@x.example", "Status": "Active"}]]
    found, asked = ask(checks.sender_faults, ["A@X.Example"], answers=active)
    assert (found, asked[1][4]) == ([], {"Domain": "x.example", "Limit": 1000})


def test_each_sender_is_requested_once_in_order():
    found, asked = ask(checks.sender_faults, ["b@x.example", "a@x.example", "b@x.example"], answers=[[]] * 4)
    assert [sentence.partition(" ")[0] for sentence in found] == ["a@x.example", "b@x.example"]
    assert len(asked) == 4


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ([{"Html-part": "<b>", "Headers": {"Subject": "S"}}], []),
        ([{"Text-part": "t"}], []),
        ([{"Text-part": "t", "Headers": "odd"}], []),
        ([{"Html-part": "", "Text-part": None}], ["has no content"]),
        ([], ["has no content"]),
        (GONE, ["does not exist"]),
        ([{"Html-part": "x", "Headers": {"b": 1, "a": None, "c": "t"}}], ["keeps a, b as something else"]),
        ([{"Headers": {"b": 1}}], ["has no content", "keeps b as"]),
    ],
)
def test_a_template(answer, words):
    found, asked = ask(checks.template_faults, [7, 7], answers=[answer])
    assert len(asked) == 1
    assert len(found) == len(words)
    assert all(
        sentence.startswith("The template 7 ") and word in sentence
        for word, sentence in zip(words, found, strict=True)
    )


def test_templates_are_asked_for_in_order_and_any_other_refusal_goes_up():
    assert [call[2] for call in ask(checks.template_faults, [9, 3], answers=[[], []])[1]] == [3, 9]
    for question, about in ((checks.template_faults, [7]), (checks.domain_faults, ["a@x.example"])):
        with pytest.raises(Refused):
            ask(question, about, answers=[WRONG])


def registered(**changes):
    """All events as they should be, but for `bounce`."""
    rows = []
    for number, event in enumerate(WEBHOOK_EVENTS):
        own = changes if event == "bounce" else {}
        if own is not None and own.get("gone"):
            continue
        rows.append(
            {"ID": number, "EventType": event, "Url": URL, "Status": "alive", "Version": 2, "IsBackup": False}
            | own
        )
    return rows


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({}, None),
        ({"Status": "Alive", "Version": "2"}, None),
        ({"gone": True}, f"No webhook is registered at Mailjet for the event bounce: {CURE}"),
        ({"IsBackup": True}, f"No webhook is registered at Mailjet for the event bounce: {CURE}"),
        (
            {"Url": "https://u:secret@x.example:8443/a?b"},
            f"Mailjet posts the event bounce to another URL (https://x.example:8443/a): {CURE}",
        ),
        (
            {"Url": "https://x.example/{a}{}"},
            f"Mailjet posts the event bounce to another URL (https://x.example/{{a}}{{}}): {CURE}",
        ),
        ({"Url": None}, f"Mailjet posts the event bounce to another URL (://?): {CURE}"),
        ({"Status": "dead"}, f"Mailjet gave up posting the event bounce after a day of failures: {CURE}"),
        ({"Version": 1}, f"Mailjet posts the event bounce one by one: {CURE}"),
        (
            {"Version": 1, "Status": "dead"},
            f"Mailjet gave up posting the event bounce after a day of failures: {CURE}",
        ),
    ],
)
def test_where_events_are_posted(changes, fault):
    found, asked = ask(checks.webhook_faults, URL, answers=[registered(**changes)])
    assert found == ([fault] if fault else [])
    assert asked[0][4] == {"Limit": 100}
    wanted = hooks.changes(ask(hooks.callbacks, answers=[registered(**changes)])[0], URL)
    number = None if changes.get("gone") or changes.get("IsBackup") else WEBHOOK_EVENTS.index("bounce")
    alive = changes.get("Status") != "dead"
    assert wanted == ([Callback("bounce", URL, number, alive=alive)] if fault else [])


@pytest.mark.parametrize(
    ("url", "right"),
    [
        (URL, True), ("https://op:p%40ss@other.example/", True), ("https://op:wrong@crm.example/", False),
        ("https://Op:p%40ss@crm.example/", False), ("https://crm.example/", False), ("https://[::1", False),
    ],
)  # fmt: skip
def test_with_which_password_events_are_posted(url, right):
    found, _ = ask(checks.webhook_login_faults, ("op", Secret("p@ss")), answers=[registered(Url=url)])
    assert bool(found) is not right
    assert all("another user or password" in sentence and "p@ss" not in sentence for sentence in found)


def test_an_event_that_is_not_posted_needs_no_word_about_its_password():
    found, _ = ask(checks.webhook_login_faults, ("op", Secret("p@ss")), answers=[registered(gone=True)])
    assert found == [f"No webhook is registered at Mailjet for the event bounce: {CURE}"]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({}, ""),
        ({"gone": True}, f"No webhook is registered at Mailjet for the event bounce: {CURE}"),
        ({"Status": "dead"}, f"Mailjet gave up posting the event bounce after a day of failures: {CURE}"),
    ],
)
def test_only_the_events_that_matter_are_asked_for(changes, fault):
    login, answers = ("op", Secret("p@ss")), [registered(**changes)]
    for wanted in ("bounce", "unsub"):
        ours = partial(checks.webhook_login_faults, wanted=(wanted,))
        found, _ = ask(ours, login, answers=answers)
        assert found == ([fault] if fault and wanted == "bounce" else [])
    assert ask(checks.opt_out_faults, login, answers=answers)[0] == []
    found, asked = ask(checks.opt_out_faults, None, answers=[])
    assert [
        one.endswith(f"set web.webhook_user and web.webhook_password, and then {CURE}") for one in found
    ] == [True]
    assert asked == []


def test_registrations_are_written_anew_or_in_place():
    _, asked = ask(hooks.write, [Callback("open", URL, 7), Callback("sent", URL)])
    row = {"Url": URL, "Version": 2, "Status": "alive"}
    assert asked == [
        ("PUT", "eventcallbackurl", 7, None, None, row),
        ("POST", "eventcallbackurl", None, None, None, {"EventType": "sent", "IsBackup": False} | row),
    ]


def test_a_row_without_a_number_is_made_anew():
    (found,), _ = ask(hooks.callbacks, answers=[[{"ID": "x", "EventType": "open", "Url": URL}]])
    assert (found.id, found.alive, found.version, found.backup) == (None, False, 1, False)


@pytest.mark.parametrize(
    ("url", "login"),
    [
        ("https://op:p%40ss@crm.example/", ("op", "p@ss")),
        ("https://o%3Ap@crm.example/", ("o:p", "")),
        ("https://crm.example/", ("", "")),
        ("https://[crm.example/", ("", "")),
        ("", ("", "")),
    ],
)
def test_the_login_in_an_address(url, login):
    assert checks._login_of(url) == login


def test_what_mailjet_counted_is_added_up_day_by_day():
    since, until = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 3, tzinfo=UTC)
    names = ("Sent", "Opened", "Clicked", "HardBounced", "SoftBounced", "Blocked", "Spam", "Unsubscribed")
    days = [
        {f"Message{name}Count": 10**place for place, name in enumerate(names)},
        {"MessageSentCount": "4"},
        {},
    ]
    mailjet = Mailjet(days)
    found = account_counters(RestApi(lambda: mailjet, mailjet.take), since=since, until=until)
    assert found == AccountCounters(5, 10, 100, 11_000, 100_000, 1_000_000, 10_000_000)
    ((_, endpoint, *_, filters, _),) = mailjet.asked
    assert (mailjet.tokens, endpoint, filters) == (
        1,
        "statcounters",
        {
            "CounterSource": "APIKey", "CounterTiming": "Message", "CounterResolution": "Day",
            "FromTS": int(since.timestamp()), "ToTS": int(until.timestamp()), "Limit": 1000,
        },
    )  # fmt: skip
