"""One process's session with Mailjet: mailjet-rest, tamed."""

import logging
import os
from dataclasses import dataclass
from typing import Any

import requests
from mailjet_rest import Client, Config

from mailworker.errors import ConfigError
from mailworker.mailjet.credentials import MailjetAccess
from mailworker.mailjet.send_once_transport import OnceAdapter


@dataclass(frozen=True, slots=True)
class MailjetSession:
    """One process's session: never shared with a forked child, whose TLS state would be the parent's.

    `opened_for` is the process, and the file of authorities as it was then.
    """

    opened_for: tuple[int, float]
    send: Client
    rest: Client


def surroundings(access: MailjetAccess) -> tuple[int, float]:
    """What a session is opened for: where this changes, a new one is due."""
    try:
        changed = access.ca_bundle.stat().st_mtime if access.ca_bundle else 0.0
    except OSError:
        changed = 0.0
    return os.getpid(), changed


def open_session(access: MailjetAccess) -> MailjetSession:
    """Open this process's session. ConfigError for a host, keys or authorities that are none."""
    opened_for = surroundings(access)
    _hush()
    send, rest = _client(access, "v3.1"), _client(access, "v3")
    _tame(send.session, access)
    rest.session = send.session
    return MailjetSession(opened_for, send, rest)


def _hush() -> None:
    """Keep addresses out of the logs: these two write URLs and tracebacks that hold them."""
    logging.getLogger("mailjet_rest.client").setLevel(logging.CRITICAL)
    logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)


def _client(access: MailjetAccess, version: str) -> Client:
    timeout = (access.connect_timeout, access.read_timeout)
    try:
        config = Config(version=version, api_url=access.api_url, timeout=timeout)
    except ValueError:
        fault = (
            "mailjet.api_url: its host is neither Mailjet's nor this machine's loopback; "
            "write https://api.mailjet.com/, or http://localhost with a port for a local Mailjet."
        )
        raise ConfigError(fault) from None
    keys = access.api_key.reveal(), access.api_secret.reveal()
    try:
        "".join(keys).encode("latin-1")  # HTTP Basic, as mailjet-rest writes it at each call
        return Client(keys, config)
    except ValueError:
        fault = "mailjet.api_key, mailjet.api_secret: one is empty or has an odd character; copy it again."
        raise ConfigError(fault) from None


def _tame(session: requests.Session, access: MailjetAccess) -> None:
    """Take out the hidden retries, and let no environment variable choose a proxy or other credentials.

    A Mailjet on this machine, without TLS, is reached without the proxy.
    """
    session.trust_env = False
    try:
        adapter = OnceAdapter(ca_bundle=access.ca_bundle)
    except OSError as fault:
        why = fault.strerror or "it holds no certificate"
        raise ConfigError(
            f"mailjet.ca_bundle: cannot be read ({why}); name a PEM file of certificates."
        ) from None
    if access.proxy is not None:
        session.proxies = {"https": access.proxy.reveal()}
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.hooks["response"].append(_forget_target)


def _forget_target(answer: requests.Response, **_: Any) -> None:
    """Forget where a redirect points: no call follows it, and requests would parse it all the same."""
    answer.headers.pop("Location", None)
