"""The inbox page, and the server as an operator starts and stops it."""

import base64
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from mailworker.config.builtin_kinds import KINDS
from mailworker.simulator import RunningSimulator, running
from mailworker.simulator.link_check import links_of
from mailworker.templates.language.render import render
from mailworker.templates.sample_values import sample_variables
from mailworker.templates.shipped_templates import LANGUAGES, mail_template

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def server() -> Iterator[RunningSimulator]:
    with running() as simulator:
        yield simulator


@pytest.fixture
def simulator(server: RunningSimulator) -> RunningSimulator:
    server.reset()
    return server


def get(simulator: RunningSimulator, path: str) -> requests.Response:
    with requests.Session() as session:
        return session.get(simulator.url + path, timeout=5)


def send(simulator: RunningSimulator, **changes: Any) -> int:
    message = {
        "From": {"Email": "billing@example.com", "Name": "Facturation"},
        "To": [{"Email": "claire@example.com", "Name": "Claire"}],
        "Subject": "Bonjour",
        "TextPart": "Texte",
        "CustomID": "m-1",
        **changes,
    }
    auth = (simulator.settings.api_key, simulator.settings.api_secret.reveal())
    body = {"Messages": [{name: value for name, value in message.items() if value is not None}]}
    with requests.Session() as session:
        answer = session.post(f"{simulator.url}/v3.1/send", json=body, auth=auth, timeout=5)
    return int(answer.json()["Messages"][0]["To"][0]["MessageID"])


def invoice(simulator: RunningSimulator, content: bytes = b"%PDF-1.7") -> int:
    kind = "api_crmCommunicationCustomerInvoice"
    file = {
        "ContentType": "application/pdf",
        "Filename": "f été.pdf",
        "Base64Content": base64.b64encode(content).decode(),
    }
    return send(
        simulator,
        Subject=None,
        TextPart=None,
        TemplateID=6759851,
        TemplateLanguage=True,
        Variables=sample_variables(kind),
        Attachments=[file],
    )


def test_an_empty_inbox_says_what_to_do(simulator):
    assert "No mail yet" in get(simulator, "/").text


def test_the_list_shows_newest_first_and_searches(simulator):
    send(simulator, Subject="Premier", CustomID="a")
    send(simulator, Subject="Second", CustomID="b", To=[{"Email": "paul@example.com"}])
    page = get(simulator, "/").text
    assert page.index("Second") < page.index("Premier")
    found = get(simulator, "/?q=paul").text
    assert "Second" in found
    assert "Premier" not in found
    assert "Premier" in get(simulator, "/?q=a").text
    assert "Nothing found" in get(simulator, "/?q=zzz").text


def test_a_mail_is_shown_as_the_customer_sees_it(simulator):
    number = invoice(simulator)
    page = get(simulator, f"/mail/{number}").text
    html = get(simulator, f"/mail/{number}/html")
    assert "Votre Facture - FA-2026-004217" in page
    assert "Facturation &lt;billing@example.com&gt;" in page
    assert re.search(r'<iframe sandbox="allow-popups" src="/mail/\d+/html"', page)
    assert "47,88\u00a0€" in html.text
    assert "sandbox" in html.headers["content-security-policy"]
    assert "default-src 'none'" in html.headers["content-security-policy"]
    assert "Votre facture est disponible" in get(simulator, f"/mail/{number}?tab=text").text


def test_the_pdf_is_one_click_away(simulator):
    number = invoice(simulator, b"%PDF-1.7 content")
    page = get(simulator, f"/mail/{number}?tab=file0").text
    link = re.search(r'href="(/mail/\d+/files/0/[^"]+)"', page)[1]
    file = get(simulator, link)
    assert file.content == b"%PDF-1.7 content"
    assert file.headers["content-type"] == "application/pdf"
    assert get(simulator, f"/_simulator/attachments/{number}/0").content == file.content
    assert get(simulator, f"/_simulator/attachments/{number}/1").status_code == 404


