"""What the local Mailjet refuses, with Mailjet's codes, words and shapes."""

import json
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import pytest

from mailworker.simulator import Match, SimulatorSettings, TemplateUse
from mailworker.simulator.api_answers import ApiAnswer
from mailworker.simulator.api_request import ApiRequest
from mailworker.simulator.fault_rules import Fault, RuleInput
from mailworker.simulator.routes import handle
from mailworker.simulator.state import SimulatorState

NOW = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)
PDF = b64encode(b"%PDF-1.7").decode()


def world(**changes: Any) -> SimulatorState:
    return SimulatorState(SimulatorSettings(**changes))


def send(document: Any, where: SimulatorState | None = None) -> tuple[ApiAnswer, Any]:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    answer = handle(ApiRequest("POST", "/v3.1/send", {}, body, NOW), where or world())
    return answer, json.loads(answer.body)


def message(**changes: Any) -> dict[str, Any]:
    full = {
        "From": {"Email": "support@example.com", "Name": "Support"},
        "To": [{"Email": "claire@example.com"}],
        "Subject": "Bonjour",
        "TextPart": "Bonjour",
        **changes,
    }
    return {name: value for name, value in full.items() if value is not ...}


def attachment(**changes: Any) -> dict[str, Any]:
    return {"ContentType": "application/pdf", "Filename": "f.pdf", "Base64Content": PDF, **changes}


def codes(document: Any) -> list[tuple[str, list[str]]]:
    return [(error["ErrorCode"], error["ErrorRelatedTo"]) for error in document["Messages"][0]["Errors"]]


@pytest.mark.parametrize(
    ("changes", "code", "related"),
    [
        ({"To": ...}, "mj-0003", "To"),
        ({"To": []}, "mj-0007", "To"),
        ({"To": [{"Email": "claire@example..com"}]}, "mj-0013", "To[0].Email"),
        ({"To": [{"Email": "claire"}]}, "mj-0013", "To[0].Email"),
        ({"To": [{"Email": "claire@été.fr"}]}, "mj-0013", "To[0].Email"),
        ({"To": [{"Email": ""}]}, "mj-0012", "To[0].Email"),
        ({"To": [{"Name": "Claire"}]}, "mj-0003", "To[0].Email"),
        ({"Cc": [{"Email": "a@b.c.d"}, {"Email": "no"}]}, "mj-0013", "Cc[1].Email"),
        ({"Subject": "x" * 256}, "mj-0006", "Subject"),
        ({"URLTags": "x" * 257}, "mj-0006", "URLTags"),
        ({"Priority": 4}, "mj-0005", "Priority"),
        ({"TrackOpens": "maybe"}, "mj-0005", "TrackOpens"),
        ({"Variables": {str(number): 1 for number in range(51)}}, "mj-0008", "Variables"),
        ({"Variables": {"a": {"lines": [{"b": 1}] * 51}}}, "mj-0008", "Variables.a.lines"),
        ({"Variables": {"a": [{"b": [1] * 51}]}}, "mj-0008", "Variables.a[0].b"),
        ({"Headers": {f"X-{number}": "1" for number in range(51)}}, "mj-0008", "Headers"),
        ({"Attachments": [attachment()] * 51}, "mj-0008", "Attachments"),
        ({"Variables": {"a": {"b": [1, None]}}}, "mj-0003", "Variables.a.b[1]"),
        ({"Subject": None}, "mj-0003", "Subject"),
        ({"TextPart": ...}, "send-0003", "TextPart"),
        ({"TemplateID": 1}, "send-0004", "HTMLPart"),
        ({"Headers": {"x-mj-customid": "1"}}, "send-0011", 'Headers["x-mj-customid"]'),
        ({"DeduplicateCampaign": True}, "send-0012", "DeduplicateCampaign"),
        ({"TemplateErrorDeliver": True}, "send-0016", "TemplateErrorDeliver"),
        ({"Sender": {"Email": "a@example.com"}}, "send-0006", "Sender"),
        ({"From": ...}, "mj-0003", "From"),
        ({"Attachments": [attachment(Filename="")]}, "mj-0012", "Attachments[0].Filename"),
        ({"Attachments": [attachment(), {"Filename": "a"}]}, "mj-0012", "Attachments[1].ContentType"),
        ({"Attachments": [attachment(Base64Content="%%%")]}, "mj-0005", "Attachments[0].Base64Content"),
        ({"InlinedAttachments": [attachment()]}, "mj-0012", "InlinedAttachments[0].ContentID"),
    ],
)
def test_a_message_is_refused_with_the_code_and_the_place(changes, code, related):
    answer, document = send({"Messages": [message(**changes), message()]})
    assert answer.status == (403 if code == "send-0006" else 400)
    assert code in [found for found, _ in codes(document)]
    assert any(related in places for found, places in codes(document) if found == code)
    assert document["Messages"][1]["Status"] == "success"


