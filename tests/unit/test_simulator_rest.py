"""The local Mailjet's REST side: look-ups, templates, senders, event URLs."""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl

import pytest

from mailworker.simulator import SimulatorSettings, campaign_drafts, received_store
from mailworker.simulator.api_request import ApiRequest
from mailworker.simulator.control_api import attachment_response, find_mails, mail_document
from mailworker.simulator.event_documents import happen, status_of
from mailworker.simulator.event_injection import EventsInput, inject
from mailworker.simulator.received_mail import MailEvent
from mailworker.simulator.routes import handle
from mailworker.simulator.state import SimulatorState

NOW = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def world() -> SimulatorState:
    return SimulatorState(SimulatorSettings(index_delay=5))


def ask(
    world: SimulatorState, method: str, path: str, body: Any = None, *, later: float = 0, **query: str
) -> tuple[int, Any]:
    call = ApiRequest(
        method, f"/v3/REST/{path}", query, json.dumps(body).encode(), NOW + timedelta(seconds=later)
    )
    answer = handle(call, world)
    return answer.status, json.loads(answer.body) if answer.body else None


def deliver(world: SimulatorState, *custom_ids: str) -> list[int]:
    messages = [
        {
            "From": {"Email": "a@example.com"},
            "To": [{"Email": f"{one}@example.com"}],
            "Subject": "S",
            "TextPart": "T",
            "CustomID": one,
        }
        for one in custom_ids
    ]
    body = json.dumps({"Messages": messages}).encode()
    document = json.loads(handle(ApiRequest("POST", "/v3.1/send", {}, body, NOW), world).body)
    return [entry["To"][0]["MessageID"] for entry in document["Messages"]]


def test_a_mail_is_found_by_custom_id_only_after_the_delay(world):
    (number,) = deliver(world, "one")
    assert ask(world, "GET", "message", later=4, CustomID="one")[1] == {"Count": 0, "Data": [], "Total": 0}
    assert ask(world, "GET", f"message/{number}", later=4) == (
        404,
        {"ErrorInfo": "", "ErrorMessage": "Object not found", "StatusCode": 404},
    )
    _, found = ask(
        world, "GET", "message", later=5, CustomID="one", ShowCustomID="true", ShowContactAlt="true"
    )
    row = found["Data"][0]
    assert (row["ID"], row["CustomID"], row["ContactAlt"], row["Status"], row["Subject"]) == (
        number,
        "one",
        "one@example.com",
        "sent",
        "",
    )
    assert row["ArrivedAt"] == "2026-09-01T12:00:00Z"


def test_lists_are_paged_by_ten_and_total_counts_the_page(world):
    deliver(world, *(f"m{number}" for number in range(25)))
    assert ask(world, "GET", "message", later=9)[1]["Total"] == 10
    assert ask(world, "GET", "message", later=9, Limit="0")[1]["Count"] == 25
    assert ask(world, "GET", "message", later=9, Offset="20")[1]["Count"] == 5
    assert ask(world, "GET", "message", later=9, countOnly="1")[1] == {"Count": 25, "Data": [], "Total": 25}
    newest = ask(world, "GET", "message", later=9, Sort="ID DESC", Limit="1")[1]["Data"][0]
    oldest = ask(world, "GET", "message", later=9, Limit="1")[1]["Data"][0]
    assert newest["ID"] > oldest["ID"]
    status, refusal = ask(world, "GET", "message", later=9, Sort="id+desc")
    assert (status, refusal["ErrorMessage"][-25:]) == (400, "Cannot sort on field id+desc"[-25:])


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"FromTS": "1788264000"}, 1),
        ({"FromTS": "2026-09-01T12:00:01Z"}, 0),
        ({"ToTS": "2026-09-01T11:59:59Z"}, 0),
        ({"ContactAlt": "ONE@example.com"}, 1),
        ({"ContactAlt": "two@example.com"}, 0),
    ],
)
def test_filters(world, query, count):
    deliver(world, "one")
    assert ask(world, "GET", "message", later=9, **query)[1]["Count"] == count


