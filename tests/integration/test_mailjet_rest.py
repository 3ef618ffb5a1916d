"""The REST rooms against real sockets: each function's one call, and what it makes of the answer."""

import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from mailworker.core.masked_secret import Secret
from mailworker.core.message import Address, Mail
from mailworker.errors import Misconfigured, Refused, TransientError, UnknownOutcome
from mailworker.mailjet import account_checks, campaigns, contact_calls, contact_queries, webhook_registration
from mailworker.mailjet.contact_calls import ImportJob, ImportState, ListAction, MailjetContact
from mailworker.mailjet.credentials import MailjetAccess
from mailworker.mailjet.gateway import Gateway
from mailworker.mailjet.message_resource import Found, find_by_custom_id, list_between
from mailworker.mailjet.rest_api import RestApi
from tests.integration.mailjet_wire import Wire, answer

pytestmark = pytest.mark.integration

BIG = 1152921509597813712
NOT_FOUND = answer(404, {"ErrorInfo": "", "ErrorMessage": "Object not found", "StatusCode": 404})


def data(*rows):
    return answer(200, {"Count": len(rows), "Data": list(rows), "Total": len(rows)})


class Mailjet:
    """A scripted Mailjet, the gateway to it, and a count of the tokens taken."""

    def __init__(self, server):
        self.server = server
        self.gateway = Gateway(MailjetAccess(Secret("our-key"), Secret("our-secret"), server.url))
        self.tokens = 0

    def answers(self, *behaviours):
        self.server.behaviours = list(behaviours)
        return RestApi(lambda: self.gateway, self.take_token)

    def take_token(self):
        assert self.tokens == len(self.server.requests)
        self.tokens += 1

    @property
    def asked(self):
        """The last request as (method, path, query or body)."""
        request = self.server.requests[-1]
        method, target, _ = request.line.split(" ")
        url = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        return method, url.path, json.loads(request.body) if request.body else query


@pytest.fixture(scope="module")
def scripted():
    with Wire([]) as server:
        one = Mailjet(server)
        yield one
        one.gateway.close()


@pytest.fixture
def mailjet(scripted):
    scripted.server.requests.clear()
    scripted.tokens = 0
    return scripted


def row(number, custom_id="id-1", **more):
    return {"ID": number, "UUID": "606434fb", "Status": "sent", "CustomID": custom_id} | more


class TestLookup:
    def test_a_message_is_found_by_its_custom_id(self, mailjet):
        gateway = mailjet.answers(data(row(BIG + 1), row(BIG)))
        assert find_by_custom_id(gateway, "id-1") == Found("id-1", BIG, "606434fb", "sent")
        query = {"CustomID": "id-1", "ShowCustomID": "true", "Limit": "100"}
        assert mailjet.asked == ("GET", "/v3/REST/message", query)

    def test_what_is_not_there_is_not_found(self, mailjet):
        assert find_by_custom_id(mailjet.answers(data()), "id-1") is None

    @pytest.mark.parametrize("rows", [[row(7, "id-2")], [{"ID": 7}], [row(None)], ["x"]])
    def test_what_is_not_ours_says_nothing_of_what_is(self, mailjet, rows):
        with pytest.raises(TransientError):
            find_by_custom_id(mailjet.answers(data(*rows)), "id-1")

    def test_a_failing_search_is_transient_and_not_an_absence(self, mailjet):
        with pytest.raises(TransientError):
            find_by_custom_id(mailjet.answers(answer(500, {"StatusCode": 500, "ErrorMessage": "x"})), "id-1")

    def test_all_messages_of_a_time_are_read_page_by_page_with_a_token_each(self, mailjet):
        full = data(*[row(number, f"id-{number}") for number in range(1000)])
        gateway = mailjet.answers(full, data(row(7, "id-7"), row(8, "")))
        since, until = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 1, tzinfo=UTC)
        first, second = list_between(gateway, since, until)
        assert len(first) == 1000
        assert second == [Found("id-7", 7, "606434fb", "sent")]
        assert mailjet.tokens == 2
        _, path, query = mailjet.asked
        assert path == "/v3/REST/message"
        assert (query["FromTS"], query["ToTS"]) == ("1767225600", "1767229200")
        assert (query["Limit"], query["Offset"], query["Sort"]) == ("1000", "1000", "ID DESC")


KEY = {
    "APIKey": "our-key",
    "SecretKey": "s3cr3t",
    "IsActive": True,
    "Runlevel": "Normal",
    "QuarantineValue": 0,
}
SENDER = {"Email": "billing@crm.example", "Status": "Active"}
CONTENT = {"Html-part": "Hello", "Text-part": None, "Headers": {"Subject": "x"}}
HOOK = {"Url": "https://u:p@crm.example/hook", "Version": 2, "Status": "alive", "IsBackup": False}
ALL_HOOKS = [HOOK | {"EventType": event} for event in webhook_registration.WEBHOOK_EVENTS]