def test_all_faults_of_a_message_are_told_at_once():
    _, document = send({"Messages": [message(To=[], Priority=9, Attachments=[attachment(Filename="")])]})
    assert sorted(code for code, _ in codes(document)) == ["mj-0005", "mj-0007", "mj-0012"]


def test_attachments_over_15_mb_together_are_too_large():
    big = attachment(Base64Content=b64encode(bytes(7_600_000)).decode())
    _, document = send(
        {"Messages": [message(Attachments=[big], InlinedAttachments=[{**big, "ContentID": "a"}])]}
    )
    assert codes(document)[0][0] == "mj-0011"


@pytest.mark.parametrize(
    ("document", "code", "related"),
    [
        (b"{", "mj-0002", None),
        ({"Messages": []}, "mj-0007", ["Messages"]),
        ({"Messages": {}}, "mj-0004", ["Messages"]),
        ({"Messages": [message(TemplateID="12")]}, "mj-0004", ["Messages.TemplateID"]),
        ({"Messages": [message(TemplateID=True)]}, "mj-0004", ["Messages.TemplateID"]),
        (
            {"Messages": [message(TemplateErrorReporting="a@b.fr")]},
            "mj-0004",
            ["Messages.TemplateErrorReporting"],
        ),
        ({"Messages": [message(From="a@b.fr")]}, "mj-0004", ["Messages.From"]),
        ({"Messages": [message(), message(To=[{"Email": 3}])]}, "mj-0004", ["Messages.To"]),
        ({"Messages": [message(Attachments="x")]}, "mj-0004", ["Messages.Attachments"]),
        ({"Messages": [message(EventPayload={"a": 1})]}, "mj-0004", ["Messages.EventPayload"]),
        ({"Messages": [message(Headers={"X-A": 1})]}, "mj-0004", ["Messages.Headers"]),
        ({"Messages": [message()], "SandboxMode": "yes"}, "mj-0004", ["SandboxMode"]),
        ({"Messages": [message()] * 51}, "send-0015", ["To", "Bcc", "Cc"]),
        ({"Messages": [message(Bcc=[{"Email": "b@c.fr"}])] * 26}, "send-0015", ["To", "Bcc", "Cc"]),
    ],
)
def test_a_whole_call_is_refused(document, code, related):
    where = world()
    answer, told = send(document, where)
    assert answer.status == 400
    assert (told["ErrorCode"], told.get("ErrorRelatedTo")) == (code, related)
    assert where.store.mails() == []


def test_the_words_of_the_recorded_errors():
    _, type_error = send({"Messages": [message(From="x")]})
    _, total = send({"Messages": [message()] * 51})
    _, address = send({"Messages": [message(To=[{"Email": "x@example..com"}])]})
    _, empty = send({"Messages": [message(To=[])]})
    words = empty["Messages"][0]["Errors"][0]["ErrorMessage"]
    assert words == "You must provide at least one item in the collection."
    assert type_error["ErrorMessage"] == 'Type mismatch. Expected type "emailIn".'
    assert total["ErrorMessage"] == "Total number of recipients exceeded. Max allowed - 50."
    assert (
        address["Messages"][0]["Errors"][0]["ErrorMessage"] == '"x@example..com" is an invalid email address.'
    )


def test_fifty_messages_with_one_recipient_each_pass():
    answer, document = send({"Messages": [message()] * 50})
    assert answer.status == 200
    assert len({entry["To"][0]["MessageID"] for entry in document["Messages"]}) == 50


def test_messages_absent_has_its_own_shape():
    _, document = send({"FromEmail": "a@b.fr"})
    assert document["Messages"] == []
    assert document["Errors"][0]["ErrorCode"] == "mj-0003"