def test_history_and_information(world):
    (number,) = deliver(world, "one")
    history = ask(world, "GET", f"messagehistory/{number}", later=9)[1]
    assert [row["EventType"] for row in history["Data"]] == ["sent"]
    assert history["Data"][0]["EventAt"] == int(NOW.timestamp())
    assert ask(world, "GET", "messagehistory/5", later=9)[1]["Count"] == 0
    assert ask(world, "GET", f"messageinformation/{number}", later=9)[1]["Data"][0]["ID"] == number
    assert ask(world, "GET", "messageinformation/5", later=9)[0] == 404


@pytest.mark.parametrize("path", ["messageinformation/{}", "message/{}"])
def test_a_mails_size_is_known_before_anybody_looked_at_it(world, path):
    (number,) = deliver(world, "one")
    assert ask(world, "GET", path.format(number), later=9)[1]["Data"][0]["MessageSize"] == len("T")


def test_a_mail_belongs_to_the_contact_of_its_first_recipient(world):
    message = {
        "From": {"Email": "a@example.com"}, "To": [{"Email": "to@example.com"}], "Cc": [{"Email": "cc@example.com"}],
        "TextPart": "T", "CustomID": "one",
    }  # fmt: skip
    body = json.dumps({"Messages": [message]}).encode()
    handle(ApiRequest("POST", "/v3.1/send", {}, body, NOW), world)
    contact = ask(world, "GET", "contact/to@example.com")[1]["Data"][0]
    assert ask(world, "GET", "message", later=9)[1]["Data"][0]["ContactID"] == contact["ID"]


def test_a_template_is_made_found_filled_changed_and_deleted(world):
    status, made = ask(world, "POST", "template", {"Name": "mine", "Locale": "fr_FR"})
    number = made["Data"][0]["ID"]
    assert status == 201
    assert ask(world, "POST", "template", {"Name": "mine"})[1]["ErrorMessage"].startswith(
        "MJ18 A Template resource"
    )
    assert ask(world, "POST", "template", {})[0] == 400
    assert ask(world, "POST", "template", {"Name": "x", "Nope": 1})[1]["ErrorMessage"].endswith(
        'no property "Nope"'
    )
    assert ask(world, "GET", "template", Name="mine", OwnerType="apikey")[1]["Data"][0]["ID"] == number
    assert ask(world, "GET", "template", Name="Mine")[1]["Count"] == 0
    content = {"Html-part": "<p>H</p>", "Text-part": "T", "Headers": {"Subject": "S"}}
    assert ask(world, "POST", f"template/{number}/detailcontent", content)[0] == 201
    assert ask(world, "PUT", f"template/{number}/detailcontent", {"Text-part": "U"})[0] == 200
    stored = ask(world, "GET", f"template/{number}/detailcontent")[1]["Data"][0]
    assert stored == {
        "MJMLContent": None,
        "Html-part": "<p>H</p>",
        "Text-part": "U",
        "Headers": {"Subject": "S"},
    }
    ask(world, "POST", f"template/{number}/detailcontent", {"Text-part": "V"})
    assert ask(world, "GET", f"template/{number}/detailcontent")[1]["Data"][0]["Html-part"] is None
    assert ask(world, "PUT", f"template/{number}", {"Name": "mine"})[0] == 304
    assert ask(world, "PUT", f"template/{number}", {"Name": "yours"})[1]["Data"][0]["Name"] == "yours"
    assert ask(world, "DELETE", f"template/{number}") == (204, None)
    assert ask(world, "GET", f"template/{number}")[0] == 404
    assert "ErrorIdentifier" in ask(world, "GET", f"template/{number}/detailcontent")[1]


