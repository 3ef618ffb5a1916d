"""CGRateS's posts: from the web process's stream to alerts in the ledger."""

from functools import partial

from mailworker.balances.cgrates_posts_to_alerts import Taken
from mailworker.container import Container
from mailworker.core.clock import utc_now
from mailworker.core.lane import Lane
from mailworker.observability.metric_definitions import OCS_POSTS
from mailworker.observability.redis_counters import count
from mailworker.queue.celery_queues import DISPATCH, OCS
from mailworker.tasks.app import app
from mailworker.tasks.base import DiscreetTask, current_container, log
from mailworker.tasks.time_slices import run_slice, wake


@app.task(name=OCS.task, base=DiscreetTask)
def drain_ocs() -> None:
    """Look at the accounts that CGRateS posted, and write the alerts that are due."""
    container = current_container()
    if not container.settings.balances.cgrates.url:
        log.warning("CGRateS posts here, but balances.cgrates.url is not set: its posts wait")
        return
    stream = container.ocs_stream
    run_slice(container, OCS, lambda: stream.drain_some(utc_now()), partial(_report, container))


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
        wake(container, DISPATCH[Lane.NORMAL])
