"""Figures for who has only Celery."""

from typing import Any

from mailworker.tasks.app import app
from mailworker.tasks.base import CommandTask, current_container


@app.task(name="mailworker.statistics", base=CommandTask)
def statistics(since: str = "30d", kind: str | None = None, *, mailjet: bool = False) -> dict[str, Any]:
    """What became of the mails of each kind; with `mailjet`, beside Mailjet's own counters."""
    return current_container().reports.by_kind(since, kind, mailjet=mailjet).as_json()


@app.task(name="mailworker.statistics_by_campaign", base=CommandTask)
def statistics_by_campaign(since: str = "30d") -> dict[str, Any]:
    """What became of the mails of each campaign of our own lane."""
    return current_container().reports.by_campaign(since).as_json(name="campaign")
