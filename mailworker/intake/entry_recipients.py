"""Whom the job in a stream entry is for, read before the job is checked."""

import json
from collections.abc import Iterator
from typing import Any

from mailworker.core.canonical_address import canonical_address
from mailworker.queue.stream import Entry


def recipients_of(entry: Entry) -> set[str]:
    """The canonical addresses that its `to` names; none where it cannot be read: the check raises then."""
    try:
        job = json.loads(entry[1]["job"])
    except (KeyError, ValueError, TypeError, RecursionError):
        return set()
    to = job.get("to") if isinstance(job, dict) else None
    return {canonical_address(email) for email in _emails(to)}


def _emails(to: Any) -> Iterator[str]:
    for one in to if isinstance(to, list) else [to]:
        email = one.get("email") if isinstance(one, dict) else one
        if isinstance(email, str):
            yield email
