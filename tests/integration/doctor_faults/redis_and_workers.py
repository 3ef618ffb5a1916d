"""Faults of Redis, and of who lives behind it."""

import os
import signal
import ssl
from datetime import timedelta

from mailworker.cli.doctor_checks import all_checks, workers
from mailworker.cli.local_stack import Servers
from mailworker.core.clock import utc_now
from mailworker.core.lane import Lane
from mailworker.queue import envelope
from mailworker.queue.celery_queues import MAIL
from tests.integration.doctor_faults.installation import ALL_QUEUES, Installation
from tests.integration.doctor_faults.registry import fault
from tests.integration.mailjet_wire import Wire, answer, expired_certificate, make_certificate

#: What needs Redis, too, and says so.
JOURNAL = ("nobody knows which calls were made lately",)
WORKERS = ("redis", "workers")


@fault(
    16,
    "Redis is down",
    says="Redis does not answer",
    cure="start it, or correct worker.redis_url",
    more=JOURNAL,
)
def _(site: Installation) -> None:
    site.configure(worker={"redis_url": "redis://127.0.0.1:1/0"})


@fault(
    17,
    "another password",
    says="Redis refuses our password",
    cure="correct the one in worker.redis_url",
    more=JOURNAL,
)
def _(site: Installation) -> None:
    site.redis.config_set("requirepass", "secret")


@fault(18, "no AOF", says="Redis keeps nothing over a restart", cure="set `appendonly yes`")
def _(site: Installation) -> None:
    site.redis.config_set("appendonly", "no")


@fault(19, "AOF every second", says="Redis may lose the last second", cure="set `appendfsync always`")
def _(site: Installation) -> None:
    site.redis.config_set("appendfsync", "everysec")


@fault(
    20,
    "Redis evicts",
    says="Redis throws jobs away when it is full",
    cure="set `maxmemory-policy noeviction`",
)
def _(site: Installation) -> None:
    site.redis.config_set("maxmemory-policy", "allkeys-lru")


@fault(57, "Redis is full", says="refuses new jobs when it is full", cure="raise maxmemory")
def _(site: Installation) -> None:
    site.redis.config_set("maxmemory", "1mb")


@fault(
    58,
    "Redis is a replica",
    says="This Redis is a read-only replica",
    cure="point worker.redis_url to the primary",
)
def _(site: Installation) -> None:
    site.redis.config_set("replica-serve-stale-data", "yes")
    site.redis.replicaof("127.0.0.1", 1)


@fault(
    62, "rediss:// by the short form", subjects=("redis",),
    says="Redis's certificate is not trusted", cure="add ?ssl_ca_certs=/path/to/ca.pem to worker.redis_url",
)  # fmt: skip
def _(site: Installation) -> None:
    """Without ssl_cert_reqs Celery's workers died, and the doctor found Redis well: both read one URL now."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(make_certificate(site.folder), site.folder / "wire.key")
    wire = site.closing.enter_context(Wire([answer(200, "")], tls=context))
    site.configure(worker={"redis_url": f"rediss://{wire.url.removeprefix('https://')}0"})


@fault(
    64, "Redis's certificate has expired", subjects=("redis",),
    says="Redis's certificate has expired", cure="renew it there",
)  # fmt: skip
def _(site: Installation) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pem = expired_certificate(site.folder)
    context.load_cert_chain(pem)
    wire = site.closing.enter_context(Wire([answer(200, "")], tls=context))
    site.configure(worker={"redis_url": f"rediss://{wire.url.removeprefix('https://')}0?ssl_ca_certs={pem}"})


@fault(32, "no worker", subjects=WORKERS, says="No worker answers", cure="start them, as docker-compose.yml")
def _(site: Installation) -> None:
    site.let_workers_listen_to(None)


@fault(
    65, "a worker of another version", subjects=WORKERS,
    says="old@here runs mailworker 0.0.1, and this is", cure="upgrade the older ones",
)  # fmt: skip
def _(site: Installation) -> None:
    answers = {"old@here": ALL_QUEUES}, {"old@here": {"version": "0.0.1"}}
    site.monkeypatch.setattr(workers, "ask_workers", lambda _url, _patience: answers)


@fault(
    86, "a worker's clock is an hour ahead", subjects=WORKERS,
    says="The clock of fast@here's host is 60 min ahead", cure="run an NTP client there",
)  # fmt: skip
def _(site: Installation) -> None:
    about = {"fast@here": {"clock": (utc_now() + timedelta(hours=1, seconds=20)).isoformat()}}
    site.monkeypatch.setattr(
        workers, "ask_workers", lambda _url, _patience: ({"fast@here": ALL_QUEUES}, about)
    )


@fault(
    90, "a worker has another key in its environment", subjects=WORKERS,
    says="w@here started with another key or secret of Mailjet's",
    cure="set MAILJET_API_KEY and MAILJET_API_SECRET alike, and restart",
)  # fmt: skip
def _(site: Installation) -> None:
    about = {"w@here": {"mailjet_key": "another"}}
    site.monkeypatch.setattr(workers, "ask_workers", lambda _url, _patience: ({"w@here": ALL_QUEUES}, about))


def _real_worker(site: Installation, queues: list[str]) -> int:
    """A real worker on this installation's Redis; its process id."""
    site.let_workers_listen_to(None)
    servers = site.closing.enter_context(
        Servers(site.folder / "servers", config=site.file, redis_url=site.sections["worker"]["redis_url"])
    )
    site.monkeypatch.setenv("CRM_CONFIG", str(servers.config))
    return servers.worker(queues, name="one").pid


@fault(
    33,
    "no worker that renders",
    subjects=WORKERS,
    says="Nobody listens to render",
    cure="start a worker with -Q render",
)
def _(site: Installation) -> None:
    _real_worker(site, [one["name"] for one in ALL_QUEUES if one["name"] != "render"])


@fault(
    34,
    "a worker that is stopped",
    subjects=WORKERS,
    says="No worker answers",
    cure="answer hangs: its log says where; restart it",
)
def _(site: Installation) -> None:
    site.monkeypatch.setattr(workers, "_PATIENCE", (1.5,))
    pid = _real_worker(site, [one["name"] for one in ALL_QUEUES])
    os.kill(pid, signal.SIGSTOP)
    site.closing.callback(os.kill, pid, signal.SIGCONT)


@fault(35, "beat is dead", says="Beat was last heard 12", cure="start it again")
def _(site: Installation) -> None:
    site.redis.set(envelope.BEAT_KEY, (utc_now() - timedelta(seconds=120)).isoformat())


@fault(55, "two beats", says="2 beats run (1@here, 7@there)", cure="stop all but one")
def _(site: Installation) -> None:
    site.redis.zadd(envelope.BEATS_KEY, {"7@there": utc_now().timestamp()})


@fault(
    36, "a clock an hour ahead", says="3600 s apart", cure="run an NTP client on both",
)  # fmt: skip
def _(site: Installation) -> None:
    site.monkeypatch.setattr(all_checks, "utc_now", lambda: utc_now() + timedelta(hours=1))


@fault(
    47, "jobs stuck on the stream", says="23 jobs of the normal lane wait on Redis, the oldest for 2 min",
    cure="does a worker listen to mail.normal, and is it well?",
)  # fmt: skip
def _(site: Installation) -> None:
    then = int((utc_now() - timedelta(seconds=125)).timestamp() * 1000)
    for number in range(23):
        site.redis.xadd(MAIL[Lane.NORMAL].stream, {"v": "1"}, id=f"{then}-{number}")