def test_an_error_in_globals_refuses_the_call_in_its_own_shape():
    where = world()
    answer, document = send(
        {"Globals": {"Attachments": [attachment(Filename="")]}, "Messages": [message()]}, where
    )
    assert answer.status == 400
    assert document["Globals"]["Errors"][0]["ErrorRelatedTo"] == ["Attachments[0].Filename"]
    assert where.store.mails() == []


def test_globals_name_nobody_to_write_to():
    shared = {"To": [{"Email": "claire@example.com"}]}
    answer, document = send({"Globals": shared, "Messages": [message()]})
    (error,) = document["Globals"]["Errors"]
    assert (answer.status, error["ErrorCode"], error["ErrorRelatedTo"]) == (400, "mj-0005", ["To"])
    assert "any message property except To" in error["ErrorMessage"]


def test_globals_are_merged_by_mailjets_rules():
    where = world()
    shared = {
        "Subject": "Shared",
        "From": {"Email": "a@example.com", "Name": "A"},
        "Variables": {"a": 1, "b": 1},
        "Bcc": [{"Email": "archive@example.com"}],
    }
    own = message(Subject="Own", From={"Email": "b@example.com"}, Variables={"b": 2})
    send({"Globals": shared, "Messages": [{**own, "Bcc": [{"Email": "second@example.com"}]}]}, where)
    mail = where.store.mails()[0]
    assert mail.properties["Subject"] == "Own"
    assert mail.properties["From"] == {"Email": "b@example.com", "Name": "A"}
    assert mail.variables == {"a": 1, "b": 2}
    assert [one.email for one in mail.recipients if one.role == "Bcc"] == [
        "archive@example.com",
        "second@example.com",
    ]


@pytest.mark.parametrize(
    ("senders", "status"),
    [((), 200), (("support@example.com",), 200), (("*@EXAMPLE.com",), 200), (("other@example.com",), 403)],
)
def test_only_active_senders_may_send_where_they_are_checked(senders, status):
    answer, document = send({"Messages": [message()]}, world(senders=senders, assume={"checks-senders"}))
    assert answer.status == status
    if status == 403:
        assert codes(document) == [("send-0008", ["From"])]


def test_one_403_among_400s_is_a_400():
    messages = [message(), message(To=[])]
    where = world(senders=("x@y.fr",), assume={"checks-senders"})
    assert send({"Messages": messages}, where)[0].status == 400


def test_mail_from_no_active_sender_is_taken_and_gone():
    where = world(senders=("other@example.com",))
    answer, document = send({"Messages": [message(CustomID="a")]}, where)
    assert (answer.status, document["Messages"][0]["Status"]) == (200, "success")
    (mail,) = where.store.mails()
    assert "without a word" in where.outcome(mail).error
    assert mail.visible_at.year == 9999
    assert where.outbox.take() == ([], [])


@pytest.mark.parametrize(
    ("advanced", "strict", "number", "code"),
    [
        (True, True, 12345, "send-0010"),
        (True, False, 12345, None),
        (False, True, 12345, None),
        (True, True, 7, None),
        (True, False, -1, "send-0010"),
    ],
)
def test_an_unknown_template_is_told_only_with_advanced_errors(advanced, strict, number, code):
    where = world(strict_templates=strict, templates={7: TemplateUse("api_crmCommunicationsBalanceLow")})
    asked = message(TextPart=..., TemplateID=number)
    answer, document = send({"AdvanceErrorHandling": advanced, "Messages": [asked]}, where)
    assert answer.status == (400 if code else 200)
    if code:
        assert codes(document) == [(code, ["TemplateID"])]


def test_an_unknown_template_without_advanced_errors_is_accepted_then_blocked():
    where = world(strict_templates=True, templates={})
    send({"Messages": [message(TextPart=..., TemplateID=5)]}, where)
    outcome = where.outcome(where.store.mails()[0])
    assert (outcome.error_related_to, outcome.error) == ("content", "bad or empty template")


def test_sandbox_checks_and_keeps_nothing():
    where = world()
    answer, document = send({"SandboxMode": True, "Messages": [message(CustomID="a"), message(To=[])]}, where)
    good, bad = document["Messages"]
    assert answer.status == 400
    assert good["To"][0] == {
        "Email": "claire@example.com",
        "MessageUUID": "",
        "MessageID": 0,
        "MessageHref": "https://api.mailjet.com/v3/message/0",
    }
    assert bad["Status"] == "error"
    assert where.store.mails() == []


