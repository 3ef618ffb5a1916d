"""The gateway against real sockets and real TLS: what leaves, how often, and what we make of the answer."""

import base64
import json
import os
import socket
import ssl
import threading

import pytest
from mailjet_rest.client import JitterRetry

from mailworker.core.masked_secret import Secret
from mailworker.core.message import Address, Mail
from mailworker.core.settlement import Receipt
from mailworker.core.unset_text import UnsetText
from mailworker.errors import (
    MailworkerError,
    Misconfigured,
    Refused,
    Throttled,
    TooLarge,
    TransientError,
    UnknownOutcome,
    Unreachable,
)
from mailworker.mailjet import retry_unconnected, send_once_transport, session
from mailworker.mailjet.credentials import MailjetAccess
from mailworker.mailjet.gateway import Gateway
from mailworker.mailjet.rest_api import RestCall
from tests.integration.mailjet_wire import (
    answer,
    drip,
    hang_up,
    make_certificate,
    reset,
    silent,
    truncated,
    tunnel,
    wire,
)

pytestmark = pytest.mark.integration

BIG = 1152921509597813712


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    return context


@pytest.fixture
def open_gateway(certificate):
    opened = []

    def open_one(url, *, read_timeout=5.0, connect_timeout=2.0, ca_bundle=certificate, proxy=None):
        keys = Secret("key"), Secret("secret")
        proxy = proxy and Secret(proxy)
        opened.append(Gateway(MailjetAccess(*keys, url, connect_timeout, read_timeout, ca_bundle, proxy)))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


def mail(number=1):
    return Mail(
        id=f"id-{number}",
        kind="api_crmCommunicationCustomerInvoice",
        from_=Address("billing@crm.example"),
        to=Address("jean@client.example"),
        template_id=42,
        subject="",
        variables={},
    )


def success(number=1, **more):
    to = [{"Email": "jean@client.example", "MessageUUID": "23ba", "MessageID": BIG, "MessageHref": "x"}]
    return {"Status": "success", "CustomID": f"id-{number}", "To": to, "Cc": [], "Bcc": []} | more


def sent(**more):
    return {"Messages": [success()]} | more


def outcome(gateway):
    try:
        return gateway.send([mail()], call_id="call-1")[0]
    except MailworkerError as error:
        return error


HTML_502 = answer(502, "<html><h1>502 Bad Gateway</h1></html>", "text/html")
HTML_429 = answer(429, "<html><body><h1>429 Too Many Requests</h1>", "text/html")
HTML_413 = answer(413, "<html><body><h1>413 Request Entity Too Large</h1>", "text/html")


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        pytest.param(
            answer(500, {"ErrorIdentifier": "b1a2c3d4", "StatusCode": 500}), UnknownOutcome, id="500"
        ),
        pytest.param(HTML_502, UnknownOutcome, id="502 of a proxy"),
        pytest.param(answer(503, "", "text/plain"), UnknownOutcome, id="503 empty"),
        pytest.param(HTML_429, Throttled, id="429"),
        pytest.param(
            answer(429, "", "text/html", Retry_After="3"), Throttled, id="429 that asks for a pause"
        ),
        pytest.param(HTML_413, TooLarge, id="413"),
        pytest.param(reset, UnknownOutcome, id="reset after the body"),
        pytest.param(hang_up, UnknownOutcome, id="closed without an answer"),
        pytest.param(truncated('{"Messages":[{"Status":"success"', 40), UnknownOutcome, id="cut short"),
        pytest.param(answer(200, '{"Messages":[{"Status":"succ'), UnknownOutcome, id="truncated JSON"),
        pytest.param(answer(200, "<html>Welcome</html>", "text/html"), UnknownOutcome, id="200 that is HTML"),
        pytest.param(answer(200, ""), UnknownOutcome, id="200 that is empty"),
        pytest.param(answer(302, "", Location="/v3.1/elsewhere"), Misconfigured, id="redirect"),
        pytest.param(
            answer(307, "", Location="/v3.1/elsewhere"), Misconfigured, id="redirect that keeps POST"
        ),
        pytest.param(
            answer(401, {"ErrorIdentifier": "b1a2c3d4", "StatusCode": 401}), Misconfigured, id="401"
        ),
        pytest.param(answer(401, "", "text/html"), Misconfigured, id="401 empty"),
        pytest.param(answer(200, sent(NewField={"x": 1})), Receipt, id="unknown new field"),
    ],
)
def test_one_post_on_the_wire_over_https_whatever_is_answered(tls, open_gateway, behaviour, expected):
    with wire(behaviour, answer(200, sent()), tls=tls) as server:
        assert isinstance(outcome(open_gateway(server.url)), expected)
        assert server.posts == 1
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("behave", "fault"),
    [(silent, "ReadTimeout"), (lambda released: drip(released, 0.05), "TimeoutError")],
    ids=["silence", "slow drip"],
)
def test_a_read_timeout_is_one_post_and_an_unknown_outcome(tls, open_gateway, behave, fault):
    with wire(tls=tls) as server:
        server.behaviours = [behave(server.released)]
        fate = outcome(open_gateway(server.url, read_timeout=0.3))
        assert isinstance(fate, UnknownOutcome)
        assert str(fate) == f"The call left for Mailjet, and its answer was never seen ({fault})."
        assert server.posts == 1


