"""The local Mailjet at its edges: what just passes and what just does not, how events are posted, how it listens."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from mailworker.simulator import SimulatorSettings, post_events, server
from mailworker.simulator.address_syntax import is_address
from mailworker.simulator.api_answers import (
    ApiAnswer,
    front,
    legacy_error,
    modern,
    modern_error,
    unauthorized,
)
from mailworker.simulator.api_request import NOT_JSON, ApiRequest
from mailworker.simulator.asgi_wire import Wire
from mailworker.simulator.contact_store import ContactStore
from mailworker.simulator.contacts_rest import contact_row
from mailworker.simulator.html_check import html_notes
from mailworker.simulator.message_queries import within
from mailworker.simulator.post_events import EventPoster, post
from mailworker.simulator.received_mail import ReceivedAttachment
from mailworker.simulator.received_store import Store
from mailworker.simulator.rest_tables import page, whole, whole_or
from mailworker.simulator.rfc3339 import moment, rfc3339
from mailworker.simulator.send_message_checks import AccountFacts, message_errors, recipient_count
from mailworker.simulator.settings import TemplateUse
from mailworker.simulator.settings_from_config import configured, template_uses
from mailworker.simulator.state import SimulatorState
from tests.doubles import settings as configuration

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
ACCOUNT = AccountFacts((), lambda _: None, False)


def codes(**changes: Any) -> list[str]:
    """What is wrong with a message that would be right without these changes."""
    whole_one = {"From": {"Email": "a@x.example"}, "To": [{"Email": "b@x.example"}], "TextPart": "T"}
    return [error.code for error in message_errors(whole_one | changes, ACCOUNT)]


# ---- what just passes


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"Subject": "x" * 255}, []),
        ({"Subject": "x" * 256}, ["mj-0006"]),
        ({"URLTags": "x" * 256}, []),
        ({"URLTags": "x" * 257}, ["mj-0006"]),
        ({"Variables": {str(n): n for n in range(50)}}, []),
        ({"Variables": {"a": [1] * 50}}, []),
        ({"Variables": {"a": [1] * 51}}, ["mj-0008"]),
        ({"Headers": {f"X-{n}": "1" for n in range(50)}}, []),
        ({"Attachments": [{}] * 50}, []),
        ({"InlinedAttachments": [{}] * 51}, ["mj-0008"]),
        ({"Priority": 0}, []),
        ({"Priority": 3}, []),
        ({"Priority": -1}, ["mj-0005"]),
        ({"TrackOpens": "account_default"}, []),
        ({"TrackClicks": "disabled"}, []),
        ({"TrackOpens": "enabled"}, []),
        ({"TrackClicks": "Enabled"}, ["mj-0005"]),
        ({"TextPart": ""}, ["mj-0012", "send-0003"]),
        ({"HTMLPart": ""}, ["mj-0012"]),
        ({"ReplyTo": {"Email": "no"}}, ["mj-0013"]),
        ({"TemplateErrorReporting": {"Email": "no"}, "TemplateLanguage": True}, ["mj-0013"]),
        ({"TemplateErrorReporting": {"Email": "a@x.example"}}, ["send-0016"]),
        ({"TemplateErrorDeliver": False}, []),
        ({"DeduplicateCampaign": True, "CustomCampaign": "c"}, []),
        ({"TextPart": None, "TemplateID": 5, "From": None}, ["mj-0003", "mj-0003"]),
    ],
)
def test_a_message_at_each_limit(changes, found):
    assert codes(**changes) == found


def test_every_recipient_counts_also_twice():
    one = {"Email": "a@x.example"}
    assert recipient_count({"To": [one, one], "Cc": [one], "Bcc": [one] * 3}) == 6
    assert recipient_count({"To": None}) == 0


@pytest.mark.parametrize(
    ("address", "taken"),
    [
        ("x" * 64 + "@b.fr", True),
        ("x" * 65 + "@b.fr", False),
        ("a@" + "x" * 63 + ".fr", True),
        ("a@" + "x" * 64 + ".fr", False),
        ("a@b-.fr", False),
        ("a@b.1r", False),
        ("a@b." + "x" * 63, True),
        ("a@b." + "x" * 64, False),
        ("a@b.fr-", False),
        ('a"b@c.fr', False),
        ("a\\b@c.fr", False),
        ("a,b@c.fr", False),
        ("a@b@c.fr", False),
        ("a+é@c.fr", True),
    ],
)
def test_how_long_an_address_may_be(address, taken):
    assert is_address(address) is taken


@pytest.mark.parametrize(
    ("datatype", "right", "wrong"),
    [
        ("str", ["", "1"], [1, True, 1.5]),
        ("int", [0, -7], [True, "1", 1.5]),
        ("float", [0, 1.5], [True, "1.5"]),
        ("bool", [True, False], [0, 1, "true"]),
        ("datetime", [0, "2026-11-30T09:00:00Z", "2026-11-30"], [True, "soon", 1.5, [1]]),
    ],
)
def test_a_property_has_its_type_and_null_is_right_for_all(datatype, right, wrong):
    store = ContactStore()
    store.definitions.create({"Name": "p", "Datatype": datatype})
    assert [one for one in [*right, None] if store.property_faults({"P": one})] == []
    fault = [{"P": "Property type does not match definition"}]
    assert [store.property_faults({"P": one}) for one in wrong] == [fault] * len(wrong)
    assert store.property_faults({"q": None}) == [{"q": "Property not defined"}]


def test_contacts_are_found_by_number_and_by_address_and_paged_by_number():
    store = ContactStore()
    people = [store.ensure(f"P{n}@x.example", "", NOW) for n in range(4)]
    numbers = [one.number for one in people]
    assert numbers == list(range(250000001, 250000005))
    assert store.find(str(numbers[2])) is store.find("p2@X.example") is people[2]
    assert store.numbers_after(0, 3) == numbers[:3]
    assert store.numbers_after(numbers[1], 9) == numbers[2:]
    assert store.numbers_after(numbers[3], 9) == []
    assert store.ensure("p0@x.example", "Zoé", NOW + timedelta(1)) is people[0]
    assert (people[0].name, people[0].updated_at) == ("Zoé", NOW + timedelta(1))
    store.ensure("p0@x.example", "", NOW + timedelta(2))
    assert (people[0].name, people[0].updated_at) == ("Zoé", NOW + timedelta(1)), "no name takes none away"
    assert contact_row(people[1])["LastUpdateAt"] == ""


def test_who_leaves_a_list_is_on_it_no_more():
    store = ContactStore()
    zoe, ana = (store.ensure(f"{name}@x.example", "", NOW) for name in ("zoe", "ana"))
    for person in (ana, zoe):
        store.act(person, 7, "addnoforce", NOW)
    assert store.numbers_on(7) == sorted([zoe.number, ana.number])
    store.act(zoe, 7, "remove", NOW)
    store.act(zoe, 7, "remove", NOW)
    assert (store.numbers_on(7), store.memberships_of(zoe)) == ([ana.number], [])
    assert [one.contact for one in store.memberships.values()] == [ana]
    store.act(ana, 7, "unsub", NOW + timedelta(1))
    (member,) = store.members(7)
    assert (member.unsubscribed, member.unsubscribed_at, member.since) == (True, NOW + timedelta(1), NOW)
    store.act(ana, 7, "addforce", NOW)
    assert (member.unsubscribed, member.unsubscribed_at) == (False, None)
    store.anonymise(ana.number, NOW + timedelta(3))
    assert (store.find("ana@x.example"), ana.properties, store.numbers_on(7)) == (None, {}, [])
    assert ana.updated_at == NOW + timedelta(3)


@pytest.mark.parametrize(
    ("since", "until", "inside"),
    [
        (None, None, True),
        (NOW, NOW, True),
        (NOW + timedelta(seconds=1), None, False),
        (None, NOW - timedelta(seconds=1), False),
    ],
)
def test_both_ends_of_a_time_belong_to_it(since, until, inside):
    assert within(NOW, since, until) is inside


@pytest.mark.parametrize(
    ("text", "when"),
    [
        (None, None), ("", None), ("soon", None), ("1e999", None), ("nan", None), ("1796029200", NOW), ("1796029200.0", NOW),
        ("2026-11-30T09:00:00Z", NOW), ("2026-11-30T09:00:00", NOW), ("2026-11-30T10:00:00+01:00", NOW),
    ],
)  # fmt: skip
def test_a_moment_in_a_query(text, when):
    assert moment(text) == when
    assert rfc3339(when) == ("2026-11-30T09:00:00Z" if when else "")


@pytest.mark.parametrize(
    ("value", "number"),
    [("7", 7), (7, 7), (True, 0), ("²", 0), ("-1", 0), ("9" * 19, int("9" * 19)), ("9" * 20, 0), ("", 0), (None, 0)],
)  # fmt: skip
def test_an_id_that_is_none_is_nought(value, number):
    assert whole(value) == number


def test_a_number_in_a_query_has_its_default():
    assert [whole_or(text, 5) for text in (None, "", "x", "0", "8")] == [5, 5, 5, 0, 8]


@pytest.mark.parametrize(
    ("query", "ids", "total"),
    [
        ({}, range(10), 10),
        ({"limit": "3"}, range(3), 3),
        ({"LIMIT": "0"}, range(1000), 1000),
        ({"Limit": "5000"}, range(1000), 1000),
        ({"Limit": "2", "Offset": "1000"}, range(1000, 1002), 2),
        ({"Sort": "id desc", "Limit": "2"}, range(1004, 1002, -1), 2),
        ({"Sort": "ID", "Limit": "2"}, range(2), 2),
        ({"countOnly": "1"}, (), 1005),
        ({"countOnly": "true"}, (), 1005),
        ({"countOnly": "0", "Limit": "1"}, range(1), 1),
    ],
)
def test_rows_are_paged(query, ids, total):
    call = ApiRequest("GET", "/v3/REST/x", query, b"", NOW)
    told = json.loads(page([{"ID": n} for n in range(1005)], call).body)
    assert ([row["ID"] for row in told["Data"]], told["Count"], told["Total"]) == ([*ids], total, total)


@pytest.mark.parametrize(
    ("size", "kept"), [([60, 40], [True, True]), ([60, 41], [False, True]), ([200, 1], [False, True])]
)
def test_the_memory_for_files_is_bounded(size, kept):
    store = Store(100)
    for number in size:
        file = ReceivedAttachment("f", "text/plain", number, bytes(number))
        store.add({"To": [{"Email": "a@x.example"}]}, [file], NOW, 0)
    files = [mail.attachments[0] for mail in store.mails()]
    assert [file.content is not None for file in files] == kept
    assert all(len(file.sha256) == 64 for file in files)


def test_a_mail_that_is_forgotten_is_found_nowhere_and_stays_counted():
    store = Store(0)
    people = {"To": [{"Email": "a@x.example"}], "Cc": [{"Email": "b@x.example"}], "CustomID": "c"}
    first, second = (store.add(dict(people), [], NOW, 3) for _ in range(2))
    assert (first.number, second.number, first.visible_at) == (1, 2, NOW + timedelta(seconds=3))
    assert store.remove(first.recipients[1].message_id)
    assert not store.remove(first.message_id)
    assert (store.mails(), store.by_custom_id("c")) == ([second], [second])
    assert [store.mail(one.message_id) for one in first.recipients] == [None, None]
    assert store.tally() == (1, 1, ["c"])


@pytest.mark.parametrize(
    ("html", "note"),
    [
        ("x" * 101_944, None),
        ("x" * 102_000, "The HTML weighs 102 kB; Gmail cuts it off above 102 kB."),
    ],
)
def test_gmail_cuts_a_mail_off_above_its_limit(html, note):
    whole_page = f'<html lang="fr"><title>T</title>{html}'
    assert [one for one in html_notes(whole_page, "T") if "Gmail" in one] == ([note] if note else [])


# ---- the shapes of answers


def test_each_kind_of_answer():
    error = modern_error(400, "No.", "mj-1", ["To"])
    document = json.loads(error.body)
    assert len(document.pop("ErrorIdentifier")) == 36
    assert document == {
        "ErrorCode": "mj-1",
        "StatusCode": 400,
        "ErrorMessage": "No.",
        "ErrorRelatedTo": ["To"],
    }
    assert (error.status, error.content_type) == (400, "application/json; charset=UTF-8")
    assert len(error.headers["X-Mj-Request-Guid"]) == 36
    assert json.loads(modern_error(401, "No.").body).keys() == {
        "ErrorIdentifier",
        "StatusCode",
        "ErrorMessage",
    }
    assert (modern(200, None, accepted=3).body, modern(200, None, accepted=3).accepted) == (b"", 3)
    assert modern(200, {"é": 1}).body == '{"é":1}'.encode()
    assert json.loads(legacy_error(404, "M", "I").body) == {
        "ErrorInfo": "I",
        "ErrorMessage": "M",
        "StatusCode": 404,
    }
    page_of_server = front(502, "Bad Gateway")
    assert (page_of_server.status, page_of_server.content_type) == (502, "text/html")
    assert page_of_server.body == b"<html><body><h1>502 Bad Gateway</h1></body></html>"
    assert (unauthorized("/v3/REST/x").body, unauthorized("/v3/REST/x").status) == (b"", 401)
    assert unauthorized("/v3.1/send").content_type == "application/json; charset=UTF-8"


def test_a_body_is_read_once_and_what_is_no_json_is_named():
    deep = b"[" * 200_000
    for body in (b"", b"{", deep):
        call = ApiRequest("POST", "/", {}, body, NOW)
        assert (call.document, call.fields) == (NOT_JSON, {})
    assert ApiRequest("POST", "/", {}, b'{"Name": 1}', NOW).fields["NAME"] == 1
    assert ApiRequest("POST", "/", {}, b"[1]", NOW).fields == {}
    assert ApiRequest("GET", "/", {}, b"", NOW, ids={"id": "7"}).number == 7


# ---- on the wire


def wire(*chunks: bytes, cut: bool = False) -> Wire:
    """A request whose body comes in these pieces; `cut`: the client goes after them."""
    messages = [
        {"type": "http.request", "body": one, "more_body": cut or n < len(chunks) - 1}
        for n, one in enumerate(chunks)
    ]
    messages += [{"type": "http.disconnect"}]

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    made = Wire({"type": "http"}, receive, send)  # type: ignore[arg-type]
    made.scope["sent"] = sent
    return made


@pytest.mark.parametrize("what", ["the client goes", "the server stops", "the time is up"])
def test_a_silence_without_end_ends_with_the_client_the_server_or_its_time(what):
    async def silence() -> None:
        closing, hangs = asyncio.Event(), asyncio.Event()

        async def receive() -> dict[str, Any]:
            if what != "the client goes":
                await hangs.wait()
            return {"type": "http.disconnect"}

        if what == "the server stops":
            closing.set()
        seconds = 0.0 if what == "the time is up" else None
        await asyncio.wait_for(Wire({}, receive, None).wait(seconds, closing), 60)  # type: ignore[arg-type]

    asyncio.run(silence())


@pytest.mark.parametrize(
    ("most", "body"),
    [(0, b"abcdefgh"), (8, b"abcdefgh"), (7, None), (3, None)],
)
def test_a_body_over_the_limit_is_read_and_dropped(most, body):
    assert asyncio.run(wire(b"abc", b"def", b"gh").read_body(most)) == body


def test_the_half_that_was_looked_at_is_part_of_the_body():
    async def read() -> tuple[bytes, bytes | None]:
        made = wire(b"abc", b"def", b"gh")
        return await made.read_half(8), await made.read_body(8)

    assert asyncio.run(read()) == (b"abcdef", b"abcdefgh")


def test_a_client_that_goes_is_noticed():
    made = wire(b"abc", cut=True)
    assert (asyncio.run(made.read_body(0)), made.disconnected) == (b"abc", True)


def test_an_answer_names_its_length_before_it_comes():
    made = wire()
    asyncio.run(made.answer(ApiAnswer(201, "é".encode(), "text/html", {"X-A": "b"})))
    assert made.scope["sent"] == [
        {
            "type": "http.response.start",
            "status": 201,
            "headers": [(b"content-type", b"text/html"), (b"content-length", b"2"), (b"x-a", b"b")],
        },
        {"type": "http.response.body", "body": "é".encode(), "more_body": False},
    ]


# ---- events


class Connection:
    """Stands in for http.client's: keeps what is asked, answers with a status, or not at all."""

    def __init__(self, status: int | None, done: list[Any]) -> None:
        self._status, self._done = status, done

    def __call__(self, host: str, port: int | None, *, timeout: int) -> "Connection":
        self._done.append((host, port, timeout))
        return self

    def request(self, method: str, target: str, body: str, headers: dict[str, str]) -> None:
        self._done.append((method, target, json.loads(body), headers))
        if self._status is None:
            raise OSError

    def getresponse(self) -> Any:
        return SimpleNamespace(status=self._status)

    def close(self) -> None:
        self._done.append("closed")