class TestHealth:
    @pytest.mark.parametrize(
        ("found", "words"),
        [
            (KEY, []),
            (KEY | {"IsActive": False}, ["not active"]),
            (KEY | {"Runlevel": "Softlock", "QuarantineValue": 1}, ["Softlock", "quarantine"]),
            (None, ["does not show"]),
        ],
    )
    def test_key(self, mailjet, found, words):
        gateway = mailjet.answers(data(*[found] if found else []))
        faults = account_checks.key_faults(gateway)
        assert len(faults) == len(words)
        assert all(word in fault for word, fault in zip(words, faults, strict=True))
        assert "s3cr3t" not in str(faults)
        assert mailjet.asked == ("GET", "/v3/REST/apikey", {"APIKey": "our-key"})

    def test_wrong_keys_are_misconfigured(self, mailjet):
        with pytest.raises(Misconfigured, match="api_secret"):
            account_checks.key_faults(mailjet.answers(answer(401, "", "text/html")))

    @pytest.mark.parametrize(
        ("by_email", "by_domain", "calls", "fine"),
        [
            ([SENDER], [], 1, True),
            ([], [SENDER | {"Email": "*@crm.example"}], 2, True),
            ([SENDER | {"Status": "Inactive"}], [SENDER | {"Email": "other@crm.example"}], 2, False),
            ([], [], 2, False),
        ],
    )
    def test_sender(self, mailjet, by_email, by_domain, calls, fine):
        gateway = mailjet.answers(data(*by_email), data(*by_domain))
        faults = account_checks.sender_faults(gateway, ["billing@crm.example"] * 2)
        assert faults == ([] if fine else [faults[0]])
        assert fine or "billing@crm.example is not an active sender" in faults[0]
        assert mailjet.tokens == calls

    @pytest.mark.parametrize("row", ["news@xn--socit-esab.fr", "NEWS@société.fr", "*@xn--socit-esab.fr"])
    def test_a_sender_at_an_internationalised_domain(self, mailjet, row):
        gateway = mailjet.answers(data(), data(SENDER | {"Email": row}))
        assert account_checks.sender_faults(gateway, ["news@société.fr"]) == []
        assert mailjet.asked[2]["Domain"] == "xn--socit-esab.fr"

    @pytest.mark.parametrize(
        ("behaviour", "words"),
        [
            (data(CONTENT), ""),
            (NOT_FOUND, "does not exist"),
            (data(CONTENT | {"Html-part": ""}), "no content"),
            (data(CONTENT | {"Headers": {"SenderName": 7, "Subject": "x"}}), "keeps SenderName"),
            (data(CONTENT | {"Headers": None}), ""),
        ],
    )
    def test_template(self, mailjet, behaviour, words):
        faults = account_checks.template_faults(mailjet.answers(behaviour), [42])
        assert words in "".join(faults)
        assert len(faults) == bool(words)
        assert mailjet.asked[1] == "/v3/REST/template/42/detailcontent"

    def test_webhook_that_is_whole(self, mailjet):
        gateway = mailjet.answers(
            data(*ALL_HOOKS, HOOK | {"EventType": "sent", "IsBackup": True, "Url": "x"})
        )
        assert account_checks.webhook_faults(gateway, HOOK["Url"]) == []

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (
                {"Url": "https://elsewhere.example"},
                "the event sent to another URL (https://elsewhere.example)",
            ),
            ({"Status": "dead"}, "gave up posting the event sent"),
            ({"Version": 1}, "the event sent one by one"),
            ({"IsBackup": True}, "registered at Mailjet for the event sent"),
        ],
    )
    def test_webhook_that_is_not(self, mailjet, change, words):
        gateway = mailjet.answers(data(ALL_HOOKS[0] | change, *ALL_HOOKS[1:]))
        (fault,) = account_checks.webhook_faults(gateway, HOOK["Url"])
        assert words in fault
        assert "u:p" not in fault

    def test_the_sandbox_tells_what_would_be_refused_and_sends_nothing(self, mailjet):
        bad = {
            "ErrorCode": "send-0010",
            "StatusCode": 400,
            "ErrorMessage": "x",
            "ErrorRelatedTo": ["TemplateID"],
        }
        good = {"Status": "success", "CustomID": "2", "To": [{"MessageID": 0, "MessageUUID": ""}]}
        mailjet.answers(answer(400, {"Messages": [{"Status": "error", "Errors": [bad]}, good]}))
        mails = [
            Mail(i, f"kind-{i}", Address("a@b.example"), Address("c@d.example"), 1, "", {}) for i in "12"
        ]
        refused, taken = mailjet.gateway.send(mails, call_id="c", sandbox=True)
        assert "send-0010" in str(refused)
        assert not isinstance(taken, Exception)
        assert mailjet.asked[2]["SandboxMode"] is True


