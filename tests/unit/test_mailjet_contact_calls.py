"""Mailjet's contact calls: what is asked, what is made of each answer, and one token for every call."""

import time
from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace

import pytest

from mailworker.core.message import Address
from mailworker.errors import Refused, Throttled, TransientError, UnknownOutcome
from mailworker.mailjet import campaigns, contact_calls, contact_queries
from mailworker.mailjet.campaigns import CampaignDraft, Counters, DraftStatus
from mailworker.mailjet.contact_calls import ImportJob, ImportState, ListAction, MailjetContact
from mailworker.mailjet.contact_queries import KnownContact, LeftList, ListRecipient
from mailworker.mailjet.rest_api import RestApi, RestCall
from tests.doubles import mailjet_list

GONE, WRONG = Refused("no", code="404"), Refused("no", code="400")


class Mailjet:
    """Gives these answers in turn, and keeps what was asked and how many tokens were taken."""

    def __init__(self, *answers):
        self.answers, self.asked, self.tokens = list(answers), [], 0

    def take(self):
        self.tokens += 1

    def _answer(self, asked):
        self.asked.append(asked)
        found = self.answers.pop(0) if self.answers else []
        if isinstance(found, Exception):
            raise found
        return mailjet_list(found) if isinstance(found, list) else found

    def rest(self, call):
        return self._answer((call.method, call.endpoint, call.id, call.action_id, call.filters, call.data))

    def raw(self, method, path):
        return self._answer((method, path))


def ask(function, *arguments, answers=(), **options):
    """What came of it, and what was asked; every call has taken its token."""
    mailjet = Mailjet(*answers)
    found = function(RestApi(lambda: mailjet, mailjet.take), *arguments, **options)
    found = list(found) if hasattr(found, "__next__") else found
    assert mailjet.tokens == len(mailjet.asked)
    return found, mailjet.asked


@pytest.mark.parametrize(
    ("yes", "no"), [(True, False), ("true", "false"), ("True", ""), (1, 0), ("1", "0"), (True, None)]
)
def test_a_yes_is_a_yes_however_it_is_written(yes, no):
    """Recordings of the real API have true and false; the answers in Mailjet's guides "true" and "false"."""
    for said, meant in ((yes, True), (no, False)):
        contact = [{"ID": 7, "Email": "a@x.example", "IsExcludedFromCampaigns": said}]
        assert ask(contact_queries.contact_at, "a@x.example", answers=[contact])[0].excluded is meant
        (page,), _ = ask(contact_queries.members, 3, answers=[contact])
        assert page[0].excluded is meant
        place = [{"ID": 1, "ListID": 5, "ContactID": 7, "IsUnsubscribed": said, "UnsubscribedAt": ""}]
        assert ask(contact_queries.list_recipients_of, 7, answers=[place])[0] == [ListRecipient(5, meant)]
        (left,), _ = ask(contact_queries.unsubscribed, answers=[place], addresses={7: "a@x.example"})
        assert len(left) == meant
        lists = [{"ID": 9, "Name": "News", "IsDeleted": said}]
        assert ask(contact_calls.list_ids, answers=[lists])[0] == ({} if meant else {"News": 9})


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ([{"ID": 7, "Email": "a@x.example"}], KnownContact(7, "a@x.example")),
        ([{"ID": 7, "IsExcludedFromCampaigns": True}], KnownContact(7, "", excluded=True)),
        (GONE, None),
    ],
)
def test_a_contact_by_its_address(answer, found):
    given, asked = ask(contact_queries.contact_at, "a+b@bücher.example", answers=[answer])
    assert given == found
    assert asked == [("GET", "v3/REST/contact/a+b@xn--bcher-kva.example")]


@pytest.mark.parametrize(
    ("answer", "raised"), [(WRONG, Refused), ([], UnknownOutcome), ([{"ID": "x"}], UnknownOutcome)]
)
def test_any_other_answer_about_an_address_is_none(answer, raised):
    with pytest.raises(raised):
        ask(contact_queries.contact_at, "a@x.example", answers=[answer])