@pytest.mark.parametrize("interim", ["102 Processing", "103 Early Hints"])
def test_an_interim_answer_is_passed_over_and_not_left_to_the_next_call(open_gateway, interim):
    """RFC 9110, section 15.2: any number of them may come before the final answer."""

    def behave(connection):
        connection.sendall(f"HTTP/1.1 {interim}\r\nLink: </a>\r\n\r\n".encode() * 2)
        answer(200, sent())(connection)

    with wire(behave) as server:
        gateway = open_gateway(server.url)
        assert [outcome(gateway) for _ in range(2)] == [Receipt(BIG, "23ba")] * 2
        assert gateway.rest(RestCall("contact", "PUT", id=7, data={})) == sent()
        assert (len(server.requests), server.connections) == (3, 1)


@pytest.mark.parametrize("location", [b"http://[bad", b"\xff\xfe", b"https://evil.example/", b"http://h:x/"])
@pytest.mark.parametrize(
    ("status", "expected"), [(301, Misconfigured), (303, UnknownOutcome), (308, Misconfigured)]
)
def test_wherever_a_redirect_points_nobody_looks_there(open_gateway, location, status, expected):
    def behave(connection):
        head = f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\nLocation: ".encode()
        connection.sendall(head + location + b"\r\n\r\n")

    with wire(behave) as server:
        assert isinstance(outcome(open_gateway(server.url)), expected)
        assert len(server.requests) == 1


def test_without_our_adapter_the_library_posts_four_times(tls, open_gateway, certificate, monkeypatch):
    """The test of the tests above: what they would miss if this went to one."""
    monkeypatch.setattr(session, "_tame", lambda *args: None)
    monkeypatch.setattr(JitterRetry, "get_backoff_time", lambda self: 0)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with wire(HTML_502, tls=tls) as server:
        assert isinstance(outcome(open_gateway(server.url)), UnknownOutcome)
        assert server.posts == 4


def test_what_leaves_is_json_with_our_key_and_nothing_else(tls, open_gateway):
    with wire(answer(200, sent()), tls=tls) as server:
        gateway = open_gateway(server.url)
        assert gateway.send([mail()], call_id="call-1") == [Receipt(BIG, "23ba")]
    (request,) = server.requests
    assert request.line == "POST /v3.1/send HTTP/1.1"
    assert request.headers["idempotency-key"] == "call-1"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["authorization"] == "Basic a2V5OnNlY3JldA=="
    body = json.loads(request.body)
    assert body["AdvanceErrorHandling"] is True
    assert body["Messages"][0]["CustomID"] == "id-1"


def test_partial_success_is_read_message_by_message_over_http_400(tls, open_gateway):
    error = {"ErrorIdentifier": "154364af", "ErrorCode": "mj-0013", "StatusCode": 400}
    error |= {"ErrorMessage": '"jean@x..fr" is an invalid email address.', "ErrorRelatedTo": ["To[0].Email"]}
    body = {"Messages": [success(1), {"Status": "error", "Errors": [error]}, success(3)]}
    with wire(answer(400, body), tls=tls) as server:
        first, second, third = open_gateway(server.url).send([mail(1), mail(2), mail(3)], call_id="c")
    assert first == third == Receipt(BIG, "23ba")
    assert isinstance(second, Refused)
    assert second.code == "mj-0013"
    assert "To[0].Email" in str(second)
    assert "154364af" in str(second)
    assert "jean" not in str(second)


def test_no_error_drags_mailjets_words_along_in_its_chain(tls, open_gateway):
    body = {"ErrorCode": "mj-0013", "ErrorMessage": '"jean@x..fr" is invalid', "StatusCode": 400}
    with wire(answer(400, body), tls=tls) as server:
        error = outcome(open_gateway(server.url))
    assert error.__cause__ is error.__context__ is None