def test_the_configured_templates_are_there_with_their_content(world):
    row = ask(world, "GET", "template/6759851")[1]["Data"][0]
    content = ask(world, "GET", "template/6759851/detailcontent")[1]["Data"][0]
    assert row["Name"] == "api_crmCommunicationCustomerInvoice"
    assert "{{Escape(var:invoice_number)}}" in content["Html-part"]
    assert content["Headers"] == {"Subject": "Votre Facture - {{var:invoice_number}}"}


def test_a_pushed_template_is_what_the_next_mail_shows(world):
    ask(world, "PUT", "template/6759851/detailcontent", {"Html-part": "<b>{{var:invoice_number}}</b>"})
    message = {
        "From": {"Email": "a@example.com"},
        "To": [{"Email": "b@example.com"}],
        "Subject": "S",
        "TemplateID": 6759851,
        "TemplateLanguage": True,
        "Variables": {"invoice_number": "F1"},
    }
    ask(world, "PUT", "template/6759851/detailcontent", {"Text-part": "-"})
    handle(ApiRequest("POST", "/v3.1/send", {}, json.dumps({"Messages": [message]}).encode(), NOW), world)
    assert world.outcome(world.store.mails()[0]).html == "<b>F1</b>"


def test_a_template_header_that_is_no_string_is_told_with_advanced_errors(world):
    content = {"Text-part": "T", "Headers": {"Subject": "S", "sender": {"Name": "x"}}}
    ask(world, "POST", "template/6759851/detailcontent", content)
    message = {"From": {"Email": "a@example.com"}, "To": [{"Email": "b@example.com"}], "TemplateID": 6759851}
    body = json.dumps({"Messages": [message], "AdvanceErrorHandling": True}).encode()
    document = json.loads(handle(ApiRequest("POST", "/v3.1/send", {}, body, NOW), world).body)
    assert document["Messages"][0]["Errors"][0]["ErrorCode"] == "send-0019"


def test_what_doctor_asks(world):
    sender = ask(world, "GET", "sender", Email="any@example.com")[1]["Data"][0]
    assert (sender["Status"], sender["EmailType"]) == ("Active", "transactional")
    assert ask(world, "GET", "apikey")[1]["Data"][0]["Runlevel"] == "Normal"
    assert ask(world, "GET", "apikey", APIKey="other")[1]["Count"] == 0
    assert ask(world, "GET", "dns/example.com")[1]["Data"][0]["SPFStatus"] == "OK"
    strict = SimulatorState(SimulatorSettings(senders=("*@example.com",)))
    assert ask(strict, "GET", "sender", Email="any@example.com")[1]["Count"] == 0
    assert ask(strict, "GET", "sender", Domain="example.com")[1]["Data"][0]["Email"] == "*@example.com"


def test_where_senders_are_named_other_domains_are_not_known():
    named = SimulatorState(SimulatorSettings(senders=("*@Example.com", "a@b.example")))
    ask(named, "POST", "sender", {"Email": "x@new.example"})
    for domain in ("example.com", "B.EXAMPLE", "new.example"):
        status, document = ask(named, "GET", f"dns/{domain}")
        (row,) = document["Data"]
        assert (status, row["Domain"]) == (200, domain.lower())
        assert ask(named, "GET", f"dns/{row['ID']}")[1]["Data"] == [row]
        assert ask(named, "POST", f"dns/{row['ID']}/check")[0] == 200
    assert ask(named, "GET", "dns/exmaple.com")[0] == 404
    assert ask(named, "POST", "dns/7/check")[0] == 404