@pytest.mark.parametrize(("status", "well"), [(200, True), (204, False), (500, False), (None, False)])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_event_is_posted_with_the_urls_own_credentials(monkeypatch, scheme, status, well):
    done: list[Any] = []
    other = "HTTPSConnection" if scheme == "http" else "HTTPConnection"
    mine = "HTTPConnection" if scheme == "http" else "HTTPSConnection"
    monkeypatch.setattr(post_events, mine, Connection(status, done))
    monkeypatch.setattr(post_events, other, None)
    assert post(f"{scheme}://u%40s:p%2Fw@h.example:9/a?b=c", {"e": 1}) is well
    headers = {"Content-Type": "application/json", "Authorization": "Basic dUBzOnAvdw=="}
    assert done == [("h.example", 9, 10), ("POST", "/a?b=c", {"e": 1}, headers), "closed"]
    done.clear()
    post(f"{scheme}://h.example", [])
    assert done[1] == ("POST", "/", [], {"Content-Type": "application/json"})


def poster(*rows: dict[str, Any]) -> EventPoster:
    world = SimulatorState(SimulatorSettings(event_time_scale=0.5))
    usual = {
        "EventType": "open",
        "Url": "http://127.0.0.1:1/",
        "Status": "alive",
        "IsBackup": False,
        "Version": 2,
    }
    world.callbacks.rows.update({number: usual | {"ID": number} | row for number, row in enumerate(rows)})
    return EventPoster(world)


