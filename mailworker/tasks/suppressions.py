"""The suppression list, as tasks for who has only Celery."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from mailworker.tasks.app import app
from mailworker.tasks.base import CommandTask, current_container


@app.task(name="mailworker.suppressions_list", base=CommandTask)
def list_(reason: str = "", limit: int = 50) -> list[dict[str, Any]]:
    """The youngest entries of the suppression list."""
    return [_plain(row) for row in current_container().suppressions.latest(reason=reason, limit=limit)]


@app.task(name="mailworker.suppressions_show", base=CommandTask)
def show(email: str) -> dict[str, Any]:
    """What is known of an address: its entry, what that stops, and what people did about it."""
    return _plain(current_container().suppressions.show(email))


@app.task(name="mailworker.suppressions_add", base=CommandTask)
def add(email: str, why: str, by: str, reason: str = "blocked") -> None:
    """Send no more mail (`blocked`), or no more campaigns (`unsubscribed`), to an address."""
    current_container().suppressions.add(email, why=why, by=by, reason=reason)


@app.task(name="mailworker.suppressions_lift", base=CommandTask)
def lift(email: str, why: str, by: str) -> dict[str, Any]:
    """Send mail to an address again; gives what it was listed for, and what is left to do at Mailjet."""
    return _plain(asdict(current_container().suppressions.lift(email, why=why, by=by)))


@app.task(name="mailworker.suppressions_opt_in", base=CommandTask)
def opt_in(email: str, why: str, by: str) -> int:
    """Send the kinds of mail again that the address's owner switched off; gives how many."""
    return current_container().suppressions.opt_in(email, why=why, by=by)


def _plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """As Celery's JSON carries it, moments as text."""
    return dict(json.loads(json.dumps(value, default=str)))