def test_the_list_recipients_of_a_contact_are_read_page_by_page():
    full = [{"ListID": n, "IsUnsubscribed": n == 1} for n in range(1000)]
    found, asked = ask(contact_queries.list_recipients_of, 7, answers=[full, [{"ListID": 5000}]])
    assert (len(found), found[0], found[1], found[-1]) == (
        1001,
        ListRecipient(0, unsubscribed=False),
        ListRecipient(1, unsubscribed=True),
        ListRecipient(5000, unsubscribed=False),
    )
    assert [call[4] for call in asked] == [
        {"Contact": 7, "Limit": 1000, "Offset": 0},
        {"Contact": 7, "Limit": 1000, "Offset": 1000},
    ]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ([{"Name": "City", "Value": "Lyon"}, {"Name": "age", "Value": 0}], {"city": "Lyon", "age": "0"}),
        ([{"Name": "city", "Value": None}], {}),
        ([], {}),
    ],
)
def test_the_properties_of_a_contact(data, found):
    given, asked = ask(contact_queries.properties_of, 7, answers=[[{"ID": 7, "Data": data}]])
    assert (given, asked) == (found, [("GET", "contactdata", 7, None, None, None)])


@pytest.mark.parametrize("row", [{"Data": "odd"}, {"Data": None}, {"Data": ["odd"]}, {}])
def test_properties_that_did_not_come_are_not_none(row):
    """Who moves to a new address would lose them for good, with the former one erased."""
    with pytest.raises(TransientError):
        ask(contact_queries.properties_of, 7, answers=[[{"ID": 7} | row]])


def test_everybody_on_a_list_from_a_position():
    row = {"ID": 7, "Email": "a@x.example", "IsExcludedFromCampaigns": 1}
    found, asked = ask(contact_queries.members, 41, answers=[[row, {"ID": 8}]], offset=3)
    assert found == [[KnownContact(7, "a@x.example", excluded=True), KnownContact(8, "")]]
    assert asked[0][4] == {"ContactsList": 41, "Sort": "ID", "Limit": 1000, "Offset": 3}


AT = datetime(2026, 11, 1, 8, tzinfo=UTC)


@pytest.fixture
def far_away(monkeypatch):
    """A host whose own time is half a day from UTC."""
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2026-11-01T08:00:00Z", AT), ("2026-11-01T09:00:00+01:00", AT), ("2026-11-01T08:00:00", AT), ("", None),
        (None, None), ("soon", None),
    ],
)  # fmt: skip
def test_when_somebody_left_a_list(written, at, far_away):
    left = [{"ContactID": 7, "ListID": 41, "IsUnsubscribed": True, "UnsubscribedAt": written}]
    (page,), _ = ask(contact_queries.unsubscribed, answers=[left, [{"Email": "a@x.example"}]])
    assert page == [LeftList("a@x.example", 41, at)]


def test_who_left_is_asked_for_once_and_only_where_the_row_says_so():
    rows = [
        {"ContactID": n, "ListID": 41, "IsUnsubscribed": n != 9, "UnsubscribedAt": ""} for n in (7, 8, 7, 9)
    ]
    known = {8: "b@x.example"}
    found, asked = ask(contact_queries.unsubscribed, answers=[rows, GONE], addresses=known, offset=2)
    assert [one.email for one in found[0]] == ["", "b@x.example", ""]
    assert known == {7: "", 8: "b@x.example"}
    assert asked[0][4] == {"Unsub": "true", "Sort": "ID", "Limit": 1000, "Offset": 2}
    assert [call[:3] for call in asked[1:]] == [("GET", "contact", 7)]
    with pytest.raises(Refused):
        ask(contact_queries.unsubscribed, answers=[rows, WRONG])