@pytest.mark.parametrize(
    ("rows", "chosen"),
    [
        ([], None),
        ([{}], 0),
        ([{"IsBackup": True}, {}], 1),
        ([{"IsBackup": True}, {"Status": "dead"}], 0),
        ([{"EventType": "click"}], None),
        ([{"Url": ""}], None),
    ],
)
def test_an_event_goes_to_the_url_that_lives_before_the_backup(rows, chosen):
    row = poster(*rows)._row_for("open")
    assert (row["ID"] if row else None) == chosen


def test_events_are_grouped_by_url_and_those_of_nobody_dropped():
    made = poster({}, {"EventType": "click", "Url": "http://127.0.0.1:2/"}, {"EventType": "spam"})
    events = [{"event": name, "n": n} for n, name in enumerate(("open", "click", "sent", "spam", "open"))]
    groups = [(row["Url"], [one["n"] for one in group]) for row, group in made._by_url(events)]
    assert groups == [("http://127.0.0.1:1/", [0, 3, 4]), ("http://127.0.0.1:2/", [1])]


@pytest.mark.parametrize(("version", "bodies"), [(2, [[{"a": 1}, {"b": 2}]]), (1, [{"a": 1}, {"b": 2}])])
def test_an_old_url_gets_each_event_bare(monkeypatch, version, bodies):
    posted: list[Any] = []
    monkeypatch.setattr(post_events, "post", lambda url, body: posted.append((url, body)) or True)
    asyncio.run(poster()._deliver({"Url": "u", "Version": version}, [{"a": 1}, {"b": 2}]))
    assert posted == [("u", body) for body in bodies]


