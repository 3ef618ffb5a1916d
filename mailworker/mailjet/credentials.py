"""What it takes to reach Mailjet."""

from dataclasses import dataclass
from pathlib import Path

from mailworker.core.masked_secret import Secret

MAILJET = "https://api.mailjet.com/"


@dataclass(frozen=True, slots=True)
class MailjetAccess:
    """Where Mailjet is, who we are, and how long we wait.

    `connect_timeout` is in seconds and covers the connection and its TLS handshake. `read_timeout` is
    in seconds too: the longest silence before an answer begins, and then the longest time for all of
    its body. `ca_bundle` is a PEM file of certificates to trust besides the usual ones, `proxy` the URL of an
    HTTP proxy on the way, with its user and password if it wants them.
    """

    api_key: Secret
    api_secret: Secret
    api_url: str = MAILJET
    connect_timeout: float = 5
    read_timeout: float = 30
    ca_bundle: Path | None = None
    proxy: Secret | None = None
