"""Every question and change at Mailjet against whatever a server may answer: a value, or one of our errors."""

import json
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailworker.contacts.follow_import_jobs import refusals
from mailworker.core.masked_secret import Secret
from mailworker.core.message import Address
from mailworker.errors import MailworkerError
from mailworker.mailjet import (
    account_checks,
    account_counters,
    campaigns,
    contact_calls,
    contact_queries,
    message_resource,
    webhook_registration,
)
from mailworker.mailjet.http_response import HttpAnswer, read_rest_answer

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CONTACT = contact_calls.MailjetContact("a@b.example")
DRAFT = campaigns.CampaignDraft("t", "s", Address("a@b.example"), 1)
URL = "https://u:p@crm.example/hook"

CALLS = {
    "find": lambda api: message_resource.find_by_custom_id(api, "id-1"),
    "between": lambda api: list(message_resource.list_between(api, NOW, NOW)),
    "contact": lambda api: contact_queries.contact_at(api, "a@b.example"),
    "lists": lambda api: contact_queries.list_recipients_of(api, 1),
    "properties": lambda api: contact_queries.properties_of(api, 1),
    "members": lambda api: list(contact_queries.members(api, 1)),
    "unsubscribed": lambda api: list(contact_queries.unsubscribed(api)),
    "content": lambda api: contact_queries.template_content(api, 1),
    "manage": lambda api: contact_calls.manage_contact(api, 1, CONTACT),
    "import": lambda api: contact_calls.start_import(api, [CONTACT], [1]),
    "job": lambda api: contact_calls.import_job(api, 1),
    "errors": lambda api: refusals(contact_calls.import_errors(api, 1)),
    "exclude": lambda api: contact_calls.exclude_from_campaigns(api, 1, excluded=True),
    "erase": lambda api: contact_calls.erase_contact(api, 1),
    "types": contact_calls.property_types,
    "property": lambda api: contact_calls.create_property(api, "a", "str"),
    "list ids": contact_calls.list_ids,
    "list": lambda api: contact_calls.create_list(api, "a"),
    "segment": lambda api: campaigns.create_segment(api, "a", "(a=1)"),
    "draft": lambda api: campaigns.create_draft(api, DRAFT),
    "set": lambda api: campaigns.set_content(api, 1, html="", text=""),
    "test": lambda api: campaigns.send_test(api, 1, []),
    "status": lambda api: campaigns.draft_status(api, 1),
    "send": lambda api: campaigns.send_draft(api, 1),
    "schedule": lambda api: campaigns.schedule_draft(api, 1, NOW),
    "cancel": lambda api: campaigns.cancel_schedule(api, 1),
    "campaign": lambda api: campaigns.campaign_id(api, 1),
    "figures": lambda api: campaigns.counters(api, 1),
    "account": lambda api: account_counters.account_counters(api, since=NOW, until=NOW),
    "key": account_checks.key_faults,
    "sender": lambda api: account_checks.sender_faults(api, ["a@b.example"]),
    "domain": lambda api: account_checks.domain_faults(api, ["a@b.example"]),
    "templates": lambda api: account_checks.template_faults(api, [1]),
    "webhook": lambda api: account_checks.webhook_faults(api, URL),
    "login": lambda api: account_checks.webhook_login_faults(api, ("u", Secret("p"))),
    "others": lambda api: webhook_registration.others(webhook_registration.callbacks(api), URL),
    "register": lambda api: webhook_registration.write(
        api, webhook_registration.changes(webhook_registration.callbacks(api), URL)
    ),
}
#: A row with everything that any of them reads.
GOOD = {
    "ID": 1, "ContactID": 1, "JobID": 1, "ListID": 1, "Count": 1, "Status": "sent", "Email": "a@b.example", "Name": "age", "Value": "x",
    "CustomID": "id-1", "UUID": "606434fb", "IsDeleted": False, "IsUnsubscribed": True, "UnsubscribedAt": "2026-01-01T00:00:00Z",
    "IsExcludedFromCampaigns": False, "ErrorFile": "", "Datatype": "str", "Url": URL, "EventType": "unsub", "Version": 2, "IsBackup": False,
    "Headers": {"Subject": "x"}, "Html-part": "x", "Text-part": None, "MessageSentCount": 5, "MessageSpamCount": 1, "IsActive": True,
    "Runlevel": "Normal", "QuarantineValue": 0, "DKIMStatus": "OK", "Data": [{"Name": "age", "Value": "7"}], "Error": "x",
}  # fmt: skip
FAULT = {
    "ErrorInfo": {"Properties": [{"age": "Property not defined"}]}, "ErrorMessage": "Object not found", "StatusCode": 404,
    "ErrorCode": "", "ErrorIdentifier": "154364af-0000", "ErrorRelatedTo": ["To"],
}  # fmt: skip
ODD = st.sampled_from([
    None, True, False, "", "true", "Completed", "*@b.example", "http://[x", "http://h:x/", "https://u:p@[::1/", "n/a", 0, -1, 2.5, -0.0,
    2**63, 2**70, "7", "9" * 30, "1e3", "²", "\0", "\ud800", "2026-13-45", "0001-01-01T00:00:00+14:00", "MJ18 x", '{"a": 1}', "x" * 500,
    float("nan"), float("inf"), [], {}, [None], {"Properties": None}, {"Properties": [None, {"": 1}]}, [{"Name": None}, 7],
])  # fmt: skip


def spoilt(good):
    """This object with some of its values odd, and some gone."""
    names = st.sampled_from(sorted(good))
    changes, gone = st.dictionaries(names, ODD, max_size=12), st.sets(names, max_size=2)
    return st.builds(
        lambda new, less: {name: value for name, value in (good | new).items() if name not in less},
        changes,
        gone,
    )


def listing(rows):
    return {"Count": len(rows), "Data": rows, "Total": len(rows)}


ROWS = st.lists(spoilt(GOOD), min_size=1, max_size=2)
LISTS = ROWS.map(listing)
BODIES = (
    LISTS
    | LISTS.flatmap(spoilt)
    | spoilt(FAULT)
    | spoilt(GOOD)
    | st.lists(ODD, max_size=2).map(listing)
    | ODD
)
STATUSES = st.sampled_from([200, 201, 204, 206, 304, 400, 401, 404, 405, 409, 422, 429, 500, 502, 999])
#: Status, body, and how many of its bytes did not come.
ANSWERS = st.tuples(st.just(200), LISTS, st.just(0)) | st.tuples(
    STATUSES, BODIES, st.just(0) | st.integers(0, 9)
)


class Answers:
    """Gives one answer after the other, the last for ever; `pages` ends where a page comes again."""

    api_key = "key"

    def __init__(self, answers):
        self.answers = answers

    def rest(self, call):
        status, body, cut = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        raw = json.dumps(body).encode()
        return read_rest_answer(HttpAnswer(status, raw[: len(raw) - cut], {}))

    def raw(self, method, path):
        return self.rest(path)


ODD_ROW = GOOD | {"Count": "n/a", "MessageSentCount": "n/a", "Url": "http://h:x/"}


@pytest.mark.parametrize("name", CALLS)
@example([(200, listing([ODD_ROW]), 0)])
@given(st.lists(ANSWERS, min_size=1, max_size=3))
@settings(max_examples=30)
def test_whatever_is_answered_is_a_value_or_one_of_our_errors(name, answers):
    with suppress(MailworkerError):
        CALLS[name](Answers(list(answers)))