def test_posts_on_their_way_end_with_the_poster():
    async def ended() -> bool:
        made = poster()
        on_its_way = asyncio.create_task(asyncio.Event().wait())  # what never comes
        made._on_the_way.add(on_its_way)
        work = asyncio.create_task(made.work())
        await asyncio.sleep(0)
        work.cancel()
        done, _ = await asyncio.wait({on_its_way, work}, timeout=60)
        return done == {on_its_way, work}

    assert asyncio.run(ended())


@pytest.mark.parametrize(("failures", "status"), [(2, "alive"), (2881, "dead")])
def test_a_post_is_repeated_every_thirty_seconds_for_a_day(monkeypatch, failures, status):
    answers, naps, row = [False] * failures + [True], [], {"Url": "u", "Version": 2, "Status": "alive"}

    async def at_once(call: Any, *given: Any) -> Any:
        return call(*given)

    async def sleep(seconds: float) -> None:
        naps.append(seconds)

    monkeypatch.setattr(post_events, "asyncio", SimpleNamespace(to_thread=at_once, sleep=sleep))
    monkeypatch.setattr(post_events, "post", lambda *_: answers.pop(0))
    asyncio.run(poster()._deliver_one(row, []))
    assert row["Status"] == status
    assert naps == [15.0] * min(failures, 2880)
    assert len(answers) == (1 if status == "dead" else 0)


