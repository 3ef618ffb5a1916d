"""What is checked of each call and answer: whatever the description does not have is named."""

from dataclasses import replace

import pytest

from tests.contract.recording import differences
from tests.contract.rest_description import Exchange, misfits

PERSON = {"Email": "a@example.com"}
SENT = {
    "Status": "success",
    "CustomID": "m",
    "To": [PERSON | {"MessageUUID": "", "MessageID": 1, "MessageHref": "h"}],
    "Cc": [],
    "Bcc": [],
}
SEND = Exchange(
    "POST", "/v3.1/send", {}, {"Messages": [{"From": PERSON, "To": [PERSON], "CustomID": "m"}]}, 200, "application/json", {"Messages": [SENT]}
)  # fmt: skip
ROW = {"ID": 1, "Email": "a@example.com", "IsExcludedFromCampaigns": False}
REST = Exchange(
    "GET",
    "/v3/REST/contact",
    {"Limit": "1"},
    None,
    200,
    "application/json",
    {"Count": 1, "Total": 1, "Data": [ROW]},
)
WRONG_PATH = {"ErrorInfo": "", "ErrorMessage": "Object not found", "StatusCode": 404}


@pytest.mark.parametrize(
    "good", [SEND, REST, replace(REST, status=404, answer=WRONG_PATH), replace(REST, status=401, answer=None)]
)
def test_what_fits(good):
    assert misfits(good) == []


def message(**changes):
    return {"Messages": [SEND.body["Messages"][0] | changes]}


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        (replace(REST, path="/v3/REST/kontakt"), "no such path"),
        (replace(REST, method="PATCH"), "no method"),
        (replace(REST, query={"Mail": "x"}), "filter Mail"),
        (replace(REST, query={"Limit": "ten"}), "Limit=ten"),
        (replace(REST, query={"IsExcludedFromCampaigns": "1"}), "neither true nor false"),
        (replace(REST, method="POST", body={"Mail": "x"}), "body: Mail"),
        (replace(REST, answer={"Data": []}), "no Count"),
        (replace(REST, answer={"Count": 2, "Total": 2, "Data": [ROW]}), "counts"),
        (replace(REST, answer={"Count": 1, "Total": 1, "Data": [{"ID": 1}]}), "lacks Email"),
        (replace(REST, answer={"Count": 1, "Total": 1, "Data": [ROW | {"Age": 7}]}), "answers: Age"),
        (replace(REST, answer={"Count": 1, "Total": 1, "Data": [ROW | {"ID": "1"}]}), "ID is str"),
        (replace(REST, status=418), "answers 418"),
        (replace(REST, status=404, answer="gone"), "404 without a message"),
        (replace(REST, status=400, answer=WRONG_PATH), "calls itself 404"),
        (replace(REST, status=429, answer="slow down"), "without a page"),
        (replace(SEND, body=message(Subjekt="S")), "Subjekt"),
        (replace(SEND, body=message(TemplateID="7")), "TemplateID"),
        (replace(SEND, body=message(To=[])), "To"),
        (replace(SEND, body=message(Attachments=[{"Filename": "a", "Base64Content": "YQ=="}])), "ContentType"),
        (replace(SEND, answer={"Messages": []}), "another number"),
        (replace(SEND, status=400), "although success"),
        (replace(SEND, answer={"Messages": [SENT | {"To": [PERSON]}]}), "MessageID"),
        (replace(SEND, status=400, answer={"ErrorMessage": "no"}), "ErrorIdentifier"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(bad, named):
    assert any(named in text for text in differences([bad])), misfits(bad)
