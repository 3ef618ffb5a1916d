"""The local Mailjet's own API, asked without a server: what it answers to the letter, and its faults' timing."""

import asyncio
import json
import socket
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest

from mailworker.simulator import SimulatorSettings, control_client
from mailworker.simulator.api_answers import ApiAnswer
from mailworker.simulator.api_request import ApiRequest
from mailworker.simulator.app import create_app
from mailworker.simulator.asgi_wire import Wire
from mailworker.simulator.call_log_file import MOST_CHARACTERS, RecordedCalls
from mailworker.simulator.control_api import attachment_response
from mailworker.simulator.control_client import ControlClient
from mailworker.simulator.cut_connection import CuttableConnection
from mailworker.simulator.fault_effects import strike_after, strike_before
from mailworker.simulator.fault_rules import Fault, FaultRules, Match, Rule, RuleInput
from mailworker.simulator.inbox_view import file_view, mail_row, mail_view, with_inline_pictures
from mailworker.simulator.received_mail import MailEvent, Outcome, ReceivedAttachment, ReceivedCall
from mailworker.simulator.state import SimulatorState

AT = datetime(2026, 11, 30, 9, 5, 7, tzinfo=UTC)


@pytest.fixture
def world() -> SimulatorState:
    return SimulatorState(SimulatorSettings(index_delay=0, job_seconds=0))


def ask(
    world: SimulatorState, path: str, method: str = "GET", body: Any = None, **query: Any
) -> tuple[int, Mapping[str, str], Any]:
    """Status, headers and body (parsed where it is JSON) of one call."""
    sent: list[dict[str, Any]] = []
    raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": raw, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "http_version": "1.1", "method": method, "path": path, "raw_path": path.encode(), "root_path": "",
        "query_string": urlencode(query).encode(), "headers": [(b"host", b"localhost")], "scheme": "http", "state": {},
    }  # fmt: skip
    asyncio.run(create_app(world)(scope, receive, send))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    content = b"".join(one.get("body", b"") for one in sent[1:])
    is_json = headers.get("content-type", "").startswith("application/json")
    return sent[0]["status"], headers, json.loads(content) if is_json else content


def put(world: SimulatorState, custom_id: str = "c", *files: ReceivedAttachment, **properties: Any) -> Any:
    given = {"To": [{"Email": "Claire@x.example", "Name": "Claire"}], "TextPart": "T", "CustomID": custom_id}
    return world.store.add(given | properties, list(files), AT, 0)


def file(**changes: Any) -> ReceivedAttachment:
    given = {"filename": "f.pdf", "content_type": "application/pdf", "size": 4, "content": b"%PDF"}
    return ReceivedAttachment(**(given | changes))


# ---- what arrived


def test_every_figure_of_the_counts(world):
    world.meter.limit = 2
    for n, endpoint in enumerate(("GET /a", "POST /b", "POST /b")):
        world.meter.arrive(endpoint, 1000.0 + n)
    put(world, "one")
    put(world, "twice")
    put(world, "twice")
    assert ask(world, "/_simulator/counts")[2] == {
        "calls": 3,
        "calls_refused_429": 1,
        "max_calls_in_60s": 3,
        "max_accepted_calls_in_60s": 2,
        "messages": 3,
        "custom_ids_seen": 2,
        "duplicates": ["twice"],
        "first_call_at": 1000.0,
        "last_call_at": 1002.0,
        "calls_by_endpoint": {"GET /a": 1, "POST /b": 2},
    }