# ---- the server


@pytest.mark.parametrize(
    ("name", "url"),
    [(("127.0.0.1", 9), "http://127.0.0.1:9"), (("::1", 9, 0, 0), "http://[::1]:9")],
)
def test_the_url_of_the_place_where_it_listens(name, url):
    assert server._url(SimpleNamespace(getsockname=lambda: name)) == url  # type: ignore[arg-type]


def test_how_it_is_served():
    made = server._server(SimulatorSettings(port=0))
    config = made.config
    assert (config.http, config.ws, config.lifespan, config.log_level) == (
        server.CuttableConnection, "none", "on", "critical",
    )  # fmt: skip
    assert (config.access_log, config.server_header) == (False, False)
    assert (config.timeout_graceful_shutdown, config.timeout_keep_alive) == (1, 75)
    made.stop()
    assert made.should_exit


def test_what_tests_run_with():
    with server.running(senders=("a@x.example",)) as running:
        given = running.settings
        assert running.url.startswith("http://127.0.0.1:")
        assert (given.index_delay, given.job_seconds, given.event_time_scale) == (0.0, 0.0, 0.02)
        assert (given.senders, given.port) == (("a@x.example",), 0)
        rule = running.misbehave("slow", times=2, seconds=3.0)
        assert (rule.given.times, rule.given.seconds, rule.given.match.path) == (2, 3.0, "")
        running.behave()
        assert running.world.faults.rules == []
        assert running.counts["calls"] == 0