def test_event_urls_are_unique_and_on_this_machine(world):
    row = {
        "EventType": "sent",
        "Url": "http://127.0.0.1:9/hook",
        "Version": 2,
        "IsBackup": False,
        "Status": "alive",
    }
    status, made = ask(world, "POST", "eventcallbackurl", row)
    number = made["Data"][0]["ID"]
    assert status == 201
    assert (
        "MJ18 A EventCallbackURL resource" in ask(world, "POST", "eventcallbackurl", row)[1]["ErrorMessage"]
    )
    assert ask(world, "POST", "eventcallbackurl", {**row, "IsBackup": True})[0] == 201
    elsewhere = {"EventType": "open", "Url": "https://example.com/hook"}
    assert "this machine only" in ask(world, "POST", "eventcallbackurl", elsewhere)[1]["ErrorMessage"]
    assert ask(world, "POST", "eventcallbackurl", {"EventType": "open", "Url": "nonsense"})[0] == 400
    assert ask(world, "POST", "eventcallbackurl", {"EventType": "laugh"})[0] == 400
    changed = ask(world, "PUT", f"eventcallbackurl/{number}", {"Url": "http://localhost:9/other"})
    assert changed[1]["Data"][0]["Url"] == "http://localhost:9/other"
    assert ask(world, "DELETE", f"eventcallbackurl/{number}")[0] == 204
    assert ask(world, "GET", "eventcallbackurl", Limit="100")[1]["Count"] == 1


def test_unknown_paths_and_methods_answer_as_mailjet(world):
    status, document = ask(world, "GET", "nosuchthing")
    assert (status, document["ErrorInfo"]) == (500, "EFPWebError")
    assert ask(world, "DELETE", "message")[0] == 405
    answer = handle(ApiRequest("GET", "/v3.1/REST/contact", {}, b"", NOW), world)
    assert (answer.status, answer.content_type) == (404, "text/html")


CONVERSATION = Path(__file__).with_name("simulator_conversation.jsonl")


def held_again(lines: list[str]) -> Iterator[dict[str, Any]]:
    """Each call of the conversation, ten seconds after the last, with its whole answer; UUIDs are drawn anew."""
    with ExitStack() as patched:
        for module in (received_store, campaign_drafts):  # their ids count on from the clock
            patched.enter_context(patch.object(module, "utc_now", lambda: NOW))
        world = SimulatorState(SimulatorSettings(index_delay=5))
    for number, line in enumerate(map(json.loads, lines)):
        method, _, address = line["call"].partition(" ")
        path, _, query = address.partition("?")
        at = NOW + timedelta(seconds=10 * number)
        call = ApiRequest(method, path, dict(parse_qsl(query)), json.dumps(line["body"]).encode(), at)
        answer = handle(call, world)
        said = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f-]{21}", "UUID", answer.body.decode())
        yield line | {"status": answer.status, "answer": json.loads(said or "null")}


def test_a_conversation_over_all_resources_is_answered_to_the_letter():
    """Where an answer is meant to change: `python -m tests.unit.test_simulator_rest`, and read the difference."""
    lines = CONVERSATION.read_text("utf-8").splitlines()
    for line, again in zip(lines, held_again(lines), strict=True):
        assert again == json.loads(line)


VISITOR = {"ip": "203.0.113.7", "geo": "FR", "agent": "Mozilla/5.0"}


@pytest.mark.parametrize(
    ("name", "own", "status"),
    [
        ("sent", {"smtp_reply": "sent (250 2.0.0 OK)", "mj_message_id": "ID"}, "sent"),
        ("open", VISITOR, "opened"),
        ("click", {"url": "https://example.com/"} | VISITOR, "clicked"),
        ("bounce", {"blocked": False, "hard_bounce": True, "error_related_to": "recipient", "error": "user unknown", "comment": ""}, "hardbounced"),
        ("blocked", {"error_related_to": "mailjet", "error": "preblocked"}, "blocked"),
        ("spam", {"source": "JMRPP"}, "spam"),
        ("unsub", {"mj_list_id": 0} | VISITOR, "unsub"),
    ],
)  # fmt: skip
def test_each_event_as_it_is_posted(world, name, own, status):
    (number,) = deliver(world, "one")
    (mail,) = world.store.mails()
    (recipient,) = mail.recipients
    document = happen(world, mail, MailEvent(name, NOW, recipient))
    common = {
        "event": name,
        "time": int(NOW.timestamp()),
        "MessageID": number,
        "Message_GUID": recipient.message_uuid,
        "email": "one@example.com",
        "mj_campaign_id": 0,
        "mj_contact_id": mail.contact_id,
        "customcampaign": "",
        "CustomID": "one",
        "Payload": "",
    }
    assert document == common | {key: str(number) if it == "ID" else it for key, it in own.items()}
    assert status_of(world, mail, recipient) == status
    assert world.store.preblocked == ({"one@example.com"} if name == "bounce" else set())


