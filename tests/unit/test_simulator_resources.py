"""The local Mailjet's resources as Mailjet's SDKs use them: names in any capitals, typed bodies, 501 for the rest."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mailworker.simulator import SimulatorSettings
from mailworker.simulator.api_request import ApiRequest
from mailworker.simulator.routes import handle
from mailworker.simulator.state import SimulatorState

NOW = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)
FIGURES = {"CounterSource": "APIKey", "CounterTiming": "Message", "CounterResolution": "Lifetime"}


@pytest.fixture
def world() -> SimulatorState:
    return SimulatorState(SimulatorSettings(index_delay=0))


def ask(world: SimulatorState, method: str, path: str, body: Any = None, **query: str) -> tuple[int, Any]:
    path = path if path.startswith("/") else f"/v3/REST/{path}"
    answer = handle(ApiRequest(method, path, query, json.dumps(body).encode(), NOW, {}, path), world)
    return answer.status, json.loads(answer.body) if answer.body else None


def row(answer: tuple[int, Any]) -> dict[str, Any]:
    assert answer[0] < 300, answer
    found: dict[str, Any] = answer[1]["Data"][0]
    return found


def send(world: SimulatorState, **changes: Any) -> tuple[int, Any]:
    message = {"From": {"Email": "a@example.com"}, "To": [{"Email": "b@example.com"}], "TextPart": "T"}
    return ask(world, "POST", "/v3.1/send", {"Messages": [message | changes]})


def test_names_count_in_any_capitals(world):
    assert row(ask(world, "POST", "contact", {"email": "x@example.com", "NAME": "X"}))["Name"] == "X"
    assert row(ask(world, "POST", "sender", {"email": "s@example.com"}))["Status"] == "Inactive"
    number = row(ask(world, "POST", "contactslist", {"name": "L"}))["ID"]
    body = {
        "contacts": [{"email": "y@example.com"}],
        "contactslists": [{"listid": number, "action": "addforce"}],
    }
    assert ask(world, "POST", "contact/ManageManyContacts", body)[0] == 201
    assert (
        ask(world, "POST", f"contactslist/{number}/ManageManyContacts", {**body, "action": "addforce"})[0]
        == 201
    )


def test_symfonys_spelling_of_the_sandbox_sends_nothing(world):
    message = {"from": {"email": "a@example.com"}, "TO": [{"EMAIL": "b@example.com"}], "textpart": "T"}
    status, answer = ask(world, "POST", "/v3.1/send", {"messages": [message], "SandBoxMode": True})
    assert (status, answer["Messages"][0]["To"][0]["MessageID"]) == (200, 0)
    assert world.store.mails() == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("contactslist", {"Name": 5}),
        ("contactslist", {}),
        ("template", {"Name": "t", "EditMode": "many"}),
        ("template", {"EditMode": 2}),
        ("contactfilter", {"Name": "f"}),
        ("contactfilter", {"Name": "f", "Expression": "(nobody_knows_this=1)"}),
        ("contactmetadata", {"Name": "", "Datatype": "str"}),
        ("contactmetadata", {"Name": "a b", "Datatype": "str"}),
        ("eventcallbackurl", {"EventType": "open"}),
        ("eventcallbackurl", {"EventType": "open", "Url": "http://127.0.0.1/", "Version": "two"}),
        ("contact", {"Email": "x@example.com", "Name": 5}),
        ("campaigndraft", {"Locale": "fr_FR", "Subject": "S", "ContactsListID": "none"}),
    ],
)
def test_bodies_are_typed(world, path, body):
    assert ask(world, "POST", path, body)[0] == 400


def test_numbers_and_truths_may_be_text_as_in_the_php_and_ruby_samples(world):
    body = {"EventType": "open", "Url": "http://127.0.0.1/", "Version": "2", "IsBackup": "false"}
    made = row(ask(world, "POST", "eventcallbackurl", body))
    assert (made["Version"], made["IsBackup"]) == (2, False)


def test_property_names_are_kept_in_lower_case(world):
    ask(world, "POST", "contactmetadata", {"Name": "Name", "Datatype": "str"})
    assert row(ask(world, "GET", "contactmetadata"))["Name"] == "name"
    assert ask(world, "POST", "contactmetadata", {"Name": "name", "Datatype": "str"})[0] == 400
    number = row(ask(world, "POST", "contact", {"Email": "x@example.com"}))["ID"]
    data = {"Data": [{"Name": "NAME", "Value": "X"}]}
    assert row(ask(world, "PUT", f"contactdata/{number}", data))["Data"] == [{"Name": "name", "Value": "X"}]
    assert row(ask(world, "GET", "contactdata"))["ContactID"] == number
    assert ask(world, "DELETE", f"contactdata/{number}")[0] == 204
    assert row(ask(world, "GET", f"contactdata/{number}"))["Data"] == []


def test_a_contacts_lists_by_contact(world):
    number = row(ask(world, "POST", "contact", {"Email": "x@example.com"}))["ID"]
    list_id = row(ask(world, "POST", "contactslist", {"Name": "L"}))["ID"]
    wanted = {"ContactsLists": [{"ListID": list_id, "Action": "addnoforce"}]}
    assert ask(world, "POST", f"contact/{number}/managecontactslists", wanted)[0] == 201
    found = row(ask(world, "GET", f"contact/{number}/getcontactslists"))
    assert (found["ListID"], found["IsUnsub"]) == (list_id, False)
    (shown,) = ask(world, "GET", "listrecipient")[1]["Data"]
    assert (shown["ContactID"], "ContactAlt" in shown) == (number, False)
    place = shown["ID"]
    assert (
        row(ask(world, "PUT", f"listrecipient/{place}", {"IsUnsubscribed": True}))["IsUnsubscribed"] is True
    )
    assert ask(world, "DELETE", f"listrecipient/{place}")[0] == 204
    assert ask(world, "GET", f"contact/{number}/getcontactslists")[1]["Count"] == 0


def test_a_deleted_list_is_still_shown_as_recorded(world):
    number = row(ask(world, "POST", "contactslist", {"Name": "L"}))["ID"]
    assert ask(world, "DELETE", f"contactslist/{number}")[0] == 204
    assert row(ask(world, "GET", f"contactslist/{number}"))["IsDeleted"] is True


def test_a_whole_row_may_come_back_in_a_change(world):
    made = row(ask(world, "POST", "contact", {"Email": "x@example.com", "Name": "X"}))
    changed = {**made, "Id": made["ID"], "Name": "Y", "CreatedAt": "2020-12-10 17:35:35 UTC"}
    assert row(ask(world, "PUT", f"contact/{made['ID']}", changed))["Name"] == "Y"
    assert ask(world, "PUT", "contact/Non-existent-id", {"Name": "Z"})[0] == 400
    assert ask(world, "PUT", "contact/99", {"Name": "Z"})[0] == 404


def test_a_sender_that_is_there_is_not_made_again():
    world = SimulatorState(SimulatorSettings(senders=("News@example.com",)))
    status, answer = ask(world, "POST", "sender", {"Email": "news@EXAMPLE.com"})
    said = 'MJ18 A Sender resource with value "news@example.com" for Email already exists.'
    assert (status, answer["ErrorMessage"]) == (400, said)


def test_a_sender_may_send_once_it_is_validated():
    world = SimulatorState(SimulatorSettings(senders=("a@example.com",), assume={"checks-senders"}))
    number = row(ask(world, "POST", "sender", {"Email": "New@example.com"}))["ID"]
    assert send(world, From={"Email": "new@example.com"})[0] == 403
    assert ask(world, "POST", f"sender/{number}/validate")[0] == 200
    assert send(world, From={"Email": "new@example.com"})[0] == 200
    assert ask(world, "DELETE", f"sender/{number}")[0] == 204


def test_figures_are_a_row_of_zeros_where_nothing_was_counted(world):
    assert row(ask(world, "GET", "statcounters", **FIGURES))["MessageSentCount"] == 0
    send(world)
    assert row(ask(world, "GET", "statcounters", **FIGURES))["MessageSentCount"] == 1
    by_sender = {**FIGURES, "CounterSource": "Sender", "SourceId": "52387"}
    assert row(ask(world, "GET", "statcounters", **by_sender))["SourceID"] == 52387
    days = row(ask(world, "GET", "statcounters", **{**FIGURES, "CounterResolution": "Day"}))
    assert (days["Timeslice"], days["Total"]) == ("2026-09-01T00:00:00Z", 1)
    assert ask(world, "GET", "statcounters", CounterSource="APIKey")[0] == 400


def test_messages_are_filtered_or_the_filter_is_named(world):
    send(world, CustomID="one")
    contact = row(ask(world, "GET", "message"))["ContactID"]
    for query, count in (
        ({"Campaign": "7"}, 0), ({"FromType": "1"}, 1), ({"FromType": "2"}, 0), ({"MessageStatus": "opened"}, 0),
        ({"MessageStatus": "sent"}, 1), ({"Contact": str(contact)}, 1), ({"ContactID": "5"}, 0), ({"customid": "one"}, 1),
        ({"ToTS": str(int((NOW - timedelta(days=1)).timestamp()))}, 0),
    ):  # fmt: skip
        assert ask(world, "GET", "message", **query)[1]["Count"] == count, query
    status, answer = ask(world, "GET", "message", FromDomain="example.com")
    assert (status, "FromDomain" in answer["ErrorMessage"]) == (501, True)


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "parseroute", "parseroute"),
        ("GET", "/v3/REST/newsletter/5/detailcontent", "newsletter/detailcontent"),
        ("POST", "/v3/send", "Send API v3"),
        ("GET", "/v1/REST/templates", "v1 templates"),
        ("POST", "/v1/data/images", "v1 data/images"),
        ("POST", "/v3/DATA/contactslist/5/CSVData/text:plain", "DATA/contactslist"),
        ("GET", "/v3/REST/statistics/link-click", "statistics/link-click"),
        ("PUT", "myprofile", "myprofile"),
    ],
)
def test_what_mailjet_has_and_this_one_not_says_so(world, method, path, name):
    status, answer = ask(world, method, path)
    assert (status, f"Mailjet has {name};" in answer["ErrorMessage"]) == (501, True)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "nonsense", 500), ("DELETE", "message", 405), ("GET", "contact/5/nonsense", 500)],
)
def test_what_mailjet_has_neither_is_a_wrong_path(world, method, path, status):
    assert ask(world, method, path)[0] == status


def test_a_test_mail_goes_to_ascii_domains_only(world):
    ask(world, "POST", "contactslist", {"Name": "L"})
    for name in ("a", "b"):
        body = {"Email": f"{name}@example.com", "Action": "addforce"}
        ask(world, "POST", "contactslist/38001/managecontact", body)
    fields = {
        "Locale": "fr_FR",
        "Sender": "N",
        "SenderEmail": "n@example.com",
        "Subject": "S",
        "ContactsListID": 38001,
    }
    draft = row(ask(world, "POST", "campaigndraft", fields))["ID"]
    ask(world, "POST", f"campaigndraft/{draft}/detailcontent", {"Html-part": "x"})
    for email, status in (("me@exämple.fr", 400), ("me@xn--exmple-cua.fr", 201)):
        assert (
            ask(world, "POST", f"campaigndraft/{draft}/test", {"Recipients": [{"Email": email}]})[0] == status
        )
