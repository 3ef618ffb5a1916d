"""Faults between the Internet and the webhook: the address that Mailjet posts to, and who answers there."""

import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest

from mailworker.cli.doctor_checks import webhook
from mailworker.mailjet import send_once_transport
from tests.integration.doctor_faults.configuration import READ, REAL
from tests.integration.doctor_faults.installation import Installation
from tests.integration.doctor_faults.registry import fault
from tests.integration.mailjet_wire import (
    Behaviour,
    Wire,
    answer,
    expired_certificate,
    hang_up,
    make_certificate,
    silent,
)

ASKED = ("webhook",)
#: The name that the Internet has for this installation; the tests' own resolver leads it to loopback.
HOST = "mail.horizon-telecom.example"
HTML = "<html>Please log in</html>"


def resolve_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """HOST is this machine, and any other name below .example is nobody's."""
    real = socket.getaddrinfo

    def found(host: str, *more: Any, **options: Any) -> Any:
        if host.endswith(".example") and host != HOST:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real("127.0.0.1" if host == HOST else host, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", found)


def published(site: Installation, url: str) -> None:
    """A real Mailjet, whom nobody asks here, is to post to this address."""
    resolve_here(site.monkeypatch)
    site.configure(mailjet=REAL, web={"public_url": url})


def answering(site: Installation, *behaviours: Behaviour, certificate: Path | None = None) -> Wire:
    """Somebody who answers so at the public address."""
    tls = None
    if certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        key = certificate.with_suffix(".key")
        tls.load_cert_chain(certificate, key if key.exists() else None)
    wire = site.closing.enter_context(Wire([*behaviours], tls))
    published(site, wire.url.replace("127.0.0.1", HOST))
    return wire


def trusted(site: Installation, certificate: Path) -> Path:
    """As if a public authority had signed it."""
    site.monkeypatch.setattr(send_once_transport, "DEFAULT_CA_BUNDLE_PATH", str(certificate))
    return certificate


@fault(
    67,
    "the webhook's name is unknown",
    subjects=ASKED,
    says="its name is not known",
    cure="correct web.public_url, or enter the name in your DNS",
)
def _(site: Installation) -> None:
    published(site, "https://mial.horizon-telecom.example")


@fault(
    68,
    "nobody listens at the webhook's address",
    subjects=ASKED,
    says="nobody listens there",
    cure="start the proxy, or open its port",
)
def _(site: Installation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as once:
        port = once.getsockname()[1]
    published(site, f"https://{HOST}:{port}")


@fault(
    69,
    "the webhook's certificate has expired",
    subjects=ASKED,
    says="its certificate has expired",
    cure="renew it there",
)
def _(site: Installation) -> None:
    answering(site, hang_up, certificate=trusted(site, expired_certificate(site.folder, HOST)))


@fault(
    70,
    "the webhook's certificate is its own",
    subjects=ASKED,
    says="its certificate is of nobody whom Mailjet trusts",
    cure="get one of a public authority",
)
def _(site: Installation) -> None:
    answering(site, hang_up, certificate=make_certificate(site.folder))


@fault(
    71,
    "the webhook's certificate is for another name",
    subjects=ASKED,
    says="its certificate is for another name",
    cure="get one for this name, or write that one's into web.public_url",
)
def _(site: Installation) -> None:
    answering(site, hang_up, certificate=trusted(site, make_certificate(site.folder)))


@fault(
    72,
    "no TLS at an https:// address",
    subjects=ASKED,
    says="there is no TLS that Mailjet speaks",
    cure="mend that in the proxy",
)
def _(site: Installation) -> None:
    wire = answering(site, answer(400, HTML, "text/html"))
    published(site, wire.url.replace("http://127.0.0.1", f"https://{HOST}"))


@fault(
    73,
    "the webhook's address leads to a login page",
    subjects=ASKED,
    says="it redirects (HTTP 302), and Mailjet needs 200: to sso.example, perhaps a login page",
    cure="let it pass POST /mailjet/events on to `mailworker webhook`",
)
def _(site: Installation) -> None:
    answering(site, answer(302, "", Location="https://u:secret@sso.example/login?next=secret"))


@fault(
    74,
    "the webhook has moved to https://",
    subjects=ASKED,
    says="it redirects (HTTP 301), and Mailjet needs 200",
    cure=f"write https://{HOST} into web.public_url",
)
def _(site: Installation) -> None:
    answering(site, answer(301, "", Location=f"https://{HOST}/mailjet/events"))


@fault(
    75,
    "a page of somebody else's at the webhook's address",
    subjects=ASKED,
    says="somebody else answers there (HTTP 200, a page that is not ours)",
    cure="let it pass POST /mailjet/events on to `mailworker webhook`",
)
def _(site: Installation) -> None:
    answering(site, answer(200, HTML, "text/html"))


@fault(
    76,
    "a proxy does not know the webhook's path",
    subjects=ASKED,
    says="HTTP 404, the proxy does not know the path",
    cure="let it pass POST /mailjet/events on to `mailworker webhook`",
)
def _(site: Installation) -> None:
    answering(site, answer(404, HTML, "text/html"))


@fault(
    77,
    "a proxy asks for its own password before the webhook",
    subjects=ASKED,
    says="HTTP 401, a proxy asks for a password of its own",
    cure="let it pass POST /mailjet/events on to `mailworker webhook`",
)
def _(site: Installation) -> None:
    answering(site, answer(401, HTML, "text/html", WWW_Authenticate='Basic realm="Staff only"'))


@fault(
    78,
    "a proxy is up and the webhook behind it is not",
    subjects=ASKED,
    says="HTTP 502, the proxy is up and the webhook behind it is not",
    cure="start `mailworker webhook`",
)
def _(site: Installation) -> None:
    answering(site, answer(502, HTML, "text/html"))


@fault(
    79,
    "the webhook's address is too slow",
    subjects=ASKED,
    says="no answer within 5 s",
    cure="look at the load of the proxy there and of `mailworker webhook`",
)
def _(site: Installation) -> None:
    site.monkeypatch.setattr(webhook, "ANSWER_TIME", 0.3)
    released = threading.Event()
    answering(site, silent(released))
    site.closing.callback(released.set)


@fault(
    80, "the webhook's address has no TLS", subjects=READ,
    says="web.public_url is http://, so the webhook's password travels in the clear", cure="put a proxy with TLS before it",
)  # fmt: skip
def _(site: Installation) -> None:
    site.configure(mailjet=REAL, web={"public_url": f"http://{HOST}"})