def test_a_pooled_connection_is_used_again(tls, open_gateway):
    with wire(answer(200, sent()), tls=tls) as server:
        gateway = open_gateway(server.url)
        assert [outcome(gateway) for _ in range(3)] == [Receipt(BIG, "23ba")] * 3
        assert server.connections == 1


def test_an_idle_connection_is_not_trusted_with_a_message(tls, open_gateway, monkeypatch):
    monkeypatch.setattr(send_once_transport, "MAX_IDLE", -1.0)
    with wire(answer(200, sent()), tls=tls) as server:
        gateway = open_gateway(server.url)
        assert [outcome(gateway) for _ in range(2)] == [Receipt(BIG, "23ba")] * 2
        assert server.connections == 2


def test_a_forked_child_speaks_over_its_own_connection(open_gateway):
    with wire(answer(200, sent())) as server:
        gateway = open_gateway(server.url)
        assert isinstance(outcome(gateway), Receipt)
        child = os.fork()
        if not child:
            os._exit(0 if isinstance(outcome(gateway), Receipt) else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert isinstance(outcome(gateway), Receipt)
        assert (server.posts, server.connections) == (3, 2)


class TestNeverLeft:
    @pytest.fixture(autouse=True)
    def no_waits(self, monkeypatch):
        monkeypatch.setattr(retry_unconnected.CONNECT_AGAIN, "sleep", lambda seconds: None)

    def test_a_refused_connection_is_tried_a_few_times(self, open_gateway, monkeypatch):
        tries = []
        connect = send_once_transport._PlainConnection.connect
        monkeypatch.setattr(
            send_once_transport._PlainConnection, "connect", lambda one: (tries.append(1), connect(one))
        )
        with socket.create_server(("127.0.0.1", 0)) as closed:
            url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        error = outcome(open_gateway(url))
        assert isinstance(error, Unreachable)
        assert "ConnectionRefusedError" in str(error)
        assert len(tries) == retry_unconnected.CONNECT_TRIES

    def test_a_server_that_comes_up_meanwhile_gets_one_post(self, open_gateway, monkeypatch):
        with wire(answer(200, sent())) as server:
            connect = send_once_transport._PlainConnection.connect
            refusals = iter([True, True, False])

            def sometimes(door):
                if next(refusals):
                    raise Unreachable
                connect(door)

            monkeypatch.setattr(send_once_transport._PlainConnection, "connect", sometimes)
            assert outcome(open_gateway(server.url)) == Receipt(BIG, "23ba")
            assert server.posts == 1

    def test_a_name_that_does_not_resolve(self, open_gateway, monkeypatch):
        def nowhere(*args, **kwargs):
            raise socket.gaierror(-2, "Name or service not known")

        monkeypatch.setattr(socket, "getaddrinfo", nowhere)
        error = outcome(open_gateway("https://api.mailjet.com/"))
        assert isinstance(error, Unreachable)
        assert "name was not resolved" in str(error)

    def test_a_certificate_that_nobody_trusts(self, tls, open_gateway):
        with wire(answer(200, sent()), tls=tls) as server:
            error = outcome(open_gateway(server.url, ca_bundle=None))
            assert isinstance(error, Unreachable)
            assert "certificate is not trusted" in str(error)
            assert not server.requests

    def test_a_server_without_tls(self, open_gateway):
        with wire(answer(200, sent())) as server:
            url = server.url.replace("http:", "https:")
            assert isinstance(outcome(open_gateway(url, connect_timeout=0.2)), Unreachable)

    def test_a_handshake_that_never_ends(self, open_gateway):
        with wire(answer(200, sent())) as server:
            server.behaviours = [silent(server.released)]
            url = server.url.replace("http:", "https:")
            assert isinstance(outcome(open_gateway(url, connect_timeout=0.2)), Unreachable)

    def test_tls_that_breaks_after_the_body_left_is_not_taken_for_a_handshake(self, tls, open_gateway):
        def garbage(connection):
            raw = socket.socket(fileno=os.dup(connection.fileno()))
            with raw:
                raw.sendall(b"\x17\x03\x03\x00\x20" + b"x" * 32)  # a TLS record that nobody encrypted
                raw.shutdown(socket.SHUT_RDWR)

        with wire(garbage, tls=tls) as server:
            assert isinstance(outcome(open_gateway(server.url)), UnknownOutcome)
            assert server.posts == 1


class TestProxy:
    """Through an HTTP proxy that tunnels, over TLS with a private authority."""

    def test_a_mail_goes_through_the_tunnel_once(self, tls, open_gateway):
        with wire(answer(200, sent()), tls=tls) as server, tunnel() as proxy:
            url = proxy.url.replace("http://", "http://ana:s%40cret@")
            assert outcome(open_gateway(server.url, proxy=url)) == Receipt(BIG, "23ba")
            assert server.posts == 1
            (asked,) = proxy.requests
            assert asked.line.split()[:2] == ["CONNECT", server.url.split("/")[2]]
            credentials = asked.headers["proxy-authorization"].removeprefix("Basic ")
            assert base64.b64decode(credentials) == b"ana:s@cret"

    def test_a_tunnel_to_somebody_without_our_trust_carries_nothing(self, tls, open_gateway):
        with wire(answer(200, sent()), tls=tls) as server, tunnel() as proxy:
            error = outcome(open_gateway(server.url, proxy=proxy.url, ca_bundle=None))
            assert isinstance(error, Unreachable)
            assert "certificate is not trusted" in str(error)
            assert not server.requests

    @pytest.mark.parametrize(("status", "words"), [(407, "it wants a password"), (403, "refuses to connect")])
    def test_a_proxy_that_refuses_is_no_doubt(self, open_gateway, status, words):
        with tunnel(status) as proxy:
            error = outcome(open_gateway("https://api.mailjet.com/", proxy=proxy.url))
            assert isinstance(error, Unreachable)
            assert words in str(error)

    def test_a_proxy_that_is_not_there_is_no_doubt(self, open_gateway):
        error = outcome(open_gateway("https://api.mailjet.com/", proxy="http://127.0.0.1:1/"))
        assert isinstance(error, Unreachable)

    @pytest.mark.parametrize(
        "proxy", ["http://u:s3cret@h:port", "http://u:s3cret#1@h:3128", "http://h:99999"]
    )
    def test_a_proxy_that_is_no_url_is_no_doubt(self, open_gateway, proxy):
        error = outcome(open_gateway("https://api.mailjet.com/", proxy=proxy))
        assert isinstance(error, Unreachable)
        assert "s3cret" not in str(error)

    def test_a_proxy_that_speaks_no_http_is_no_doubt(self, open_gateway):
        def greet(near):
            near.sendall(b"220 mail.example ESMTP\r\n")
            near.shutdown(socket.SHUT_RDWR)

        with wire(greet) as proxy:
            error = outcome(open_gateway("https://api.mailjet.com/", proxy=proxy.url))
            assert isinstance(error, Unreachable)

    def test_a_silent_answer_through_a_tunnel_is_doubt(self, tls, open_gateway):
        with wire(reset, tls=tls) as server, tunnel() as proxy:
            assert isinstance(outcome(open_gateway(server.url, proxy=proxy.url)), UnknownOutcome)
            assert server.posts == 1

    def test_a_mailjet_on_this_machine_needs_no_proxy(self, open_gateway):
        with wire(answer(200, sent())) as server:
            assert isinstance(outcome(open_gateway(server.url, proxy="http://127.0.0.1:1/")), Receipt)


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_bundle_that_is_none_is_told_and_taken_up_once_it_is_one(
    open_gateway, tls, certificate, tmp_path, content
):
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content, encoding="utf-8")
        os.utime(path, (1, 1))
    with wire(answer(200, sent()), tls=tls) as server:
        gateway = open_gateway(server.url, ca_bundle=path)
        gateway.open()
        error = outcome(gateway)
        assert isinstance(error, Misconfigured)
        assert str(error).startswith("mailjet.ca_bundle: cannot be read (")
        assert str(error).endswith("); name a PEM file of certificates.")
        assert error.code == "crm_config"
        path.write_text(certificate.read_text(encoding="utf-8"), encoding="utf-8")
        assert isinstance(outcome(gateway), Receipt)