def test_an_attachment_that_is_a_page_is_never_shown_as_one(simulator):
    file = {
        "ContentType": "text/html",
        "Filename": "x.html",
        "Base64Content": base64.b64encode(b"<script>").decode(),
    }
    number = send(simulator, Attachments=[file])
    answer = get(simulator, f"/mail/{number}/files/0/x.html")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_what_came_in_a_mail_cannot_write_into_the_page(simulator):
    number = send(simulator, Subject="<script>alert(1)</script>", Variables={"<b>": "<i>"})
    for path in ("/", f"/mail/{number}", "/?q=%3Cscript%3E"):
        page = get(simulator, path)
        assert "<script>" not in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]


def test_a_blocked_mail_says_why(simulator):
    reporting = {"Email": "dev@example.com"}
    number = send(simulator, TextPart="{{var:day}}", TemplateLanguage=True, TemplateErrorReporting=reporting)
    page = get(simulator, f"/mail/{number}").text
    assert "error in template language" in page
    assert "Unknown identifier: var:day" in page
    assert "dev@example.com" in page


def test_a_mail_that_is_not_there_is_told(simulator):
    assert get(simulator, "/mail/5").status_code == 404


def test_serve_says_one_line_when_ready_and_stops_on_sigterm(tmp_path):
    code = "from mailworker.simulator import SimulatorSettings, serve; serve(SimulatorSettings(port=0))"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )
    try:
        line = process.stdout.readline()
        url = re.search(r"http://127\.0\.0\.1:\d+", line)[0]
        with requests.Session() as session:
            assert session.get(url, timeout=5).status_code == 200
        process.send_signal(signal.SIGTERM)
        rest, complaints = process.communicate(timeout=10)
    finally:
        if process.poll() is None:
            process.kill()
    assert (rest, complaints) == ("", "")
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost"}, 200),
        ({"Host": "mailjet.localhost:8070"}, 200),
        ({"Host": "[::1]:9"}, 200),
        ({"Host": "evil.example"}, 403),  # a name that resolves to 127.0.0.1: DNS rebinding
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Host": ""}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
    ],
)
def test_pages_of_other_sites_reach_nothing(
    simulator: RunningSimulator, headers: dict[str, str], status: int
) -> None:
    with requests.Session() as session:
        assert session.get(simulator.url + "/", headers=headers, timeout=5).status_code == status
        reset = session.post(simulator.url + "/_simulator/reset", headers=headers, timeout=5)
        assert (reset.status_code == 403) is (status == 403)


def test_its_own_page_may_post(simulator: RunningSimulator) -> None:
    with requests.Session() as session:
        own = session.post(simulator.url + "/_simulator/reset", headers={"Origin": simulator.url}, timeout=5)
    assert own.status_code != 403


def test_a_mail_is_seen_on_a_phone_as_it_was_posted_and_checked(simulator):
    html = "<html><body><form></form><img src='x.png'><a href='http://plain.example'>a</a></body></html>"
    number = send(simulator, HTMLPart=html, Headers={"X-Ours": "kept"})
    assert 'class="phone"' in get(simulator, f"/mail/{number}?tab=phone").text
    source = get(simulator, f"/mail/{number}?tab=source").text
    assert "X-Ours" in source
    assert "m-1" in source
    checked = get(simulator, f"/mail/{number}?tab=check").text
    for words in (
        "drop &lt;form&gt;",
        "no alt text",
        "without https: http://plain.example",
        "lead nowhere",
        "lang",
    ):
        assert words in checked
    assert (
        "Nothing that a mail client would change."
        in get(simulator, f"/mail/{invoice(simulator)}?tab=check").text
    )


def test_a_deleted_mail_is_gone_and_the_others_stay(simulator):
    number, other = send(simulator), send(simulator, CustomID="m-2")
    where = f"{simulator.url}/mail/{number}/delete"
    answer = requests.post(where, timeout=5, headers={"Origin": simulator.url})
    assert answer.status_code == 200, "back on the list"
    assert str(number) not in answer.text
    assert str(other) in answer.text
    assert get(simulator, f"/mail/{number}").status_code == 404
    assert requests.post(where, timeout=5, headers={"Origin": simulator.url}).status_code == 404


def test_the_list_renews_itself_and_a_search_stays(simulator):
    assert 'http-equiv="refresh"' in get(simulator, "/").text
    assert 'http-equiv="refresh"' not in get(simulator, "/?q=x").text


