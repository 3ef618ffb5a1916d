"""What the local Mailjet shows of a mail and of a call: notes on its HTML, its links, its status, its record."""

import json
from datetime import UTC, datetime

import pytest

from mailworker.errors import BadInput
from mailworker.simulator import SimulatorSettings
from mailworker.simulator.api_answers import ApiAnswer, front, legacy
from mailworker.simulator.api_request import ApiRequest
from mailworker.simulator.assumptions import Assumption, assumptions
from mailworker.simulator.call_log_file import RecordedCalls
from mailworker.simulator.event_documents import happen, status_of
from mailworker.simulator.html_check import html_notes
from mailworker.simulator.link_check import MailLink, links_of
from mailworker.simulator.received_mail import MailEvent
from mailworker.simulator.routes import handle
from mailworker.simulator.state import SimulatorState

NOW = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)


def page(body: str = "", *, lang: str = ' lang="fr"', title: str = "<title>T</title>") -> str:
    return f"<html{lang}>{title}{body}</html>"


@pytest.mark.parametrize(
    ("html", "text", "notes"),
    [
        ("", "t", ["This mail has no HTML part."]),
        (page(), "t", []),
        (page(), " \n", ["There is no text part; some readers and filters want one."]),
        (page(title=""), "t", ["There is no <title>."]),
        (page(lang=""), "t", ["The language is not declared (<html lang>); screen readers guess."]),
        (page(lang=' lang=""'), "t", ["The language is not declared (<html lang>); screen readers guess."]),
        (page("<script></script><form></form><p lang='fr'>"), "t", ["Mail clients drop <form>, <script>."]),
        (page('<img src="https://a/b.png"><img alt="">'), "t", ["1 pictures have no alt text."]),
        (page("".join(f'<a href="http://{one}/">' for one in "dbca")), "t", ["Links without https: http://a/, http://b/, http://c/."]),
        (page('<a href="z"><img alt="" src="/y"><a href="//x">'), "t", ["Links that lead nowhere from a mail: //x, /y, z."]),
        (page("".join(f'<a href="{one}">' for one in ("https://a/", "mailto:a@b.fr", "tel:1", "#x", ""))), "t", []),
        (page('<img alt="" src="cid:1"><img alt="" src="data:x">'), "t", []),
    ],
)  # fmt: skip
def test_what_mail_clients_make_of_the_html(html, text, notes):
    assert html_notes(html, text) == notes


@pytest.mark.parametrize(("size", "notes"), [(102_000, 0), (102_001, 1)])
def test_bytes_are_weighed_and_not_characters(size, notes):
    html = page("é" * 50_000)
    html += " " * (size - len(html.encode()))
    assert html_notes(html, "t") == ["The HTML weighs 102 kB; Gmail cuts it off above 102 kB."] * notes


