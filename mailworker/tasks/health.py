"""Whether a task of this very worker can do its work: reach Redis, and a ledger that it can use."""

from redis.exceptions import RedisError
from sqlalchemy import select

from mailworker.errors import ConfigError, TransientError
from mailworker.ledger.query_rows import any_row
from mailworker.ledger.tables import holds
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
    with container.ledger.read() as connection:
        any_row(connection, select(holds.c.scope))
    return "well"
