"""Campaigns: everything that the command line can do with them, as tasks; and the one that sends them."""

import time
from typing import Any

from mailworker.core.message import Lane
from mailworker.errors import BadInput, TransientError
from mailworker.tasks import queues
from mailworker.tasks.app import app
from mailworker.tasks.base import DiscreetTask, HousekeepingTask, current_container, log
from mailworker.tasks.wakeups import wake_dispatch

SLICE_SECONDS = 5.0


class CampaignTask(DiscreetTask):
    """A task that a person waits for: what does not work now is told, never repeated behind their back."""

    ignore_result = False
    throws = (BadInput, TransientError)


@app.task(name="mailworker.campaign_create", base=CampaignTask)
def create(campaign: dict[str, Any]) -> dict[str, Any]:
    """Make a campaign; gives its id, and how many contacts it is for."""
    row, audience = current_container().campaigns.create(campaign)
    return {"id": row["id"], "contacts": audience.contacts, "reachable": audience.reachable}


@app.task(name="mailworker.campaign_test", base=CampaignTask)
def test(name: str, to: list[str]) -> int:
    """Send a campaign to these addresses only."""
    container = current_container()
    sent = container.campaigns.test(name, to)
    wake_dispatch(container, Lane.BULK)
    return sent


@app.task(name="mailworker.campaign_schedule", base=CampaignTask)
def schedule(name: str, at: str) -> str:
    """Send a campaign at a time on the operator's clock; gives it in UTC."""
    return current_container().campaigns.schedule(name, at).isoformat()


@app.task(name="mailworker.campaign_send", base=CampaignTask)
def send(name: str) -> str:
    """Send a campaign now; says what happened."""
    said = current_container().campaigns.send(name)
    _wake()
    return said


@app.task(name="mailworker.campaign_pause", base=CampaignTask)
def pause(name: str) -> int:
    """Stop a campaign of our own lane; gives how many messages are held."""
    return current_container().campaigns.pause(name)


@app.task(name="mailworker.campaign_resume", base=CampaignTask)
def resume(name: str) -> int:
    """Go on with a campaign of our own lane; gives how many messages wait again."""
    moved = current_container().campaigns.resume(name)
    _wake()
    return moved


@app.task(name="mailworker.campaign_cancel", base=CampaignTask)
def cancel(name: str) -> int:
    """End a campaign; gives how many messages that waited are cancelled."""
    return current_container().campaigns.cancel(name)


@app.task(name="mailworker.campaign_stats", base=CampaignTask)
def stats(name: str) -> dict[str, int]:
    """A campaign's figures."""
    return current_container().campaigns.stats(name)


@app.task(name="mailworker.campaign_step", base=HousekeepingTask)
def step() -> None:
    """Write the next messages of campaigns under way, for a few seconds."""
    container = current_container()
    deadline = time.monotonic() + SLICE_SECONDS
    try:
        while container.campaigns.step():
            wake_dispatch(container, Lane.BULK)
            if time.monotonic() > deadline:
                _wake()
                return
    except TransientError as fault:
        log.warning("campaigns wait, beat resumes them", why=str(fault))


def _wake() -> None:
    app.send_task("mailworker.campaign_step", queue=queues.CONTACTS, retry=False, ignore_result=True)