def test_each_link_is_listed_once_with_all_that_is_wrong():
    html = (
        '<a href=" https://a.fr/x ">Payer <b>ici</b></a><a href="https://a.fr/x">Payer  ici</a>'
        '<a href="https://A.fr">a.FR</a><a href="https://b.fr">https://a.fr/</a><a name="x">no link</a>'
        '<a href="http://c.fr"><img alt="Logo"></a><a href="{{var:url}}">x</a><a href="mailto:a@b.fr">a</a>'
        '<a href="#unsubscribe">off</a><a href="tel:1"></a><a href="">y</a><a href="x">z</a>'
    )
    text = "(https://a.fr/x), https://a.fr/x. https://d.fr/?a=1! http://e.fr"
    missing = "is not in the text part"
    assert links_of(html, text) == [
        MailLink("Payer ici", "https://a.fr/x", ()),
        MailLink("a.FR", "https://A.fr", (missing,)),
        MailLink("https://a.fr/", "https://b.fr", ("shows a.fr and leads elsewhere, as fraud does", missing)),
        MailLink("Logo", "http://c.fr", ("is not https", missing)),
        MailLink("x", "{{var:url}}", ("has template code in it that was not rendered",)),
        MailLink("a", "mailto:a@b.fr", ()),
        MailLink("off", "#unsubscribe", ()),
        MailLink("", "tel:1", ("has no text that a reader could follow",)),
        MailLink("y", "", ("leads nowhere",)),
        MailLink("z", "x", ("leads nowhere from a mail: it needs https:// and a host",)),
        MailLink("", "https://d.fr/?a=1", ("is in the text part only",)),
        MailLink("", "http://e.fr", ("is not https", "is in the text part only")),
    ]
    assert links_of("", "https://a.fr") == [MailLink("", "https://a.fr", ())]
    assert links_of('<a href="https://a.fr">a</a>', " ") == [MailLink("a", "https://a.fr", ())]


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ([], "sent"),
        (["open"], "opened"),
        (["open", "click"], "clicked"),
        (["click", "open"], "clicked"),
        (["open", "unsub"], "unsub"),
        (["click", "spam"], "spam"),
        (["open", "sent"], "opened"),
        (["bounce"], "hardbounced"),
        ([("bounce", {"hard_bounce": False})], "softbounced"),
        ([("bounce", {"hard_bounce": False}), "open"], "opened"),
    ],
)
def test_the_latest_event_of_a_recipient_is_its_status(events, status):
    world = SimulatorState(SimulatorSettings(index_delay=0))
    people = [{"Email": "a@x.fr"}, {"Email": "b@x.fr"}]
    message = {"From": {"Email": "c@x.fr"}, "To": people, "TextPart": "T", "Subject": "S"}
    handle(ApiRequest("POST", "/v3.1/send", {}, json.dumps({"Messages": [message]}).encode(), NOW), world)
    (mail,) = world.store.mails()
    first, second = mail.recipients
    for one in events:
        name, fields = (one, {}) if isinstance(one, str) else one
        happen(world, mail, MailEvent(name, NOW, first, fields))
    assert [status_of(world, mail, one) for one in (first, second)] == [status, "sent"]
    hard = status == "hardbounced"
    assert world.store.preblocked == ({"a@x.fr"} if hard else set())


@pytest.mark.parametrize(
    ("body", "answer", "shown"),
    [
        (b'{"a": ["' + b"x" * 501 + b'", 1]}', legacy(200, {"b": "y" * 500}), ({"a": ["x" * 500, 1]}, {"b": "y" * 500})),
        (b"", ApiAnswer(204), (None, None)),
        (b"{", front(502, "Bad Gateway"), (None, "<html><body><h1>502 Bad Gateway</h1></body></html>")),
    ],
)  # fmt: skip
def test_a_call_and_its_answer_are_one_line_of_json(tmp_path, body, answer, shown):
    record = RecordedCalls(tmp_path / "calls.jsonl")
    for _ in range(2):
        record.note(ApiRequest("POST", "/v3/REST/contact", {"a": "é"}, body, NOW), answer)
    lines = (tmp_path / "calls.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [
        {
            "method": "POST", "path": "/v3/REST/contact", "query": {"a": "é"}, "body": shown[0],
            "status": answer.status, "content_type": answer.content_type, "answer": shown[1],
        }
    ] * 2  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({"port": 0}, []),
        ({"port": 65535}, []),
        ({"port": 65536}, ["port must be between 0 (any free port) and 65535."]),
        ({"port": -1}, ["port must be between 0 (any free port) and 65535."]),
        ({"latency": -0.1, "job_seconds": -1}, ["latency must be 0 or more.", "job_seconds must be 0 or more."]),
        ({"calls_per_minute": 0, "max_body_bytes": 0, "keep_attachment_bytes": 0, "event_time_scale": 0, "index_delay": 0}, []),
        ({"host": "0.0.0.0"}, ["host: the local Mailjet does not listen on '0.0.0.0'; it shows every mail to anyone, so it takes 127.0.0.1, ::1 or localhost only."]),
    ],
)  # fmt: skip
def test_each_setting_out_of_its_range_is_named(changes, faults):
    if not faults:
        assert SimulatorSettings(**changes)
        return
    with pytest.raises(BadInput) as caught:
        SimulatorSettings(**changes)
    assert list(caught.value.faults) == faults


def test_an_assumption_that_is_none_is_named_with_the_one_that_was_meant():
    assert assumptions(["loose-segments"]) == {Assumption.LOOSE_SEGMENTS}
    with pytest.raises(BadInput) as caught:
        assumptions(["lose-segments", "escapes-html", "x"])
    first, second = caught.value.faults
    assert first.startswith("assume: there is no lose-segments")
    assert "loose-segments" in first
    assert second == (
        "assume: there is no x; there are checks-senders, escapes-html, keeps-property-case, loose-segments."
    )