def test_a_mail_is_told_whole(world):
    mail = put(
        world,
        "c1",
        file(),
        Cc=[{"Email": "paul@x.example"}],
        TextPart=None,
        HTMLPart="{{var:day}}",
        Subject="S",
        TemplateLanguage=True,
        TemplateErrorReporting={"Email": "dev@x.example"},
    )
    told = ask(world, "/_simulator/messages")[2]
    assert told["total"] == 1
    (one,) = told["messages"]
    assert one.pop("properties") == mail.properties
    digest = one["attachments"][0].pop("sha256")
    assert len(digest) == 64
    claire, paul = mail.recipients
    assert one == {
        "message_id": claire.message_id,
        "custom_id": "c1",
        "arrived_at": "2026-11-30T09:05:07+00:00",
        "recipients": [
            {
                "email": "Claire@x.example",
                "name": "Claire",
                "role": "To",
                "message_id": claire.message_id,
            },
            {"email": "paul@x.example", "name": "", "role": "Cc", "message_id": paul.message_id},
        ],
        "template_id": None,
        "subject": "S",
        "delivered": False,
        "error": "error in template language",
        "error_related_to": "content",
        "error_detail": world.outcome(mail).detail,
        "error_reported_to": "dev@x.example",
        "attachments": [{"filename": "f.pdf", "content_type": "application/pdf", "size": 4, "kept": True}],
    }
    assert "var:day" in one["error_detail"]
    mail.attachments[0].drop()
    (kept,) = ask(world, "/_simulator/messages")[2]["messages"][0]["attachments"]
    assert (kept["kept"], kept["sha256"]) == (False, digest)


@pytest.mark.parametrize(
    ("query", "first", "count", "total"),
    [
        ({}, "m0", 100, 1003),
        ({"limit": "5"}, "m0", 5, 1003),
        ({"limit": "5", "offset": "1000"}, "m1000", 3, 1003),
        ({"limit": "9999"}, "m0", 1000, 1003),
        ({"custom_id": "m7"}, "m7", 1, 1),
        ({"custom_id": "M7"}, None, 0, 0),
        ({"to": "CLAIRE"}, "m0", 100, 1003),
        ({"to": "paul", "custom_id": "m7"}, None, 0, 0),
        ({"limit": "odd", "offset": "odd"}, "m0", 100, 1003),
    ],
)
def test_mails_are_told_a_page_at_a_time(world, query, first, count, total):
    for n in range(1003):
        put(world, f"m{n}")
    told = ask(world, "/_simulator/messages", **query)[2]
    assert (told["total"], len(told["messages"])) == (total, count)
    assert next((one["custom_id"] for one in told["messages"]), None) == first


def test_calls_are_told_since_a_moment(world):
    world.store._since = AT
    for n in range(3):
        world.store.note_call(ReceivedCall(AT + timedelta(seconds=n), f"GET /{n}", 200 + n, n))

    def told(**query: str) -> list[str]:
        return [one["endpoint"] for one in ask(world, "/_simulator/calls", **query)[2]["calls"]]

    assert told() == ["GET /0", "GET /1", "GET /2"]
    assert told(since=str(AT.timestamp() + 1)) == ["GET /2"], "after, not at"
    assert told(since="2026-11-30T09:05:07Z") == ["GET /1", "GET /2"]
    status, _, fault = ask(world, "/_simulator/calls", since="yesterday")
    assert (status, fault["error"]) == (400, "since must be Unix seconds or an ISO 8601 time.")
    assert datetime.fromisoformat(fault["at"]).tzinfo is not None
    last = ask(world, "/_simulator/calls")[2]["calls"][-1]
    assert last == {"arrived_at": AT.timestamp() + 2, "endpoint": "GET /2", "messages": 2, "status": 202}


@pytest.mark.parametrize(
    ("changes", "status", "disposition"),
    [
        ({}, 200, 'inline; filename="f.pdf"'),
        ({"content_type": "Application/PDF ; name=f"}, 200, 'inline; filename="f.pdf"'),
        ({"content_type": "image/png"}, 200, 'inline; filename="f.pdf"'),
        ({"content_type": "image/jpeg"}, 200, 'inline; filename="f.pdf"'),
        ({"content_type": "image/gif"}, 200, 'inline; filename="f.pdf"'),
        ({"content_type": "image/svg+xml"}, 200, 'attachment; filename="f.pdf"'),
        ({"content_type": "text/html"}, 200, 'attachment; filename="f.pdf"'),
        ({"filename": 'é"\r\na b-1.pdf'}, 200, 'inline; filename="____a b-1.pdf"'),
        ({"content": None}, 410, None),
    ],
)
def test_an_attachment_is_shown_or_downloaded_under_a_safe_name(changes, status, disposition):
    answer = attachment_response(file(**changes))
    assert (answer.status_code, answer.headers.get("content-disposition")) == (status, disposition)
    if status == 410:
        assert json.loads(answer.body) == {"error": "The content was dropped to bound the memory."}
    else:
        assert (answer.body, answer.headers["x-content-type-options"]) == (b"%PDF", "nosniff")


