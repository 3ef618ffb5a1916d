"""Campaigns: everything that the command line can do with them, as tasks; and the one that sends them."""

from typing import Any

from mailworker.core.lane import Lane
from mailworker.queue.celery_queues import CAMPAIGNS, DISPATCH
from mailworker.tasks.app import app
from mailworker.tasks.base import CommandTask, HousekeepingTask, current_container
from mailworker.tasks.time_slices import run_slice, wake


@app.task(name="mailworker.campaign_create", base=CommandTask)
def create(campaign: dict[str, Any]) -> dict[str, Any]:
    """Make a campaign; gives its id, and how many contacts it is for."""
    row, audience = current_container().campaigns.create(campaign)
    return {"id": row["id"], "contacts": audience.contacts, "reachable": audience.reachable}


@app.task(name="mailworker.campaign_test", base=CommandTask)
def test(name: str, to: list[str]) -> int:
    """Send a campaign to these addresses only."""
    container = current_container()
    sent = container.campaigns.test(name, to)
    wake(container, DISPATCH[Lane.BULK])
    return sent


@app.task(name="mailworker.campaign_schedule", base=CommandTask)
def schedule(name: str, at: str) -> str:
    """Send a campaign at a time on the operator's clock; gives it in UTC."""
    return current_container().campaigns.schedule(name, at).isoformat()


@app.task(name="mailworker.campaign_send", base=CommandTask)
def send(name: str) -> str:
    """Send a campaign now; gives what happened."""
    container = current_container()
    result = container.campaigns.send(name)
    wake(container, CAMPAIGNS)
    return result


@app.task(name="mailworker.campaign_pause", base=CommandTask)
def pause(name: str) -> int:
    """Stop a campaign of our own lane; gives how many messages are held."""
    return current_container().campaigns.pause(name)


@app.task(name="mailworker.campaign_resume", base=CommandTask)
def resume(name: str) -> int:
    """Go on with a campaign of our own lane; gives how many messages wait again."""
    container = current_container()
    moved = container.campaigns.resume(name)
    wake(container, CAMPAIGNS)
    return moved


@app.task(name="mailworker.campaign_cancel", base=CommandTask)
def cancel(name: str) -> int:
    """End a campaign; gives how many messages that waited are cancelled."""
    return current_container().campaigns.cancel(name)


@app.task(name="mailworker.campaign_progress", base=CommandTask)
def progress(name: str) -> dict[str, int]:
    """How far a campaign is."""
    return current_container().campaigns.progress(name)


@app.task(name="mailworker.campaign_stats", base=CommandTask)
def stats(name: str) -> dict[str, int]:
    """A campaign's figures."""
    return current_container().campaigns.stats(name)


@app.task(name=CAMPAIGNS.task, base=HousekeepingTask)
def step() -> None:
    """Write the next messages of campaigns under way, for a few seconds."""
    container = current_container()
    run_slice(
        container,
        CAMPAIGNS,
        lambda: container.campaigns.step() or None,
        lambda _: wake(container, DISPATCH[Lane.BULK]),
    )
