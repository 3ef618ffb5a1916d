"""Whether a task of this very worker can do its work: reach Redis, and a ledger that takes its writes."""

from redis.exceptions import RedisError

from mailworker.errors import ConfigError, TransientError
from mailworker.tasks.app import app
from mailworker.tasks.base import HousekeepingTask, current_container


class HealthTask(HousekeepingTask):
    """A task that returns to its caller what is wrong."""

    ignore_result = False
    throws = (TransientError, ConfigError)


@app.task(name="mailworker.health", base=HealthTask)
def health() -> str:
    """Touch what every task needs. `mailworker health` sends this to one worker's own queue."""
    container = current_container()
    try:
        container.redis.ping()
    except RedisError as fault:
        raise TransientError(
            f"Redis does not answer ({type(fault).__name__}): start it, or correct worker.redis_url."
        ) from None
    container.ledger.demand_writable()
    return "well"
