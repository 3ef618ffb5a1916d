"""Contacts, lists, imports, segments and campaigns of the local Mailjet, with Mailjet's traps."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailworker.simulator import SimulatorSettings
from mailworker.simulator.api_request import ApiRequest
from mailworker.simulator.routes import ROUTES, handle
from mailworker.simulator.segment_expressions import SegmentError, read_segment
from mailworker.simulator.state import SimulatorState

NOW = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def world() -> SimulatorState:
    found = SimulatorState(SimulatorSettings(index_delay=0, job_seconds=8))
    for name, datatype in (("city", "str"), ("age", "int"), ("vip", "bool")):
        assert ask(found, "POST", "contactmetadata", {"Name": name, "Datatype": datatype})[0] == 201
    return found


def ask(
    world: SimulatorState, method: str, path: str, body: Any = None, *, later: float = 0, **query: str
) -> tuple[int, Any]:
    full = f"/{path}" if path.startswith("v") else f"/v3/REST/{path}"
    call = ApiRequest(
        method, full, query, json.dumps(body).encode(), NOW + timedelta(seconds=later), raw_path=full
    )
    answer = handle(call, world)
    return answer.status, json.loads(answer.body) if answer.body else None


def row(answer: tuple[int, Any]) -> Any:
    assert answer[0] < 300, answer
    return answer[1]["Data"][0]


def add(
    world: SimulatorState, list_id: int, email: str, action: str = "addnoforce", **properties: Any
) -> int:
    data = {"Email": email, "Action": action, "Properties": properties}
    return row(ask(world, "POST", f"contactslist/{list_id}/managecontact", data))["ContactID"]


def new_list(world: SimulatorState, name: str = "Clients") -> int:
    return row(ask(world, "POST", "contactslist", {"Name": name}))["ID"]


def test_a_contact_is_made_once_and_never_changes_its_address(world):
    number = row(ask(world, "POST", "contact", {"Email": "a@example.com", "Name": "A"}))["ID"]
    assert ask(world, "POST", "contact", {"Email": "A@example.com"})[1]["ErrorMessage"] == (
        'MJ18 A Contact resource with value "a@example.com" for Email already exists.'
    )
    assert (
        "TContact"
        in ask(world, "POST", "contact", {"Email": "b@example.com", "firstname": "B"})[1]["ErrorMessage"]
    )
    assert "No @ character" in ask(world, "POST", "contact", {"Email": "b"})[1]["ErrorMessage"]
    assert row(ask(world, "GET", "contact/a@example.com"))["ID"] == number
    assert ask(world, "GET", "contact/9")[0] == 404
    assert ask(world, "PUT", f"contact/{number}", {"Name": "A"})[0] == 304
    assert row(ask(world, "PUT", f"contact/{number}", {"IsExcludedFromCampaigns": True}))[
        "IsExcludedFromCampaigns"
    ]
    ask(world, "PUT", f"contact/{number}", {"Name": "B"}, later=60)
    changed = row(ask(world, "GET", f"contact/{number}"))
    shown = ("Name", "IsExcludedFromCampaigns", "ExclusionFromCampaignsUpdatedAt", "LastUpdateAt")
    assert [changed[name] for name in shown] == ["B", True, "2026-09-01T12:00:00Z", "2026-09-01T12:01:00Z"]
    same = ask(world, "PUT", f"contact/{number}", {"Email": "A@Example.com", "Name": "B"})
    assert same[0] == 304, "it is the address that it has"
    assert ask(world, "PUT", f"contact/{number}", {"firstname": "B"})[0] == 400
    assert ask(world, "PUT", "contact/9", {"Name": "B"})[0] == 404
    assert ask(world, "PUT", "contact/nobody", {"Name": "B"})[0] == 400
    refused = ask(world, "PUT", f"contact/{number}", {"Email": "c@example.com"})
    assert refused[1]["ErrorMessage"] == "Not allowed to change email address in PUT"
    assert ask(world, "DELETE", f"contact/{number}")[0] == 401


def test_a_percent_encoded_address_in_the_path_is_refused(world):
    ask(world, "POST", "contact", {"Email": "a@example.com"})
    call = ApiRequest(
        "GET", "/v3/REST/contact/a@example.com", {}, b"", NOW, raw_path="/v3/REST/contact/a%40example.com"
    )
    answer = handle(call, world)
    assert (answer.status, json.loads(answer.body)["ErrorMessage"]) == (
        400,
        'Invalid action for resource "ContactData" : "a@example.com"',
    )


def test_properties_must_be_defined_and_of_their_type_and_null_clears(world):
    list_id = new_list(world)
    bad = {"Email": "a@example.com", "Action": "addnoforce", "Properties": {"p1": "x", "age": "old"}}
    assert ask(world, "POST", f"contactslist/{list_id}/managecontact", bad) == (
        400,
        {
            "ErrorInfo": {
                "Properties": [
                    {"p1": "Property not defined"},
                    {"age": "Property type does not match definition"},
                ]
            },
            "ErrorMessage": "Object properties invalid",
            "StatusCode": 400,
        },
    )
    number = add(world, list_id, "a@example.com", city="Lyon", age=31, vip=True)
    add(world, list_id, "a@example.com", city=None)
    data = row(ask(world, "GET", f"contactdata/{number}"))["Data"]
    assert data == [{"Name": "age", "Value": "31"}, {"Name": "vip", "Value": "true"}]
    ask(world, "PUT", f"contactdata/{number}", {"Data": [{"Name": "city", "Value": "Nice"}]})
    assert {"Name": "city", "Value": "Nice"} in row(ask(world, "GET", f"contactdata/{number}"))["Data"]
    assert ask(world, "PUT", f"contactdata/{number}", {"city": "Nice"})[0] == 400
    assert ask(world, "PUT", f"contactdata/{number}", {"Data": [{"Name": "nope", "Value": 1}]})[0] == 400


@pytest.mark.parametrize(
    ("actions", "unsubscribed"),
    [
        (["addnoforce"], False),
        (["unsub"], True),
        (["addnoforce", "unsub", "addnoforce"], True),
        (["addnoforce", "unsub", "addforce"], False),
        (["addnoforce", "remove"], None),
    ],
)
def test_only_addforce_ends_an_unsubscription(world, actions, unsubscribed):
    list_id = new_list(world)
    for action in actions:
        add(world, list_id, "a@example.com", action)
    found = ask(world, "GET", "listrecipient", ContactsList=str(list_id))[1]["Data"]
    assert [one["IsUnsubscribed"] for one in found] == ([] if unsubscribed is None else [unsubscribed])
    subscribers = row(ask(world, "GET", f"contactslist/{list_id}"))["SubscriberCount"]
    assert subscribers == (1 if unsubscribed is False else 0)


def test_lists_are_paged_by_ten_and_names_are_unique(world):
    for number in range(12):
        new_list(world, f"L{number}")
    assert ask(world, "GET", "contactslist")[1]["Count"] == 10
    assert ask(world, "GET", "contactslist", Limit="1000")[1]["Count"] == 12
    assert "MJ18" in ask(world, "POST", "contactslist", {"Name": "L1"})[1]["ErrorMessage"]


def test_an_import_walks_through_its_stages_and_tells_its_errors(world):
    list_id = new_list(world)
    contacts = [
        {"Email": "a@example.com", "Properties": {"age": 30}},
        {"Email": "b@example.com", "Properties": {"age": "x"}},
        {"Email": "nobody"},
    ]
    body = {"Contacts": contacts, "ContactsLists": [{"ListID": list_id, "Action": "addnoforce"}]}
    job = row(ask(world, "POST", "contact/managemanycontacts", body))["JobID"]
    path = f"contact/managemanycontacts/{job}"
    stages = [row(ask(world, "GET", path, later=moment))["Status"] for moment in (0, 2, 4, 6, 7.9)]
    assert stages == ["Allocated", "Upload", "Prepare", "Importing", "Importing"]
    assert ask(world, "GET", "contact/a@example.com", later=7.9)[0] == 404
    done = row(ask(world, "GET", path, later=8))
    assert (done["Status"], done["Count"]) == ("Completed", 1)
    assert done["ErrorFile"].endswith(f"/v3/DATA/batchjob/{job}/JSONError/application:json/LAST")
    errors = ask(world, "GET", f"v3/DATA/batchjob/{job}/JSONError/application:json/LAST", later=8)[1]
    assert [one["Email"] for one in errors] == ["b@example.com", "nobody"]
    assert row(ask(world, "GET", f"contactslist/{list_id}", later=8))["SubscriberCount"] == 1


def test_an_import_below_a_list(world):
    list_id = new_list(world)
    body = {"Action": "addforce", "Contacts": [{"Email": "a@example.com"}]}
    job = row(ask(world, "POST", f"contactslist/{list_id}/managemanycontacts", body))["JobID"]
    status = row(ask(world, "GET", f"contactslist/{list_id}/managemanycontacts/{job}", later=9))
    assert (status["Status"], status["ErrorFile"]) == ("Completed", "")
    assert ask(world, "POST", f"contactslist/{list_id}/managemanycontacts", {**body, "Action": "x"})[0] == 400


def test_v4_erases_at_once_and_answers_200_for_anyone(world):
    list_id = new_list(world)
    number = add(world, list_id, "a@example.com", city="Lyon")
    assert ask(world, "GET", "contact", ContactsList=str(list_id))[1]["Count"] == 1
    assert ask(world, "DELETE", "v4/contacts/5")[0] == 200
    assert ask(world, "DELETE", f"v4/contacts/{number}")[0] == 200
    erased = row(ask(world, "GET", f"contact/{number}"))
    assert erased["Name"] == "Anonymized"
    assert erased["Email"].endswith("@domain.invalid")
    assert row(ask(world, "GET", f"contactdata/{number}"))["Data"] == []
    assert ask(world, "GET", f"contact/{number}/getcontactslists")[1]["Data"] == []
    assert ask(world, "GET", "contact", ContactsList=str(list_id))[1]["Count"] == 0
    assert add(world, list_id, "b@example.com") > number
    found = ask(world, "GET", "contact", ContactsList=str(list_id))[1]["Data"]
    assert [one["Email"] for one in found] == ["b@example.com"]
    assert ask(world, "GET", "contact/a@example.com")[0] == 404


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("(age<40)", True),
        ('((city="Lyon") AND (age>=31)) OR (vip=false)', True),
        ('(city<>"Lyon")', False),
        ("((not IsProvided(age)))", False),
        ("((not (age=31)))", False),
        ("((not hasclickedsince(30))) OR ((not hasopenedsince(365)))", True),
        ('((not ((city="Nice") OR (city="Paris"))))', True),
        ('((not (city="Nice"))) AND (((not (age=1))) OR (vip=false))', True),
        ("(IsBetweenNumbers(age,30,32))", True),
        ('(StartsWith(city,"Ly")) AND (EndsWith(city,"on")) AND (Contains(city,"yo"))', True),
        ("(missing=1)", False),
        ("(city<40)", False),
        ('(age>="Lyon")', False),
        ("(hasopenedsince(30))", False),
        ('(FormatDateTime("mm-dd",born)=DateTimeNow())', False),
    ],
)
def test_segments(expression, expected):
    assert read_segment(expression)({"city": "Lyon", "age": 31, "vip": True}) is expected


_BARE_NOT = "`not` stands in an additional set of parentheses: ((not IsProvided(date)))"


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("age<40", "expected (, found age; every comparison stands in parentheses"),
        ("(age<40) AND city=1", "expected (, found city; every comparison stands in parentheses"),
        ("(age<40 AND city=1)", "expected ), found AND; every comparison stands in parentheses"),
        ("(age)", "expected a comparison after age"),
        ("(age<40", "unexpected end"),
        ("(age", "unexpected end"),
        ("(age<", "unexpected end"),
        ("()", "expected a property or a function, found )"),
        ("", "unexpected end"),
        ("(Nope(1))", "unknown function, or wrong number of arguments: Nope"),
        ("(IsProvided(age,city))", "unknown function, or wrong number of arguments: IsProvided"),
        ("(Contains(city))", "unknown function, or wrong number of arguments: Contains"),
        ("(1=age)", "expected a property or a function, found 1"),
        ("(age=)", "expected a value, found )"),
        ('(StartsWith(city "Ly"))', 'expected ,, found "Ly"; every comparison stands in parentheses'),
        ("(a=1) XOR (b=1)", "unexpected XOR"),
        ("(a=1))", "unexpected )"),
        ("(not (a=1))", _BARE_NOT),
        ("(not IsProvided(a))", _BARE_NOT),
        ("((not (a=1)) AND (b=1))", _BARE_NOT),
        ("(b=1) OR (not (a=1))", _BARE_NOT),
        ("(a=$)", "unexpected character at 4"),
        ("(" * 42, "nested too deep"),
        ("(" * 41, "unexpected end"),
        ("(city=1) AND (zoo=1) AND (arm=1)", "unknown property arm"),
    ],
)
def test_segments_that_cannot_be_read(world, expression, fault):
    with pytest.raises(SegmentError) as caught:
        read_segment(expression, {"age", "city", "a", "b"})
    assert str(caught.value) == fault
    status, answer = ask(world, "POST", "contactfilter", {"Name": "s", "Expression": expression})
    assert (status, answer["ErrorMessage"][:20]) == (400, "Invalid expression: ")


FIGURES = {"CounterSource": "Campaign", "CounterTiming": "Message", "CounterResolution": "Lifetime"}


def draft_for(world: SimulatorState, list_id: int, **changes: Any) -> int:
    fields = {
        "Locale": "fr_FR",
        "Sender": "Nous",
        "SenderName": "Nous",
        "SenderEmail": "nous@example.com",
        "Subject": "Offre",
        "ContactsListID": list_id,
        **changes,
    }
    return row(ask(world, "POST", "campaigndraft", fields))["ID"]


def test_a_campaign_goes_to_its_segment_without_those_who_left(world):
    list_id = new_list(world)
    for name in ("young", "old", "left", "excluded"):
        add(world, list_id, f"{name}@example.com", age=70 if name == "old" else 20)
    add(world, list_id, "left@example.com", "unsub")
    excluded = row(ask(world, "GET", "contact/excluded@example.com"))["ID"]
    ask(world, "PUT", f"contact/{excluded}", {"IsExcludedFromCampaigns": True})
    segment = row(ask(world, "POST", "contactfilter", {"Name": "young", "Expression": "(age<40)"}))["ID"]
    draft = draft_for(world, list_id, SegmentationID=segment)
    assert ask(world, "POST", f"campaigndraft/{draft}/send", {})[0] == 400
    ask(world, "POST", f"campaigndraft/{draft}/detailcontent", {"Html-part": "<p>{{data:age:0}}</p>"})
    tested = ask(world, "POST", f"campaigndraft/{draft}/test", {"Recipients": [{"Email": "me@example.com"}]})
    assert row(tested)["Status"] == "Draft"
    assert row(ask(world, "POST", f"campaigndraft/{draft}/send", {}))["Status"] == "Programmed"
    assert [mail.to for mail in world.store.mails()] == [("me@example.com",), ("young@example.com",)]
    assert world.outcome(world.store.mails()[1]).html == "<p>20</p>"
    assert row(ask(world, "GET", f"campaigndraft/{draft}/status"))["Status"] == "Sent"
    assert ask(world, "POST", f"campaigndraft/{draft}/send", {})[0] == 400
    campaign = row(ask(world, "GET", f"campaign/mj.nl={draft}"))["ID"]
    counters = row(ask(world, "GET", "statcounters", **FIGURES, SourceID=str(campaign)))
    assert counters["MessageSentCount"] == 1, "a test is no part of the campaign"


def written_draft_to_two(world):
    """The id of a draft with its text, to a list of two contacts."""
    list_id = new_list(world)
    for name in ("a", "b"):
        add(world, list_id, f"{name}@example.com")
    draft = draft_for(world, list_id)
    ask(world, "PUT", f"campaigndraft/{draft}/detailcontent", {"Text-part": "T"})
    return draft


def test_a_schedule_is_kept_shown_cancelled_and_carried_out(world):
    draft = written_draft_to_two(world)
    path = f"campaigndraft/{draft}/schedule"
    assert ask(world, "GET", path)[0] == 404
    assert ask(world, "POST", path, {"Date": "2026-09-01T11:00:00Z"})[0] == 400
    assert (
        row(ask(world, "POST", path, {"Date": "2026-09-01T15:00:00+02:00"}))["Date"] == "2026-09-01T13:00:00Z"
    )
    assert ask(world, "DELETE", path)[0] == 204
    assert row(ask(world, "GET", f"campaigndraft/{draft}/status"))["Status"] == "Draft"
    ask(world, "POST", path, {"Date": "2026-09-01T13:00:00Z"})
    assert row(ask(world, "GET", f"campaigndraft/{draft}/status", later=3599))["Status"] == "Programmed"
    assert row(ask(world, "GET", f"campaigndraft/{draft}/status", later=3600))["Status"] == "Sent"
    assert len(world.store.mails()) == 2


def test_a_list_of_drafts_shows_what_was_sent_at_its_time(world):
    draft = written_draft_to_two(world)
    ask(world, "POST", f"campaigndraft/{draft}/schedule", {"Date": "2026-09-01T13:00:00Z"})
    assert [row(ask(world, "GET", "campaigndraft", later=at))["Status"] for at in (3599, 3601)] == [1, 2]
    assert {mail.arrived_at for mail in world.store.mails()} == {NOW + timedelta(hours=1)}


@pytest.mark.parametrize("number", ["0", "²", "9" * 19, "9" * 20, "9" * 5000])
@pytest.mark.parametrize(
    "resource",
    [
        "contact", "contactdata", "contactmetadata", "contactslist", "listrecipient", "message", "template",
        "contactfilter", "campaigndraft", "campaign", "sender", "eventcallbackurl",
    ],
)  # fmt: skip
def test_a_number_that_nothing_has_is_not_found(world, resource, number):
    assert ask(world, "GET", f"{resource}/{number}")[0] == 404


def test_nobodys_lists_are_managed(world):
    wanted = {"ContactsLists": [{"ListID": new_list(world), "Action": "addnoforce"}]}
    assert ask(world, "POST", "contact/9/managecontactslists", wanted)[0] == 404


def test_a_list_of_one_gets_no_campaign(world):
    list_id = new_list(world)
    add(world, list_id, "a@example.com")
    draft = draft_for(world, list_id)
    ask(world, "POST", f"campaigndraft/{draft}/detailcontent", {"Text-part": "T"})
    assert "more than one" in ask(world, "POST", f"campaigndraft/{draft}/send", {})[1]["ErrorMessage"]
    add(world, list_id, "b@example.com", "unsub")
    assert "more than one" in ask(world, "POST", f"campaigndraft/{draft}/send", {})[1]["ErrorMessage"]
    add(world, list_id, "c@example.com")
    assert ask(world, "POST", f"campaigndraft/{draft}/send", {})[0] == 201


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1, 9)
    | st.sampled_from(["", "a", "a@b.fr", "addforce", "38001", "NOW"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "Messages",
                    "Globals",
                    "To",
                    "From",
                    "Email",
                    "Name",
                    "Contacts",
                    "ContactsLists",
                    "ListID",
                    "ContactID",
                    "Action",
                    "Properties",
                    "Data",
                    "Value",
                    "Recipients",
                    "Date",
                    "Headers",
                    "Html-part",
                    "Expression",
                    "Locale",
                    "Subject",
                    "ContactsListID",
                    "Datatype",
                    "Url",
                    "EventType",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=100)
@given(st.sampled_from(ROUTES), JSON)
def test_no_body_makes_the_local_mailjet_stumble(route, body):
    world = SimulatorState(SimulatorSettings(job_seconds=0))
    ask(world, "POST", "contactslist", {"Name": "L"})
    ask(world, "POST", "contact", {"Email": "a@b.fr"})
    method, pattern, _ = route
    path = pattern.pattern.replace("[0-9]{1,19}", "38001").replace("[^/]+", "a@b.fr").replace("\\", "")
    for group in ("(?P<id>", "(?P<job>", ")"):
        path = path.replace(group, "")
    assert pattern.fullmatch(path)
    answer = handle(
        ApiRequest(method, path, {"ContactsList": "x", "Limit": "y"}, json.dumps(body).encode(), NOW), world
    )
    assert 200 <= answer.status < 500


def test_an_import_keeps_its_count_and_lets_its_contacts_go(world: SimulatorState):
    list_id = new_list(world)
    given = {
        "ContactsLists": [{"ListID": list_id, "Action": "addnoforce"}],
        "Contacts": [{"Email": "a@b.example"}],
    }
    job = row(ask(world, "POST", "contact/managemanycontacts", given))["JobID"]
    assert row(ask(world, "GET", f"contact/managemanycontacts/{job}", later=9))["Count"] == 1
    assert list(world.jobs.all[job].contacts) == []