@pytest.mark.parametrize(
    ("row", "parts"),
    [
        ([{"Html-part": "<b>", "Text-part": "t"}], ("<b>", "t")),
        ([{"Html-part": None}], ("", "")),
        ([], ("", "")),
    ],
)
def test_a_templates_parts(row, parts):
    assert ask(contact_queries.template_content, 3, answers=[row])[0] == parts


def test_one_contact_on_a_list():
    contact = MailjetContact("a@x.example", "<b>Zoé", {"city": "Lyon", "age": 3, "gone": None})
    found, asked = ask(contact_calls.manage_contact, 41, contact, answers=[[{"ContactID": 7}]])
    properties = {"city": "Lyon", "age": 3, "gone": None}
    ((method, endpoint, id_, _, _, data),) = asked
    assert (found, method, endpoint, id_) == (7, "POST", "contactslist_managecontact", 41)
    assert (data["Email"], data["Action"], data["Properties"]) == ("a@x.example", "addnoforce", properties)
    assert "<" not in data["Name"]
    _, asked = ask(
        contact_calls.manage_contact,
        41,
        MailjetContact("a@x.example"),
        answers=[[{"ContactID": 7}]],
        action=ListAction.REMOVE,
    )
    assert asked[0][5] == {"Email": "a@x.example", "Action": "remove"}


@pytest.mark.parametrize(
    ("on", "off", "lists"),
    [
        ([41], [], [{"ListID": 41, "Action": "addnoforce"}]),
        ([], [42], [{"ListID": 42, "Action": "remove"}]),
        ([41], [42], [{"ListID": 41, "Action": "addnoforce"}, {"ListID": 42, "Action": "remove"}]),
        ([], [], None),
    ],
)
def test_an_import(on, off, lists):
    contacts = [MailjetContact("a@x.example", excluded=True), MailjetContact("b@x.example")]
    found, asked = ask(contact_calls.start_import, contacts, on, answers=[[{"JobID": 5}]], remove_from=off)
    data = asked[0][5]
    assert (found, data.get("ContactsLists")) == (5, lists)
    assert [one.get("IsExcludedFromCampaigns") for one in data["Contacts"]] == [True, None]


@pytest.mark.parametrize(
    ("row", "job"),
    [
        ({"Status": "Completed", "Count": "12"}, ImportJob(ImportState.COMPLETED, 12, has_error_file=False)),
        ({"Status": "completed", "ErrorFile": "x"}, ImportJob(ImportState.COMPLETED, 0, has_error_file=True)),
        ({"Status": "Error"}, ImportJob(ImportState.FAILED, 0, has_error_file=False)),
        ({"Status": "Abort"}, ImportJob(ImportState.FAILED, 0, has_error_file=False)),
        ({"Status": "Allocated", "Count": None}, ImportJob(ImportState.RUNNING, 0, has_error_file=False)),
        ({}, ImportJob(ImportState.RUNNING, 0, has_error_file=False)),
    ],
)
def test_how_far_an_import_is(row, job):
    found, asked = ask(contact_calls.import_job, 5, answers=[[row]])
    assert (found, asked) == (job, [("GET", "contact_managemanycontacts", None, 5, None, None)])


def test_an_exclusion_an_erasure_and_an_error_file():
    _, asked = ask(contact_calls.exclude_from_campaigns, 7, excluded=False)
    assert asked == [("PUT", "contact", 7, None, None, {"IsExcludedFromCampaigns": False})]
    assert ask(contact_calls.erase_contact, 7)[1] == [("DELETE", "v4/contacts/7")]
    found, asked = ask(contact_calls.import_errors, 5, answers=[{"x": 1}])
    assert (found, asked) == ({"x": 1}, [("GET", "v3/DATA/batchjob/5/JSONError/application:json/LAST")])