class TestContacts:
    def test_find(self, mailjet):
        gateway = mailjet.answers(data({"ID": 7}))
        found = contact_queries.contact_at(gateway, "jean+x@müller.de")
        assert found is not None
        assert found.id == 7
        assert mailjet.asked[:2] == ("GET", "/v3/REST/contact/jean+x@xn--mller-kva.de")

    def test_find_nobody(self, mailjet):
        gateway = mailjet.answers(NOT_FOUND)
        assert contact_queries.contact_at(gateway, "a@b.example") is None

    def test_manage(self, mailjet):
        gateway = mailjet.answers(data({"ContactID": 7, "Action": "addnoforce"}))
        contact = MailjetContact("jean@client.example", "Jean", {"plan": "gold", "balance": None})
        assert contact_calls.manage_contact(gateway, 3, contact) == 7
        assert mailjet.asked == (
            "POST",
            "/v3/REST/contactslist/3/managecontact",
            {
                "Email": "jean@client.example",
                "Name": "Jean",
                "Properties": {"plan": "gold", "balance": None},
                "Action": "addnoforce",
            },
        )

    def test_one_action_alone_brings_back_who_left(self):
        """Used where an operator lifts an address off the suppression list, and nowhere else."""
        assert {action.value for action in ListAction} - {"addnoforce", "remove", "unsub"} == {"addforce"}
        package = Path(contact_calls.__file__).parents[1]
        users = [p.name for p in package.rglob("*.py") if "ListAction.RESUBSCRIBE" in p.read_text("utf-8")]
        assert users == ["suppressions_by_hand.py"]

    def test_an_undefined_property_is_named(self, mailjet):
        info = {"ErrorInfo": {"Properties": [{"plan": "Property not defined"}]}, "StatusCode": 400}
        gateway = mailjet.answers(answer(400, info | {"ErrorMessage": "Object properties invalid"}))
        with pytest.raises(Refused, match="plan"):
            contact_calls.manage_contact(gateway, 3, MailjetContact("a@b.example"))

    def test_import(self, mailjet):
        gateway = mailjet.answers(answer(201, {"Count": 1, "Data": [{"JobID": 35800}], "Total": 1}))
        job = contact_calls.start_import(gateway, [MailjetContact("a@b.example")], [3])
        assert job == 35800
        assert mailjet.asked == (
            "POST",
            "/v3/REST/contact/managemanycontacts",
            {
                "Contacts": [{"Email": "a@b.example"}],
                "ContactsLists": [{"ListID": 3, "Action": "addnoforce"}],
            },
        )

    @pytest.mark.parametrize(
        ("word", "state"),
        [
            ("Allocated", ImportState.RUNNING),
            ("Importing", ImportState.RUNNING),
            ("In Progress", ImportState.RUNNING),
            ("Completed", ImportState.COMPLETED),
            ("Error", ImportState.FAILED),
            ("Abort", ImportState.FAILED),
        ],
    )
    def test_import_progress(self, mailjet, word, state):
        gateway = mailjet.answers(data({"Status": word, "Count": 2, "ErrorFile": "x"}))
        assert contact_calls.import_job(gateway, 7) == ImportJob(state, 2, True)
        assert mailjet.asked[:2] == ("GET", "/v3/REST/contact/managemanycontacts/7")

    def test_import_errors(self, mailjet):
        gateway = mailjet.answers(answer(200, [{"Email": "x", "Error": "y"}]))
        assert contact_calls.import_errors(gateway, 7) == [{"Email": "x", "Error": "y"}]
        assert mailjet.asked[1] == "/v3/DATA/batchjob/7/JSONError/application:json/LAST"

    def test_exclude_and_erase(self, mailjet):
        gateway = mailjet.answers(answer(304, ""), answer(200, ""))
        contact_calls.exclude_from_campaigns(gateway, 7, excluded=True)
        assert mailjet.asked == ("PUT", "/v3/REST/contact/7", {"IsExcludedFromCampaigns": True})
        contact_calls.erase_contact(gateway, 7)
        assert mailjet.asked[:2] == ("DELETE", "/v4/contacts/7")

    def test_properties(self, mailjet):
        gateway = mailjet.answers(
            data({"Name": "plan", "Datatype": "str"}), answer(201, {"Data": [{"ID": 1}]})
        )
        assert contact_calls.property_types(gateway) == {"plan": "str"}
        contact_calls.create_property(gateway, "age", "int")
        assert mailjet.asked[2] == {"Name": "age", "Datatype": "int", "NameSpace": "static"}

    def test_lists(self, mailjet):
        gone = {"Name": "old", "ID": 2, "IsDeleted": True}
        gateway = mailjet.answers(data({"Name": "all", "ID": 1, "IsDeleted": False}, gone), data({"ID": 9}))
        assert contact_calls.list_ids(gateway) == {"all": 1}
        assert contact_calls.create_list(gateway, "new") == 9

    def test_an_answer_without_a_number_is_unknown(self, mailjet):
        with pytest.raises(UnknownOutcome):
            contact_calls.create_list(mailjet.answers(answer(201, {})), "new")

    def test_no_log_line_shows_an_address(self, mailjet, caplog):
        with caplog.at_level("DEBUG"):
            contact_queries.contact_at(mailjet.answers(NOT_FOUND), "jean@client.example")
            gateway = mailjet.answers(lambda connection: connection.close())
            with pytest.raises(TransientError):
                contact_queries.contact_at(gateway, "jean@client.example")
        assert "jean" not in caplog.text