def test_what_a_test_is_shown_of_a_mail_and_of_the_calls(world):
    to = [{"Email": "One@example.com", "Name": "One"}, {"Email": "two@example.com"}]
    files = [{"ContentType": "Text/HTML; charset=utf-8", "Filename": "é a.html", "Base64Content": "QUJD"}]
    message = {
        "From": {"Email": "a@example.com"},
        "To": to,
        "Subject": "S",
        "TextPart": "T",
        "Attachments": files,
    }
    body = json.dumps({"Messages": [message]}).encode()
    handle(ApiRequest("POST", "/v3.1/send", {}, body, NOW), world)
    (mail,) = world.store.mails()
    kept = {
        "filename": "é a.html", "content_type": "Text/HTML; charset=utf-8", "size": 3, "kept": True,
        "sha256": hashlib.sha256(b"ABC").hexdigest(),
    }  # fmt: skip
    ids = [one.message_id for one in mail.recipients]
    assert mail_document(world, mail) == {
        "message_id": ids[0], "custom_id": "", "arrived_at": NOW.isoformat(), "template_id": None, "subject": "S",
        "recipients": [
            {"email": "One@example.com", "name": "One", "role": "To", "message_id": ids[0]},
            {"email": "two@example.com", "name": "", "role": "To", "message_id": ids[1]},
        ],
        "delivered": True, "error": "", "error_related_to": "", "error_detail": "", "error_reported_to": "",
        "properties": mail.properties, "attachments": [kept],
    }  # fmt: skip
    assert [find_mails(world, None, part) for part in ("TWO@", "one@", "", "three")] == [[mail]] * 3 + [[]]
    (file,) = mail.attachments
    for content_type, shown in (
        ("Text/HTML; charset=utf-8", "attachment"),
        ("Application/PDF; x=y", "inline"),
    ):
        answer = attachment_response(replace(file, content_type=content_type))
        assert (answer.body, answer.headers["x-content-type-options"]) == (b"ABC", "nosniff")
        assert answer.headers["content-disposition"] == f'{shown}; filename="_ a.html"'
    file.drop()
    gone = attachment_response(file)
    assert (gone.status_code, json.loads(gone.body)["error"]) == (
        410,
        "The content was dropped to bound the memory.",
    )


if __name__ == "__main__":
    _again = held_again(CONVERSATION.read_text("utf-8").splitlines())
    CONVERSATION.write_text(
        "".join(f"{json.dumps(one, ensure_ascii=False)}\n" for one in list(_again)), "utf-8"
    )


def test_an_event_is_for_one_message_or_for_all_of_a_custom_id(world):
    first, second = deliver(world, "one", "two")
    found = inject(world, EventsInput(events=[{"event": "open", "message_id": second, "times": 2}]))
    assert [one["MessageID"] for one in found] == [second, second]
    assert inject(world, EventsInput(events=[{"event": "open", "message_id": 7}])) == []
    assert inject(world, EventsInput(events=[{"event": "open"}])) == []
    found = inject(world, EventsInput(events=[{"event": "click", "custom_id": "one", "url": "https://x/"}]))
    assert [(one["MessageID"], one["url"]) for one in found] == [(first, "https://x/")]