def test_properties_and_lists():
    rows = [{"Name": "City", "Datatype": "str"}, {"Name": "age", "Datatype": "int"}]
    assert ask(contact_calls.property_types, answers=[rows])[0] == {"City": "str", "age": "int"}
    lists = [{"ID": 1, "Name": "a"}, {"ID": 2, "Name": "b", "IsDeleted": True}]
    assert ask(contact_calls.list_ids, answers=[lists])[0] == {"a": 1}
    _, asked = ask(contact_calls.create_property, "age", "int")
    assert asked[0][5] == {"Name": "age", "Datatype": "int", "NameSpace": "static"}
    found, asked = ask(contact_calls.create_list, "crm", answers=[[{"ID": 9}]])
    assert (found, asked[0][:2], asked[0][5]) == (9, ("POST", "contactslist"), {"Name": "crm"})


@pytest.mark.parametrize(
    ("word", "status"),
    [
        (-3, DraftStatus.DELETED), (-2, DraftStatus.DELETED), (-1, DraftStatus.ARCHIVED), (0, DraftStatus.DRAFT),
        (1, DraftStatus.PROGRAMMED), (2, DraftStatus.SENT), (3, DraftStatus.TESTING), ("4", DraftStatus.TESTING),
        ("Sent", DraftStatus.SENT), ("A/X TESTING", DraftStatus.TESTING), ("draft", DraftStatus.DRAFT),
    ],
)  # fmt: skip
def test_where_a_draft_stands(word, status):
    assert ask(campaigns.draft_status, 9, answers=[[{"Status": word}]])[0] is status


@pytest.mark.parametrize("word", [5, "", None, "gone"])
def test_a_status_that_nobody_knows_is_for_later(word):
    with pytest.raises(TransientError, match=r"^Mailjet gave the draft a status that nobody knows\.$"):
        ask(campaigns.draft_status, 9, answers=[[{"Status": word}]])


def test_a_campaigns_figures():
    words = ("Sent", "Opened", "Clicked", "Blocked", "HardBounced", "SoftBounced", "Spam", "Unsubscribed")
    row = {f"Message{word}Count": n for n, word in enumerate(words)}
    found, asked = ask(campaigns.counters, 12, answers=[[row]])
    assert found == Counters(*range(8))
    assert asked[0][4] == {
        "CounterSource": "Campaign",
        "CounterTiming": "Message",
        "CounterResolution": "Lifetime",
        "SourceID": 12,
    }
    assert ask(campaigns.counters, 12, answers=[[]])[0] == Counters(*[0] * 8)


@pytest.mark.parametrize(("name", "shown"), [("News", "News"), ("", "a@bücher.example")])
@pytest.mark.parametrize("segment", [None, 7])
def test_a_draft(name, shown, segment):
    draft = CampaignDraft("T", "S", Address("a@bücher.example", name), 41, segment_id=segment)
    found, asked = ask(campaigns.create_draft, draft, answers=[[{"ID": 9}]])
    data = asked[0][5]
    assert (found, data["Sender"], data["SenderName"], data["SenderEmail"]) == (
        9,
        shown,
        name,
        "a@xn--bcher-kva.example",
    )
    assert (data["Title"], data["Subject"], data["Locale"], data["ContactsListID"]) == ("T", "S", "fr_FR", 41)
    assert data.get("SegmentationID") == segment


def test_no_call_leaves_without_its_token():
    def no_token():
        raise Throttled(retry_after=1)

    api = RestApi(lambda: pytest.fail("Mailjet is not even opened"), no_token)
    for call in (partial(api.rest, RestCall("contact")), partial(api.raw, "GET", "v3/REST/contact/a")):
        with pytest.raises(Throttled):
            call()


def test_a_call_takes_its_token_first_and_gives_what_mailjet_answers():
    order = []
    gateway = SimpleNamespace(
        rest=lambda *given: order.append(given) or "rest",
        raw=lambda *given: order.append(given) or "raw",
        api_key="k",
    )
    api = RestApi(lambda: gateway, lambda: order.append("token"))
    assert (api.rest("call"), api.raw("GET", "path"), api.api_key) == ("rest", "raw", "k")
    assert order == ["token", ("call",), "token", ("GET", "path")]
