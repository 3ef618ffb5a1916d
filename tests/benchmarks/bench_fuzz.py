"""Random webhook calls, jobs and invoices through running processes: each taken, or refused with a sentence.

`MAILWORKER_FUZZ` says how many webhook calls (a fifth as many jobs), `MAILWORKER_FUZZ_SEED` repeats a run. It
breaks where something waits in the end, is in quarantine, or was refused without a sentence.
"""

import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import requests
from redis import Redis
from sqlalchemy import func, select

from mailworker.cli.local_stack import PRODUCTION_WORKERS, Servers, wait_until
from mailworker.cli.local_stack.redis_server import free_port
from mailworker.cli.local_stack.trial_config import web_for_trial
from mailworker.core.clock import utc_now
from mailworker.core.lane import Lane
from mailworker.core.states import State
from mailworker.ledger import Ledger
from mailworker.ledger.tables import events, messages, rejected_jobs
from mailworker.queue.celery_queues import EVENTS, MAIL
from mailworker.queue.quarantine import KEY as QUARANTINE
from tests.benchmarks.local_servers import benchmark_servers
from tests.benchmarks.table import Cell, Table
from tests.random_input import job, webhook_body

CALLS = int(os.environ.get("MAILWORKER_FUZZ", "5000"))
SEED = int(os.environ.get("MAILWORKER_FUZZ_SEED", "11"))
_PATIENCE = 2400.0
_THREADS = 4
#: Far more than Mailjet allows: how many calls a minute are made is none of this run's questions.
_CALLS_PER_MINUTE = 12_000
_LANES = [*Lane]
_ENDED = [
    state.value for state in (State.SENT, State.FAILED, State.SUPPRESSED, State.EXPIRED, State.CANCELLED)
]


def run(*, quick: bool) -> list[Table]:
    """Webhook calls first, then jobs of which a third are invoices."""
    posts = 2_000 if quick else CALLS
    jobs = posts // 5
    columns = ["what came", "number", "taken", "refused", "left waiting", "in quarantine", "seconds"]
    notes = [
        "Webhook calls went by HTTP into the web process and from there to a worker; `taken` and `refused` count events and calls of which something was refused.",
        "Half of the jobs came by the streams that MailClient writes to, half as plain Celery tasks; `taken` counts messages, all of which came to an end: sent, refused by Mailjet, or too late.",
        "Everything refused has a sentence that says why; none names a place in our code.",
    ]  # fmt: skip
    return [Table("Random input through running processes", columns, [_posted(posts), _sent(jobs)], notes)]


def _posted(count: int) -> list[Cell]:
    web = web_for_trial(free_port())
    with _running(web=web, workers=("normal",)) as (servers, redis, ledger):
        servers.start_web()
        since, local = time.monotonic(), threading.local()

        def post(number: int) -> int:
            if not hasattr(local, "session"):
                local.session = requests.Session()
                local.session.auth = ("mailjet", "mailjet")
            body = webhook_body(random.Random(SEED * 1_000_003 + number), number)
            while (answer := _answer(local.session, web["public_url"], body)) == 503:
                time.sleep(0.1)  # as Mailjet does: the same again, later
            return answer

        with ThreadPoolExecutor(_THREADS) as pool:
            answers = Counter(pool.map(post, range(count), chunksize=100))
        if unexpected := answers.keys() - {200}:
            raise RuntimeError(f"The web process answered {unexpected}.")
        _await("webhook calls", lambda: redis.xlen(EVENTS.stream) == 0)
        refused = _refused(ledger)
        return [f"webhook calls, seed {SEED}", count, _count(ledger, events), refused, 0, _quarantined(redis), time.monotonic() - since]  # fmt: skip


def _answer(session: requests.Session, url: str, body: bytes) -> int:
    return session.post(f"{url}/mailjet/events", data=body, timeout=30).status_code


def _sent(count: int) -> list[Cell]:
    with _running(workers=[process.name for process in PRODUCTION_WORKERS]) as (servers, redis, ledger):
        since = time.monotonic()
        for number in range(count):
            _give(servers, redis, random.Random(SEED * 1_000_003 + number), number)
        queues = [MAIL[lane].queue for lane in Lane] + ["celery", "render"]
        _await("jobs", lambda: not any(redis.xlen(MAIL[lane].stream) for lane in Lane) and not any(map(redis.llen, queues)))  # fmt: skip
        _await("messages", lambda: not _waiting(ledger))
        return [f"jobs and invoices, seed {SEED}", count, _count(ledger, messages), _refused(ledger), _waiting(ledger), _quarantined(redis), time.monotonic() - since]  # fmt: skip


def _give(servers: Servers, redis: "Redis", dice: random.Random, number: int) -> None:
    asked = job(dice, number)
    asked.pop("send_at", None) if isinstance(asked, dict) else None
    if number % 2:
        servers.celery.send_task("mailworker.send_email", kwargs=asked, queue=MAIL[dice.choice(_LANES)].queue, ignore_result=True)  # fmt: skip
        return
    entry = {"v": "1", "at": utc_now().isoformat(), "job": json.dumps(asked)}
    redis.xadd(MAIL[dice.choice(_LANES)].stream, entry)


@contextmanager
def _running(
    *, web: dict | None = None, workers: Iterator[str] | tuple[str, ...] | list[str]
) -> Iterator[tuple[Servers, Redis, Ledger]]:
    with benchmark_servers(calls_per_minute=_CALLS_PER_MINUTE, web=web) as servers:
        for process in PRODUCTION_WORKERS:
            if process.name in workers:
                servers.worker(process.queues, concurrency=process.concurrency, name=process.name)
        servers.beat()
        redis, ledger = Redis.from_url(servers.redis_url), Ledger.open(servers.database_url)
        yield servers, redis, ledger
        if dead := servers.dead():
            raise RuntimeError(f"Ended by themselves: {', '.join(child.name for child in dead)}.")
        ledger.close()
        redis.close()


def _await(what: str, done) -> None:
    if not wait_until(done, seconds=_PATIENCE):
        raise RuntimeError(f"Not all {what} came to an end in {_PATIENCE:.0f} s.")


def _count(ledger: Ledger, table) -> int:
    with ledger.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _waiting(ledger: Ledger) -> int:
    with ledger.read() as connection:
        query = select(func.count()).select_from(messages).where(messages.c.state.not_in(_ENDED))
        return connection.execute(query).scalar_one()


def _quarantined(redis: "Redis") -> int:
    if found := redis.xlen(QUARANTINE):
        raise RuntimeError(f"{found} stream entries are in quarantine.")
    return 0


def _refused(ledger: Ledger) -> int:
    """How many were refused; raises where one was without a sentence, or by a mistake of ours."""
    with ledger.read() as connection:
        kept = list(connection.execute(select(rejected_jobs.c.faults)).scalars())
    for faults in kept:
        for fault in faults:
            if not fault.endswith((".", "?")) or "could not be" in fault:
                raise RuntimeError(f"Refused without a sentence for its caller: {fault}")
    return len(kept)