def test_what_is_not_there_is_answered_with_a_404_and_why(world):
    mail = put(world, "c", file())
    assert ask(world, f"/_simulator/attachments/{mail.message_id}/0")[2] == b"%PDF"
    for path in (f"/_simulator/attachments/{mail.message_id}/1", "/_simulator/attachments/5/0"):
        assert ask(world, path)[::2] == (404, {"error": "There is no such attachment."})
    for path in (f"/mail/{mail.message_id}/files/1/f.pdf", "/mail/5/files/0/f.pdf"):
        assert ask(world, path)[::2] == (404, b"There is no such attachment.")
    assert ask(world, f"/mail/{mail.message_id}/files/0/f.pdf")[::2] == (200, b"%PDF")
    gone = {"error": "No mail with this CustomID or message id arrived."}
    assert ask(world, "/_simulator/events", "POST", {"event": "open", "custom_id": "no"})[::2] == (404, gone)
    assert ask(world, "/_simulator/contacts/unsubscribe", "POST", email="no@x.example")[::2] == (
        404,
        {"error": "There is no such contact."},
    )


def test_a_reset_forgets_and_says_so(world):
    put(world)
    world.faults.add(RuleInput(fault=Fault.SLOW))
    assert ask(world, "/_simulator/reset", "POST")[::2] == (200, {"reset": True})
    assert (world.store.mails(), world.faults.rules) == ([], [])
    assert ask(world, "/_simulator/reset")[0] == 405, "a link resets nothing"


# ---- contacts, as their owners see them


def test_contacts_are_told_by_number_and_unsubscribe_everywhere(world):
    store = world.contacts
    lists = [json.loads(store.lists.create({"Name": name}).body)["Data"][0]["ID"] for name in ("A", "B")]
    people = [store.ensure(f"p{n}@x.example", f"P{n}", AT) for n in range(3)]
    for number in lists:
        store.act(people[1], number, "addnoforce", AT)
    told = ask(world, "/_simulator/contacts")[2]["contacts"]
    assert [one["id"] for one in told] == [one.number for one in people]
    assert [
        one["email"] for one in ask(world, "/_simulator/contacts", after=people[0].number)[2]["contacts"]
    ] == [
        "p1@x.example",
        "p2@x.example",
    ]
    left = ask(world, "/_simulator/contacts/unsubscribe", "POST", email="P1@x.example")[2]
    alone = ask(world, "/_simulator/contacts", email="p1@x.example")[2]
    assert left == alone
    assert alone["contacts"] == [
        {
            "id": people[1].number,
            "email": "p1@x.example",
            "name": "P1",
            "excluded": False,
            "properties": {},
            "lists": {"A": True, "B": True},
        }
    ]
    assert ask(world, "/_simulator/contacts", email="no@x.example")[2] == {"contacts": []}