def test_all_mails_or_those_found_are_deleted_and_counts_stay(simulator):
    for number, subject in enumerate(("Facture", "Facture", "Bienvenue")):
        send(simulator, Subject=subject, CustomID=f"d-{number}")
    origin = {"Origin": simulator.url}
    assert "Delete these" in get(simulator, "/?q=facture").text
    answer = requests.post(
        f"{simulator.url}/delete?q=facture", headers=origin, timeout=5, allow_redirects=False
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, "/"), "the browser asks for the list"
    left = get(simulator, "/").text
    assert ("Bienvenue" in left, "Facture" in left) == (True, False)
    requests.post(f"{simulator.url}/delete", headers=origin, timeout=5)
    assert "No mail yet" in get(simulator, "/").text
    assert get(simulator, "/_simulator/counts").json()["calls"] == 3


def test_what_was_opened_is_read_and_what_is_unread_can_be_found(simulator):
    first, second = send(simulator, CustomID="m-1"), send(simulator, CustomID="m-2", Subject="Zweite")
    assert "<title>(2) Inbox" in get(simulator, "/").text
    get(simulator, f"/mail/{first}")
    page = get(simulator, "/?q=is:unread").text
    assert (f"/mail/{first}" in page, f"/mail/{second}" in page) == (False, True)
    with requests.Session() as session:
        assert session.post(f"{simulator.url}/read", timeout=5).status_code == 200
    assert "unread" not in get(simulator, "/").text.split("<main", 1)[1]


def test_links_are_listed_with_what_is_wrong_with_them(simulator):
    page = (
        '<a href="https://crm.example/pay/1">Payer</a> <a href="">rien</a> <a href="/x">relatif</a> '
        '<a href="http://crm.example/">clair</a> <a href="https://evil.example/">crm.example</a>'
    )
    id_ = send(simulator, HTMLPart=page, TextPart="Payer : https://crm.example/pay/1. https://other.example/")
    shown = get(simulator, f"/mail/{id_}?tab=links").text
    for sentence in (
        "leads nowhere.", "needs https:// and a host.", "It is not https.", "shows crm.example and leads elsewhere",
        "is in the text part only",
    ):  # fmt: skip
        assert sentence in shown, sentence
    assert shown.count("is not in the text part") == 2


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_template_of_ours_has_a_wrong_link(kind, language):
    template = mail_template(kind, language)
    parts = [render(part, sample_variables(kind, language)) for part in (template.html, template.text)]
    notes = {note for link in links_of(*parts) for note in link.notes}
    assert notes <= {"is not in the text part"}


def test_a_mails_own_pictures_are_in_it_and_its_html_can_be_read(simulator: RunningSimulator) -> None:
    picture = {
        "ContentType": "image/png",
        "Filename": "l.png",
        "ContentID": "logo",
        "Base64Content": "iVBORw0KGgo=",
    }
    page = {"ContentType": "text/html", "Filename": "p.html", "ContentID": "page", "Base64Content": "PGI+"}
    html = '<p>Bonjour <img src="cid:logo"> <img src="cid:page"> <img src="cid:other"></p>'
    number = send(simulator, HTMLPart=html, InlinedAttachments=[picture, page])
    shown = get(simulator, f"/mail/{number}/html").text
    assert '<img src="data:image/png;base64,iVBORw0KGgo=">' in shown
    assert '<img src="cid:page"> <img src="cid:other">' in shown, "what is no picture is not put into a mail"
    code = get(simulator, f"/mail/{number}?tab=code").text
    assert "&lt;img src=&#34;cid:logo&#34;&gt;" in code
    assert ">HTML</a>" in code
    text = send(simulator, CustomID="m-2")
    assert ">HTML</a>" not in get(simulator, f"/mail/{text}?tab=code").text


def test_the_page_searches_by_fields_and_deletes_what_it_found(simulator: RunningSimulator) -> None:
    send(simulator)
    send(simulator, CustomID="m-2", Subject="Facture")
    assert "Bonjour" not in get(simulator, "/?q=subject:facture").text
    assert "Nothing found" in get(simulator, "/?q=subject:facture%20has:attachment").text
    origin = {"Origin": simulator.url, "Content-Type": "application/x-www-form-urlencoded"}
    requests.post(f"{simulator.url}/delete?q=-subject:facture", headers=origin, timeout=5)
    left = get(simulator, "/").text
    assert ("Facture" in left, "Bonjour" in left) == (True, False)
