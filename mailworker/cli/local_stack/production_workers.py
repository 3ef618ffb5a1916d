"""Who works in production: the same workers as docker-compose.yml, each with its queues."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """A worker by its name, the queues it listens to, and how many tasks it runs at once."""

    name: str
    queues: tuple[str, ...]
    concurrency: int


#: Every queue of `queue.celery_queues` has its worker here; a test compares them.
PRODUCTION_WORKERS = (
    # Each in a call of its own where Mailjet is slow: a reset waits for no other's answer.
    WorkerProcess("urgent", ("mail.urgent",), 4),
    # `celery` is where Celery puts a task whose caller named no queue.
    WorkerProcess("normal", ("mail.normal", "celery"), 2),
    # Two, so that one fills the ledger while the other sends.
    WorkerProcess("bulk", ("mail.bulk",), 2),
    WorkerProcess("render", ("render",), 1),
    WorkerProcess("contacts", ("contacts", "scans"), 1),
)