class Answered:
    """Stands in for `requests`: answers from a list, and keeps what was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked, self.checked = list(answers), [], 0

    def __getattr__(self, method: str) -> Any:
        def call(url: str, **options: Any) -> Any:
            self.asked.append((method, url, options))
            body = self.answers.pop(0) if self.answers else {}
            return SimpleNamespace(json=lambda: body, raise_for_status=self.check)

        return call

    def check(self) -> None:
        self.checked += 1


@pytest.fixture
def answered(monkeypatch):
    def put_in_place(*answers: Any) -> Answered:
        made = Answered(*answers)
        monkeypatch.setattr(control_client, "requests", made)
        return made

    return put_in_place


def test_the_client_reads_every_page(answered):
    pages = [{"total": 3, "messages": [1, 2]}, {"total": 3, "messages": [3]}]
    mail = answered(*pages)
    assert ControlClient("http://m").messages(to="x") == [1, 2, 3]
    url = "http://m/_simulator/messages"
    assert mail.asked == [
        ("get", url, {"params": {"offset": "0", "limit": "1000", "to": "x"}, "timeout": 10}),
        ("get", url, {"params": {"offset": "2", "limit": "1000", "to": "x"}, "timeout": 10}),
    ]
    assert mail.checked == 2
    answered({"total": 3, "messages": []})
    assert ControlClient("http://m").messages() == [], "mails may go between two pages"
    people = answered({"contacts": [{"id": 4}, {"id": 7}]}, {"contacts": []})
    assert list(ControlClient("http://m").contacts()) == [{"id": 4}, {"id": 7}]
    assert [options["params"] for _, _, options in people.asked] == [{"after": "0"}, {"after": "7"}]
    answered({"contacts": [{"id": 4}]}, {"contacts": []})
    client = ControlClient("http://m")
    assert [client.contact("a@x.example"), client.contact("b@x.example")] == [{"id": 4}, None]


def test_the_client_switches_faults_and_raises_what_goes_wrong(answered):
    made = answered()
    client = ControlClient("http://m")
    client.misbehave("slow", seconds=3)
    client.behave()
    client.unsubscribe("a@x.example")
    assert made.asked == [
        ("post", "http://m/_simulator/faults", {"json": {"fault": "slow", "seconds": 3}, "timeout": 10}),
        ("delete", "http://m/_simulator/faults", {"timeout": 10}),
        (
            "post",
            "http://m/_simulator/contacts/unsubscribe",
            {"params": {"email": "a@x.example"}, "timeout": 10},
        ),
    ]
    assert made.checked == 3


# ---- faults


def test_a_rule_strikes_so_often_and_a_seed_repeats_its_dice():
    def struck(**given: Any) -> list[bool]:
        rule = Rule(1, RuleInput(fault=Fault.SLOW, **given))
        return [rule.strikes() for _ in range(20)]

    assert struck(times=2) == [True, True] + [False] * 18
    assert struck() == [True] * 20
    assert struck(probability=0) == [False] * 20
    half = struck(probability=0.5, seed=7)
    assert half == struck(probability=0.5, seed=7)
    assert half != struck(probability=0.5, seed=8)
    assert sum(struck(probability=0.5, seed=7, times=3)) == 3, "what did not strike is not counted"


def test_a_rule_is_told_with_its_defaults():
    rules = FaultRules()
    rules.add(RuleInput(fault=Fault.SLOW))
    rule = rules.add(RuleInput(fault=Fault.HANG_BEFORE, match=Match(path="/v3.1"), times=1))
    rule.strikes()
    assert rule.document() == {
        "id": 2,
        "fault": "hang_before",
        "match": {"path": "/v3.1", "custom_id_prefix": "", "recipient_contains": ""},
        "times": 1,
        "probability": 1.0,
        "seed": 0,
        "seconds": None,
        "struck": 1,
    }


class Recorded(Wire):
    """A wire that notes what is done to it and waits for nothing."""

    def __init__(self) -> None:
        super().__init__({}, None, None)  # type: ignore[arg-type]
        self.done: list[Any] = []

    async def start(self, answer: ApiAnswer) -> None:
        self.done.append(("start", answer.status))

    async def write(self, body: bytes, *, more: bool = False) -> None:
        self.done.append(("write", body, more))

    async def answer(self, answer: ApiAnswer) -> None:
        self.done.append(("answer", answer.status, answer.body))

    async def drop(self) -> None:
        self.done.append("drop")

    async def wait(self, seconds: float | None, closing: asyncio.Event) -> None:
        self.done.append(("wait", seconds))
        self.disconnected = seconds is None


def acted_out(
    fault: str, seconds: float | None, *, body: bytes = b"0123456789", closing: bool = False
) -> tuple[int, list[Any]]:
    rule, wire = Rule(1, RuleInput(fault=Fault(fault), seconds=seconds)), Recorded()
    answer = ApiAnswer(200, body)

    async def act() -> int:
        event = asyncio.Event()
        if closing:
            event.set()
        before = fault.endswith("_before")
        return await (
            strike_before(rule, wire, "/v3.1/send", event)
            if before
            else strike_after(rule, answer, wire, event)
        )

    return asyncio.run(act()), wire.done


@pytest.mark.parametrize(
    ("fault", "seconds", "status", "done"),
    [
        ("slow", None, 200, [("wait", 1.0), ("answer", 200, b"0123456789")]),
        ("slow", 0.25, 200, [("wait", 0.25), ("answer", 200, b"0123456789")]),
        ("accept_then_hang", None, 0, [("wait", None), "drop"]),
        ("accept_then_hang", 3.0, 200, [("wait", 3.0), ("answer", 200, b"0123456789")]),
        ("hang_before", None, 0, [("wait", None), "drop"]),
        ("hang_before", 3.0, 0, [("wait", 3.0), "drop"]),
        ("reset_before", None, 0, ["drop"]),
        ("reset_after", None, 0, [("start", 200), ("write", b"01234", True), "drop"]),
        ("truncated_json", None, 200, [("answer", 200, b"01234")]),
    ],
)
def test_what_a_fault_does_to_the_wire(fault, seconds, status, done):
    assert acted_out(fault, seconds) == (status, done)


@pytest.mark.parametrize(("seconds", "each"), [(None, 0.25), (2.0, 0.1)])
def test_an_answer_drips_in_twenty_pieces_at_the_most(seconds, each):
    status, done = acted_out("slow_drip", seconds)
    pieces = [one[1:] for one in done if one[0] == "write"]
    assert status == 200
    assert done[0] == ("start", 200)
    assert pieces == [(bytes([one]), True) for one in b"0123456789"] + [(b"", False)]
    assert {one[1] for one in done if one[0] == "wait"} == {each}
    assert acted_out("slow_drip", seconds, body=b"") == (200, [("start", 200), ("write", b"", False)])


def test_a_slow_answer_is_not_given_while_the_server_stops():
    assert acted_out("slow", 1.0, closing=True) == (0, [("wait", 1.0), "drop"])


def test_a_cut_resets_the_connection_of_its_socket():
    done: list[Any] = []
    connection = SimpleNamespace(setsockopt=lambda *given: done.append(given))
    known = {"socket": connection}
    transport = SimpleNamespace(get_extra_info=known.get, abort=lambda: done.append("abort"))
    CuttableConnection.drop(SimpleNamespace(transport=transport))
    assert done == [(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"), "abort"]
    known.clear()
    CuttableConnection.drop(SimpleNamespace(transport=transport))
    assert done[2:] == ["abort"], "a connection without a socket of its own"


# ---- the inbox page's values


def test_a_line_of_the_inbox_names_what_there_is(world):
    full = put(world, "c", file(), From={"Email": "s@x.example", "Name": "Sender"}, Subject="S")
    bare = put(world, "", From={"Email": "s@x.example"}, TextPart=None)
    assert mail_row(world, full) == {
        "id": str(full.message_id),
        "to": "Claire@x.example",
        "from": "Sender",
        "subject": "S",
        "custom_id": "c",
        "attachments": 1,
        "error": "",
        "read": False,
        "arrived": "09:05:07",
        "day": "30 Nov 2026",
    }
    line = mail_row(world, bare)
    assert [line[name] for name in ("from", "subject", "custom_id", "error")] == [
        "s@x.example",
        "(no subject)",
        "",
        "bad or empty template",
    ]
    assert mail_row(world, put(world))["from"] == ""


def test_a_mails_page_shows_each_thing_once(world):
    mail = put(
        world,
        "c",
        file(filename="f é.pdf", content_type="Application/Pdf; x=1", size=61_000),
        file(filename="p.png", content_type="image/png", content=None),
        From={"Email": "s@x.example"},
        Bcc=[{"Email": "b@x.example"}, {"Email": "d@x.example", "Name": "D"}],
        Attachments=[{"Filename": "f"}],
        InlinedAttachments=[],
        Variables={"a": "é", "b": [1]},
        Priority=2,
    )
    mail.events.append(MailEvent("open", AT, mail.recipients[0]))
    view = mail_view(world, mail)
    assert view["sender"] == "s@x.example"
    assert view["people"] == [("To", "Claire <Claire@x.example>"), ("Bcc", "b@x.example, D <d@x.example>")]
    assert view["variables"] == [("a", "é"), ("b", "[1]")]
    assert view["properties"] == [("CustomID", "c"), ("Priority", "2")]
    assert view["events"] == [("09:05:07", "open", "Claire@x.example")]
    assert (view["has_html"], view["text"]) == (False, "T")
    source = json.loads(view["source"])
    assert (source["Attachments"], source["InlinedAttachments"]) == ("(see Attachments)", [])
    assert view["files"] == [
        {
            "name": "f é.pdf",
            "url": f"/mail/{mail.message_id}/files/0/f%20%C3%A9.pdf",
            "size": "61 kB",
            "kept": True,
            "is_pdf": True,
        },
        file_view(mail, 1, mail.attachments[1]),
    ]
    assert view["files"][1]["kept"] is view["files"][1]["is_pdf"] is False


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, '<img src="data:image/png;base64,JVBERg==">'),
        ({"content_type": "text/html"}, '<img src="cid:logo">'),
        ({"content": None}, '<img src="cid:logo">'),
        ({"content_id": ""}, '<img src="cid:logo">'),
        ({"content_type": 'image/png"x'}, '<img src="data:image/png%22x;base64,JVBERg==">'),
    ],
)
def test_only_a_mails_own_pictures_stand_in_its_page(world, changes, shown):
    picture = file(**({"content_type": "image/png", "content_id": "logo"} | changes))
    assert with_inline_pictures('<img src="cid:logo">', put(world, "c", picture)) == shown


def test_the_list_is_paged_and_unread_ones_are_counted(world):
    for n in range(51):
        put(world, f"mail-{n}-x", Subject=f"Subject {n}.")
    first, second = (ask(world, "/", page=page)[2].decode() for page in (1, 2))
    assert "Subject 50." in first
    assert "Subject 0." not in first
    assert "Subject 0." in second
    assert "Subject 1." not in second
    assert ask(world, "/", page=0)[2].decode().count("Subject 50.") == first.count("Subject 50.")


@pytest.mark.parametrize("where", ["read", "delete"])
def test_what_a_search_finds_is_read_or_forgotten_and_the_rest_stays(world, where):
    put(world, "a", Subject="Invoice")
    put(world, "b", Subject="Other")
    status, headers, _ = ask(world, f"/{where}", "POST", q=" invoice ")
    assert (status, headers["location"]) == (303, "/")
    left = [mail.custom_id for mail in world.store.mails() if not mail.read]
    assert left == ["b"]
    assert len(world.store.mails()) == (2 if where == "read" else 1)
    assert ask(world, f"/{where}", "GET")[0] == 405


def test_one_mail_is_read_shown_and_forgotten(world):
    mail = put(world, "a", HTMLPart="<p>é</p>")
    mail.outcome = Outcome("S", "<p>é</p>", "T")
    page = f"/mail/{mail.message_id}"
    gone = b"There is no such mail. It may have been forgotten by a reset."
    status, headers, body = ask(world, f"{page}/html")
    assert (status, body) == (200, "<p>é</p>".encode())
    assert headers["content-security-policy"].endswith("img-src data:; sandbox allow-popups")
    assert not mail.read
    assert ask(world, page)[0] == 200
    assert mail.read
    status, headers, _ = ask(world, f"{page}/delete", "POST")
    assert (status, headers["location"]) == (303, "/")
    assert ask(world, f"{page}/delete", "POST")[::2] == (404, gone)
    assert ask(world, page)[::2] == (404, gone)
    assert ask(world, f"{page}/html")[::2] == (200, b"")


# ---- the record of calls


def test_a_recorded_call_is_cut_to_what_can_be_checked(tmp_path):
    kept = tmp_path / "calls.jsonl"
    record = RecordedCalls(kept)
    long = "é" * (MOST_CHARACTERS + 1)
    body = json.dumps({"a": [long, 1]}).encode()
    record.note(ApiRequest("POST", "/v3.1/send", {"x": "1"}, body, AT), ApiAnswer(200, b'{"b": null}'))
    record.note(ApiRequest("GET", "/v3/REST/contact", {}, b"", AT), ApiAnswer(401, b"", "text/html"))
    record.note(ApiRequest("POST", "/v3.1/send", {}, b"{", AT), ApiAnswer(413, b"<html>", "text/html"))
    first, second, third = map(json.loads, kept.read_text("utf-8").splitlines())
    assert first == {
        "method": "POST",
        "path": "/v3.1/send",
        "query": {"x": "1"},
        "body": {"a": [long[:500], 1]},
        "status": 200,
        "content_type": "application/json",
        "answer": {"b": None},
    }
    assert (second["body"], second["answer"], second["status"]) == (None, None, 401)
    assert (third["body"], third["answer"], third["content_type"]) == (None, "<html>", "text/html")
    RecordedCalls(None).note(ApiRequest("GET", "/", {}, b"", AT), ApiAnswer(200))