class TestCampaigns:
    def test_segment(self, mailjet):
        gateway = mailjet.answers(data({"ID": 5, "Status": "unused"}))
        assert campaigns.create_segment(gateway, "young", "(age<40)") == 5
        assert mailjet.asked[2] == {"Name": "young", "Expression": "(age<40)", "Description": ""}

    def test_draft_and_its_content(self, mailjet):
        gateway = mailjet.answers(data({"ID": 8}), data({}))
        draft = campaigns.CampaignDraft(
            "Noël", "Bonjour", Address("news@crm.example", "CRM"), 3, segment_id=5
        )
        assert campaigns.create_draft(gateway, draft) == 8
        _, path, body = mailjet.asked
        assert path == "/v3/REST/campaigndraft"
        assert (body["ContactsListID"], body["SegmentationID"], body["SenderEmail"]) == (
            3,
            5,
            "news@crm.example",
        )
        campaigns.set_content(gateway, 8, html="<p>", text="x")
        expected = {"Html-part": "<p>", "Text-part": "x"}
        assert mailjet.asked == ("POST", "/v3/REST/campaigndraft/8/detailcontent", expected)

    @pytest.mark.parametrize(
        ("method", "path", "body", "act"),
        [
            (
                "POST", "test", {"Recipients": [{"Email": "a@b.example", "Name": ""}]},
                lambda *a, **k: campaigns.send_test(*a, [Address("a@b.example")], **k),
            ),
            ("POST", "send", {}, campaigns.send_draft),
            (
                "POST", "schedule", {"Date": "2026-12-24T09:00:00+00:00"},
                lambda *a, **k: campaigns.schedule_draft(*a, datetime(2026, 12, 24, 9, tzinfo=UTC), **k),
            ),
            ("DELETE", "schedule", {}, campaigns.cancel_schedule),
        ],
    )  # fmt: skip
    def test_actions(self, mailjet, method, path, body, act):
        act(mailjet.answers(data({"Status": "Programmed"})), 8)
        assert mailjet.asked == (method, f"/v3/REST/campaigndraft/8/{path}", body)
        assert mailjet.tokens == 1

    @pytest.mark.parametrize(
        ("word", "status"),
        [
            (0, "draft"),
            (1, "programmed"),
            (2, "sent"),
            ("Sent", "sent"),
            (-1, "archived"),
            ("programmed", "programmed"),
        ],
    )
    def test_status(self, mailjet, word, status):
        gateway = mailjet.answers(data({"Status": word}))
        assert campaigns.draft_status(gateway, 8) == status

    def test_a_status_that_nobody_knows(self, mailjet):
        with pytest.raises(TransientError):
            campaigns.draft_status(mailjet.answers(data({"Status": 99})), 8)

    def test_figures(self, mailjet):
        gateway = mailjet.answers(data({"ID": 77}), data({"MessageSentCount": 5, "MessageSpamCount": 1}))
        assert campaigns.campaign_id(gateway, 8) == 77
        assert mailjet.asked[1] == "/v3/REST/campaign/mj.nl=8"
        figures = campaigns.counters(gateway, 77)
        assert (figures.sent, figures.spam, figures.opened) == (5, 1, 0)
        assert mailjet.asked[2]["SourceID"] == "77"
