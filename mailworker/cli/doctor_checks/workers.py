"""Who is alive behind Redis: workers, their configuration, and beat."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

from mailworker.cli.local_stack.production_workers import PRODUCTION_WORKERS
from mailworker.core.age_in_words import age
from mailworker.core.redis_url import parse_redis_url
from mailworker.core.version import VERSION
from mailworker.queue import envelope
from mailworker.queue.celery_queues import QUEUES, RENDERING, SCANS
from mailworker.queue.redis_connection import connect

#: Seconds for the workers' answers; who is missing is asked again, for on a busy host they come late.
_PATIENCE = (1.5, 6.0, 15.0)
#: A worker's time and Redis's may be so far apart: its answer may be some seconds old.
MOST_APART = timedelta(seconds=30)
#: The remote-control command that every worker answers with what it runs.
ABOUT = "mailworker_about"

Reports = Mapping[str, Mapping[str, Any]]


def ask_workers(redis_url: str, patience: float) -> tuple[Reports, Reports]:
    """What each worker listens to, and what it reports of itself. Raises OperationalError.

    Nobody waits for answers where nobody listens, nor longer than until all have answered.
    """
    listeners = _listeners(redis_url)
    if listeners == 0:
        return {}, {}
    where = parse_redis_url(redis_url)
    celery = Celery("doctor", broker=where.broker, set_as_current=False)
    celery.conf.broker_transport_options = dict(where.broker_options)
    try:
        queues: Any = celery.control.inspect(timeout=patience, limit=listeners).active_queues() or {}
        answered = celery.control.inspect(destination=[*queues], timeout=patience, limit=len(queues))
        about: Any = answered._request(ABOUT) if queues else {}  # noqa: SLF001 - Celery's way to a command of one's own
    finally:
        celery.close()
    return queues, about or {}


def _listeners(redis_url: str) -> int | None:
    """How many clients of Redis listen to broadcasts: workers, Flower. None where Redis does not show it."""
    try:
        with closing(connect(redis_url, decode_responses=True, socket_timeout=5)) as redis:
            clients: Any = redis.client_list()
    except RedisError:
        return None
    return sum(1 for client in clients if int(client.get("psub", 0)) > 0)


def worker_faults(
    redis_url: str,
    ask: Callable[[str, float], tuple[Reports, Reports]],
    fingerprint: str,
    redis_clock: Callable[[], datetime],
    mailjet_key: str = "",
) -> list[str]:
    """Which queues no worker attends, and which workers have another file, key, version or time than we."""
    queues: Reports = {}
    about: Reports = {}
    try:
        for patience in _PATIENCE:
            queues, about = ask(redis_url, patience)
            if not _unattended(queues):
                break
    except OperationalError as fault:
        return [f"The workers cannot be asked ({type(fault).__name__}); see Redis above."]
    return [
        *_unattended(queues),
        *_with_a_wrong_clock(about, redis_clock()),
        *_stale(about, fingerprint),
        *_with_another_key(queues, about, mailjet_key),
        *_of_another_version(about),
    ]


def _names(queues: Iterable[Any]) -> set[str]:
    return {queue["name"] for queue in queues}


def _unattended(reports: Reports) -> list[str]:
    attended = _names(queue for queues in reports.values() for queue in queues)
    if not attended:
        return [_NOBODY]
    return [
        f"Nobody listens to {queue}: start a worker with -Q {','.join(process.queues)}, or see if it hangs."
        for process in PRODUCTION_WORKERS
        for queue in process.queues
        if queue not in attended
    ]


_NOBODY = (
    "No worker answers: start them, as docker-compose.yml or `mailworker dev` does. One that runs and does "
    "not answer hangs: its log says where; restart it, no mail is lost. Or they use another Redis "
    "than this command, or another database of it: compare worker.redis_url and REDIS_URL."
)


def _with_a_wrong_clock(about: Reports, there: datetime) -> Iterator[str]:
    for node, one in sorted(about.items()):
        skew = datetime.fromisoformat(one["clock"]) - there if "clock" in one else timedelta()
        if abs(skew) > MOST_APART:
            apart = f"{age(abs(skew))} {'ahead' if skew > timedelta() else 'behind'}"
            yield (
                f"The clock of {node}'s host is {apart}: run an NTP client there. Mail goes by "
                "Redis's clock meanwhile."
            )


def _stale(about: Reports, fingerprint: str) -> Iterator[str]:
    behind = [node for node, one in about.items() if one.get("configuration") not in {None, fingerprint}]
    if behind:
        yield (
            f"{', '.join(sorted(behind))} started with another crm_config.yaml than the one here: restart "
            "them, one after the other; no mail is lost."
        )


def _with_another_key(queues: Reports, about: Reports, ours: str) -> Iterator[str]:
    """By the environment, for the file is compared before; who only renders never calls, and needs no key.

    Each listens to a queue of its own besides ours, by Celery's `worker_direct`.
    """
    others = [
        node
        for node, one in about.items()
        if ours
        and one.get("mailjet_key", ours) not in {"", ours}
        and _names(queues.get(node, ())).intersection(QUEUES) != {RENDERING}
    ]
    if others:
        yield (
            f"{', '.join(sorted(others))} started with another key or secret of Mailjet's than this command: "
            "set MAILJET_API_KEY and MAILJET_API_SECRET alike, and restart them; mail is held, or leaves by "
            "another account."
        )


def _of_another_version(about: Reports) -> Iterator[str]:
    others = {node: one["version"] for node, one in about.items() if one.get("version", VERSION) != VERSION}
    if others:
        named = ", ".join(f"{node} runs mailworker {version}" for node, version in sorted(others.items()))
        yield f"{named}, and this is {VERSION}: upgrade the older ones (docs/upgrade.md); no mail is lost."


def beat_faults(redis: "Redis", now: datetime) -> Iterator[str]:
    """Whether exactly one beat has had somebody look lately. `now` is by Redis's clock, as its sign is.

    A sign of the future is from before that clock was set back.
    """
    last: Any = redis.get(envelope.BEAT_KEY)
    if last is None:
        yield (
            "Beat was never heard: start one `celery -A mailworker.tasks beat`, "
            "and a worker for the queue scans."
        )
    elif (silent := abs(now - datetime.fromisoformat(last))) > envelope.BEAT_SILENCE:
        seconds = f"{silent.total_seconds():.0f} s"
        waiting: Any = redis.llen(SCANS)
        if waiting > envelope.MOST_ROUNDS_WAITING:
            yield (
                f"For {seconds} nobody has taken what beat sends ({waiting} wait): start a worker for the "
                "queue scans, or see if it hangs."
            )
        else:
            yield f"Beat was last heard {seconds} ago: start it again, and a worker for scans."
    else:
        beats: Any = redis.zrangebyscore(
            envelope.BEATS_KEY, (now - envelope.BEAT_SILENCE).timestamp(), "+inf"
        )
        if len(beats) > 1:
            names = ", ".join(sorted(beats))
            yield f"{len(beats)} beats run ({names}): stop all but one; nothing was sent twice."