def test_the_same_custom_id_twice_is_two_mails():
    where = world()
    send({"Messages": [message(CustomID="a")]}, where)
    send({"Messages": [message(CustomID="a")]}, where)
    assert where.store.tally() == (2, 1, ["a"])


def test_each_recipient_has_a_message_id_of_its_own():
    people = [{"Email": "a@example.com"}, {"Email": "a@example.com"}]
    _, document = send({"Messages": [message(To=people, Cc=[{"Email": "c@example.com"}])]})
    entry = document["Messages"][0]
    numbers = {row["MessageID"] for role in ("To", "Cc", "Bcc") for row in entry[role]}
    assert len(numbers) == 3
    assert min(numbers) > 2**53


def test_old_attachments_lose_their_content_but_not_their_digest():
    where = world(keep_attachment_bytes=100)
    for number in range(3):
        content = b64encode(bytes([number]) * 60).decode()
        send({"Messages": [message(Attachments=[attachment(Base64Content=content)])]}, where)
    files = [mail.attachments[0] for mail in where.store.mails()]
    assert [file.content is None for file in files] == [True, True, False]
    assert len({file.sha256 for file in files}) == 3
    assert [file.size for file in files] == [60, 60, 60]


def test_a_second_mail_of_a_deduplicated_campaign_is_blocked():
    where = world()
    asked = message(CustomCampaign="autumn", DeduplicateCampaign=True)
    send({"Messages": [asked, asked]}, where)
    assert [where.outcome(mail).error for mail in where.store.mails()] == ["", "duplicate in campaign"]


@pytest.mark.parametrize(
    ("changes", "html", "error"),
    [
        ({"TemplateLanguage": True, "Variables": {"x": "<1>"}}, "a <1>", ""),
        ({"Variables": {"x": "1"}}, "a {{var:x}}", ""),
        ({"TemplateLanguage": True}, "", "error in template language"),
        ({"TemplateLanguage": True, "TemplateErrorDeliver": True}, "a {{var:x}}", ""),
    ],
)
def test_what_the_customer_sees(changes, html, error):
    where = world()
    send({"Messages": [message(TextPart=..., HTMLPart="a {{var:x}}", **changes)]}, where)
    outcome = where.outcome(where.store.mails()[0])
    assert (outcome.html, outcome.error) == (html, error)


def test_values_are_escaped_only_where_that_was_asked_for():
    where = world(assume={"escapes-html"})
    values = {"TemplateLanguage": True, "Variables": {"x": "<1>"}}
    send({"Messages": [message(TextPart="b {{var:x}}", HTMLPart="a {{var:x}}", **values)]}, where)
    outcome = where.outcome(where.store.mails()[0])
    assert (outcome.html, outcome.text) == ("a &lt;1&gt;", "b <1>")


def test_a_broken_template_is_accepted_and_blocked():
    where = world()
    rule = RuleInput(fault=Fault.TEMPLATE_BROKEN, match=Match(custom_id_prefix="b"))
    where.faults.add(rule)
    answer, _ = send({"Messages": [message(CustomID="a"), message(CustomID="b")]}, where)
    assert answer.status == 200
    assert [where.outcome(mail).delivered for mail in where.store.mails()] == [True, False]


@pytest.mark.parametrize("text", ["aGVsbG8gd29ybGQ=\n", "aGVs\r\nbG8gd29y\r\nbGQ=\r\n"])
def test_wrapped_base64_is_taken_as_recorded(text):
    where = world()
    file = {"ContentType": "text/plain", "Filename": "a.txt", "Base64Content": text}
    assert send({"Messages": [message(Attachments=[file])]}, where)[0].status == 200
    assert where.store.mails()[0].attachments[0].content == b"hello world"


@pytest.mark.parametrize(
    "document",
    [{"Messages": [{"Subject": ""}]}, {"Globals": {"Subject": ""}, "Messages": [{"Subject": ...}]}],
)
def test_an_empty_subject_leaves_the_templates_own(document):
    where = world()
    messages = [message(TextPart=..., TemplateID=5977516, **one) for one in document["Messages"]]
    assert send({**document, "Messages": messages}, where)[0].status == 200
    assert where.outcome(where.store.mails()[0]).subject == "Alerte de solde bas"


def test_an_unknown_property_is_ignored():
    assert send({"Messages": [message(Sujet="S")], "Extra": 1})[0].status == 200
