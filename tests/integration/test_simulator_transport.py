"""The local Mailjet over real HTTP: what a client of Mailjet sees, and what the control API tells."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import requests

from mailworker.simulator import Match, RunningSimulator, running
from mailworker.simulator.received_mail import ReceivedCall
from mailworker.simulator.received_store import Store

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def server() -> Iterator[RunningSimulator]:
    with running(calls_per_minute=0) as simulator:
        yield simulator


@pytest.fixture
def simulator(server: RunningSimulator) -> RunningSimulator:
    server.reset()
    return server


def message(custom_id: str = "m-1", to: str = "claire@example.com") -> dict[str, object]:
    return {
        "From": {"Email": "support@example.com"},
        "To": [{"Email": to}],
        "Subject": "Bonjour",
        "TextPart": "Bonjour",
        "CustomID": custom_id,
    }


def post(simulator: RunningSimulator, *messages: dict[str, object], **options: object) -> requests.Response:
    auth = (simulator.settings.api_key, simulator.settings.api_secret.reveal())
    arguments: dict[str, object] = {
        "auth": auth,
        "timeout": 5,
        "json": {"Messages": list(messages)},
        **options,
    }
    with requests.Session() as session:
        return session.post(f"{simulator.url}/v3.1/send", **arguments)  # type: ignore[arg-type]


def test_an_accepted_mail_is_answered_as_mailjet_answers(simulator):
    answer = post(simulator, message())
    entry = answer.json()["Messages"][0]
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"
    assert answer.headers["x-mj-request-guid"]
    assert (entry["Status"], entry["CustomID"], entry["Cc"], entry["Bcc"]) == ("success", "m-1", [], [])
    assert entry["To"][0]["MessageID"] > 2**53
    assert entry["To"][0]["MessageHref"].endswith(f"/v3/REST/message/{entry['To'][0]['MessageID']}")
    assert [mail.to for mail in simulator.mails] == [("claire@example.com",)]


def test_bad_credentials_get_json_without_a_code(simulator):
    answer = post(simulator, message(), auth=("simulator-key", "wrong"))
    assert answer.status_code == 401
    assert "ErrorCode" not in answer.json()
    assert simulator.mails == []


def test_a_body_over_the_limit_gets_html():
    with running(max_body_bytes=1000) as simulator:
        answer = post(simulator, {**message(), "TextPart": "x" * 5_000_000})
    assert answer.status_code == 413
    assert answer.text == "<html><body><h1>413 Request Entity Too Large</h1></body></html>"


def test_the_call_over_the_minute_gets_html_without_retry_after():
    with running(calls_per_minute=2) as simulator:
        answers = [post(simulator, message(str(number))) for number in range(3)]
        counts = simulator.counts
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].text == "<html><body><h1>429 Too Many Requests</h1></body></html>"
    assert "retry-after" not in answers[2].headers
    assert (counts["calls"], counts["calls_refused_429"], counts["messages"]) == (3, 1, 2)
    assert (counts["max_calls_in_60s"], counts["max_accepted_calls_in_60s"]) == (3, 2)


@pytest.mark.parametrize(
    ("fault", "status", "stored"),
    [
        ("error_500_before", 500, 0),
        ("error_502_html", 502, 0),
        ("throttle_429", 429, 0),
        ("too_large_413", 413, 0),
        ("unauthorized_401", 401, 0),
        ("suspended_401", 401, 0),
        ("error_500_after", 500, 1),
        ("bad_content_type", 200, 1),
        ("truncated_json", 200, 1),
        ("slow", 200, 1),
    ],
)
def test_faults_that_answer(simulator, fault, status, stored):
    simulator.misbehave(fault, times=1, seconds=0.05)
    assert post(simulator, message()).status_code == status
    assert len(simulator.mails) == stored
    assert post(simulator, message("m-2")).json()["Messages"][0]["Status"] == "success"


@pytest.mark.parametrize(
    ("fault", "stored"),
    [
        ("reset_mid_body", 0),
        ("reset_before", 0),
        ("reset_after", 1),
        ("hang_before", 0),
        ("accept_then_hang", 1),
    ],
)
def test_faults_that_leave_the_caller_without_an_answer(simulator, fault, stored):
    simulator.misbehave(fault, times=1)
    with pytest.raises(
        (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
    ):
        post(simulator, {**message(), "TextPart": "x" * 1_000_000}, timeout=0.5)
    assert len(simulator.mails) == stored


def test_a_reset_mid_body_strikes_only_the_messages_it_names(simulator):
    simulator.misbehave("reset_mid_body", Match(custom_id_prefix="x-"))
    long = {"TextPart": "x" * 500_000}
    assert post(simulator, {"CustomID": "a", **message("a"), **long}).status_code == 200
    with pytest.raises(requests.ConnectionError):
        post(simulator, {"CustomID": "x-1", **message("x-1"), **long})
    assert [mail.custom_id for mail in simulator.mails] == ["a"]


def test_a_late_lookup(simulator):
    simulator.misbehave("lookup_late", Match(custom_id_prefix="late"), seconds=3600)
    post(simulator, message("late"), message("soon"))
    auth = (simulator.settings.api_key, simulator.settings.api_secret.reveal())
    counts = [
        requests.get(f"{simulator.url}/v3/REST/message?CustomID={one}", auth=auth, timeout=5).json()["Count"]
        for one in ("late", "soon")
    ]
    assert counts == [0, 1]


def test_bad_credentials_on_rest_get_an_empty_page(simulator):
    answer = requests.get(f"{simulator.url}/v3/REST/message", auth=("a", "b"), timeout=5)
    assert (answer.status_code, answer.text, answer.headers["content-type"]) == (401, "", "text/html")
    assert answer.headers["www-authenticate"] == 'Basic realm="Provide an apiKey and secretKey"'


def test_a_slow_drip_arrives_whole_in_the_end(simulator):
    simulator.misbehave("slow_drip", seconds=0.2)
    assert post(simulator, message()).json()["Messages"][0]["Status"] == "success"


def test_a_partial_failure_strikes_only_the_messages_it_names(simulator):
    simulator.misbehave("partial_failure", Match(custom_id_prefix="bad-"))
    simulator.misbehave("sender_revoked", Match(recipient_contains="revoked"))
    answer = post(simulator, message("good"), message("bad-1"), message("m", "revoked@example.com"))
    first, second, third = answer.json()["Messages"]
    assert answer.status_code == 400
    assert first["Status"] == "success"
    assert second["Errors"][0]["ErrorCode"] == "mj-0013"
    assert third["Errors"][0]["ErrorCode"] == "send-0008"
    assert [mail.custom_id for mail in simulator.mails] == ["good"]


def test_a_call_fault_strikes_only_calls_with_a_named_message(simulator):
    simulator.misbehave("error_500_before", Match(custom_id_prefix="x-"))
    assert post(simulator, message("a"), message("b")).status_code == 200
    assert post(simulator, message("a"), message("x-b")).status_code == 500


def test_the_control_api_tells_what_arrived(simulator):
    post(simulator, message("twice"), message("once", "paul@example.com"))
    post(simulator, message("twice"))
    counts = requests.get(f"{simulator.url}/_simulator/counts", timeout=5).json()
    found = requests.get(f"{simulator.url}/_simulator/messages?to=paul", timeout=5).json()
    calls = requests.get(f"{simulator.url}/_simulator/calls", timeout=5).json()["calls"]
    assert (counts["calls"], counts["messages"], counts["custom_ids_seen"]) == (2, 3, 2)
    assert counts["duplicates"] == ["twice"]
    assert counts["calls_by_endpoint"] == {"POST /v3.1/send": 2}
    assert [one["custom_id"] for one in found["messages"]] == ["once"]
    assert [(one["messages"], one["status"]) for one in calls] == [(2, 200), (1, 200)]


def test_faults_are_switched_over_http_and_bad_ones_are_refused(simulator):
    url = f"{simulator.url}/_simulator/faults"
    assert requests.post(url, json={"fault": "no_such_fault"}, timeout=5).status_code == 400
    given = {"fault": "error_500_before", "match": {"custom_id_prefix": "x"}, "times": 1}
    assert requests.post(url, json=given, timeout=5).json()["faults"][0]["struck"] == 0
    assert post(simulator, message("x")).status_code == 500
    assert requests.get(url, timeout=5).json()["faults"][0]["struck"] == 1
    assert requests.delete(url, timeout=5).json() == {"faults": []}


@pytest.mark.parametrize(
    ("query", "left"), [("?id=2", [1, 3]), ("?id=x", [1, 2, 3]), ("?id=²", [1, 2, 3]), ("", [])]
)
def test_one_fault_is_ended_or_all_and_none_by_a_number_that_is_none(simulator, query, left):
    url = f"{simulator.url}/_simulator/faults"
    first = requests.post(url, json=[{"fault": "slow"}] * 3, timeout=5).json()["faults"][0]["id"]
    faults = requests.delete(url + query.replace("2", str(first + 1)), timeout=5).json()["faults"]
    assert [one["id"] - first + 1 for one in faults] == left


def test_a_call_that_ends_after_a_reset_is_none_of_the_new_ones():
    store = Store(keep_attachment_bytes=0)
    early = datetime.now(UTC)
    store.reset()
    store.note_call(ReceivedCall(early, "POST /v3.1/send", 500, 0))
    store.note_call(ReceivedCall(datetime.now(UTC), "POST /v3.1/send", 200, 1))
    assert [call.status for call in store.calls()] == [200]
