"""Whether the webhook answers at web.public_url: asked from this host, as Mailjet posts but without password.

How long Mailjet waits for an answer is not known; ours comes within a second, or not at all.
"""

import contextlib
import socket
from collections.abc import Iterator
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import requests
from urllib3.exceptions import HTTPError, ReadTimeoutError

from mailworker.cli.doctor_checks.finding import Check, Note
from mailworker.errors import Unreachable
from mailworker.mailjet.send_once_transport import OnceAdapter
from mailworker.simulator.settings import is_loopback

if TYPE_CHECKING:
    from mailworker.config.settings import Settings

SUBJECT = "webhook"
#: Seconds to connect, and to the whole answer.
CONNECT_TIME, ANSWER_TIME = 3.0, 5.0
_PATH = "/mailjet/events"
#: What our webhook alone asks a password for.
_REALM = "mailworker events"
_PASS_ON = f"let it pass POST {_PATH} on to `mailworker webhook` (docs/upgrade.md)"
_FROM_ELSEWHERE = "if Mailjet's events do come, only this host has no way there: ask the doctor on another"
#: By a sign of why there was no connection, in the order in which they are looked for.
_NO_CONNECTION = {
    "not resolved": "its name is not known: correct web.public_url, or enter the name in your DNS",
    "Refused": f"nobody listens there: start the proxy, or open its port ({_FROM_ELSEWHERE})",
    "Timeout": f"nobody answers there: open the port in the firewall ({_FROM_ELSEWHERE})",
    "has expired": "its certificate has expired: renew it there",
    "not valid yet": "its certificate is not valid yet: look at the clocks there and here",
    "for another": "its certificate is for another name: get one for this name, or write that one's into "
    "web.public_url",
    "not trusted": "its certificate is of nobody whom Mailjet trusts: get one of a public authority, and "
    "let the proxy send the certificates between as well",
    "TLS": "there is no TLS that Mailjet speaks: mend that in the proxy",
    "the proxy refuses": "mailjet.proxy does not let this host go there: ask the doctor on a host outside",
    "": f"this host finds no way there: look at the DNS and the firewall ({_FROM_ELSEWHERE})",
}
_SLOW = (
    f"no answer within {ANSWER_TIME:.0f} s: look at the load of the proxy there and of `mailworker webhook`"
)
_NO_HTTP = "what answers there hangs up, or speaks no HTTP: look at the proxy, and at web.public_url"
_ANSWERS = {
    **dict.fromkeys((401, 407), f"a proxy asks for a password of its own: {_PASS_ON}, which has one"),
    403: f"a firewall or proxy refuses: {_PASS_ON}, from everywhere, for Mailjet's addresses are not known",
    404: f"the proxy does not know the path: {_PASS_ON}",
    405: f"the proxy takes no POST: {_PASS_ON}",
    **dict.fromkeys(
        (502, 503, 504),
        "the proxy is up and the webhook behind it is not: start `mailworker webhook`, or correct the "
        "address to which the proxy passes",
    ),
}


def checks(settings: "Settings") -> Iterator[Check]:
    """None where nobody outside is to come: without a login, without an address, on loopback."""
    url, web = settings.web.public_url, settings.web
    host = (urlsplit(url).hostname or "").rstrip(".") if url else ""
    if url and web.webhook_user and not is_loopback(host) and not host.endswith(".localhost"):
        yield Check(SUBJECT, "the webhook answers at web.public_url", lambda: _answer_faults(url, settings))


def _answer_faults(public_url: str, settings: "Settings") -> list[str]:
    """Why Mailjet's events would not come in. With a local Mailjet it concerns no customer."""
    url = f"{public_url.rstrip('/')}{_PATH}"
    fault = _fault(url, settings)
    if fault:
        sentence = f"The webhook cannot be reached at {url}: {fault}."
        return [Note(sentence) if settings.mailjet.is_local else sentence]
    return [] if settings.mailjet.proxy else _inside(urlsplit(url).hostname or "")


def _inside(host: str) -> list[str]:
    """That an answer from inside proves nothing for Mailjet: a split DNS, or Debian's line in /etc/hosts."""
    addresses = sorted({str(found[4][0]) for found in socket.getaddrinfo(host, None)})
    if any(ip_address(one).is_global for one in addresses):
        return []
    where = ", ".join(addresses)
    return [Note(f"It answers at {where}, an address inside: whether Mailjet can come, a host outside sees.")]


def _fault(url: str, settings: "Settings") -> str:
    """One post of nothing, by no session, which would send a password of ~/.netrc.

    Only public authorities count: Mailjet knows none of a company's own.
    """
    proxy = settings.mailjet.proxy
    bundle = settings.mailjet.ca_bundle if proxy else None  # the proxy may sign what it looks into
    with contextlib.closing(OnceAdapter(ca_bundle=bundle)) as adapter:
        try:
            answer = adapter.send(
                requests.Request("POST", url, headers={"User-Agent": "mailworker-doctor"}).prepare(),
                timeout=(CONNECT_TIME, ANSWER_TIME),
                proxies={"https": proxy.reveal()} if proxy else {},
            )
        except Unreachable as fault:
            return next(words for sign, words in _NO_CONNECTION.items() if sign in str(fault))
        except (requests.Timeout, ReadTimeoutError):
            return _SLOW
        except (requests.RequestException, HTTPError):
            return _NO_HTTP
    return _of_answer(answer)


def _of_answer(answer: requests.Response) -> str:
    """What is wrong with it: nothing, where it is our own refusal of who comes without the password."""
    status = answer.status_code
    if status == requests.codes.unauthorized and _REALM in answer.headers.get("WWW-Authenticate", ""):
        return ""
    if answer.is_redirect:
        return f"it redirects (HTTP {status}), and Mailjet needs 200: {_of_redirect(answer)}"
    if answer.ok:
        page = "a page" if "html" in answer.headers.get("Content-Type", "") else "an answer"
        return f"somebody else answers there (HTTP {status}, {page} that is not ours): {_PASS_ON}"
    return f"HTTP {status}, {_ANSWERS.get(status, f'which is not ours: {_PASS_ON}')}"


def _of_redirect(answer: requests.Response) -> str:
    """Where to, of which only scheme, host and our own path are shown: the rest may be a secret."""
    try:
        target = urlsplit(urljoin(answer.url, answer.headers["Location"]))
        host = target.hostname or ""
        port = f":{target.port}" if target.port else ""
    except ValueError:
        return _PASS_ON
    moved = f"{target.scheme}://{host}{port}{target.path.removesuffix(_PATH)}"
    if not moved.isprintable() or target.scheme not in {"http", "https"}:
        return _PASS_ON
    if target.path.endswith(_PATH) and not target.query and f"{moved}{_PATH}" != answer.url:
        return f"write {moved} into web.public_url, then run `mailworker webhook register`"
    return f"to {host}, perhaps a login page; {_PASS_ON}"
