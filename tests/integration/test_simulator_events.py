"""Events as a webhook receives them: what came, in which shape, again after a refusal."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from mailworker.simulator import RunningSimulator, running

pytestmark = pytest.mark.integration


@dataclass
class Receiver:
    """A webhook that answers with the given statuses, then with 200."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    posts: list[Any] = field(default_factory=list)
    credentials: list[str | None] = field(default_factory=list)

    def events(self) -> list[dict[str, Any]]:
        return [event for post in self.posts for event in (post if isinstance(post, list) else [post])]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = found.statuses.pop(0) if found.statuses else 200
            found.credentials.append(self.headers["Authorization"])
            if status == 200:
                found.posts.append(json.loads(body))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://user:pass@127.0.0.1:{server.server_port}/events"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def simulator() -> Iterator[RunningSimulator]:
    with running(event_time_scale=0.001) as found:
        yield found


def eventually(condition, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


def register(simulator: RunningSimulator, url: str, *kinds: str, version: int = 2) -> None:
    for kind in kinds:
        row = {"EventType": kind, "Url": url, "Version": version}
        rest(simulator, "POST", "eventcallbackurl", row)


def rest(simulator: RunningSimulator, method: str, path: str, body: Any = None) -> Any:
    auth = (simulator.settings.api_key, simulator.settings.api_secret.reveal())
    url = path if path.startswith("http") else f"{simulator.url}/v3/REST/{path}"
    with requests.Session() as session:
        answer = session.request(method, url, json=body, auth=auth, timeout=5)
    assert answer.ok, answer.text
    return answer.json()


def send(simulator: RunningSimulator, custom_id: str, **changes: Any) -> None:
    message = {
        "From": {"Email": "a@example.com"},
        "To": [{"Email": "b@example.com"}],
        "Subject": "S",
        "TextPart": "T",
        "CustomID": custom_id,
        "EventPayload": "p",
        **changes,
    }
    rest(simulator, "POST", f"{simulator.url}/v3.1/send", {"Messages": [message]})


def inject(simulator: RunningSimulator, **event: Any) -> Any:
    with requests.Session() as session:
        return session.post(f"{simulator.url}/_simulator/events", json=event, timeout=5)


def test_a_delivered_mail_tells_sent_with_the_urls_credentials(simulator, receiver):
    register(simulator, receiver.url, "sent")
    send(simulator, "m-1")
    eventually(receiver.events)
    event = receiver.events()[0]
    assert isinstance(receiver.posts[0], list)
    assert (event["event"], event["CustomID"], event["Payload"], event["email"]) == (
        "sent",
        "m-1",
        "p",
        "b@example.com",
    )
    assert event["MessageID"] == simulator.mails[0].message_id
    assert receiver.credentials == ["Basic dXNlcjpwYXNz"]


def test_a_template_error_tells_blocked_with_its_reason(simulator, receiver):
    register(simulator, receiver.url, "blocked", "sent")
    send(simulator, "m-1", TextPart="{{var:x}}", TemplateLanguage=True)
    eventually(receiver.events)
    event = receiver.events()[0]
    assert (event["event"], event["error_related_to"]) == ("blocked", "content")
    assert event["error"] == "error in template language"


def test_a_refused_post_is_repeated_until_it_is_answered_with_200(simulator, receiver):
    receiver.statuses = [500, 204]
    register(simulator, receiver.url, "sent")
    send(simulator, "m-1")
    eventually(receiver.events)
    assert len(receiver.credentials) == 3


def test_a_url_that_never_answers_is_dead_after_a_day_and_the_backup_takes_over(receiver, monkeypatch):
    monkeypatch.setattr("mailworker.simulator.post_events._GIVE_UP", 300.0)
    with running(event_time_scale=0.000001) as simulator:
        register(simulator, "http://127.0.0.1:9/nobody", "open")
        send(simulator, "m-1")
        inject(simulator, custom_id="m-1", event="open")
        row = next(iter(simulator.world.callbacks.rows.values()))
        eventually(lambda: row["Status"] == "dead", 60)
        rest(
            simulator,
            "POST",
            "eventcallbackurl",
            {"EventType": "open", "Url": receiver.url, "IsBackup": True},
        )
        inject(simulator, custom_id="m-1", event="open")
        eventually(receiver.events)


def test_version_1_posts_each_event_bare(simulator, receiver):
    register(simulator, receiver.url, "open", version=1)
    send(simulator, "m-1")
    inject(simulator, custom_id="m-1", event="open", times=2)
    eventually(lambda: len(receiver.posts) == 2)
    assert all(isinstance(post, dict) for post in receiver.posts)


def test_events_come_twice_and_out_of_order_on_request(simulator, receiver):
    register(simulator, receiver.url, "open", "click")
    send(simulator, "m-1")
    events = [
        {"custom_id": "m-1", "event": "open"},
        {"custom_id": "m-1", "event": "click", "times": 2, "url": "/x"},
    ]
    inject(simulator, events=events)
    eventually(receiver.posts.__len__)
    assert [event["event"] for event in receiver.posts[0]] == ["open", "click", "click"]
    assert receiver.posts[0][1]["url"] == "/x"
    inject(simulator, events=events, shuffle=1)
    eventually(lambda: len(receiver.posts) == 2)
    assert sorted(event["event"] for event in receiver.posts[1]) == ["click", "click", "open"]


def test_a_hard_bounce_blocks_the_address_from_then_on(simulator, receiver):
    register(simulator, receiver.url, "bounce", "blocked")
    send(simulator, "m-1")
    inject(simulator, custom_id="m-1", event="bounce")
    send(simulator, "m-2")
    eventually(lambda: len(receiver.events()) == 2)
    told = {(event["event"], event["CustomID"]) for event in receiver.events()}  # two posts, in either order
    assert told == {("bounce", "m-1"), ("blocked", "m-2")}
    statuses = [row["Status"] for row in rest(simulator, "GET", "message")["Data"]]
    assert statuses == ["hardbounced", "blocked"]


def test_an_event_for_a_mail_that_never_came_is_told(simulator):
    assert inject(simulator, custom_id="nope", event="open").status_code == 404
    assert inject(simulator, custom_id="nope", event="laugh").status_code == 400