def test_a_gateway_that_was_opened_opens_nothing_once_a_call_is_announced(open_gateway, monkeypatch):
    with wire(answer(200, sent())) as server:
        gateway = open_gateway(server.url)
        gateway.open()
        monkeypatch.setattr("mailworker.mailjet.session.open_session", None)
        assert isinstance(outcome(gateway), Receipt)


def test_a_renewed_bundle_is_taken_up_and_one_being_written_disturbs_nobody(
    open_gateway, tls, certificate, tmp_path
):
    path, other = tmp_path / "ca.pem", make_certificate(tmp_path)
    path.write_text(other.read_text(encoding="utf-8"), encoding="utf-8")
    os.utime(path, (1, 1))
    with wire(answer(200, sent()), tls=tls) as server:
        gateway = open_gateway(server.url, ca_bundle=path)
        assert str(outcome(gateway)) == "Mailjet could not be reached: its certificate is not trusted."
        path.write_text(certificate.read_text(encoding="utf-8"), encoding="utf-8")
        os.utime(path, (2, 2))
        assert isinstance(outcome(gateway), Receipt)
        path.write_text("", encoding="utf-8")
        assert isinstance(outcome(gateway), Receipt)


def test_proxies_of_the_environment_are_not_used(open_gateway, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1/")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1/")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with wire(answer(200, sent())) as server:
        assert isinstance(outcome(open_gateway(server.url)), Receipt)


