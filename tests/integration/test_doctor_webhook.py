"""The doctor's question to the webhook: what is asked, of whom, and when nobody is."""

import contextlib
import json
import socket
import ssl
import threading

import pytest
import uvicorn

from mailworker.cli.doctor_checks import webhook
from mailworker.cli.doctor_checks.run_check import run_check
from mailworker.config.settings import parse_settings
from mailworker.container import Container
from mailworker.mailjet import send_once_transport
from mailworker.web.app import create_app
from tests.integration.doctor_faults.webhook import HOST, HTML, resolve_here
from tests.integration.mailjet_wire import answer, drip, drip_head, hang_up, make_certificate, tunnel, wire

pytestmark = pytest.mark.integration
REAL = "https://api.mailjet.com/"
OURS = answer(401, "Who are you?\n", WWW_Authenticate='Basic realm="mailworker events", charset="UTF-8"')

INSIDE = "It answers at 127.0.0.1, an address inside: whether Mailjet can come, a host outside sees."


def settings(url, *, api_url=REAL, login=True, **mailjet):
    sections = {
        "mailjet": {"api_key": "k", "api_secret": "s", "api_url": api_url, **mailjet},
        "web": {"public_url": url} if url else {},
    }
    if login:
        sections["web"] |= {"webhook_user": "mailjet", "webhook_password": "p:w"}
    return parse_settings(json.dumps(sections), environ={})


def asked(*given, **changes):
    (check,) = webhook.checks(settings(*given, **changes))
    return run_check(check)


@pytest.fixture(autouse=True)
def _resolver(monkeypatch):
    resolve_here(monkeypatch)


def outside(one):
    """Its address as the Internet has it."""
    return one.url.replace("127.0.0.1", HOST)


@contextlib.contextmanager
def served(app):
    """The web application on a free port of loopback; gives the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(10)


def test_our_own_webhook_is_known_by_its_refusal():
    with contextlib.closing(Container(settings(None))) as container, served(create_app(container)) as port:
        assert asked(f"http://{HOST}:{port}").sentences == (INSIDE,)
        (fault,) = asked(f"http://{HOST}:{port}/elsewhere").faults
    assert "HTTP 404, the proxy does not know the path" in fault


def test_a_certificate_for_its_name_that_everybody_trusts(tmp_path, monkeypatch):
    certificate = make_certificate(tmp_path, HOST)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, certificate.with_suffix(".key"))
    monkeypatch.setattr(send_once_transport, "DEFAULT_CA_BUNDLE_PATH", str(certificate))
    with wire(OURS, tls=tls) as there:
        assert asked(outside(there)).sentences == (INSIDE,)
    assert len(there.requests) == 1


@pytest.mark.parametrize(
    ("addresses", "notes"),
    [
        (["93.184.216.34"], []),
        (["10.0.0.7", "2606:2800:220:1::1"], []),
        (
            ["fd00::7", "10.0.0.7"],
            [
                "It answers at 10.0.0.7, fd00::7, an address inside: whether Mailjet can come, a host outside sees."
            ],
        ),
    ],
)
def test_an_answer_from_inside_proves_nothing_for_mailjet(monkeypatch, addresses, notes):
    with wire(OURS) as there:
        url, real = outside(there), socket.getaddrinfo

        def resolved(host, port, *more, **options):
            if port is None:
                return [(None, None, None, "", (one, 0)) for one in addresses]
            return real(host, port, *more, **options)

        monkeypatch.setattr(socket, "getaddrinfo", resolved)
        found = asked(url)
    assert (found.faults, found.notes) == ([], notes)


@pytest.mark.parametrize("path", ["", "at/this/path", "at/this/path/"])
def test_one_post_without_the_password_below_any_path(path, monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text(f"machine {HOST} login me password secret\n", encoding="utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    with wire(OURS) as there:
        assert asked(f"{outside(there)}{path}").sentences == (INSIDE,)
    (request,) = there.requests
    expected = f"/{path}".rstrip("/")
    assert request.line == f"POST {expected}/mailjet/events HTTP/1.1"
    assert not {"authorization", "cookie"} & request.headers.keys()
    assert request.body == b""


@pytest.mark.parametrize(
    "url", [None, "http://127.0.0.1:8070", "https://[::1]/", "http://localhost:8070", "https://x.localhost"]
)
def test_nobody_is_asked_where_nobody_outside_is_to_come(url):
    assert list(webhook.checks(settings(url))) == []
    assert list(webhook.checks(settings(f"https://{HOST}", login=False))) == []


def test_with_a_local_mailjet_it_is_a_note():
    with wire(answer(502, HTML, "text/html")) as there:
        found = asked(outside(there), api_url="http://127.0.0.1:8025/")
    assert (found.faults, len(found.notes)) == ([], 1)


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("https://u:geheim@sso.example/login?next=geheim", "to sso.example, perhaps a login page"),
        ("/login", f"to {HOST}, perhaps a login page"),
        (f"https://new.{HOST}:444/in/mailjet/events", f"write https://new.{HOST}:444/in into web.public_url"),
        ("https://[geheim/", "let it pass POST /mailjet/events on"),
        (f"http://{HOST}:geheim/", "let it pass POST /mailjet/events on"),
        ("https://a\x1b[31mb.example/", "let it pass POST /mailjet/events on"),
    ],
)
def test_a_redirect_shows_where_to_but_nothing_that_may_be_secret(location, words):
    with wire(answer(307, "", Location=location)) as there:
        (fault,) = asked(outside(there)).faults
    assert len(there.requests) == 1, "it is not followed"
    assert words in fault
    assert "geheim" not in fault
    assert "\x1b" not in fault


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (hang_up, "hangs up, or speaks no HTTP"),
        (lambda connection: connection.sendall(b"SSH-2.0-OpenSSH_9\r\n\r\n"), "hangs up, or speaks no HTTP"),
        (answer(403, HTML), "HTTP 403, a firewall or proxy refuses"),
        (answer(405, HTML), "HTTP 405, the proxy takes no POST"),
        (answer(200, {}), "somebody else answers there (HTTP 200, an answer that is not ours)"),
        (answer(418, HTML), "HTTP 418, which is not ours: let it pass POST /mailjet/events on"),
    ],
)
def test_who_else_may_answer(behaviour, words):
    with wire(behaviour) as there:
        (fault,) = asked(outside(there)).faults
    assert words in fault
    assert "p:w" not in fault


@pytest.mark.parametrize("slow", [drip, drip_head])
def test_an_answer_without_end_is_given_up(slow, monkeypatch):
    monkeypatch.setattr(webhook, "ANSWER_TIME", 0.3)
    with wire(slow(threading.Event(), 0.05)) as there:
        (fault,) = asked(outside(there)).faults
    assert "no answer within 5 s" in fault


@pytest.mark.parametrize(
    ("sign", "words"),
    [
        (TimeoutError(), "nobody answers there: open the port in the firewall"),
        (OSError(113, "No route to host"), "this host finds no way there"),
    ],
)
def test_no_connection(monkeypatch, sign, words):
    def refuse(*_, **__):
        raise sign

    monkeypatch.setattr(socket, "socket", refuse)
    (fault,) = asked(f"https://{HOST}").faults
    assert words in fault


def test_a_proxy_that_does_not_let_this_host_go_there():
    with tunnel(403) as proxy:
        (fault,) = asked(f"https://{HOST}", proxy=proxy.url).faults
    assert "mailjet.proxy does not let this host go there" in fault