# ---- the settings


@pytest.mark.parametrize("port", [0, 65535])
def test_the_first_and_the_last_port_are_taken(port):
    assert SimulatorSettings(port=port).port == port


def test_what_holds_where_nothing_is_said():
    plain = SimulatorSettings()
    assert (plain.host, plain.port, plain.api_key, plain.api_secret.reveal()) == (
        "127.0.0.1", 8025, "simulator-key", "simulator-secret",
    )  # fmt: skip
    times = (plain.index_delay, plain.latency, plain.job_seconds, plain.event_time_scale)
    assert times == (2.0, 0.0, 2.0, 1.0)
    assert (plain.calls_per_minute, plain.keep_attachment_bytes, plain.strict_templates) == (
        200,
        256_000_000,
        False,
    )
    assert (plain.senders, plain.assume, plain.record, len(plain.templates)) == ((), frozenset(), None, 10)


def test_a_configuration_gives_its_keys_limits_and_templates_in_each_language():
    given = configuration("  language: en\n")
    uses = template_uses(given)
    kind, block = next((kind, block) for kind, block in given.mailjet.blocks.items() if block.template_id)
    assert uses[block.template_id] == TemplateUse(kind, "en")
    base = SimulatorSettings(latency=3.0, calls_per_minute=1)
    made = configured(base, given)
    assert (made.latency, made.api_key) == (3.0, given.mailjet.api_key.reveal())
    assert made.api_secret == given.mailjet.api_secret
    assert (made.calls_per_minute, made.max_body_bytes) == (
        given.mailjet.calls_per_minute, given.mailjet.max_body_bytes,
    )  # fmt: skip
    assert made.templates == uses
    assert uses[block.template_id].library() is next(iter(uses.values())).library(), "read once"
