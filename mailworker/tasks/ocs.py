"""CGRateS's posts: from the web process's stream to alerts in the ledger."""

import time

from mailworker.balances.real_time import Taken
from mailworker.container import Container
from mailworker.core.clock import utc_now
from mailworker.core.message import Lane
from mailworker.errors import TransientError
from mailworker.observability.counters import count
from mailworker.observability.instruments import OCS_POSTS
from mailworker.queue.posts import OCS
from mailworker.tasks.app import app
from mailworker.tasks.base import DiscreetTask, current_container, log
from mailworker.tasks.wakeups import wake_dispatch, wake_ocs

SLICE_SECONDS = 5.0


@app.task(name=OCS.task, base=DiscreetTask)
def drain_ocs() -> None:
    """Look at the accounts that CGRateS posted, and write the alerts that are due."""
    container = current_container()
    if not container.settings.balances.cgrates.url:
        log.warning("CGRateS posts here, but balances.cgrates.url is not set: its posts wait")
        return
    stream = container.ocs_stream
    deadline = time.monotonic() + SLICE_SECONDS
    try:
        stream.clear_wake_up()
        while (taken := stream.drain_some(utc_now())) is not None:
            _report(container, taken)
            if time.monotonic() > deadline:
                wake_ocs(container)
                break
    except TransientError as fault:
        log.warning("posts of CGRateS wait, the sweep resumes them", why=str(fault))


def _report(container: Container, taken: Taken) -> None:
    for alarm in taken.alarms:
        log.error(alarm)
    log.info(
        "cgrates",
        posts=taken.posts,
        alerts=taken.written,
        ignored=taken.ignored,
        rejected=taken.rejected,
    )
    good = taken.posts - taken.ignored - taken.rejected
    by_result = {"taken": good, "ignored": taken.ignored, "rejected": taken.rejected}
    count(container.redis, OCS_POSTS, by_result)
    if taken.written:
        wake_dispatch(container, Lane.NORMAL)
