"""Asks the real Mailjet and the local one the same, and prints each difference.

Keys come from the environment: MAILJET_API_KEY and MAILJET_API_SECRET; without them it is skipped. Reads only,
unless told: MAILJET_LIVE_FROM (an active sender) adds sandboxed sends, MAILJET_LIVE_WRITES=1 makes a property and
segments and deletes them again, MAILJET_LIVE_TO (an address of your own) gets one real mail.
"""

import os
import sys
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

import requests

from mailworker.simulator import running
from tests.live.calls import LiveCall, reads, real_send, sandboxed, writes
from tests.live.compare import LiveAnswer, answer_of, differences


class Account:
    """One Mailjet, real or local, and the ids that earlier answers gave."""

    def __init__(self, url: str, key: str, secret: str) -> None:
        self._url = url.rstrip("/")
        self._session = requests.Session()
        self._session.auth = (key, secret)
        self._kept: dict[str, str] = {}

    def ask(self, call: LiveCall) -> LiveAnswer:
        """Make the call, once."""
        path = call.path
        for name, number in self._kept.items():
            path = path.replace(f"{{{name}}}", number)
        if "{" in path:
            return LiveAnswer(0, {}, "not asked: what it is about was not made")
        response = self._session.request(
            call.method,
            f"{self._url}/{path}",
            params=call.query,
            json=call.body,
            timeout=30,
            allow_redirects=False,
        )
        document = _json(response)
        if call.keep and isinstance(document, dict) and document.get("Data"):
            self._kept[call.keep] = str(document["Data"][0].get("ID"))
        return answer_of(response.status_code, document)


def _json(response: requests.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return response.text[:80]


def wanted_calls(environ: Mapping[str, str]) -> Iterable[LiveCall]:
    """What the environment allows."""
    sender, to = environ.get("MAILJET_LIVE_FROM"), environ.get("MAILJET_LIVE_TO")
    return chain(
        reads(),
        sandboxed(sender) if sender else (),
        writes() if environ.get("MAILJET_LIVE_WRITES") == "1" else (),
        real_send(sender, to) if sender and to else (),
    )


def report(real: Account, local: Account, calls: Iterable[LiveCall]) -> list[str]:
    """Make every call on both sides; a line for each difference."""
    return [
        f"{call.name}: {difference}"
        for call in calls
        for difference in differences(real.ask(call), local.ask(call))
    ]


def main(environ: Mapping[str, str]) -> int:
    """Compare, print, and say with 1 that something differs."""
    key, secret = environ.get("MAILJET_API_KEY"), environ.get("MAILJET_API_SECRET")
    if not key or not secret:
        sys.stdout.write("SKIPPED: set MAILJET_API_KEY and MAILJET_API_SECRET to ask the real Mailjet.\n")
        return 0
    calls = list(wanted_calls(environ))
    url = environ.get("MAILJET_API_URL", "https://api.mailjet.com/")
    senders = (environ.get("MAILJET_LIVE_FROM") or "nobody@example.com",)
    with running(calls_per_minute=0, senders=senders, strict_templates=True) as simulator:
        settings = simulator.settings
        local = Account(simulator.url, settings.api_key, settings.api_secret.reveal())
        found = report(Account(url, key, secret), local, calls)
    sys.stdout.write("".join(f"{line}\n" for line in found))
    sys.stdout.write(f"{len(calls)} calls, {len(found)} differences.\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