@pytest.mark.parametrize(
    "url", ["http://mailjet-sim:8080/", "https://api.mailjet.com.evil.example/", "ftp://x/"]
)
def test_a_host_that_is_neither_mailjet_nor_loopback_holds_the_mail(open_gateway, url):
    error = outcome(open_gateway(url))
    assert isinstance(error, Misconfigured)
    assert str(error) == (
        "mailjet.api_url: its host is neither Mailjet's nor this machine's loopback; write "
        "https://api.mailjet.com/, or http://localhost with a port for a local Mailjet."
    )


@pytest.mark.parametrize("key", ["", " ", "k\ney", "clé‑€"])
def test_a_key_that_cannot_be_one_holds_the_mail(key):
    error = outcome(Gateway(MailjetAccess(Secret(key), Secret("secret"))))
    assert isinstance(error, Misconfigured)
    assert str(error) == (
        "mailjet.api_key, mailjet.api_secret: one is empty or has an odd character; copy it again."
    )


def test_a_key_whose_variable_is_not_set_holds_the_mail(open_gateway):
    unset = Secret(UnsetText("crm_config.yaml:2: MAILJET_API_KEY is not set."))
    error = outcome(Gateway(MailjetAccess(unset, Secret("secret"))))
    assert isinstance(error, Misconfigured)
    assert str(error) == "crm_config.yaml:2: MAILJET_API_KEY is not set."


class TestRest:
    @pytest.mark.parametrize(
        ("behaviour", "expected"),
        [
            (
                answer(500, {"ErrorInfo": "EFPWebError", "ErrorMessage": "x", "StatusCode": 500}),
                TransientError,
            ),
            (HTML_502, TransientError),
            (HTML_429, Throttled),
            (reset, TransientError),
            (answer(200, "<html>"), TransientError),
            (answer(401, "", "text/html"), Misconfigured),
            (answer(404, {"ErrorInfo": "", "ErrorMessage": "Object not found", "StatusCode": 404}), Refused),
            (answer(404, "<html>nginx</html>", "text/html"), Misconfigured),
        ],
    )
    def test_a_question_fails_without_doubt(self, open_gateway, behaviour, expected):
        with wire(behaviour) as server, pytest.raises(expected):
            open_gateway(server.url).rest(RestCall("message", id=1))

    def test_a_change_that_was_not_answered_is_unknown(self, open_gateway):
        with wire(reset) as server, pytest.raises(UnknownOutcome):
            open_gateway(server.url).rest(RestCall("contact", "POST", data={"Email": "a@b.example"}))

    def test_a_change_that_changes_nothing_answers_304(self, open_gateway):
        with wire(answer(304, "")) as server:
            assert open_gateway(server.url).rest(RestCall("contact", "PUT", id=7, data={"Name": "x"})) is None

    def test_paths_and_queries_are_mailjets(self, open_gateway):
        with wire(answer(200, {"Count": 0, "Data": [], "Total": 0})) as server:
            gateway = open_gateway(server.url)
            gateway.rest(RestCall("message", filters={"CustomID": "id-1"}))
            gateway.rest(RestCall("contact_managemanycontacts", action_id=7))
            gateway.raw("DELETE", "v4/contacts/9")
        assert [request.line.rsplit(" ", 1)[0] for request in server.requests] == [
            "GET /v3/REST/message?CustomID=id-1",
            "GET /v3/REST/contact/managemanycontacts/7",
            "DELETE /v4/contacts/9",
        ]


def test_many_threads_share_one_gateway(open_gateway):
    with wire(answer(200, sent())) as server:
        gateway = open_gateway(server.url)
        fates = []
        threads = [threading.Thread(target=lambda: fates.append(outcome(gateway))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert fates == [Receipt(BIG, "23ba")] * 8
        assert server.posts == 8
