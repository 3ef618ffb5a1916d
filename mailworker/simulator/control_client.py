"""A client of the local Mailjet's own control API: what arrived, and making it misbehave."""

from collections.abc import Iterator
from typing import Any

import requests

_TIMEOUT = 10


class ControlClient:
    """The local Mailjet at `url`, as tests and the demo read it. Only for servers on this machine."""

    def __init__(self, url: str) -> None:
        self.url = url

    def counts(self) -> dict[str, Any]:
        """Calls, messages, duplicates, the fullest minute: see `GET /_simulator/counts`."""
        return dict(self._get("counts"))

    def messages(self, **wanted: str) -> list[dict[str, Any]]:
        """Every mail that arrived, in order; `custom_id` and `to` choose among them."""
        found: list[dict[str, Any]] = []
        while True:
            page = self._get("messages", offset=str(len(found)), limit="1000", **wanted)
            found += page["messages"]
            if not page["messages"] or len(found) >= page["total"]:
                return found

    def contact(self, email: str) -> dict[str, Any] | None:
        """The contact of this address: name, properties, excluded; `lists` show where it unsubscribed."""
        found: list[dict[str, Any]] = self._get("contacts", email=email)["contacts"]
        return found[0] if found else None

    def contacts(self) -> Iterator[dict[str, Any]]:
        """Every contact, by its number; a page at a time."""
        after = 0
        while page := self._get("contacts", after=str(after))["contacts"]:
            yield from page
            after = page[-1]["id"]

    def unsubscribe(self, email: str) -> None:
        """Let a contact's owner unsubscribe from every list."""
        where = f"{self.url}/_simulator/contacts/unsubscribe"
        requests.post(where, params={"email": email}, timeout=_TIMEOUT).raise_for_status()

    def misbehave(self, fault: str, **rule: Any) -> None:
        """Put a fault in force: see `POST /_simulator/faults`."""
        answer = requests.post(
            f"{self.url}/_simulator/faults", json={"fault": fault, **rule}, timeout=_TIMEOUT
        )
        answer.raise_for_status()

    def behave(self) -> None:
        """End all faults."""
        requests.delete(f"{self.url}/_simulator/faults", timeout=_TIMEOUT).raise_for_status()

    def _get(self, what: str, **query: str) -> Any:
        answer = requests.get(f"{self.url}/_simulator/{what}", params=query, timeout=_TIMEOUT)
        answer.raise_for_status()
        return answer.json()
